"""Cuts: what was coloured before stays what it was."""

from dataclasses import replace

import numpy as np
import pytest

from colorizer.characters import draw, sample_character, sample_pose
from colorizer.coloring import sequence as module
from colorizer.coloring.any_colorizer import AnyColorizer
from colorizer.coloring.colorizer import Colorizer
from colorizer.drawings.corrections import Point

SIZE = 192


@pytest.fixture
def cut():
    """Three frames of a character that turns, and a reference."""
    character, pose = sample_character(7), sample_pose(7, 0)
    frames = [draw(character, replace(pose, tilt=0.02 * n), SIZE) for n in range(3)]
    return frames, draw(character, sample_pose(7, 1), SIZE).color


def test_regions_keep_their_colours(trained, cut):
    frames, reference = cut
    colorizer = Colorizer(trained.output, "cpu")
    lines = [frame.line for frame in frames]
    paintings = list(colorizer.sequence(lines, reference))
    first = paintings[0]
    assert np.array_equal(first.picture, colorizer(lines[0], reference).picture)
    for painting, frame in zip(paintings, frames, strict=True):
        assert painting.picture.shape == (SIZE, SIZE, 3)
        still = frames[0].regions == frame.regions
        moved = np.abs(painting.colors.astype(int) - first.colors)[still]
        assert moved.mean() < 4
    alone = colorizer(lines[2], reference).colors.astype(int)
    assert not np.array_equal(alone, paintings[2].colors)


def test_a_key_frame_gives_its_colours_to_those_that_follow(trained, cut):
    frames, reference = cut
    colorizer = Colorizer(trained.output, "cpu")
    lines = [frame.line for frame in frames]
    truth = frames[0].color
    keyed = list(colorizer.sequence(lines, reference, keys={0: truth}))
    free = list(colorizer.sequence(lines, reference))
    for number, frame in enumerate(frames):
        wrong, right = (
            np.abs(run[number].picture.astype(int) - frame.color).mean() for run in (free, keyed)
        )
        assert right < 0.5 * wrong, number
    assert np.abs(keyed[0].colors.astype(int) - truth)[frames[0].line > 250].mean() < 10


def test_a_point_holds_in_the_frames_that_follow(trained, cut):
    frames, reference = cut
    lines = [frame.line for frame in frames]
    background = Point(2, 2, (11, 222, 33))
    colorizer = Colorizer(trained.output, "cpu")
    paintings = list(colorizer.sequence(lines, reference, points={1: [background]}))
    assert tuple(paintings[0].colors[2, 2]) != background.color
    for painting in paintings[1:]:
        assert tuple(painting.flat_colors[2, 2]) == background.color


def test_the_network_sees_all_frames_through_one_window_while_the_figure_fits(trained, cut):
    frames, reference = cut
    small = np.full((SIZE, SIZE), 255, np.uint8)
    small[80:120, 80:120] = frames[0].line[80:120, 80:120]
    small[80:120, 80] = 0
    grown, shrunk = small.copy(), np.full_like(small, 255)
    grown[60:150, 60] = 0
    shrunk[95:100, 95:100] = 0
    colorizer = Colorizer(trained.output, "cpu")
    seen = [p.filling.frame for p in colorizer.sequence([grown, small, grown, shrunk], reference)]
    assert seen[0] == seen[1] == seen[2]
    assert seen[3].height < module.ROOMY * seen[0].height


class Watched(AnyColorizer[list[tuple[int, ...]]]):
    """Paints everything grey, and notes which references each frame has, by their first pixel."""

    size, stride, buckets = 32, 4, False

    def __init__(self) -> None:
        self.seen: list[list[tuple[int, ...]]] = []

    def features_of(self, reference):
        return [tuple(map(int, reference[0, 0]))]

    def joined(self, several):
        return [each for features in several for each in features]

    def colored(self, line, features):
        self.seen.append(features)
        return np.full((*line.shape, 3), 90, np.uint8)


def test_a_frame_has_the_references_the_nearest_key_frame_and_the_frame_before():
    colorizer = Watched()
    lines = [np.full((40, 40), 250, np.uint8) for _ in range(6)]
    for line in lines:
        line[10:30, 10] = line[10:30, 30] = line[10, 10:30] = line[30, 10:31] = 0
    flat = {n: np.full((40, 40, 3), n, np.uint8) for n in (1, 2, 3)}
    list(colorizer.sequence(lines, [flat[1]], keys={0: flat[2], 5: flat[3]}))
    given, first, last = [(n, n, n) for n in (1, 2, 3)]
    assert [frame[:2] for frame in colorizer.seen] == [
        [given, first],
        [given, first],
        [given, last],
        [given, last],
    ]
    assert all(len(frame) == 3 for frame in colorizer.seen)
    alone = Watched()
    list(alone.sequence(lines[:2], flat[1]))
    assert [len(frame) for frame in alone.seen] == [1, 2]
