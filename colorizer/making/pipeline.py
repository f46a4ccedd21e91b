"""Makes a set of shards: parts first, in any number of processes, then shards from the parts.

Parts hold a few items each and do not depend on who prepares them, so a run that was stopped goes
on with the parts that are missing, and ends with the bytes of one that was not.
"""

import json
import shutil
from collections.abc import Iterable
from contextlib import closing, nullcontext
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from colorizer.lines.xdog import XDoG
from colorizer.making.checks import check
from colorizer.making.config import PicturesConfig, ShardsConfig
from colorizer.making.drawing import Drawer, ExtractionDrawer
from colorizer.making.listing import Listing, write_listing
from colorizer.making.merge import PREVIEW, REJECTED, Report, Target, merge
from colorizer.making.parts import ITEMS_IN_PART, PartWriter, is_done
from colorizer.making.prepare import Preparation, prepare
from colorizer.making.sources import source_of
from colorizer.making.sources.base import Source
from colorizer.shards.index import INDEX, read_index
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.processes import ALONE, Processes
from colorizer.system.storage import locked, replace_file, writing
from colorizer.system.workers import map_in_order

HELD_OUT = 0.05  # where neither the settings nor the source say otherwise
UNFINISHED = "unfinished"  # folder of the parts, until the last index is written
SETTINGS = "settings.json"
LISTING = "listing.sqlite"
SETTINGS_OF_SHARDS = ("held_out", "samples_per_shard")  # the parts do not depend on these


def make_shards(config: ShardsConfig, here: Processes = ALONE) -> Report | None:
    """Write train/ and held-out/ under the output, rejected.jsonl, and preview.png to look at.

    The bytes written depend on the pictures and settings alone, not on the number of processes and
    workers, and not on how often the work was stopped.

    Args:
        config: What to make.
        here: This process among those that share the work; all must be given the same settings.

    Returns:
        The report, in the first process; None in the others, and where the output already holds
        this very set.

    Raises:
        UserError: bad settings or source, an output that holds something else or cannot be
            written, no picture for training, or a worker killed from outside.
    """
    if here.is_first:
        check(config)
    here.wait()  # what is refused is said once, by the first
    source, drawer = source_of(config), _drawer(config, here)
    with locked(config.output, "makes shards") if here.is_first else nullcontext():
        finished = _is_finished(config.output)
        if here.is_first:
            (_compare_finished if finished else _prepare_output)(config, source, drawer)
        here.wait()
        if finished:
            return None
        with closing(Listing(config.output / UNFINISHED / LISTING)) as listing:
            _make_parts(config, source, drawer, listing, here)
            here.wait()
            report = _make_shards_of_parts(config, source, listing) if here.is_first else None
        here.wait()
    return report


# ---- Settings


def _drawer(config: ShardsConfig, here: Processes) -> Drawer:
    """What draws the lines that neither the source gives nor XDoG makes."""
    if not isinstance(config, PicturesConfig):
        return Drawer({"method": "drawn"})
    if config.lines != "extractor":
        if config.extractor is not None:
            raise UserError(f"--extractor is given, but --lines is {config.lines}; give one only.")
        xdog = asdict(config.xdog) if config.lines == "xdog" else {}
        return Drawer({"method": config.lines, **xdog})
    if config.extractor is None:
        raise UserError("--lines extractor needs --extractor with a trained run's folder.")
    return ExtractionDrawer(config.extractor, config.extractor_scale, config.size, here.local_rank)


def _preparation(config: ShardsConfig, source: Source) -> Preparation:
    if not isinstance(config, PicturesConfig):
        return Preparation(source, config.size, config.fit, "given", XDoG(), 1)
    return Preparation(
        source, config.size, config.fit, config.lines, config.xdog, config.extractor_scale
    )


def _held_out_share(config: ShardsConfig, source: Source) -> float | None:
    """None: the source says itself what is held out."""
    if config.held_out is None and source.has_split:
        return None
    return HELD_OUT if config.held_out is None else config.held_out


def _settings(
    config: ShardsConfig, source: Source, drawer: Drawer, listing: Listing
) -> dict[str, Any]:
    """All that determines the shards' content, as JSON values."""
    share = _held_out_share(config, source)
    return {
        **source.identity,
        "pictures": listing.count,
        "fingerprint": listing.fingerprint(),
        "size": config.size,
        "fit": config.fit,
        "lines": drawer.settings,
        "group_by": getattr(config, "group_by", None),
        "held_out": "val/" if share is None else share,
        "samples_per_shard": config.samples_per_shard,
    }


# ---- What the output already holds


def _part_folders(output: Path) -> tuple[Path, Path]:
    return output / "train", output / "held-out"


def _is_finished(output: Path) -> bool:
    return all((folder / INDEX).exists() for folder in _part_folders(output))


def _compare_finished(config: ShardsConfig, source: Source, drawer: Drawer) -> None:
    """Refuse an output that is not the set asked for; either way nothing is left behind."""
    try:
        settings = _list(config, source, drawer)
        for folder in _part_folders(config.output):
            there = read_index(folder).settings
            _refuse_difference(f"{config.output} already holds", there, settings)
    finally:
        _remove(config.output / UNFINISHED)


def _prepare_output(config: ShardsConfig, source: Source, drawer: Drawer) -> None:
    """List the source, and make the output ready for the parts that are still missing.

    Nothing is removed but what an unfinished run has left of shards; parts are kept.
    """
    output, work = config.output, config.output / UNFINISHED
    known = (work / SETTINGS).exists()
    if not known:
        _refuse_foreign_shards(output)
    try:
        settings = _list(config, source, drawer)
    except UserError:
        if not known:
            _remove(work)
        raise
    if known:
        there = json.loads((work / SETTINGS).read_bytes())
        there |= {name: settings[name] for name in SETTINGS_OF_SHARDS}
        _refuse_difference(f"{output} holds an unfinished set of", there, settings)
        console.say(f"{output}: an unfinished run is continued.")
    replace_file(work / SETTINGS, json.dumps(settings, indent=1).encode() + b"\n")
    _remove_shards(output)


def _list(config: ShardsConfig, source: Source, drawer: Drawer) -> dict[str, Any]:
    """List the source anew; gives the settings of the set."""
    path = config.output / UNFINISHED / LISTING
    write_listing(source, path)
    with closing(Listing(path)) as listing:
        return _settings(config, source, drawer, listing)


def _refuse_foreign_shards(output: Path) -> None:
    for folder in _part_folders(output):
        for path in (*folder.glob("*.tar"), *folder.glob(INDEX)):
            raise UserError(
                f"{path} belongs to no finished and no interrupted set; choose another --output or"
                " delete it."
            )


def _refuse_difference(holds: str, there: dict[str, Any], here: dict[str, Any]) -> None:
    names = [name for name in there | here if there.get(name) != here.get(name)]
    if names:
        difference = "; ".join(
            f"{name}: {there.get(name)} there, {here.get(name)} asked for" for name in names
        )
        raise UserError(
            f"{holds} other shards ({difference}); choose another --output or delete it."
        )


def _remove_shards(output: Path) -> None:
    """Shards of an earlier try: they are made again from the parts."""
    with writing(output):
        for folder in _part_folders(output):
            for pattern in ("*.tar", "*.partial", INDEX):
                for path in folder.glob(pattern):
                    path.unlink()
        for name in (REJECTED, PREVIEW):
            (output / name).unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    with writing(folder):
        if folder.exists():
            shutil.rmtree(folder)


# ---- The work


def _make_parts(
    config: ShardsConfig, source: Source, drawer: Drawer, listing: Listing, here: Processes
) -> None:
    """Prepare this process's share of the parts that are not there yet."""
    work = config.output / UNFINISHED
    share = range(here.rank, -(-listing.count // ITEMS_IN_PART), here.count)
    missing = [number for number in share if not is_done(work, number)]
    if not missing:
        return
    items = (item for number in missing for item in listing.items(*_limits(number)))
    preparation = _preparation(config, source)
    workers = config.workers or here.cores
    total = _count(share, listing)
    done = total - _count(missing, listing)
    title = "Making pairs" if here.count == 1 else f"Making pairs, first of {here.count} shares"
    with (
        closing(map_in_order(partial(prepare, preparation), items, workers)) as results,
        console.progress(title, total, "pictures", done, shown=here.is_first) as advance,
    ):
        for number in missing:
            first, stop = _limits(number)
            count = min(stop, listing.count) - first
            with PartWriter(work, number) as part:
                for outcome in drawer.draw(islice(results, count)):
                    part.append(outcome)
                    done += 1
                    advance(done)


def _limits(part: int) -> tuple[int, int]:
    """Numbers of a part's first item and of the next part's."""
    return part * ITEMS_IN_PART, (part + 1) * ITEMS_IN_PART


def _count(parts: Iterable[int], listing: Listing) -> int:
    """Items in some parts."""
    limits = map(_limits, parts)
    return sum(min(stop, listing.count) - first for first, stop in limits)


def _make_shards_of_parts(config: ShardsConfig, source: Source, listing: Listing) -> Report:
    work = config.output / UNFINISHED
    train, held_out = _part_folders(config.output)
    target = Target(
        train=train,
        held_out=held_out,
        size=config.size,
        samples_per_shard=config.samples_per_shard,
        settings=json.loads((work / SETTINGS).read_bytes()),
        share=_held_out_share(config, source),
    )
    report = merge(target, listing, work)
    _remove(work)
    return report
