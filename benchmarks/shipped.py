"""Makes the two trained files that come with the package, and a card for each.

    make shipped

Both learn from characters that the program draws itself. A card says how good its file is, and by
which commands it was made: those that are run here, as anybody can type them in a clone. On the
same kind of machine they give the same bytes. A stopped make goes on where it was; delete
runs/shipped to make the files anew.
"""

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch

from colorizer.checkpoints.checkpoint import saved_steps
from colorizer.checkpoints.generator_file import read_header
from colorizer.checkpoints.published import sha256_of
from colorizer.checkpoints.tensor_file import read_tensors
from colorizer.shards.index import read_index
from colorizer.system import console
from colorizer.system.errors import UserError

ROOT = Path(__file__).parents[1]
OUTPUT, WORK = Path("colorizer/shipped"), Path("runs/shipped")
THREADS = 1  # their number changes the last digits of a sum


@dataclass(frozen=True)
class Recipe:
    """How a file is made, and what its card says."""

    kind: str  # the file's name
    title: str
    text: str
    sets: dict[str, str]  # what each set shows → settings of make_shards.py characters
    training: str  # preset and settings
    figures: dict[str, str]  # of held-out characters → what they mean
    evaluated: bool = False  # by evaluate.py on each set; else by the run's last look

    def commands(self, output: Path = OUTPUT, work: Path = WORK) -> list[str]:
        """Shell commands that make the file, in the root of a clone.

        Args:
            output: Folder that gets the file.
            work: Folder that gets shards and run.
        """
        run, file = work / self.kind, output / f"{self.kind}.safetensors"
        data = [str(folder) for folder in self.shards(work)]
        launch = "accelerate launch --config_file accelerate_configs/cpu.yaml"
        return [
            *(
                f"python launch/make_shards.py characters {settings} --output {folder}"
                for settings, folder in zip(self.sets.values(), data, strict=True)
            ),
            f"OMP_NUM_THREADS={THREADS} {launch} launch/train.py {self.training}"
            f" --data {' '.join(data)} --output {run}",
            f"python launch/checkpoint.py export {run} --no-commit --overwrite --output {file}",
            *(
                f"python launch/evaluate.py --checkpoint {file} --data {folder} --metrics psnr"
                f" --output {report}"
                for folder, report in zip(data, self.reports(work), strict=True)
                if self.evaluated
            ),
        ]

    def shards(self, work: Path) -> list[Path]:
        """The folder of each set."""
        return [work / f"{self.kind}-shards-{number}" for number in range(len(self.sets))]

    def reports(self, work: Path) -> list[Path]:
        """The folder of each set's evaluation."""
        return [work / f"{self.kind}-report-{number}" for number in range(len(self.sets))]


EXTRACTOR = Recipe(
    "extractor",
    "The line extractor that comes with the program",
    """It draws the lines of a coloured picture. `extract.py` and `make_shards.py --lines extractor`
use it where no other is given.

It has seen drawn characters alone, degraded to look like real pictures: no photographs, and no
artist's hand. For pictures that matter look at its lines, and train one of your own if you have
pairs of colour and line.""",
    sets={"varied art": "--art varied --count 1500 --poses 1 --seed 0 --size 128 --held-out 0.1"},
    training="extractor-demo",
    figures={"degraded": "degraded as in training", "clean": "as drawn"},
)
COLORIZER = Recipe(
    "colorizer",
    "The demo colorizer that comes with the program",
    """It colours a line drawing with the colours of a reference. `colorize.py` uses it where no
other is given, and the preset `few` starts from it.

It is for a first look, and to start from. It has seen drawn characters alone: it knows no real
drawing, and no figure, scale or line width that these do not have. Train your own for real
work.""",
    sets={
        "portraits": "--count 1600 --poses 3 --seed 0 --size 64 --held-out 0.02",
        "portraits, drawn large and shrunk": "--count 1200 --poses 3 --seed 2 --size 64"
        " --drawn-at 192 --held-out 0.02",
        "varied art, lines by XDoG": "--art varied --lines xdog --count 1600 --poses 3 --seed 1"
        " --size 64 --held-out 0.02",
        "varied art, drawn large and shrunk": "--art varied --count 1200 --poses 3 --seed 3"
        " --size 64 --drawn-at 192 --held-out 0.02",
    },
    training="demo --steps 6000 --shares 0.2 0.3 0.25 0.25 --references.same-group 0.3"
    " --augment.border white --optimizer.generator-lr 3e-3 --optimizer.warmup 100"
    " --optimizer.schedule cosine --optimizer.ema-decay 0.995"
    " --evaluate-every 500 --evaluate-count 96 --sample-every 250 --checkpoint-every 250",
    figures={
        "cross": "the same character in another pose",
        "recolored": "another character, and the truth in its colours",
        "random": "another character",
        "constant": "none: the best constant colour of each region",
    },
    evaluated=True,
)
RECIPES = (EXTRACTOR, COLORIZER)


def main() -> None:
    for recipe in RECIPES:
        make(recipe, OUTPUT, WORK)


def make(recipe: Recipe, output: Path, work: Path) -> Path:
    """Make a file and its card in `output`; gives the file.

    Raises:
        UserError: a command failed.
    """
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in recipe.commands(output, work):
        console.say(command)
        done = subprocess.run(command, shell=True, cwd=ROOT, env=os.environ | {"PATH": programs})
        if done.returncode != 0:
            raise UserError(f"`{command}` ended with {done.returncode}; see its message.")
        if " launch/train.py " in command:
            _check_whole(ROOT / work / recipe.kind)
    file = ROOT / output / f"{recipe.kind}.safetensors"
    file.with_suffix(".md").write_text(card(recipe, file, output, work))
    return file


def _check_whole(run: Path) -> None:
    """A training that was stopped ends well, too: the same command goes on."""
    steps = json.loads((run / "config.json").read_text())["steps"]
    if (done := saved_steps(run / "checkpoints")[0].name) != f"step-{steps:08d}":
        raise UserError(
            f"{run} was stopped at {done} of {steps}; `make shipped` goes on from there."
        )


def card(recipe: Recipe, file: Path, output: Path, work: Path) -> str:
    """What is to be known of a file, in Markdown."""
    header = read_header(file)
    parameters = sum(t.numel() for t in read_tensors(file).values())
    version = f"colorizer {header['version']}, torch {torch.__version__}"
    cpu = f"{platform.machine()} ({torch.backends.cpu.get_cpu_capability()})"
    facts = {
        "File": f"`{file.name}`, {file.stat().st_size:,} bytes",
        "sha256": f"`{sha256_of(file)}`",
        "Network": f"{header['task']}, {parameters:,} numbers: {_settings(header['network'])}",
        "Trained on": "characters that the program draws itself, and nobody's pictures,"
        f" at {header['size']}x{header['size']}",
        "Steps": f"{header['step']:,}",
        "Made": f"{date.today().isoformat()} with {version}, on {cpu}",
        "Licence": "Apache 2.0, as the program",
    }
    rows = [f"| {name} | {value} |" for name, value in facts.items()]
    commands = [f"    {command}" for command in recipe.commands(output, work)]
    return "\n".join(
        [
            *(f"# {recipe.title}", "", recipe.text, ""),
            *("| | |", "|---|---|", *rows, ""),
            *("## How it was made", "", *commands, ""),
            "On the same kind of machine, with the same torch, these give the same bytes.",
            *("", "## How good it is", ""),
            *_figures(recipe, work),
            "",
        ]
    )


def _settings(network: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in network.items())


def _figures(recipe: Recipe, work: Path) -> list[str]:
    """How good the file is on characters that it was not trained on, as a table."""
    return _of_reports(recipe, work) if recipe.evaluated else _of_last_look(recipe, work)


def _of_reports(recipe: Recipe, work: Path) -> list[str]:
    reports = [json.loads((ROOT / r / "report.json").read_text()) for r in recipe.reports(work)]
    return [
        "PSNR in dB on characters that it was not trained on, by reference:",
        "",
        f"| | pictures | {' | '.join(recipe.figures.values())} |",
        "|---|---|" + "---|" * len(recipe.figures),
        *(
            f"| {shown} | {report['identity']['data']['pictures']} |"
            + "".join(
                f" {report['figures'][mode]['psnr']['mean']:.1f} |" for mode in recipe.figures
            )
            for shown, report in zip(recipe.sets, reports, strict=True)
        ),
    ]


def _of_last_look(recipe: Recipe, work: Path) -> list[str]:
    run = ROOT / work / recipe.kind
    looks = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    look = [line for line in looks if "held-out/seconds" in line][-1]
    settings = json.loads((run / "config.json").read_text())
    held_out = read_index(ROOT / recipe.shards(work)[0] / "held-out")
    count = min(settings["evaluate_count"], held_out.samples)
    return [
        f"Of {count} drawings of characters that it was not trained on, after step {look['step']}:",
        "",
        "| | PSNR | mean error of [-1, 1] |",
        "|---|---|---|",
        *(_row(words, look, f"held-out/{row}") for row, words in recipe.figures.items()),
    ]


def _row(words: str, look: dict[str, float], name: str) -> str:
    return f"| {words} | {look[f'{name}/psnr']:.1f} dB | {look[f'{name}/l1']:.3f} |"


if __name__ == "__main__":
    console.run(main)
