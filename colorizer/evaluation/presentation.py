"""Reports as tables for people, on the terminal and in Markdown."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from colorizer.evaluation.config import Mode
from colorizer.evaluation.protocol import ROWS
from colorizer.evaluation.statistics import Interval
from colorizer.system import console


class Shown(NamedTuple):
    """How a metric is shown."""

    title: str
    digits: int
    better: str  # ↑ higher, ↓ lower
    scale: float = 1


SHOWN = {
    "psnr": Shown("PSNR dB", 2, "↑"),
    "ms-ssim": Shown("MS-SSIM", 4, "↑"),
    "lpips-alex": Shown("LPIPS alex", 4, "↓"),
    "lpips-vgg": Shown("LPIPS vgg", 4, "↓"),
    "palette": Shown("palette ΔE", 2, "↓"),
    "palette-wrong": Shown("ΔE to a wrong one", 2, "↑"),
    "fid": Shown("FID", 2, "↓"),
    "kid": Shown("KID ×1000", 2, "↓", 1000),
}
NOTES = {
    "palette": "how far the colours of a result are from those of its reference, in CIELAB units.",
    "palette-wrong": "the same to another picture's: equal figures would mean that the reference"
    " is ignored.",
    "fid": "between all results and all held-out colour pictures.",
}
# What the right reference has to beat for the colours to come from it.
GAINS = {
    "random": "a wrong one",
    "constant": "the best constant colours",
    "as_it_stands": "the reference itself",
}


def figure(metric: str, interval: Interval) -> str:
    """`22.63 ±0.31`: a mean, and half the width of its 95 % interval."""
    shown = SHOWN[metric]
    text = f"{interval.mean * shown.scale:.{shown.digits}f}"
    if interval.low is None or interval.high is None:
        return text
    return f"{text} ±{(interval.high - interval.low) / 2 * shown.scale:.{shown.digits}f}"


def table_of(figures: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: a column for each row of the protocol, a row for each metric."""
    columns = ["", *(name.replace("_", " ") for name in figures)]
    rows = []
    for metric, shown in SHOWN.items():
        cells = [
            figure(metric, Interval(**entry[metric])) if metric in entry else console.ABSENT
            for entry in figures.values()
        ]
        if any(cell != console.ABSENT for cell in cells):
            rows.append([f"{shown.title} {shown.better}", *cells])
    rows.append(["pictures", *(str(entry["pictures"]) for entry in figures.values())])
    return columns, rows


def legend(figures: Iterable[str]) -> list[tuple[str, str]]:
    """What the rows of the protocol are."""
    rows = [(name.replace("_", " "), ROWS[name]) for name in figures]
    return [
        (name, f"reference: {row.reference}; judged against: {row.judged_against}")
        for name, row in rows
    ]


def gain(figures: dict[str, Any]) -> str | None:
    """How much the right reference is worth; None where that cannot be said."""
    base = "cross" if "psnr" in figures.get("cross", {}) else "self"
    if "psnr" not in figures.get(base, {}):
        return None
    gains = [
        f"{figures[base]['psnr']['mean'] - figures[other]['psnr']['mean']:+.2f} dB over {words}"
        for other, words in GAINS.items()
        if "psnr" in figures.get(other, {})
    ]
    return f"The right reference ({base}): {', '.join(gains)}." if gains else None


def title(identity: dict[str, Any]) -> str:
    """What was evaluated."""
    data = identity["data"]
    size = f"{data['size']}x{data['size']}"
    if "shapes" in data:
        size = f"about {size} in {data['shapes']} shapes"
    return (
        f"{data['path']}: {data['pictures']} pictures of {size},"
        f" step {identity['generator']['step']}"
    )


def versions(identity: dict[str, Any]) -> str:
    """Which code the figures come from."""
    return (
        f"Trained by colorizer {identity['generator']['version']}; evaluated by colorizer"
        f" {identity['machine']['colorizer']}."
    )


def show(content: dict[str, Any]) -> None:
    """Print a report."""
    identity, figures = content["identity"], content["figures"]
    console.table(title(identity), *table_of(figures))
    console.facts(legend(figures))
    for reason, names in absent(identity):
        console.say(f"Not measured: {names}; {reason}")
    for name, file in identity["protocol"]["weights"].items():
        if not file["published"]:
            console.warn(f"{name} is not the published one: its figures compare with no others.")
    if sentence := gain(figures):
        console.say(sentence)


def absent(identity: dict[str, Any]) -> list[tuple[str, str]]:
    """Each reason, and the names of all that is absent for it."""
    found: dict[str, list[str]] = {}
    for name, reason in identity["protocol"]["absent"].items():
        found.setdefault(reason, []).append(name)
    return [(reason, ", ".join(names)) for reason, names in found.items()]


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all but the first column to the right."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def markdown(content: dict[str, Any], grids: dict[Mode, str]) -> str:
    """report.md: the figures, how they were taken, and the pictures."""
    identity, figures = content["identity"], content["figures"]
    generator, data, machine = (identity[name] for name in ("generator", "data", "machine"))
    protocol = identity["protocol"]
    parts = [
        f"# {title(identity)}\n\n{versions(identity)}\n",
        markdown_table(*table_of(figures)),
        "Means over pictures; ± is half the width of the 95 % bootstrap interval, whole groups"
        " drawn.\n" + (f"{sentence}\n" if (sentence := gain(figures)) else ""),
        "".join(f"- **{name}**: {text}\n" for name, text in legend(figures)),
        "".join(
            f"- {SHOWN[metric].title}: {text}\n"
            for metric, text in NOTES.items()
            if any(metric in entry for entry in figures.values())
        ),
    ]
    if reasons := absent(identity):
        parts.append("Not measured:\n\n" + "".join(f"- {n}: {r}\n" for r, n in reasons))
    parts += [f"## {mode}\n\n![{mode}]({name})\n" for mode, name in grids.items()]
    weights = "".join(
        f"- {name}: sha256 `{file['sha256']}`"
        f"{'' if file['published'] else ', **not the published one**'}\n"
        for name, file in protocol["weights"].items()
    )
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    parts.append(
        "## To quote these figures\n\n"
        f"- Generator: `{generator['path']}`, sha256 `{generator['sha256']}`\n"
        f"- Data: `{data['path']}`, sha256 `{data['sha256']}`\n"
        f"- Random references: seed {protocol['pairs_seed']}; the pairs are in pictures.csv\n"
        f"{weights}"
        f"- On {machine['device']} in {machine['precision']}; Python"
        f" {machine['python']}, {packages}\n"
        "- 8-bit pictures; identical ones count as 100 dB\n"
    )
    return "\n".join(parts)
