"""All that a source holds, in one fixed order: on disk, so that a collection may have any size."""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from colorizer.making.sources.base import Item, Source
from colorizer.pictures.files import Rejection
from colorizer.system.errors import UserError
from colorizer.system.storage import writing

SCHEMA = """
    CREATE TABLE found (source BLOB PRIMARY KEY, key TEXT UNIQUE, item TEXT) WITHOUT ROWID;
    CREATE TABLE items (number INTEGER PRIMARY KEY, item TEXT);
    CREATE TABLE rejections (rejection TEXT);
"""
NUMBER = """
    INSERT INTO items
    SELECT ROW_NUMBER() OVER (ORDER BY source) - 1, item FROM found ORDER BY source
"""


class Listing:
    """The items of a source, numbered from 0 by the bytes of their names."""

    def __init__(self, path: Path) -> None:
        """Open what `write_listing` has written.

        Raises:
            UserError: this machine does not see it.
        """
        if not path.is_file():
            raise UserError(
                f"this machine does not see {path}; give an --output on a disk that all machines"
                " share."
            )
        # Unchanged from here on: no locks, which network disks lack.
        self._base = sqlite3.connect(
            f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1", uri=True
        )
        self.count: int = self._one("SELECT COUNT(*) FROM items")
        self.rejected: int = self._one("SELECT COUNT(*) FROM rejections")

    def items(self, numbers: range) -> Iterator[Item]:
        """The items of these numbers, which follow each other."""
        query = "SELECT item FROM items WHERE number BETWEEN ? AND ? ORDER BY number"
        for (text,) in self._base.execute(query, (numbers.start, numbers.stop - 1)):
            content = json.loads(text)
            yield Item(**{**content, "where": tuple(content["where"])})

    def rejections(self) -> Iterator[Rejection]:
        """What was found and cannot be used, as far as listing could tell; in no order."""
        for (text,) in self._base.execute("SELECT rejection FROM rejections"):
            yield Rejection(**json.loads(text))

    def fingerprint(self) -> str:
        """Hex digits that change when an item is added, removed, renamed or gets another size."""
        digest = hashlib.sha256()
        for item in self.items(range(self.count)):
            digest.update(os.fsencode(f"{item.source}\0{item.stamp}\n"))
        return digest.hexdigest()

    def close(self) -> None:
        """Close the file; nothing can be read any more."""
        self._base.close()

    def _one(self, query: str) -> int:
        return self._base.execute(query).fetchone()[0]


def write_listing(source: Source, path: Path) -> None:
    """List a source into a file, in place of an older one.

    Of pictures with one name or one key the first is taken, the others are rejected.

    Raises:
        UserError: the source is missing, laid out otherwise or without pictures, or the file
            cannot be written.
    """
    examples: dict[str, Rejection] = {}
    with scratch(path, SCHEMA) as base:
        for found in source.find():
            rejection = found if isinstance(found, Rejection) else _insert(base, found)
            if rejection:
                examples.setdefault(rejection.reason, rejection)
                base.execute("INSERT INTO rejections VALUES (?)", (json.dumps(vars(rejection)),))
        base.execute(NUMBER)
        base.execute("DROP TABLE found")
        (count,) = base.execute("SELECT COUNT(*) FROM items").fetchone()
        base.execute("COMMIT")
    if count == 0:
        rejected = "".join(
            f" {e.source}: {e.reason} {e.detail}.".rstrip() for e in examples.values()
        )
        raise UserError(source.nothing_found() + rejected)


@contextmanager
def _temporary_files_in(folder: Path, base: sqlite3.Connection) -> Iterator[None]:
    """What sqlite sorts goes there, and not where there may be no room; it holds for all bases."""
    place = str(folder.absolute())
    if place.isprintable():  # sqlite takes no name that is no text
        base.execute("PRAGMA temp_store_directory = '{}'".format(place.replace("'", "''")))
    try:
        yield
    finally:
        base.execute("PRAGMA temp_store_directory = ''")


@contextmanager
def scratch(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    """A new database in place of an older one; after a crash it is made again.

    Raises:
        UserError: it cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    try:
        # One process alone uses it, so it needs no locks, which some disks lack.
        address = f"file:{quote(os.fsencode(path.absolute()))}?nolock=1"
        with (
            closing(sqlite3.connect(address, uri=True, isolation_level=None)) as base,
            _temporary_files_in(path.parent, base),
        ):
            # Nothing need be safe in it, either.
            base.execute("PRAGMA journal_mode = OFF")
            base.execute("PRAGMA synchronous = OFF")
            base.executescript(schema)
            base.execute("BEGIN")
            yield base
    except sqlite3.OperationalError as error:
        raise UserError(
            f"cannot write {path}: {error}; make room there or choose another output."
        ) from error


def _insert(base: sqlite3.Connection, item: Item) -> Rejection | None:
    """Take an item; gives the one of two that is left out if another has its name or its key."""
    row = (os.fsencode(item.source), item.key, json.dumps(vars(item)))
    try:
        base.execute("INSERT INTO found VALUES (?, ?, ?)", row)
    except sqlite3.IntegrityError:
        query = "SELECT item FROM found WHERE key = ? OR source = ?"
        other = Item(**json.loads(base.execute(query, (row[1], row[0])).fetchone()[0]))
        if item.source == other.source:
            places = (
                "" if item.stamp == other.stamp else f"; {other.stamp} is kept, not {item.stamp}"
            )
            return Rejection(item.source, "listed twice", f"the first is kept{places}")
        # Whatever order a disk lists them in, the same one is kept.
        first, second = sorted((item, other), key=lambda each: os.fsencode(each.source))
        if first is item:
            base.execute("DELETE FROM found WHERE key = ?", (item.key,))
            base.execute("INSERT INTO found VALUES (?, ?, ?)", row)
        return Rejection(second.source, "same key", f"{first.source} gets {item.key}, too")
    return None
