"""Whether a run learns from the same pictures however it is spread over processes.

    python benchmarks/order.py --output FOLDER

Small runs of 24 steps with references from the group, several sets and buckets, each on one, two
and four processes, and stopped and continued: sha256 of all lines of their sample logs, sorted.
A line holds a sample, its reference and how both were distorted.
"""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro
from PIL import Image

from colorizer.characters import draw, sample_character, sample_pose
from colorizer.making.config import CharactersConfig, FolderConfig
from colorizer.making.pipeline import make_shards

SCRIPT = Path(__file__).resolve().parents[1] / "launch" / "train.py"
SHAPES = ((256, 160), (200, 200), (160, 256), (256, 96))  # height and width
SMALL = (
    *("--network.width", "0.25", "--checkpoint-every", "6", "--sample-every", "0"),
    *("--evaluate-every", "0", "--log-samples"),
)
LAYOUTS = {  # (processes, loader workers, up to which step) of each start
    "1 process, 0 workers": ((1, 0, 24),),
    "1 process, 3 workers": ((1, 3, 24),),
    "2 processes, 1 worker": ((2, 1, 24),),
    "4 processes, 0 workers": ((4, 0, 24),),
    "1 process, stopped at 11, then 2": ((1, 0, 11), (2, 1, 24)),
    "4 processes, stopped at 13, then 1": ((4, 0, 13), (1, 1, 24)),
}


@dataclass(frozen=True)
class OrderConfig:
    """Compare the samples of layouts."""

    output: Path
    """Folder for shards and runs."""


def main(config: OrderConfig) -> None:
    """Print a table of each kind of run."""
    characters = config.output / "characters"
    make_shards(CharactersConfig(output=characters, count=200, size=64))
    buckets = make_buckets(config.output)
    group = ("--references.same-group", 0.4)
    moved = ("--augment.scale", 0.6, "--augment.turn", 0.25, "--augment.shift", 0.35)
    kinds = {
        "a set": ("--data", characters),
        "references from the group": ("--data", characters, *group, *moved),
        "two sets": ("--data", characters, buckets, "--shares", 0.7, 0.3, *group, *moved),
        "buckets": ("--data", buckets, *group, *moved, "--augment.zoom", 0.5, 2),
    }
    print("| run | layout | samples | sha256 |\n|---|---|---|---|")
    for kind, settings in kinds.items():
        met = set()
        for layout, starts in LAYOUTS.items():
            run = config.output / "run"
            shutil.rmtree(run, ignore_errors=True)
            for processes, workers, steps in starts:
                train(run, processes, workers, steps, settings)
            count, digest = digest_of(run)
            print(f"| {kind} | {layout} | {count} | {digest[:16]} |", flush=True)
            met.add(digest)
        if len(met) > 1:
            raise SystemExit(f"{kind}: the samples depend on the layout")


def make_buckets(output: Path) -> Path:
    """Shards of characters in four shapes, each character's pictures in a group."""
    pictures = output / "pictures"
    for number in range(80):
        height, width = SHAPES[number % len(SHAPES)]
        drawing = draw(sample_character(number // 4), sample_pose(number // 4, number % 4), 256)
        top, left = (256 - height) // 2, (256 - width) // 2
        path = pictures / f"{number // 4:03}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawing.color[top : top + height, left : left + width]).save(path)
    folder = output / "buckets"
    make_shards(
        FolderConfig(folder=pictures, output=folder, size=64, fit="buckets", group_by="parent")
    )
    return folder


def train(
    run: Path, processes: int, workers: int, steps: int, settings: tuple[object, ...]
) -> None:
    """Start or continue a run; raises if it fails."""
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", processes]
    where = (SCRIPT, "demo", "--output", run, "--steps", steps, "--workers", workers)
    command = [str(word) for word in (*launcher, *where, *SMALL, *settings)]
    subprocess.run(command, check=True, capture_output=True, text=True)


def digest_of(run: Path) -> tuple[int, str]:
    """How many samples a run's log has, and the sha256 of its sorted lines."""
    lines = sorted(
        line for path in (run / "order").iterdir() for line in path.read_text().splitlines()
    )
    return len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()


if __name__ == "__main__":
    main(tyro.cli(OrderConfig))
