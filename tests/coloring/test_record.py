"""The record of a folder of results."""

import pytest

from colorizer.coloring.record import NAME, Origin, Record, refuse_difference
from colorizer.system.errors import UserError

ORIGIN = Origin({"working size": 64, "write": ["result"]}, {"a.png": "aa"}, "dd")


def test_what_was_finished_is_known_and_what_was_begun_is_not_made(tmp_path):
    with Record(tmp_path) as record:
        record.begin("a.png")
        record.finish("a.png", ORIGIN)
        record.begin("b.png")
    with Record(tmp_path) as record:
        assert record.made("a.png") == ORIGIN
        assert record.made("b.png") is None and record.knows("b.png")
        assert not record.knows("c.png")


def test_torn_at_any_byte_only_the_last_line_is_lost(tmp_path):
    with Record(tmp_path) as record:
        record.finish("a.png", ORIGIN)
        record.finish("é.png", ORIGIN)
    path = tmp_path / NAME
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole) - 1):
        path.write_bytes(whole[:end])
        with Record(tmp_path) as record:
            assert record.made("a.png") == ORIGIN and not record.knows("é.png")
            record.finish("c.png", ORIGIN)
        with Record(tmp_path) as record:
            assert record.made("a.png") == record.made("c.png") == ORIGIN


def test_begun_again_it_is_made_no_more(tmp_path):
    with Record(tmp_path) as record:
        record.finish("a.png", ORIGIN)
        record.begin("a.png")
    with Record(tmp_path) as record:
        assert record.made("a.png") is None


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Origin({"working size": 32}, ORIGIN.references, ""), "working size was 64, now 32"),
        (Origin({"write": ["flats", "result"]}, ORIGIN.references, ""), "now flats result"),
        (Origin({}, {"a.png": "other"}, ""), "a.png has changed"),
        (Origin({}, {"b.png": "bb"}, ""), "the references were a.png, now b.png"),
    ],
)
def test_a_difference_is_named_with_a_way_out(tmp_path, wanted, words):
    with pytest.raises(UserError, match=f"{words}.*--overwrite"):
        refuse_difference(tmp_path, "x.png", ORIGIN, wanted)


def test_the_same_references_under_other_names_or_twice_are_no_difference():
    assert not ORIGIN.difference(Origin({}, {"b.png": "aa", "c.png": "aa"}, ""))
