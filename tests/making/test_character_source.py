"""What drawn characters give: pictures and lines that can be drawn again from their metadata."""

import numpy as np
import pytest

from colorizer.characters import draw, sample_character, sample_pose
from colorizer.lines.xdog import draw_lines
from colorizer.making.config import CharactersConfig
from colorizer.making.line_methods import GivenLines, XDoGLines
from colorizer.making.prepare import Preparation, Prepared, prepare
from colorizer.making.sources import source_of
from colorizer.shards.encoding import decode_color, decode_line
from colorizer.system.errors import UserError
from tests.helpers.making import OUTPUT, find


def test_characters_can_be_redrawn_from_their_metadata() -> None:
    config = CharactersConfig(output=OUTPUT, count=3, poses=2, seed=1, size=64)
    source = source_of(config)
    items = list(source.find())
    assert len({item.key for item in items}) == 6
    assert [item.group for item in items] == [
        f"character-{1_000_000 + n}" for n in (0, 0, 1, 1, 2, 2)
    ]
    prepared = prepare(Preparation(source, 64, "pad", GivenLines(), detail=2), items[3])
    assert isinstance(prepared, Prepared)
    seed, pose = (prepared.metadata["character"][name] for name in ("seed", "pose"))
    drawing = draw(sample_character(seed), sample_pose(seed, pose), 64)
    assert np.array_equal(decode_color(prepared.color), drawing.color)
    assert np.array_equal(decode_line(prepared.line), drawing.line)
    assert prepared.metadata["lines"] == {"method": "drawn"}


def test_varied_characters_can_be_redrawn_from_their_metadata() -> None:
    config = CharactersConfig(output=OUTPUT, count=2, poses=2, size=64, art="varied")
    source = source_of(config)
    items = list(source.find())
    prepared = prepare(Preparation(source, 64, "pad", GivenLines(), detail=2), items[1])
    assert isinstance(prepared, Prepared)
    assert prepared.metadata["character"] == {"seed": 0, "pose": 1, "art": "varied"}
    drawing = draw(sample_character(0, "varied"), sample_pose(0, 1, "varied"), 64)
    assert np.array_equal(decode_color(prepared.color), drawing.color)
    assert np.array_equal(decode_line(prepared.line), drawing.line)


def test_computed_lines_of_characters_are_drawn_from_their_large_picture() -> None:
    config = CharactersConfig(output=OUTPUT, count=1, size=64, art="varied", lines="xdog")
    source = source_of(config)
    item = next(source.find())
    prepared = prepare(Preparation(source, 64, "pad", XDoGLines(config.xdog), detail=2), item)
    assert isinstance(prepared, Prepared) and isinstance(prepared.line, bytes)
    assert prepared.metadata["lines"]["method"] == "xdog"
    drawing = draw(sample_character(0, "varied"), sample_pose(0, 0, "varied"), 64)
    assert np.array_equal(decode_color(prepared.color), drawing.color)
    expected = draw_lines(drawing.large, 64, 64, config.xdog)
    assert np.array_equal(decode_line(prepared.line), expected)
    assert not np.array_equal(expected, draw_lines(drawing.color, 64, 64, config.xdog))


def test_settings_of_portraits_say_nothing_of_art_and_those_of_others_do() -> None:
    portraits = source_of(CharactersConfig(output=OUTPUT)).identity
    assert "art" not in portraits
    assert source_of(CharactersConfig(output=OUTPUT, art="varied")).identity == {
        **portraits,
        "art": "varied",
    }


def test_other_seeds_share_no_character() -> None:
    groups = [
        {item.group for item in find(CharactersConfig(output=OUTPUT, seed=seed))[0]}
        for seed in (0, 1)
    ]
    assert not groups[0] & groups[1]


@pytest.mark.parametrize(
    "setting", [{"count": 0}, {"count": 1_000_001}, {"poses": 0}, {"seed": -1}]
)
def test_bad_counts_are_refused(setting: dict[str, int]) -> None:
    with pytest.raises(UserError, match="--count"):
        source_of(CharactersConfig(output=OUTPUT, **setting))


def small_config(**settings):
    return CharactersConfig(output=OUTPUT, count=1, size=64, **settings)


def test_a_shrunk_drawing_has_fainter_lines_and_says_what_it_was():
    pictures = {}
    for drawn_at in (None, 192):
        source = source_of(small_config(drawn_at=drawn_at))
        pictures[drawn_at] = source.load(next(iter(source.find())))
    plain, shrunk = pictures[None], pictures[192]
    assert shrunk.line.shape == plain.line.shape == (64, 64)
    assert np.median(shrunk.line[plain.line < 64]) > 64
    assert shrunk.metadata["character"] == {"seed": 0, "pose": 0, "drawn_at": 192}
    assert "drawn_at" not in plain.metadata["character"]


def test_another_size_drawn_at_is_another_source():
    identities = [source_of(small_config(drawn_at=side)).identity for side in (None, 128, 192)]
    assert identities[0] != identities[1] != identities[2]


@pytest.mark.parametrize("drawn_at", [0, 32, 100, 8192, -64])
def test_a_size_that_cannot_be_shrunk_evenly_is_refused(drawn_at):
    with pytest.raises(UserError, match=f"--drawn-at is {drawn_at}; give a multiple of --size"):
        source_of(small_config(drawn_at=drawn_at))
