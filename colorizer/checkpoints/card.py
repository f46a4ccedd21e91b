"""The model card of a trained network, as Hugging Face reads it: what it is, what it was made of.

It holds no path of the machine: shards have a digest, and settings that are paths are left out.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colorizer.checkpoints.checkpoint import STATE, State, read_state
from colorizer.checkpoints.generator_file import BUCKETS, read_header
from colorizer.checkpoints.published import sha256_of
from colorizer.config.networks import GeneratorConfig
from colorizer.config.serialization import flatten
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.json_file import parse_json
from colorizer.system.storage import replace_file, writing

LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
PATHS = frozenset(("data", "output", "start_from", "loss.vgg_weights"))  # settings
TAGS = {
    "colorization": ("image-to-image", "colorization", "line-art", "anime", "reference-based"),
    "extraction": ("image-to-image", "line-art", "line-extraction"),
}
CASES = {  # of a look at held-out pictures
    "self": "the picture itself, distorted, as reference",
    "cross": "another picture of the same character as reference",
    "cross-own-colours": "the same character in another pose, in the truth's colours",
    "recolored": "another character, and the truth in its colours",
    "wrong": "another character as reference",
}
LOOK = "held-out/"
USE = "--line DRAWING --reference PICTURE --output RESULT"
MOST_LINE = 100_000  # bytes of a line of metrics.jsonl


def check_license(name: str) -> None:
    """Raises: UserError: it is no name of a licence as Hugging Face has them; none is fine."""
    if name and not LICENSE.fullmatch(name):
        raise UserError(
            f"--license {name!r}: give the licence's short name, such as apache-2.0, cc-by-4.0 or"
            " other."
        )


def write_card(card: Path, file: Path, source: Path, license: str, repo_id: str = "") -> None:
    """Write a generator file's model card, and its run's newest sample grid beside it.

    Args:
        card: Where to: a .md file; the grid gets the same name in .png.
        file: The generator's file.
        source: The file that it was made of: in a checkpoint, or alone.
        license: Of the weights; empty: not said.
        repo_id: The file's repository on the Hub.

    Raises:
        UserError: the card cannot be written.
    """
    state = _state_beside(source)
    run = source.parents[2] if state and source.parents[1].name == "checkpoints" else None
    samples = _samples(run, state.step) if run and state else None
    if samples is not None:
        with writing(card.with_suffix(".png")):
            grid = samples.read_bytes()
        replace_file(card.with_suffix(".png"), grid)
    shown = card.with_suffix(".png").name if samples else ""
    figures = _figures(run / "metrics.jsonl", state.looked) if run and state else {}
    text = model_card(file, license, state, figures, shown, repo_id)
    replace_file(card, text.encode())


def model_card(
    file: Path,
    license: str = "",
    state: State | None = None,
    figures: Mapping[str, float] | None = None,
    samples: str = "",
    repo_id: str = "",
) -> str:
    """The text of a card.

    Args:
        file: The generator's file.
        license: Of the weights; empty: not said.
        state: Of the checkpoint that it comes from, if it is known.
        figures: Of the last look at held-out pictures: `held-out/cross/psnr`, ...
        samples: Name of a picture of results.
        repo_id: The file's repository on the Hub; empty: it lies elsewhere.
    """
    header = read_header(file)
    parts = [_front_matter(header["task"], license), _introduction(file, header["task"], repo_id)]
    if samples:
        parts.append(f"![Held-out pictures, and what it makes of them]({samples})\n")
    parts.append(_facts(file, header, license, state))
    if figures and state:
        parts.append(_results(figures, state))
    if state:
        parts.append(_recipe(state))
    return "\n".join(parts)


def _front_matter(task: str, license: str) -> str:
    lines = [f"license: {license}"] if license else []
    lines += ["library_name: colorizer", "pipeline_tag: image-to-image", "tags:"]
    lines += [f"- {tag}" for tag in TAGS[task]]
    return "\n".join(["---", *lines, "---", ""])


def _introduction(file: Path, task: str, repo_id: str) -> str:
    fetched = f"    hf download {repo_id} {file.name} --local-dir .\n" if repo_id else ""
    if task == GeneratorConfig.task:
        return f"""# {repo_id or file.stem}

Colours a line drawing with the colours of one or more pictures of the same character.

{fetched}    colorizer-colorize --checkpoint {file.name} {USE}

In Python:

    from colorizer import Colorizer

    picture = Colorizer.from_pretrained("{repo_id or file.name}")(line, [reference]).picture
"""
    return f"""# {repo_id or file.stem}

Draws the lines of a colour picture.

{fetched}    colorizer-extract --checkpoint {file.name} --picture PICTURE --output RESULT
"""


def _facts(file: Path, header: Mapping[str, Any], license: str, state: State | None) -> str:
    about = "about " if BUCKETS in header else ""
    network = ", ".join(f"{name} {value}" for name, value in header["network"].items())
    rows = [
        ("File", f"`{file.name}`, {file.stat().st_size:,} bytes"),
        ("sha256", f"`{sha256_of(file)}`"),
        ("Network", f"{header['task']}: {network}"),
        ("Pictures", f"{about}{header['size']}x{header['size']}"),
        ("Steps", f"{header['step']:,}"),
        ("Trained by", f"colorizer {header['version']}"),
        ("Licence of the weights", license or "not said"),
    ]
    if state:
        rows.append(("Data's hash", f"`{state.data}`"))
    if state and state.origin:
        rows.append(("Started from", f"sha256 `{state.origin.sha256}`"))
    return "\n".join(["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in rows), ""])


def _results(figures: Mapping[str, float], state: State) -> str:
    lines = [f"## Held-out pictures at step {state.looked:,}", "", "| | PSNR | L1 of [-1, 1] |"]
    lines.append("|---|---|---|")
    rows = dict.fromkeys(name.removeprefix(LOOK).rpartition("/")[0] for name in figures)
    for row in rows:
        decibels, l1 = (figures.get(f"{LOOK}{row}/{metric}") for metric in ("psnr", "l1"))
        cells = (CASES.get(row, row), _number(decibels, ".2f", " dB"), _number(l1, ".4f"))
        lines.append(f"| {' | '.join(cells)} |")
    if state.best:
        best = state.best
        lines += ["", f"The best look was at step {best.step:,}: {best.figure} {best.value:.4g}."]
    return "\n".join([*lines, ""])


def _number(value: float | None, form: str, unit: str = "") -> str:
    return console.ABSENT if value is None else f"{value:{form}}{unit}"


def _recipe(state: State) -> str:
    settings = flatten(state.config)
    rows = [f"| `{k}` | {_plain(v)} |" for k, v in settings.items() if k not in PATHS]
    return "\n".join(["## Settings", "", "| | |", "|---|---|", *rows, ""])


def _plain(value: Any) -> str:
    shown = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return shown.replace("|", "\\|").replace("\n", " ")


# ---- What lies beside the file


def _state_beside(source: Path) -> State | None:
    """Of the checkpoint that a file lies in; None: it lies elsewhere."""
    return read_state(source.parent) if (source.parent / STATE).is_file() else None


def _samples(run: Path, step: int) -> Path | None:
    """The newest sample grid up to a step."""
    grids = sorted((run / "samples").glob("step-*.png"))
    before = [grid for grid in grids if grid.stem <= f"step-{step:08d}"]
    return before[-1] if before else None


def _figures(metrics: Path, step: int) -> dict[str, float]:
    """The figures of the look at a step; none if there was none."""
    found: dict[str, float] = {}
    if not metrics.is_file():
        return found
    with metrics.open("rb") as file:
        while line := file.readline(MOST_LINE):
            if b'"held-out/' not in line:
                continue
            try:
                content = parse_json(line)
                if content["step"] == step:
                    found |= {
                        name: float(value)
                        for name, value in content.items()
                        if name.startswith(LOOK) and name.count("/") > 1 and value is not None
                    }
            except (ValueError, KeyError, TypeError):
                console.warn(f"{metrics}: a damaged line is passed over.")
    return found
