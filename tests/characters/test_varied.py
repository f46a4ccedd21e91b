"""Varied characters: framings, hands and outfits, with a truth as exact as a portrait's."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from colorizer.characters import (
    REGIONS,
    TONES,
    draw,
    figures,
    hands,
    sample_character,
    sample_pose,
    tone_colors,
)
from tests.helpers.recoloring import assert_recolors_exactly

MANY = range(300)
DRAWN = 80


@pytest.fixture(scope="module")
def characters():
    return [sample_character(seed, "varied") for seed in MANY]


@pytest.fixture(scope="module")
def drawings(characters):
    poses = [sample_pose(seed, 0, "varied") for seed in MANY]
    return [draw(*both, 64) for both in zip(characters[:DRAWN], poses[:DRAWN], strict=True)]


@pytest.fixture(scope="module")
def stances():
    return [sample_pose(seed, 0, "varied").stance for seed in range(2000)]


def _drawing(seed, number=0, size=64):
    return draw(sample_character(seed, "varied"), sample_pose(seed, number, "varied"), size)


def test_same_inputs_give_the_same_bytes():
    for seed in range(6):
        first, second = _drawing(seed, 2), _drawing(seed, 2)
        for name in ("color", "line", "regions", "tones", "large"):
            assert np.array_equal(getattr(first, name), getattr(second, name))
    assert not np.array_equal(_drawing(0, 0).color, _drawing(0, 1).color)


def test_pictures_of_a_character_share_all_but_stance_and_framing(characters):
    assert sample_character(9, "varied") == characters[9]
    shown = [sample_pose(9, number, "varied").stance for number in range(12)]
    assert len({stance.framing for stance in shown}) >= 3
    assert len({stance.arms for stance in shown}) >= 5
    assert len({stance.legs for stance in shown}) >= 3


def test_heads_of_a_character_are_small_in_some_pictures_and_large_in_others():
    eyes_and_hair = [REGIONS.index(name) for name in ("hair", "eyes", "eye_white")]
    for seed in (1, 5, 9):
        person = replace(sample_character(seed, "varied").figure, kind="person", heads=6.0)
        character = replace(sample_character(seed, "varied"), figure=person)
        pose = sample_pose(seed, 0, "varied")
        shares = []
        for framing in ("whole", "half", "face"):
            stance = replace(pose.stance, framing=framing, zoom=0.95, scenery="plain")
            regions = draw(character, replace(pose, stance=stance), 64).regions
            shares.append(np.isin(regions, eyes_and_hair).mean())
        assert shares[0] * 2 < shares[1] * 1.2 < shares[2]


@pytest.mark.parametrize(("size", "first"), [(32, 0), (64, 1), (100, 2)])
def test_recolored_equals_drawn_with_that_palette(size, first, characters):
    for seed in range(first, 12, 3):
        character, other = characters[seed], characters[seed + 100]
        pose = sample_pose(seed, 1, "varied")
        assert_recolors_exactly(character, other, pose, size)


def test_pixels_have_the_color_of_their_region_and_tone():
    for drawing in (_drawing(seed, size=256) for seed in range(12)):
        label = drawing.regions * len(TONES) + drawing.tones
        kernel = np.ones((3, 3), np.uint8)
        inside = (cv2.erode(label, kernel) == cv2.dilate(label, kernel)) & (
            cv2.erode(drawing.line, kernel) == 255
        )
        colors = tone_colors(drawing.character.palette, drawing.character.hand).astype(int)
        expected = colors[drawing.regions, drawing.tones]
        # Between two soft tones a pixel has some of both.
        step = np.abs(colors[:, 0] - colors[:, 1]).max() / (hands.SOFT_STEPS + 1) + 1
        off = np.abs(expected - drawing.color)[inside].max(initial=0)
        faded = (drawing.tones > hands.DEEP).any()
        assert off <= (step if faded else 0)


def test_soft_shading_has_many_tones_and_flat_shading_one(characters):
    pose = sample_pose(4, 0, "varied")
    pose = replace(pose, stance=replace(pose.stance, scenery="plain", framing="half"))
    tones = {}
    for shading in hands.SHADINGS:
        hand = replace(characters[4].hand, shading=shading, ink_shown=1.0)
        drawing = draw(replace(characters[4], hand=hand), pose, 64)
        skin = drawing.tones[np.isin(drawing.regions, [REGIONS.index("clothes")])]
        tones[shading] = {TONES[tone] for tone in np.unique(skin)}
    assert tones["flat"] == {"base"}
    assert tones["cel"] == {"base", "shadow"}
    assert "deep" in tones["two_tone"] and "light" in tones["rim"]
    assert len(tones["soft"]) >= 5


def test_every_region_and_tone_appears_somewhere(drawings):
    regions = {REGIONS[region] for region in np.unique([each.regions for each in drawings])}
    tones = {TONES[tone] for tone in np.unique([each.tones for each in drawings])}
    assert regions | {"glint"} == set(REGIONS)  # in such small eyes nothing glints
    assert tones == set(TONES)


def test_about_two_thirds_are_on_white_paper(drawings):
    corners = [drawing.color[:2, :2].min() for drawing in drawings]
    assert 0.5 < np.mean(np.array(corners) == 255) < 0.8


def test_line_is_dark_ink_on_white_paper_and_shows_faintly_in_some_colors(drawings):
    for drawing in drawings:
        assert np.median(drawing.line) == 255
        assert drawing.line.min() < 60
        assert 0.004 < np.mean(drawing.line < 128) < 0.3
    shown = [drawing.character.hand.ink_shown for drawing in drawings]
    assert 0.5 < np.mean(np.array(shown) == 1) < 0.9 and min(shown) < 0.3


TRAITS = {
    "kind": figures.KINDS,
    "top": figures.TOPS,
    "sleeves": figures.SLEEVES,
    "bottoms": figures.BOTTOMS,
    "shoes": figures.SHOES,
    "legwear": figures.LEGWEAR,
    "back": figures.BACKS,
    "hat": figures.HATS,
    "pattern": figures.PATTERNS,
    "held": figures.HELD,
    "beard": figures.BEARDS,
}


@pytest.mark.parametrize("trait", TRAITS)
def test_every_trait_occurs_and_shows(trait, characters):
    names = TRAITS[trait]
    assert {getattr(character.figure, trait) for character in characters} == set(names)
    plain = replace(
        characters[0].figure,
        **{"kind": "person", "top": "shirt", "sleeves": "short", "bottoms": "shorts"},
        **{"legwear": "none", "shoes": "shoes", "hat": "none", "beard": "none", "heads": 5.0},
    )
    _assert_all_differ(characters[0], [{"figure": replace(plain, **{trait: n})} for n in names])


def _assert_all_differ(character, changes, stance=None):
    pose = sample_pose(0, 0, "varied")
    stance = {"framing": "whole", "zoom": 1.0, "arms": ("hanging", "out")} | (stance or {})
    pose = replace(pose, mirrored=False, stance=replace(pose.stance, **stance))
    pictures = {draw(replace(character, **change), pose, 128).color.tobytes() for change in changes}
    assert len(pictures) == len(changes)


@pytest.mark.parametrize(
    ("trait", "names"),
    [
        ("framing", figures.FRAMINGS),
        ("legs", figures.LEGS),
        ("arms", [(name, name) for name in figures.ARMS]),
    ],
)
def test_every_stance_occurs_and_shows(trait, names, stances):
    assert {getattr(stance, trait) for stance in stances} >= set(names)
    character = sample_character(1, "varied")
    figure = replace(character.figure, kind="person", heads=5.0, bottoms="shorts")
    character, pose = replace(character, figure=figure), sample_pose(0, 0, "varied")
    given = replace(pose.stance, framing="whole", zoom=0.9)
    lines = {
        draw(character, replace(pose, stance=replace(given, **{trait: name})), 64).line.tobytes()
        for name in names
    }
    assert len(lines) == len(names)


def test_portraits_pose_is_refused_for_a_figure():
    with pytest.raises(ValueError, match="different arts"):
        draw(sample_character(0, "varied"), sample_pose(0, 0), 64)
