"""Cuts: frames in order, continued, and as a film."""

import json

import cv2
import numpy as np
import pytest

from colorizer.coloring import video
from colorizer.coloring.colorize import colorize
from colorizer.coloring.colorizer import Colorizer
from colorizer.coloring.record import NAME
from colorizer.config.commands import ColorizeConfig
from colorizer.system.errors import UserError


@pytest.fixture
def frames(tmp_path, draw_scene):
    """Frames 1, 2, 9, 10 and 11 of 64x48, and a reference."""
    (tmp_path / "frames").mkdir()
    for number in (1, 2, 9, 10, 11):
        scene = cv2.cvtColor(draw_scene(number, 64, 48), cv2.COLOR_RGB2GRAY)
        cv2.imwrite(str(tmp_path / "frames" / f"{number}.png"), scene)
    cv2.imwrite(str(tmp_path / "reference.png"), draw_scene(5, 50, 50))
    return tmp_path / "frames"


@pytest.fixture
def config(trained, frames, tmp_path):
    """`config(video=...)`: colours them as a cut into `out`."""

    def configure(**changes) -> ColorizeConfig:
        given = {
            "checkpoint": trained.output,
            "line": frames,
            "reference": (tmp_path / "reference.png",),
            "output": tmp_path / "out",
            "sequence": True,
        }
        return ColorizeConfig(**(given | changes))

    return configure


def done(folder) -> list[str]:
    """Results in the order in which they were finished."""
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    return [line["output"] for line in lines if "begun" not in line]


@pytest.fixture
def shown(monkeypatch) -> list[list[np.ndarray]]:
    """The frames that each call of `sequence` gets."""
    calls: list[list[np.ndarray]] = []
    sequence = Colorizer.sequence

    def watched(colorizer, frames, references, *given):
        calls.append([])

        def noted():
            for frame in frames:
                calls[-1].append(frame.pixels)
                yield frame

        yield from sequence(colorizer, noted(), references, *given)

    monkeypatch.setattr(Colorizer, "sequence", watched)
    return calls


def test_frames_are_coloured_in_natural_order(config, frames, tmp_path, shown):
    colorize(config())
    assert sorted(done(tmp_path / "out"), key=lambda n: int(n[:-4])) == [
        f"{n}.png" for n in (1, 2, 9, 10, 11)
    ]
    (seen,) = shown
    for number, frame in zip((1, 2, 9, 10, 11), seen, strict=True):
        assert np.array_equal(frame[..., 0], cv2.imread(str(frames / f"{number}.png"), 0))


def test_continued_it_sees_the_frames_before_and_writes_what_is_missing(config, tmp_path, shown):
    colorize(config())
    whole = (tmp_path / "out" / "9.png").read_bytes()
    (tmp_path / "out" / "9.png").unlink()
    colorize(config())
    assert [len(call) for call in shown] == [5, 3]
    assert done(tmp_path / "out")[5:] == ["9.png"]
    assert (tmp_path / "out" / "9.png").read_bytes() == whole
    colorize(config())
    assert len(shown) == 2


def test_a_changed_frame_changes_those_after_it(config, frames, tmp_path):
    colorize(config())
    (frames / "9.png").write_bytes((frames / "1.png").read_bytes())
    colorize(config())
    assert sorted(done(tmp_path / "out")[5:]) == ["10.png", "11.png", "9.png"]


def test_points_and_keys_are_of_the_frames_that_they_name(config, frames, tmp_path):
    (frames / "1.png").write_text("broken: frame 0 is gone, and the others keep their numbers")
    (tmp_path / "keys").mkdir()
    key = np.full((48, 64, 3), (40, 90, 200), np.uint8)
    cv2.imwrite(str(tmp_path / "keys" / "2.jpg"), key[..., ::-1])
    (tmp_path / "points.txt").write_text("frame 2 1 1 #0a141e\nframe 3 1 1 @10 10\n")
    with pytest.raises(UserError, match="1 of 5"):
        colorize(
            config(
                points=tmp_path / "points.txt",
                keys=(tmp_path / "keys",),
                write=("result", "colors"),
            )
        )
    colors = {
        n: cv2.imread(str(tmp_path / "out" / f"{n}.colors.png"))[..., ::-1] for n in (2, 9, 10)
    }
    assert np.abs(colors[2].astype(int) - key).mean() < 20
    assert tuple(colors[9][1, 1]) == (10, 20, 30)
    reference = cv2.imread(str(tmp_path / "reference.png"))[..., ::-1]
    assert tuple(colors[10][1, 1]) == tuple(reference[10, 10])
    with pytest.raises(UserError, match=r"points\.txt|made with other|points"):
        (tmp_path / "points.txt").write_text("1 1 #ffffff")
        colorize(config(points=tmp_path / "points.txt"))


def test_a_broken_frame_is_named_and_the_others_are_coloured(config, frames, tmp_path, capsys):
    (frames / "2.png").write_text("not a picture")
    with pytest.raises(UserError, match="1 of 5 could not be coloured"):
        colorize(config(video=tmp_path / "film.mp4"))
    assert len(done(tmp_path / "out")) == 4
    assert "2.png: broken" in capsys.readouterr().err
    assert not (tmp_path / "film.mp4").exists()


def test_frames_with_broken_notes_are_coloured_as_single_drawings_are(config, frames, tmp_path):
    path = frames / "2.png"
    data = path.read_bytes()
    path.write_bytes(data[:33] + b"\0\0\0\x01tEXta" + bytes(4) + data[33:])  # a wrong checksum
    colorize(config())
    assert len(done(tmp_path / "out")) == 5


def test_each_folder_is_a_cut_of_its_own(config, frames, shown):
    (frames / "b").mkdir()
    (frames / "b" / "1.png").write_bytes((frames / "1.png").read_bytes())
    colorize(config())
    assert sorted(len(call) for call in shown) == [1, 5]


def test_a_film_has_the_frames_in_order(config, tmp_path):
    path = tmp_path / "films" / "a.mp4"
    colorize(config(video=path, fps=12))
    film = cv2.VideoCapture(str(path))
    assert film.isOpened()
    assert film.get(cv2.CAP_PROP_FPS) == 12
    pictures = []
    while (read := film.read())[0]:
        pictures.append(read[1].astype(int))
    assert len(pictures) == 5
    for number, picture in zip((1, 2, 9, 10, 11), pictures, strict=True):
        truth = cv2.imread(str(tmp_path / "out" / f"{number}.png")).astype(int)
        assert np.abs(picture - truth).mean() < 15
    assert [p.name for p in path.parent.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sequence": False, "video": "a.mp4"}, "give --sequence, too"),
        ({"video": "a.avi"}, "must end in .mp4"),
        ({"sequence": False, "points": "points.txt"}, "--points are of one drawing, or"),
        ({"sequence": False, "keys": ("reference.png",)}, "--keys are frames of a cut"),
        ({"keys": ("reference.png",)}, "reference.png: no frame has its name"),
        ({"points": "none.txt"}, "none.txt: cannot be read"),
        ({"line": "frames/1.png", "output": "a.png"}, "is one drawing"),
    ],
)
def test_what_is_no_cut_is_refused(config, tmp_path, changes, words):
    paths = {n: tmp_path / v if isinstance(v, str) else v for n, v in changes.items()}
    if "keys" in changes:
        paths["keys"] = (tmp_path / "reference.png",)
    with pytest.raises(UserError, match=words):
        colorize(config(**paths))
    assert not (tmp_path / "out").exists()


def test_frames_of_several_sizes_become_no_film(config, frames, tmp_path):
    cv2.imwrite(str(frames / "9.png"), np.full((50, 50), 255, np.uint8))
    with pytest.raises(UserError, match=r"1\.png is 64x48, .*9\.png is 50x50; leave --video out"):
        colorize(config(video=tmp_path / "a.mp4"))
    assert not (tmp_path / "out").exists()


def test_without_a_way_to_write_a_film_it_says_so_first(config, tmp_path, monkeypatch):
    monkeypatch.setattr(video, "CODE", "zzzz")
    with pytest.raises(UserError, match="leave --video out and make the film"):
        colorize(config(video=tmp_path / "a.mp4"))
    assert not (tmp_path / "out").exists()
