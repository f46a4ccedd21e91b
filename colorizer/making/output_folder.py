"""What an output folder holds before the work: a set, half a set, or shards of somebody else."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from colorizer.making.listing import Listing, write_listing
from colorizer.making.merge import PREVIEW, REJECTED
from colorizer.making.plan import Plan
from colorizer.shards.index import INDEX, read_index
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.storage import remove_folder, replace_file, writing

UNFINISHED = "unfinished"  # folder of the pieces, until the last index is written
SETTINGS = "settings.json"  # in it
LISTING = "listing.sqlite"  # in it
NEW_LISTING = "listing-new.sqlite"  # in it, until it is known to be of the same set
SETTINGS_OF_SHARDS = ("held_out", "samples_per_shard")  # the pieces do not depend on these


def split_folders(output: Path) -> tuple[Path, Path]:
    """Where the shards to train on go, and those that are held out."""
    return output / "train", output / "held-out"


def is_finished(output: Path) -> bool:
    """Whether a set has all its indexes, which are written last."""
    return all((folder / INDEX).exists() for folder in split_folders(output))


def refuse_another_set(plan: Plan) -> None:
    """Refuse a finished set that has other settings; what its run has left beside it goes.

    Raises:
        UserError: naming each setting that differs.
    """
    try:
        settings = _settings(plan, _list(plan))
        for folder in split_folders(plan.output):
            held = read_index(folder).settings
            _refuse_difference(f"{plan.output} already holds a set", held, settings)
    finally:
        remove_folder(plan.output / UNFINISHED)


def make_output_ready(plan: Plan) -> None:
    """List the source, and make the output ready for the pieces that are still missing.

    Nothing is removed but what an unfinished run has left of shards; pieces are kept.

    Raises:
        UserError: shards that are no unfinished run's, an unfinished run with other settings, a
            source without pictures, or an output that cannot be written.
    """
    work = plan.output / UNFINISHED
    known = (work / SETTINGS).exists()
    if not known:
        _refuse_foreign_shards(plan.output)
    try:
        listing = _list(plan)
    except UserError:
        if not known:
            remove_folder(work)
        raise
    added = _added(work / LISTING, listing) if known else 0
    if added:
        console.warn(
            f"{added} pictures were added since {plan.output} was begun; it goes on without them."
            " Make another set of them, or of all."
        )
        listing.unlink()
        listing = work / LISTING
    settings = _settings(plan, listing)
    if known:
        held = json.loads((work / SETTINGS).read_bytes())
        held |= {name: settings[name] for name in SETTINGS_OF_SHARDS}
        _refuse_difference(f"{plan.output} holds an unfinished set", held, settings)
        console.say(f"Continuing the unfinished set in {plan.output}.")
    with writing(work / LISTING):
        listing.replace(work / LISTING)
    replace_file(work / SETTINGS, json.dumps(settings, indent=1).encode() + b"\n")
    _remove_shards(plan.output)


def _list(plan: Plan) -> Path:
    """List the source anew, beside what an unfinished set has listed; gives the new file."""
    path = plan.output / UNFINISHED / NEW_LISTING
    write_listing(plan.source, path)
    return path


def _settings(plan: Plan, path: Path) -> dict[str, Any]:
    with closing(Listing(path)) as listing:
        return plan.settings(listing)


def _added(begun: Path, now: Path) -> int:
    """How many items a listing has beyond an earlier one; 0 if one of those changed or is gone."""
    try:
        with closing(Listing(begun)) as held, closing(Listing(now)) as found:
            rest = found.items(range(found.count))
            # Both are in one order, so each search goes on where the last ended.
            if all(item in rest for item in held.items(range(held.count))):
                return found.count - held.count
    except (UserError, sqlite3.Error):  # damaged, or an earlier version's: the settings tell
        return 0
    return 0


def _refuse_foreign_shards(output: Path) -> None:
    for folder in split_folders(output):
        for path in (*folder.glob("*.tar"), *folder.glob(INDEX)):
            raise UserError(_in_the_way(path))
    for path in (output / REJECTED, output / PREVIEW):
        if os.path.lexists(path):
            raise UserError(_in_the_way(path))


def _in_the_way(path: Path) -> str:
    return (
        f"{path} is in the way: it belongs to no set of shards that was finished or begun. Choose"
        " another --output or delete it."
    )


def _refuse_difference(holds: str, held: dict[str, Any], wanted: dict[str, Any]) -> None:
    names = [name for name in held | wanted if held.get(name) != wanted.get(name)]
    if names:
        difference = "; ".join(
            f"{name} was {held.get(name)}, now {wanted.get(name)}" for name in names
        )
        raise UserError(
            f"{holds} with other settings ({difference}); choose another --output or delete it."
        )


def _remove_shards(output: Path) -> None:
    """Shards of an earlier try: they are made again from the pieces."""
    with writing(output):
        for folder in split_folders(output):
            for pattern in ("*.tar", "*.partial", INDEX):
                for path in folder.glob(pattern):
                    path.unlink()
        for name in (REJECTED, PREVIEW):
            (output / name).unlink(missing_ok=True)
