"""What drawn characters tell beyond their picture."""

from dataclasses import replace

import numpy as np
import pytest

from colorizer.characters import REGIONS, TONES, draw, sample_character, sample_pose
from colorizer.evaluation.available import Available
from colorizer.evaluation.config import MeasureConfig
from colorizer.evaluation.constant_colors import constant_errors, constant_terms
from colorizer.evaluation.protocol import plan
from colorizer.loading.characters_truth import in_colors_of, is_redrawn_exactly, redraw
from colorizer.making.config import CharactersConfig
from colorizer.making.pipeline import make_shards
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.processes import ALONE, World


def _drawings(count: int) -> list:
    return [draw(sample_character(s), sample_pose(s, 0), 64) for s in range(count)]


def _model(drawing, colors: np.ndarray) -> np.ndarray:
    """A drawing with given colours for its regions and its own ink, H×W×3."""
    ink = 1 - drawing.line[..., None] / 255.0
    flat = colors[drawing.regions.astype(int) * len(TONES) + drawing.tones]
    return ink * np.array(drawing.character.palette.ink) + (1 - ink) * flat


def test_constant_colors_are_the_best_there_are():
    drawings = _drawings(6)
    errors = constant_errors(np.stack([constant_terms(drawing) for drawing in drawings]))

    # The same by least squares on all pixels at once, a channel at a time.
    labels = len(REGIONS) * len(TONES)
    rows, targets = [], []
    for drawing in drawings:
        label = drawing.regions.astype(int) * len(TONES) + drawing.tones
        weight = drawing.line / 255.0
        design = np.zeros((label.size, labels))
        design[np.arange(label.size), label.ravel()] = weight.ravel()
        rows.append(design)
        ink = (1 - weight)[..., None] * np.array(drawing.character.palette.ink)
        targets.append((drawing.color - ink).reshape(-1, 3))
    colors = np.linalg.lstsq(np.concatenate(rows), np.concatenate(targets), rcond=None)[0]
    expected = [((_model(d, colors) - d.color) ** 2).mean() for d in drawings]
    np.testing.assert_allclose(errors, expected, rtol=1e-6)


def test_constant_colors_of_one_character_alone_are_nearly_its_own():
    errors = constant_errors(constant_terms(_drawings(1)[0])[None])
    assert errors[0] < 60  # only pixels on the edge of two colours differ


def test_a_sample_is_redrawn_and_recolored_exactly(character_shards):
    reader = ShardReader(character_shards / "train")
    first, other = reader[0], reader[len(reader) - 1]
    assert first.metadata["character"]["seed"] != other.metadata["character"]["seed"]
    assert np.array_equal(redraw(first).line, first.line)
    recolored = in_colors_of(redraw(first), other)
    assert not np.array_equal(recolored, first.color)
    # what both show in the same region and tone has the other's colour
    a, b = redraw(first), redraw(other)
    background = REGIONS.index("background")
    assert recolored[a.regions == background].mean() == pytest.approx(
        other.color[b.regions == background].mean(), abs=25
    )


def test_a_sample_drawn_otherwise_is_noticed(character_shards):
    sample = ShardReader(character_shards / "train")[0]
    assert is_redrawn_exactly(sample)
    assert not is_redrawn_exactly(sample._replace(color=sample.color ^ 1))
    assert not is_redrawn_exactly(sample._replace(line=sample.line ^ 1))


@pytest.fixture(scope="module", params=[None, 128], ids=["as large", "shrunk"])
def varied_shards(request, tmp_path_factory):
    """Four varied characters with lines by XDoG; nothing is held out."""
    folder = tmp_path_factory.mktemp("varied")
    settings = {"art": "varied", "lines": "xdog", "drawn_at": request.param}
    make_shards(
        CharactersConfig(output=folder, count=4, size=64, held_out=0, workers=1, **settings)
    )
    return folder / "train"


def test_varied_characters_are_redrawn_and_recolored_exactly_whatever_draws_their_lines(
    varied_shards,
):
    reader = ShardReader(varied_shards)
    sample, other = reader[0], reader[len(reader) - 1]
    assert is_redrawn_exactly(sample)
    assert not is_redrawn_exactly(sample._replace(color=sample.color ^ 1))
    drawing, seed = redraw(sample), other.metadata["character"]["seed"]
    palette = sample_character(seed, "varied").palette
    expected = draw(replace(drawing.character, palette=palette), drawing.pose, 64, drawing.drawn_at)
    assert np.array_equal(in_colors_of(drawing, other), expected.color)
    assert plan(MeasureConfig(), reader, Available(["psnr"], {}, {}, {}), ALONE).redrawn


def test_ink_that_hardly_shows_is_no_error_of_constant_colors():
    character, pose = sample_character(3, "varied"), sample_pose(3, 0, "varied")
    hand = replace(character.hand, shading="flat", ink_shown=0.3)
    drawing = draw(replace(character, hand=hand), pose, 64)
    # Only pixels on the edge of two colours differ; taken for ink that shows, it would be 491.
    assert constant_errors(constant_terms(drawing)[None])[0] < 100


@pytest.fixture(scope="module")
def whole(character_shards):
    """The plan of good shards."""
    reader = ShardReader(character_shards / "train")
    return plan(MeasureConfig(), reader, Available(["psnr"], {}, {}, {}), ALONE)


@pytest.mark.parametrize("changed", [(0,), (3,), (1, 3)])
def test_every_sample_is_drawn_again_and_the_one_that_differs_is_named(
    character_shards, tmp_path, whole, changed
):
    given = ShardReader(character_shards / "train")
    with ShardWriter(tmp_path / "drawn", 64, 2, {}) as writer:
        for number in range(4):
            key, color, line, metadata = given[number]
            if number in changed:
                color = color.copy()
                color[-1, -1, 2] ^= 1  # of all there is
            writer.write(key, color, line, metadata)
    measured = Available(["psnr"], {}, {}, {})
    reader = ShardReader(tmp_path / "drawn")
    protocol = plan(MeasureConfig(), reader, measured, ALONE)
    key = reader[changed[0]].key + (" and 1 more" if len(changed) > 1 else "")
    reason = f"this version draws {key} differently from the one that made the shards."
    for row in ("cross against truth", "as_it_stands", "constant", "recolored"):
        assert protocol.absent[row] == reason
    assert not protocol.redrawn and {column.row for column in protocol.columns} == {
        "self",
        "random",
    }
    assert whole.redrawn and not whole.absent


def test_no_sample_is_drawn_again_for_what_needs_no_drawing(character_shards, monkeypatch):
    monkeypatch.setattr("colorizer.loading.characters_truth.draw", None)
    reader = ShardReader(character_shards / "train")
    plan(MeasureConfig(modes=("self",)), reader, Available(["psnr"], {}, {}, {}), ALONE)


def test_processes_share_the_drawing_and_tell_each_other(character_shards, monkeypatch):
    reader = ShardReader(character_shards / "train")
    examined = []
    real = is_redrawn_exactly
    monkeypatch.setattr(
        "colorizer.evaluation.protocol.is_redrawn_exactly",
        lambda s: examined.append(s.key) or real(s),
    )

    class Second(World):
        def agree(self, answers):
            return [False, *answers[1:]]  # the first process says that its first one differs

    world = Second(rank=1, count=2, local_rank=1, local_count=2)
    protocol = plan(MeasureConfig(), reader, Available(["psnr"], {}, {}, {}), world)
    half = len(reader) // 2
    assert sorted(examined) == [reader[n].key for n in range(half, len(reader))]
    assert f"draws {reader[0].key} differently" in protocol.absent["recolored"]
