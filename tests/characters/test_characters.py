"""Drawn characters: the line, the truth maps, and exact recolouring."""

import hashlib
import json
from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest

from colorizer.characters import (
    REGIONS,
    TONES,
    draw,
    sample_character,
    sample_pose,
    tone_colors,
    traits,
)
from tests.helpers.recoloring import assert_recolors_exactly


def _drawing(seed, number=0, size=128):
    return draw(sample_character(seed), sample_pose(seed, number), size)


def _inside(drawing):
    """Pixels with no ink and one and the same region and tone all around."""
    label = drawing.regions * len(TONES) + drawing.tones
    kernel = np.ones((3, 3), np.uint8)
    uniform = cv2.erode(label, kernel) == cv2.dilate(label, kernel)
    return uniform & (cv2.erode(drawing.line, kernel) == 255)


def test_same_inputs_give_the_same_bytes():
    first, second = _drawing(5, 2), _drawing(5, 2)
    for name in ("color", "line", "regions", "tones"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_shapes_and_types():
    drawing = _drawing(1, size=96)
    assert drawing.color.shape == (96, 96, 3)
    for picture in (drawing.line, drawing.regions, drawing.tones):
        assert picture.shape == (96, 96)
        assert picture.dtype == np.uint8
    assert drawing.color.dtype == np.uint8
    assert drawing.regions.max() < len(REGIONS)
    assert drawing.tones.max() < len(TONES)


def test_seed_and_pose_number_matter_and_identity_ignores_the_pose():
    assert sample_character(3) != sample_character(4)
    assert sample_pose(3, 0) != sample_pose(3, 1)
    assert sample_pose(3, 0) != sample_pose(4, 0)
    assert sample_character(3) == sample_character(3)


def test_parameters_survive_json():
    for parameters in (sample_character(7), sample_pose(7, 1)):
        plain = asdict(parameters)
        lists_as_tuples = json.loads(json.dumps(plain), object_hook=_tuples)
        assert lists_as_tuples == plain


def _tuples(fields):
    return {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}


@pytest.mark.parametrize("size", [64, 256])
def test_line_is_dark_ink_on_white_paper(size):
    for seed in range(20):
        line = _drawing(seed, size=size).line
        assert np.median(line) == 255
        assert line.min() < 40
        assert 0.02 < np.mean(line < 128) < 0.25


def test_ink_region_is_where_the_line_is_dark():
    drawing = _drawing(11, size=256)
    ink = drawing.regions == REGIONS.index("ink")
    assert drawing.line[ink].mean() < 90
    assert drawing.line[~ink].mean() > 230


@pytest.mark.parametrize("size", [64, 100, 256])
def test_recolored_equals_drawn_with_that_palette(size):
    for seed in range(4):
        character, other = sample_character(seed), sample_character(seed + 100)
        pose = sample_pose(seed, 1)
        assert_recolors_exactly(character, other, pose, size)


def test_flat_pixels_have_exactly_the_palette_color():
    for seed in range(8):
        drawing = _drawing(seed, size=256)
        inside = _inside(drawing)
        assert inside.mean() > 0.4
        expected = tone_colors(drawing.character.palette)[drawing.regions, drawing.tones]
        assert np.array_equal(drawing.color[inside], expected[inside])


@pytest.mark.slow
def test_poses_differ_in_line_but_not_in_color():
    for seed in range(6):
        pictures = [_drawing(seed, number, size=256) for number in range(2)]
        assert np.mean(pictures[0].line != pictures[1].line) > 0.05
        shared = 0
        for region in range(len(REGIONS)):
            seen = [_base_colors(drawing, region) for drawing in pictures]
            if all(len(colors) for colors in seen):
                shared += 1
                assert np.array_equal(*seen)
        assert shared >= 5


def _base_colors(drawing, region):
    pixels = _inside(drawing) & (drawing.regions == region)
    return np.unique(drawing.color[pixels & (drawing.tones == TONES.index("base"))], axis=0)


def test_shadow_is_darker_and_light_is_lighter():
    colors = tone_colors(sample_character(2).palette).astype(int)
    base, shadow, light = colors[:, 0], colors[:, 1], colors[:, 2]
    assert (shadow <= base).all()
    assert (light >= base).all()


def test_palettes_tell_neighbors_apart():
    for seed in range(50):
        palette = sample_character(seed).palette
        for a, b in (("hair", "skin"), ("hair", "background"), ("skin", "clothes")):
            assert np.linalg.norm(np.subtract(getattr(palette, a), getattr(palette, b))) > 60


def test_portraits_are_the_ones_that_all_figures_are_of():
    digest = hashlib.sha256()
    for seed in range(8):
        drawing = _drawing(seed, seed % 3, size=64)
        for pixels in (drawing.color, drawing.line, drawing.regions, drawing.tones):
            digest.update(pixels.tobytes())
    assert digest.hexdigest() == "b7559d8bd95f36d6c7dca6d55282c2a509eeafc3f5b5b51020e34558b13f7416"


def test_every_region_and_tone_of_portraits_appears_somewhere():
    drawings = [_drawing(seed) for seed in range(40)]
    regions = {REGIONS[region] for region in np.unique([each.regions for each in drawings])}
    tones = {TONES[tone] for tone in np.unique([each.tones for each in drawings])}
    assert regions == set(REGIONS) - {"bottoms", "legwear", "shoes"}
    assert tones == {"base", "shadow", "light"}


TRAITS = {
    "hair": traits.HAIR_CUTS,
    "fringe": traits.FRINGES,
    "clothes": traits.CLOTHES,
    "accessory": traits.ACCESSORIES,
    "face": traits.FACES,
    "eyes": traits.EYES,
    "backdrop": traits.BACKDROPS,
}


@pytest.fixture(scope="module")
def many_characters():
    return [sample_character(seed) for seed in range(200)]


@pytest.mark.parametrize("trait", TRAITS)
def test_every_trait_occurs_and_shows(many_characters, trait):
    assert {getattr(character, trait) for character in many_characters} == set(TRAITS[trait])
    character, pose = sample_character(0), sample_pose(0, 0)
    lines = {
        draw(replace(character, **{trait: value}), pose, 64).line.tobytes()
        for value in TRAITS[trait]
    }
    assert len(lines) == len(TRAITS[trait])


@pytest.mark.parametrize(("trait", "names"), [("gape", traits.GAPES), ("mouth", traits.MOUTHS)])
def test_every_expression_occurs_and_shows(trait, names):
    assert {getattr(sample_pose(0, number), trait) for number in range(200)} == set(names)
    character, pose = sample_character(0), sample_pose(0, 0)
    lines = {draw(character, replace(pose, **{trait: name}), 128).line.tobytes() for name in names}
    assert len(lines) == len(names)


def test_mirrored_pose_mirrors_the_line():
    character = replace(sample_character(0), backdrop="flat")
    pose = replace(sample_pose(0, 0), mirrored=False)
    line = draw(character, pose, 128).line
    mirrored = draw(character, replace(pose, mirrored=True), 128).line
    difference = np.abs(line[:, ::-1].astype(int) - mirrored)
    assert np.mean(difference > 128) < 0.002
    assert np.mean(np.abs(line.astype(int) - mirrored) > 128) > 0.02


@pytest.mark.parametrize("size", [32, 64, pytest.param(256, marks=pytest.mark.slow)])
@pytest.mark.parametrize("hair", traits.HAIR_CUTS)
def test_every_cut_draws_with_any_clothes_and_accessory(hair, size):
    for i, accessory in enumerate(traits.ACCESSORIES):
        clothes = traits.CLOTHES[i % len(traits.CLOTHES)]
        character = sample_character(i)
        character = replace(character, hair=hair, clothes=clothes, accessory=accessory)
        drawing = draw(character, sample_pose(i, i), size)
        assert drawing.line.shape == (size, size)
        assert (drawing.regions == REGIONS.index("hair")).mean() > 0.03


def test_too_small_a_size_is_refused():
    with pytest.raises(ValueError, match="at least 32"):
        draw(sample_character(0), sample_pose(0, 0), 31)


@pytest.mark.parametrize("art", ["portraits", "varied"])
def test_a_drawing_is_a_larger_one_shrunk(art):
    character, pose = sample_character(1, art), sample_pose(1, 0, art)
    large, small = draw(character, pose, 192), draw(character, pose, 48, drawn_at=192)
    for name in ("color", "line"):
        shrunk = cv2.resize(getattr(large, name), (48, 48), interpolation=cv2.INTER_AREA)
        difference = shrunk.astype(int) - getattr(small, name)
        assert np.abs(difference).max() <= 1, name  # rounded twice
    assert (small.regions == large.regions[2::4, 2::4]).mean() > 0.9  # a canvas pixel beside it
    assert (small.line < 128).mean() < (draw(character, pose, 48).line < 128).mean()


def test_a_size_that_does_not_shrink_evenly_is_refused():
    with pytest.raises(ValueError, match="multiple of size \\(64\\), not 100"):
        draw(sample_character(0), sample_pose(0, 0), 64, drawn_at=100)
