"""Pieces of a set: what is written is read, and half a piece counts for nothing."""

import json
from pathlib import Path

import pytest

from colorizer.making.pieces import (
    ITEMS_IN_PIECE,
    Named,
    PieceWriter,
    is_done,
    items_of,
    names_of_kept,
    piece_count,
    read_piece,
)
from colorizer.making.prepare import Prepared
from colorizer.making.sources.base import Item
from colorizer.pictures.files import Rejection

SAMPLE = Prepared(
    item=Item(key="a", source="a.png", stamp="1", where=(), group="g", split="held-out"),
    color=b"colour",
    line=b"line",
    metadata={"source": "a.png"},
    digest="d",
    pixels="p",
    animated=True,
)
REJECTION = Rejection("b.png", "broken", "")


@pytest.mark.parametrize("items", [0, 1, ITEMS_IN_PIECE, ITEMS_IN_PIECE + 1, 1000])
def test_pieces_have_every_item_once(items: int) -> None:
    numbers = [n for piece in range(piece_count(items)) for n in items_of(piece, items)]
    assert numbers == list(range(items))


def test_what_is_written_is_read_in_order(tmp_path: Path) -> None:
    with PieceWriter(tmp_path, 0) as writer:
        for outcome in (SAMPLE, REJECTION, SAMPLE):
            writer.append(outcome)
        assert not is_done(tmp_path, 0)
    assert is_done(tmp_path, 0) and not is_done(tmp_path, 1)
    first, rejection, second = read_piece(tmp_path, 0)
    assert first == second and rejection == REJECTION
    assert (first.color, first.line) == (b"colour", b"line")
    assert (first.key, first.group, first.split) == ("a", "g", "held-out")
    assert (first.digest, first.pixels, first.animated) == ("d", "p", True)


def test_a_piece_whose_writing_failed_is_not_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), PieceWriter(tmp_path, 0) as writer:
        writer.append(SAMPLE)
        raise KeyboardInterrupt
    assert not is_done(tmp_path, 0)


def test_names_on_the_disk_stay_those_of_sets_begun_earlier(tmp_path: Path) -> None:
    with PieceWriter(tmp_path, 7) as writer:
        writer.append(SAMPLE)
    record = json.loads((tmp_path / "000007.jsonl").read_text())
    assert set(record) == {
        *("key", "source", "group", "part", "metadata", "digest", "pixels", "animated"),
        *("color_size", "line_size"),
        *("look", "split_with", "remarks", "thumbnail"),  # which those lack
    }
    assert (tmp_path / "000007.pictures").read_bytes() == b"colourline"
    for later in ("look", "split_with", "remarks", "thumbnail"):
        del record[later]
    (tmp_path / "000007.jsonl").write_text(json.dumps(record) + "\n")
    (kept,) = read_piece(tmp_path, 7)
    assert not isinstance(kept, Rejection) and (kept.look, kept.split_with) == (None, None)
    assert list(names_of_kept(tmp_path, 7)) == [Named("g", "held-out", "p", b"")]
