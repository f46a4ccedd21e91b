"""What a source of pictures is: it lists what it holds, and loads each in a worker process."""

import hashlib
import os
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from colorizer.making.sources.drawings import PairLook
from colorizer.making.sources.own_split import OwnSplit, Split
from colorizer.making.sources.unicode_names import composed
from colorizer.pictures.files import Rejection
from colorizer.system.errors import UserError

Where = TypeVar("Where", bound=tuple[Any, ...])  # what a source needs to load an item, as JSON


@dataclass(frozen=True, kw_only=True)
class Item(Generic[Where]):
    """One picture to be, small, and as plain as JSON."""

    key: str
    source: str  # its true name: a path relative to what was given, with /
    stamp: str  # changes with the file, as far as that can be told without reading it
    where: Where
    group: str | None = None  # its pictures land in the same split, unless they say their own
    split: Split | None = None  # where the source itself says so
    split_with: str | None = None  # key that decides its split, if not its own and without a group


@dataclass(frozen=True)
class Picture:
    """What an item loads to."""

    color: np.ndarray  # H×W×3 uint8 RGB
    line: np.ndarray | None  # H×W uint8, dark ink on white; None: to be drawn
    metadata: dict[str, Any]  # JSON values that only the source knows
    digest: str = ""  # of the bytes it was read from
    animated: bool = False  # the first of several frames was taken
    remarks: tuple[str, ...] = ()  # on what was done without, the same words for every picture
    detailed: np.ndarray | None = None  # its colours larger, for lines that are drawn from them
    look: PairLook | None = None  # of the two, where it came with a drawing


class Source(ABC, Generic[Where]):
    """Where pictures come from. Small enough to be sent to worker processes."""

    @property
    def own_split(self) -> OwnSplit | None:
        """The split that its pictures come with, if its items say which they belong to."""
        return None

    @property
    def held_out_folder(self) -> str | None:
        """What it holds out, where its items say themselves which split they belong to."""
        split = self.own_split
        return None if split is None else split.held_out

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Settings that tell this source from another, as JSON values."""

    def _of_kind(self, kind: str) -> dict[str, Any]:
        """The kind and the split, as a set that is begun keeps it; the listing tells the rest."""
        split = {} if self.held_out_folder is None else {"split": f"{self.held_out_folder}/"}
        return {"source": kind, **split}

    @abstractmethod
    def find(self) -> Iterator[Item[Where] | Rejection]:
        """Everything found, in any order, without reading a picture.

        Raises:
            UserError: it is missing, or laid out otherwise.
        """

    @abstractmethod
    def load(self, item: Item[Where]) -> Picture:
        """Read or draw it.

        Raises:
            UnusablePicture: it cannot be used.
        """

    def other_way_round(self) -> str:
        """What to do if its drawings prove to be its pictures, as an imperative."""
        return "let the drawings and the pictures change places"

    @abstractmethod
    def nothing_found(self) -> str:
        """A sentence for the case that there is no picture."""


def make_key(source: str) -> str:
    """A unique, safe name for a picture: the plain letters of its stem, and a hash of its path.

    Args:
        source: Path relative to what was given, with /.

    Returns:
        At most 61 lower-case letters, digits, `-` and `_`.
    """
    stem = unicodedata.normalize("NFKD", source.rpartition("/")[2].rpartition(".")[0]).lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", re.sub(r"[^\x00-\x7f]", "", stem)).strip("-")[:48]
    digest = hashlib.sha256(os.fsencode(source)).hexdigest()[:12]
    return f"{slug or 'picture'}-{digest}"


JSON = "json:"  # how a rule begins that names an entry of a picture's JSON


class Grouping:
    """Which character a picture shows, told from its path."""

    def __init__(self, group_by: str | None, has_json: bool = False) -> None:
        """Take the rule, and refuse one that cannot work.

        Args:
            group_by: `parent`, `json:NAME`, a regular expression with one pair of brackets, or
                None.
            has_json: Whether pictures of this source come with JSON.

        Raises:
            UserError: it is no such expression, or there is no JSON to look at.
        """
        self.group_by = group_by
        self.json_name = None
        if group_by is not None and group_by.startswith(JSON):
            self.json_name = group_by.removeprefix(JSON)
        self._pattern = None
        if self.json_name is not None:
            if not (has_json and self.json_name):
                raise UserError(
                    f"--group-by {group_by}: `json:NAME` takes the group from the entry NAME of a"
                    " tar's KEY.json, so it needs a name and the source `tars`; or give `parent` or"
                    " a pattern."
                )
        elif group_by not in (None, "parent"):
            self._pattern = self._compile(group_by)

    @staticmethod
    def _compile(group_by: str) -> re.Pattern[str]:
        try:
            pattern = re.compile(group_by)
        except re.error as error:
            raise UserError(
                f"--group-by {group_by!r} is no regular expression: {error}."
            ) from error
        if pattern.groups != 1:
            raise UserError(
                f"--group-by {group_by!r}: put one pair of brackets round what names the"
                " character, or give `parent`."
            )
        return pattern

    def __call__(self, path: str) -> str | None:
        """The group of a picture's path (with /); None where there is none."""
        if self._pattern is not None:
            found = self._pattern.search(path)
            return composed(found[1] or "") or None if found else None
        return composed(path.rpartition("/")[0]) or None if self.group_by == "parent" else None

    def of_json(self, note: Any) -> str | None:
        """The group that a picture's JSON names: a text, a whole number, or a list of one such.

        Args:
            note: Its content. `json:a.b` is its entry `a.b`, or the entry `b` of its entry `a`.
        """
        if self.json_name is None:
            return None
        found = _entry(note, self.json_name)
        if isinstance(found, list) and len(found) == 1:
            (found,) = found
        named = isinstance(found, (str, int)) and not isinstance(found, bool)
        return composed(_whole_letters(str(found))).strip() or None if named else None


def _whole_letters(text: str) -> str:
    """A text without halves of letters, which JavaScript leaves where it cuts an emoji."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _entry(note: Any, name: str) -> Any:
    """What an object's JSON has under a name; where it has none, a dot goes one object deeper."""
    if not isinstance(note, dict):
        return None
    if name in note:
        return note[name]
    outer, dot, inner = name.partition(".")
    return _entry(note.get(outer), inner) if dot else None
