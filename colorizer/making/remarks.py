"""What is odd about a collection, said in warnings with figures: it can be used, but look at it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from colorizer.making.config import CharactersConfig
from colorizer.making.listing import Listing
from colorizer.making.merge import Report
from colorizer.making.pieces import piece_count, records_of_kept
from colorizer.making.plan import Plan
from colorizer.making.sources.drawings import PairLook
from colorizer.making.sources.own_split import BESIDE
from colorizer.system import console

MORE = 4  # levels of colour that a drawing must have more than its picture
MAX_NAMED = 6  # names of folders in a sentence


def warn_of_unread(listing: Listing) -> None:
    """Name what lies beside the folders that are searched, before the work begins."""
    counts: dict[str, Counter[str]] = {}
    for rejection in listing.rejections():
        if rejection.reason.startswith(BESIDE):
            name = rejection.source.rpartition("/")[2]
            counts.setdefault(rejection.reason, Counter())[name] += 1
    for beside, names in counts.items():
        shown = [f"{name}{f' ({n} times)' if n > 1 else ''}" for name, n in sorted(names.items())]
        more = f" and {len(shown) - MAX_NAMED} more" if len(shown) > MAX_NAMED else ""
        console.warn(
            f"not read, {beside}: {', '.join(shown[:MAX_NAMED])}{more}; if pictures of these are"
            " wanted, move them or make a set of their own."
        )


def warn_of_pairs(plan: Plan, listing: Listing, pieces: Path) -> None:
    """Count the pairs that look wrong, and say what to do; and groups that were never found."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    colors = [0.0, 0.0]  # of pictures and drawings, summed over the pairs that are swapped
    for record in _records(listing, pieces):
        counts["pictures"] += 1
        counts["grouped"] += record["group"] is not None
        if record.get("look") is None:
            continue
        look = PairLook(**record["look"])
        counts["pairs"] += 1
        swapped = look.drawing_color > look.picture_color + MORE
        if swapped:
            colors[0] += look.picture_color
            colors[1] += look.drawing_color
        kinds = {"swapped": swapped, **{name: getattr(look, name) for name in _DRAWING_KINDS}}
        for kind in (kind for kind, is_so in kinds.items() if is_so):
            counts[kind] += 1
            examples.setdefault(kind, record["source"])
    if swapped := counts["swapped"]:
        picture, drawing = (color / swapped for color in colors)
        console.warn(
            f"in {swapped} of {counts['pairs']} pairs the drawing has more colour than the picture"
            f" ({drawing:.1f} levels off its common colour against {picture:.1f}, on average; one"
            f" is {examples['swapped']}); if they are swapped, {plan.source.other_way_round()}."
        )
    if plan.config.lines == "given":
        for kind in (kind for kind in _DRAWING_KINDS if counts[kind]):
            say = console.say if kind in ("inverted", "whitened") else console.warn
            text = _DRAWING_KINDS[kind].format(example=examples[kind])
            say(f"{counts[kind]} of {counts['pairs']} drawings {text}")
    group_by = getattr(plan.config, "group_by", None)
    if group_by is not None and counts["pictures"] and not counts["grouped"]:
        console.warn(
            f"--group-by {group_by} tells the group of none of the {counts['pictures']} pictures;"
            " each counts alone."
        )


_DRAWING_KINDS = {  # fields of PairLook
    "dark": "have light lines on a dark ground, and the network would learn to colour those (one is"
    " {example}); give --invert-lines.",
    "off_white": "are not on white paper (one is {example}); give --whiten.",
    "inverted": "had light lines on a dark ground and were inverted (one is {example}).",
    "whitened": "were not on white paper and were whitened (one is {example}).",
}


def warn_of_nothing_held_out(plan: Plan, report: Report) -> None:
    """Say so where nothing is held out and nobody asked for that."""
    if report.held_out == 0 and plan.config.held_out != 0:
        remedy = _to_hold_out(plan, report)
        console.warn(f"nothing is held out, so nothing will tell how good a training is; {remedy}.")


def _to_hold_out(plan: Plan, report: Report) -> str:
    """What to do."""
    if (name := plan.source.held_out_folder) is not None:
        return f"put pictures that can be used into {name}/"
    if report.groups == 1 and report.grouped == report.train:
        drawn = isinstance(plan.config, CharactersConfig)
        more = "draw more characters" if drawn else "give another --group-by"
        return f"all {report.train} pictures belong to one group: {more}"
    return "give a larger --held-out, or more pictures"


def _records(listing: Listing, pieces: Path) -> Iterator[dict]:
    for piece in range(piece_count(listing.count)):
        yield from records_of_kept(pieces, piece)
