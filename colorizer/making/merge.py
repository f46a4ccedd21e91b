"""Pieces to shards: drops duplicates, splits off what is held out, keeps account of everything."""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colorizer.making import near_duplicates
from colorizer.making.listing import Listing, scratch
from colorizer.making.pieces import Kept, Named, names_of_kept, piece_count, read_piece
from colorizer.making.preview import Preview
from colorizer.making.splitting import bound_of, place_of
from colorizer.pictures.files import Rejection
from colorizer.shards.encoding import picture_size
from colorizer.shards.writer import ShardWriter
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.storage import partial_name, publish, writing

REJECTED = "rejected.jsonl"
PREVIEW = "preview.png"
SCHEMA = """
    CREATE TABLE kept (pixels TEXT PRIMARY KEY, digest TEXT, source TEXT) WITHOUT ROWID;
    CREATE TABLE groups (name TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE rejections (source BLOB, rejection TEXT);
    CREATE TABLE seen (pixels TEXT PRIMARY KEY) WITHOUT ROWID;
"""


@dataclass
class Report:
    """What became of the pictures: train + held_out + the rejected = found."""

    found: int
    train: int = 0
    held_out: int = 0
    groups: int = 0  # among what was kept
    grouped: int = 0  # kept pictures that belong to one
    animated: int = 0  # kept pictures of which only the first frame was taken
    alike: int = 0  # kept pictures that look like another
    alike_across: int = 0  # among them, where the source says the split, like one of its other side
    remarks: Counter[str] = field(default_factory=Counter)  # on kept pictures
    rejected: Counter[str] = field(default_factory=Counter)  # by reason
    shapes: Counter[tuple[int, int]] = field(default_factory=Counter)  # kept, by width and height


@dataclass(frozen=True)
class Target:
    """Where the shards go, and what they are."""

    train: Path
    held_out: Path
    size: int
    samples_per_shard: int
    settings: dict[str, Any]
    share: float | None  # held out; None: the source says itself what is


def merge(target: Target, listing: Listing, pieces: Path) -> Report:
    """Write the shards, rejected.jsonl and preview.png; last of all the indexes.

    Args:
        target: The shards to be.
        listing: All items, in order.
        pieces: Folder that holds all pieces of them.

    Raises:
        UserError: no picture for training, a damaged piece, or the output cannot be written.
    """
    output = target.train.parent
    preview = Preview()
    with (
        scratch(pieces / "merge.sqlite", SCHEMA + near_duplicates.SCHEMA) as base,
        ShardWriter(target.held_out, target.size, target.samples_per_shard, target.settings) as out,
        ShardWriter(target.train, target.size, target.samples_per_shard, target.settings) as train,
    ):
        alike = near_duplicates.NearDuplicates(base)
        alike.find(
            (n.name, n.split, n.thumbnail) for n in _names(listing, pieces, base) if n.thumbnail
        )
        bound = None
        if target.share is not None:
            names = (alike.name_of(named.name) for named in _names(listing, pieces, base))
            bound = bound_of(names, target.share)
        account = _Account(base, listing)
        for kept in account.without_duplicates(_samples(listing, pieces, account)):
            if _is_held_out(kept, bound, alike):
                out.write_encoded(kept.key, kept.color, kept.line, kept.metadata)
            else:
                train.write_encoded(kept.key, kept.color, kept.line, kept.metadata)
                preview.offer(kept.color, kept.line)
        report = account.report(train.samples, out.samples)
        report.alike, report.alike_across = alike.counts()
        account.write_rejections(output / REJECTED)
        if report.train == 0:
            raise UserError(_nothing_to_train_on(report, target.share, output / REJECTED))
        preview.write(output / PREVIEW)
    return report


def _is_held_out(kept: Kept, bound: float | None, alike: near_duplicates.NearDuplicates) -> bool:
    """Where the source does not say itself: whether its name's place is below the bound."""
    if bound is None:
        return kept.split == "held-out"
    return place_of(alike.name_of(kept.group or kept.split_with or kept.key)) < bound


def _names(listing: Listing, pieces: Path, base: sqlite3.Connection) -> Iterator[Named]:
    """What is kept, for the split; of duplicates only the first, as only that counts."""
    base.execute("DELETE FROM seen")
    for piece in range(piece_count(listing.count)):
        for named in names_of_kept(pieces, piece):
            if base.execute("INSERT OR IGNORE INTO seen VALUES (?)", (named.pixels,)).rowcount:
                yield named


def _samples(listing: Listing, pieces: Path, account: "_Account") -> Iterator[Kept]:
    """The samples of all pieces in order; rejections go to the account."""
    total = piece_count(listing.count)
    with console.progress("Writing shards", total, "pieces") as advance:
        for piece in range(total):
            for outcome in read_piece(pieces, piece):
                if isinstance(outcome, Rejection):
                    account.reject(outcome)
                else:
                    yield outcome
            advance(piece + 1)


class _Account:
    """What was kept and what was not: on disk, as both may be many."""

    def __init__(self, base: sqlite3.Connection, listing: Listing) -> None:
        self._base = base
        self._report = Report(listing.count + listing.rejected)
        for rejection in listing.rejections():
            self.reject(rejection)

    def reject(self, rejection: Rejection) -> None:
        self._report.rejected[rejection.reason] += 1
        row = (os.fsencode(rejection.source), json.dumps(vars(rejection)))
        self._base.execute("INSERT INTO rejections VALUES (?, ?)", row)

    def without_duplicates(self, samples: Iterator[Kept]) -> Iterator[Kept]:
        """The first of each; the later ones are rejected."""
        for kept in samples:
            query = "SELECT digest, source FROM kept WHERE pixels = ?"
            first = self._base.execute(query, (kept.pixels,)).fetchone()
            if first is not None:
                same = "bytes" if first[0] == kept.digest else "pixels"
                detail = json.loads(first[1])
                self.reject(Rejection(kept.source, f"duplicate: same {same}", detail))
                continue
            row = (kept.pixels, kept.digest, json.dumps(kept.source))
            self._base.execute("INSERT INTO kept VALUES (?, ?, ?)", row)
            if kept.group is not None:
                name = json.dumps(kept.group)
                self._base.execute("INSERT OR IGNORE INTO groups VALUES (?)", (name,))
                self._report.grouped += 1
            self._report.animated += kept.animated
            self._report.remarks.update(kept.remarks)
            self._report.shapes[picture_size(kept.color)] += 1
            yield kept

    def report(self, train: int, held_out: int) -> Report:
        (groups,) = self._base.execute("SELECT COUNT(*) FROM groups").fetchone()
        self._report.train, self._report.held_out, self._report.groups = train, held_out, groups
        return self._report

    def write_rejections(self, path: Path) -> None:
        """A line for each, by name; no file where there are none."""
        if not self._report.rejected:
            return
        query = "SELECT rejection FROM rejections ORDER BY source, rejection"
        with writing(path), partial_name(path).open("wb") as file:
            for (text,) in self._base.execute(query):
                file.write(text.encode() + b"\n")
            publish(file, path)


def _nothing_to_train_on(report: Report, share: float | None, rejected: Path) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in report.rejected.most_common())
    if report.held_out:
        remedy = "put pictures into train/" if share is None else "give a smaller --held-out"
        return (
            f"all {report.held_out} usable pictures are held out, so none is left to train on"
            f" (rejected: {reasons or 'none'}); {remedy}."
        )
    return f"no picture can be used ({reasons}); {rejected} says why, picture by picture."
