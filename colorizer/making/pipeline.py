"""Makes a set of shards: pieces first, in any number of processes, then shards from the pieces.

Pieces hold a few items each and do not depend on who prepares them, so a run that was stopped goes
on with the pieces that are missing, and ends with the bytes of one that was not.
"""

import json
from contextlib import closing, nullcontext
from functools import partial
from itertools import islice

from colorizer.making.checks import check
from colorizer.making.config import ShardsConfig
from colorizer.making.listing import Listing
from colorizer.making.merge import Report, Target, merge
from colorizer.making.output_folder import (
    LISTING,
    SETTINGS,
    UNFINISHED,
    is_finished,
    make_output_ready,
    refuse_another_set,
    split_folders,
)
from colorizer.making.pieces import PieceWriter, is_done, items_of, piece_count
from colorizer.making.plan import Plan, plan_of
from colorizer.making.prepare import prepare
from colorizer.making.remarks import warn_of_nothing_held_out, warn_of_pairs, warn_of_unread
from colorizer.system import console
from colorizer.system.processes import ALONE, World
from colorizer.system.storage import check_writable, locked, remove_folder
from colorizer.system.workers import map_in_order


def make_shards(config: ShardsConfig, world: World = ALONE) -> Report | None:
    """Write train/ and held-out/ under the output, rejected.jsonl, and preview.png to look at.

    The bytes written depend on the pictures and settings alone, not on the number of processes and
    workers, and not on how often the work was stopped. Workers import the program that calls this:
    call it under `if __name__ == "__main__":`.

    Args:
        config: What to make.
        world: This process among those that share the work; all must be given the same settings.

    Returns:
        The report, in the first process; None in the others, and where the output already holds
        this very set.

    Raises:
        UserError: bad settings or source, an output that holds something else or cannot be
            written, no picture for training, or a worker killed from outside.
    """
    if world.is_first:
        check(config)
    world.wait()  # what is refused is said once, by the first
    plan = plan_of(config, world)
    if world.is_first:
        check_writable(config.output)
    with locked(config.output, "makes shards") if world.is_first else nullcontext():
        finished = is_finished(config.output)
        if world.is_first and finished:
            refuse_another_set(plan)
        elif world.is_first:
            make_output_ready(plan)
        world.wait()
        if finished:
            return None
        with closing(Listing(config.output / UNFINISHED / LISTING)) as listing:
            if world.is_first:
                warn_of_unread(listing)
            _make_pieces(plan, listing, world)
            world.wait()
            report = _make_shards_of_pieces(plan, listing) if world.is_first else None
        world.wait()  # all have closed the listing: NFS keeps what is deleted while it is open
        if world.is_first:
            remove_folder(config.output / UNFINISHED)
        world.wait()
    return report


def _make_pieces(plan: Plan, listing: Listing, world: World) -> None:
    """Prepare this process's share of the pieces that are missing."""
    work = plan.output / UNFINISHED
    share = range(world.rank, piece_count(listing.count), world.count)
    missing = [piece for piece in share if not is_done(work, piece)]
    if not missing:
        return
    items_in = partial(items_of, items=listing.count)
    items = (item for piece in missing for item in listing.items(items_in(piece)))
    total = sum(len(items_in(piece)) for piece in share)
    done = total - sum(len(items_in(piece)) for piece in missing)
    workers = plan.config.workers or world.cores
    title = "Making pairs" if world.count == 1 else f"Making pairs, first of {world.count} shares"
    with (
        closing(map_in_order(partial(prepare, plan.preparation), items, workers)) as results,
        console.progress(title, total, "pictures", done, shown=world.is_first) as advance,
    ):
        for piece in missing:
            outcomes = islice(results, len(items_in(piece)))
            if plan.drawer is not None:
                outcomes = plan.drawer.draw(outcomes)
            with PieceWriter(work, piece) as writer:
                for outcome in outcomes:
                    writer.append(outcome)
                    done += 1
                    advance(done)


def _make_shards_of_pieces(plan: Plan, listing: Listing) -> Report:
    work = plan.output / UNFINISHED
    train, held_out = split_folders(plan.output)
    target = Target(
        train=train,
        held_out=held_out,
        size=plan.config.size,
        samples_per_shard=plan.config.samples_per_shard,
        settings=json.loads((work / SETTINGS).read_bytes()),
        share=plan.held_out_share,
    )
    warn_of_pairs(plan, listing, work)
    report = merge(target, listing, work)
    warn_of_nothing_held_out(plan, report)
    return report
