"""Drawings as they come: on the other side, of another size, light on dark, on grey paper."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from colorizer.commands.make_shards import settings
from colorizer.making.config import (
    ListConfig,
    PairedConfig,
    PairsConfig,
    SideBySideConfig,
    TarsConfig,
)
from colorizer.making.pipeline import make_shards
from colorizer.pictures.decode import UnusablePicture
from colorizer.system.errors import UserError
from tests.helpers.making import (
    OUTPUT,
    encoded,
    files_of,
    grey,
    load,
    noise,
    read_set,
    samples_of,
    save,
    without_workers,
    write_tar,
)


def picture_of(seed: int, side: int = 64) -> np.ndarray:
    """Two coloured shapes on white, with outlines."""
    red, green, blue = (int(level) for level in noise(seed, 1, 1)[0, 0] // 2)
    pixels = grey(255, side, side)
    cv2.circle(pixels, (side // 2, side // 2), side // 4, (red + 127, green, blue), -1)
    cv2.rectangle(pixels, (2, 2), (side // 2, side // 3), (red, green, blue + 127), -1)
    return pixels


def drawing_of(seed: int, side: int = 64, paper: int = 255, ink: int = 0) -> np.ndarray:
    """Lines of this ink on this paper."""
    pixels = grey(paper, side, side)
    cv2.circle(pixels, (side // 2, side // 2), side // 4, (ink,) * 3, 1 + seed % 2)
    cv2.line(pixels, (4, 4 + seed), (side - 4, side // 2), (ink,) * 3, 1)
    return pixels


def pairs_in(kind: Any, folder: Path, pairs: list) -> PairsConfig:
    """A source of this kind that holds (picture, drawing) pairs."""
    for number, (picture, drawing) in enumerate(pairs):
        if kind is SideBySideConfig:
            save(folder / f"{number}.png", np.hstack((picture, drawing)))
        elif kind is not TarsConfig:
            save(folder / "colour" / f"{number}.png", picture)
            save(folder / "line" / f"{number}.png", drawing)
    made = {"output": folder.with_name("made"), "size": 32, "held_out": 0.0, "lines": "given"}
    if kind is TarsConfig:
        members = (
            (f"{number}.{role}.png", encoded(pixels))
            for number, pair in enumerate(pairs)
            for role, pixels in zip(("color", "line"), pair, strict=True)
        )
        write_tar(folder / "a.tar", members)
        return TarsConfig(tars=folder, **made)
    if kind is ListConfig:
        lines = (f"colour/{number}.png\tline/{number}.png\n" for number in range(len(pairs)))
        (folder / "list.txt").write_text("".join(lines))
        return ListConfig(file=folder / "list.txt", **made)
    return kind(folder=folder, **made)


def said_by(config: PairsConfig, capsys: pytest.CaptureFixture[str]) -> str:
    make_shards(config)
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


# ---- Which half is the drawing


def test_the_drawing_may_be_on_the_left_and_halves_have_any_shape(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.hstack((grey(240, 30, 50), grey(50, 30, 50))))
    config = SideBySideConfig(folder=tmp_path, output=OUTPUT, line_side="left")
    picture = load(config)["a.png"]
    assert picture.color.shape == (50, 30, 3) and (picture.color == 50).all()
    assert picture.line is not None and (picture.line == 240).all()
    parsed = settings(["side-by-side", "x", "--line-side", "left", "--output", "y"])
    assert isinstance(parsed, SideBySideConfig) and parsed.line_side == "left"


KINDS = {
    SideBySideConfig: "--line-side left",
    PairedConfig: "--color line --line colour",
    ListConfig: "before the tab",
    TarsConfig: "KEY.line.png",
}


@pytest.mark.parametrize(("kind", "remedy"), KINDS.items())
def test_drawings_with_more_colour_than_their_pictures_are_told_with_figures(
    tmp_path: Path, monkeypatch, capsys, kind: type[PairsConfig], remedy: str
) -> None:
    without_workers(monkeypatch)
    right = [(picture_of(seed), drawing_of(seed)) for seed in range(4)]
    config = pairs_in(kind, tmp_path / "right", right)
    assert "more colour" not in said_by(config, capsys)
    wrong = [pair[::-1] for pair in right[:3]] + right[3:]
    config = replace(pairs_in(kind, tmp_path / "wrong", wrong), output=tmp_path / "other")
    said = said_by(config, capsys)
    assert "in 3 of 4 pairs the drawing has more colour than the picture (" in said
    assert "against 0.0, on average" in said and remedy in said


def test_drawings_on_yellowed_paper_have_no_more_colour_than_a_pale_picture(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    without_workers(monkeypatch)
    yellowed = np.minimum(drawing_of(0), np.array([235, 215, 160], np.uint8))
    config = pairs_in(PairedConfig, tmp_path / "pairs", [(drawing_of(1, paper=250), yellowed)])
    assert "more colour" not in said_by(config, capsys)


def test_a_set_begun_with_the_drawing_on_the_other_side_is_refused(
    tmp_path: Path, monkeypatch
) -> None:
    without_workers(monkeypatch)
    config = pairs_in(SideBySideConfig, tmp_path / "pairs", [(picture_of(0), drawing_of(0))])
    make_shards(config)
    for change in ({"line_side": "left"}, {"invert_lines": True}, {"whiten": True}):
        with pytest.raises(UserError, match=f"{next(iter(change))} was None"):
            make_shards(replace(config, **change))


# ---- Sizes


@pytest.mark.parametrize("size", [(100, 60), (32, 19), (33, 20), (49, 30)])
def test_a_drawing_of_another_size_and_the_same_shape_is_resized(
    tmp_path: Path, monkeypatch, size: tuple[int, int]
) -> None:
    without_workers(monkeypatch)
    save(tmp_path / "pairs" / "colour" / "a.png", noise(0, 50, 30))
    save(tmp_path / "pairs" / "line" / "a.png", grey(77, *size))
    for fit in ("pad", "crop"):
        output = tmp_path / fit
        make_shards(
            PairedConfig(folder=tmp_path / "pairs", output=output, size=32, held_out=0.0, fit=fit)
        )
        ((_, color, line, metadata),) = samples_of(output)
        assert color.shape[:2] == line.shape == (32, 32) and (line[8:24] == 77).all()
        assert metadata["lines"]["size"] == list(size) and metadata["size"] == [50, 30]


@pytest.mark.parametrize("size", [(30, 50), (50, 33), (54, 30), (100, 66), (1920, 1088)])
def test_a_drawing_of_another_shape_is_rejected_with_both_sizes(tmp_path: Path, size) -> None:
    full = (1920, 1080) if size[0] == 1920 else (50, 30)
    save(tmp_path / "colour" / "a.png", grey(0, *full))
    save(tmp_path / "line" / "a.png", grey(0, *size))
    with pytest.raises(UnusablePicture) as rejected:
        load(PairedConfig(folder=tmp_path, output=OUTPUT))
    assert rejected.value.reason == "shapes of a pair differ"
    for each in (full, size):
        assert f"{each[0]}x{each[1]}" in rejected.value.detail


# ---- Light lines, grey paper


def test_light_lines_are_counted_and_inverted_when_asked(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    without_workers(monkeypatch)
    drawings = [
        drawing_of(0),
        drawing_of(1, paper=0, ink=255),
        drawing_of(2, paper=110, ink=255),  # a blackboard
    ]
    pairs = [(picture_of(seed), drawing) for seed, drawing in enumerate(drawings)]
    config = pairs_in(PairedConfig, tmp_path / "pairs", pairs)
    said = said_by(config, capsys)
    assert "2 of 3 drawings have light lines on a dark ground" in said
    assert "one is colour/1.png" in said and "give --invert-lines" in said
    config = replace(config, output=tmp_path / "mended", invert_lines=True, whiten=True)
    said = said_by(config, capsys)
    assert "2 of 3 drawings had light lines on a dark ground and were inverted" in said
    assert "give --" not in said
    before = {sample["source"]: line for _, _, line, sample in samples_of(tmp_path / "made")}
    for _, _, line, sample in samples_of(config.output):
        inverted = sample["source"] != "colour/0.png"
        assert sample["lines"].get("inverted", False) == inverted
        assert np.median(line) == 255 and line.min() < 150
        if not inverted:
            assert np.array_equal(line, before[sample["source"]])


def test_white_lines_on_transparent_paper_are_light_lines(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    without_workers(monkeypatch)
    ink = 255 - drawing_of(0)[..., :1]
    white = np.dstack((grey(255, 64, 64), ink))
    black = np.dstack((grey(0, 64, 64), ink))
    pairs = [(picture_of(0), white), (picture_of(1), black)]
    config = pairs_in(PairedConfig, tmp_path / "pairs", pairs)
    assert "1 of 2 drawings have light lines on a dark ground" in said_by(config, capsys)
    for picture in load(replace(config, invert_lines=True)).values():
        assert picture.line is not None
        assert np.array_equal(picture.line, drawing_of(0)[..., 0])


def test_grey_and_yellowed_paper_is_counted_and_whitened_when_asked(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    without_workers(monkeypatch)
    yellowed = np.minimum(drawing_of(1), np.array([240, 230, 190], np.uint8))
    drawings = [drawing_of(0), yellowed, drawing_of(2, paper=200)]
    pairs = [(picture_of(seed), drawing) for seed, drawing in enumerate(drawings)]
    config = pairs_in(PairedConfig, tmp_path / "pairs", pairs)
    said = said_by(config, capsys)
    assert "2 of 3 drawings are not on white paper (one is colour/1.png); give --whiten" in said
    assert "light lines" not in said
    config = replace(config, output=tmp_path / "mended", whiten=True)
    assert "2 of 3 drawings were not on white paper and were whitened" in said_by(config, capsys)
    samples = read_set(config.output).values()
    whitened = {sample["source"] for sample in samples if sample["lines"].get("whitened")}
    assert whitened == {"colour/1.png", "colour/2.png"}
    for (_, _, line, _), (_, _, first, sample) in zip(
        samples_of(config.output), samples_of(tmp_path / "made"), strict=True
    ):
        assert np.median(line) == 255 and line.min() < 200
        assert np.array_equal(line, first) == (sample["source"] == "colour/0.png")


def test_mending_without_drawings_of_the_source_is_refused(tmp_path: Path) -> None:
    config = pairs_in(PairedConfig, tmp_path / "pairs", [(picture_of(0), drawing_of(0))])
    for name in ("invert_lines", "whiten"):
        flag = "--" + name.replace("_", "-")
        with pytest.raises(UserError, match=f"--lines xdog uses no drawings.*leave out {flag}"):
            make_shards(replace(config, lines="xdog", **{name: True}))


def test_drawings_that_are_not_used_are_not_judged(tmp_path: Path, monkeypatch, capsys) -> None:
    without_workers(monkeypatch)
    pairs = [(picture_of(0), drawing_of(0, paper=200))]
    config = replace(pairs_in(PairedConfig, tmp_path / "pairs", pairs), lines="xdog")
    assert "white paper" not in said_by(config, capsys)


def test_mended_pairs_are_the_same_from_one_worker_and_two(tmp_path: Path) -> None:
    pairs = [(picture_of(seed), drawing_of(seed, paper=70 * (seed % 4))) for seed in range(12)]
    config = pairs_in(PairedConfig, tmp_path / "pairs", pairs)
    made = []
    for workers in (1, 2):
        output = tmp_path / str(workers)
        make_shards(replace(config, output=output, workers=workers, invert_lines=True, whiten=True))
        made.append(files_of(output))
    assert made[0] == made[1]
