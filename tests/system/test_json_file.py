"""JSON that somebody else may have written."""

from pathlib import Path

import pytest

from colorizer.system.json_file import parse_json, read_json


def test_what_json_says_is_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"step": 3, "values": [1.5, true, null, "ü"]}', encoding="utf-8")
    assert read_json(path, 1000) == {"step": 3, "values": [1.5, True, None, "ü"]}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[" * 100_000, "nested too deeply"),
        ("NaN", "NaN is no JSON"),
        ("[-Infinity]", "-Infinity is no JSON"),
        ('{"a": {"b": 1, "b": 1}}', "a key is there twice"),
        ("{", "Expecting property name"),
        ("", "Expecting value"),
        (b"\xff", "can't decode byte 0xff"),
    ],
)
def test_what_is_not_json_is_one_kind_of_error(text, fault):
    with pytest.raises(ValueError, match=fault):
        parse_json(text)


def test_a_file_of_json_is_bounded(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('["123456"]')
    assert read_json(path, 10) == ["123456"]
    with pytest.raises(ValueError, match="larger than 9 bytes"):
        read_json(path, 9)


def test_of_an_endless_file_no_more_is_read_than_is_allowed():
    with pytest.raises(ValueError, match="larger than 1000 bytes"):
        read_json(Path("/dev/zero"), 1000)


def test_a_file_that_is_not_there_is_another_kind_of_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none.json", 10)
