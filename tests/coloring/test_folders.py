"""Folders of drawings: coloured once each, whatever is among them, and continued."""

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from colorizer.coloring import pipeline
from colorizer.coloring.colorize import colorize
from colorizer.coloring.colorizer import Colorizer
from colorizer.coloring.record import NAME
from colorizer.config.commands import ColorizeConfig
from colorizer.drawings.regions import GAP
from colorizer.system.errors import UserError


@pytest.fixture
def drawings(tmp_path, draw_scene):
    """Four drawings of two sizes, one of them in a subfolder, and two references."""
    for number, name in enumerate(["2.png", "10.png", "a.jpg", "deep/b.png"]):
        path = tmp_path / "lines" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        scene = draw_scene(number, 60, 40 + 10 * (number // 2))
        cv2.imwrite(str(path), cv2.cvtColor(scene, cv2.COLOR_RGB2GRAY))
    for number in (7, 8):
        cv2.imwrite(str(tmp_path / f"reference {number}.png"), draw_scene(number, 50, 50))
    return tmp_path / "lines"


@pytest.fixture
def config(trained, drawings, tmp_path):
    """`config(gap=0.02)`: colours them into `out`."""

    def configure(**changes) -> ColorizeConfig:
        given = {
            "checkpoint": trained.output,
            "line": drawings,
            "reference": (tmp_path / "reference 7.png",),
            "output": tmp_path / "out",
        }
        return ColorizeConfig(**(given | changes))

    return configure


def results(folder: Path) -> dict[str, bytes]:
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths if p.name != NAME}


def finished(folder: Path) -> Counter[str]:
    """How often each result was finished, by the record."""
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    return Counter(line["output"] for line in lines if "begun" not in line)


def test_each_is_what_it_is_alone_under_its_name(config, trained, drawings, tmp_path, capsys):
    colorize(config())
    colorizer = Colorizer(trained.output)
    found = results(tmp_path / "out")
    assert list(found) == ["10.png", "2.png", "a.png", "deep/b.png"]
    for name in ("2.png", "a.png", "deep/b.png"):
        source = drawings / name.replace("a.png", "a.jpg")
        alone = colorizer(source, tmp_path / "reference 7.png").picture
        assert np.array_equal(cv2.imread(str(tmp_path / "out" / name))[..., ::-1], alone)
    shown = capsys.readouterr().out
    assert "4 coloured, 0 coloured before, 0 could not" in shown
    assert "At most 16 drawings" in shown


def test_batches_of_an_accelerator_give_the_same(config, drawings, tmp_path, monkeypatch):
    # Two that show as much and so are of one size where the network works, as frames often are.
    mirrored = cv2.imread(str(drawings / "10.png"), 0)[:, ::-1]
    cv2.imwrite(str(drawings / "2.png"), mirrored)
    colorize(config())
    sizes = []
    color_small = Colorizer.color_small

    def counted(self, line, references):
        sizes.append(len(line))
        return color_small(self, line, references)

    monkeypatch.setattr(Colorizer, "color_small", counted)
    started = pipeline.Pipeline.__init__

    def in_batches(self, *arguments):
        started(self, *arguments)
        self._batch = 8

    monkeypatch.setattr(pipeline.Pipeline, "__init__", in_batches)
    monkeypatch.setattr(pipeline.Pipeline, "_is_full", lambda self, pixels: False)
    real = pipeline.Pipeline._color

    def when_all_are_ready(self):
        for drawing in self._preparing:
            drawing.future.exception()
        yield from real(self)

    monkeypatch.setattr(pipeline.Pipeline, "_color", when_all_are_ready)
    colorize(config(output=tmp_path / "batched"))
    assert max(sizes) > 1
    for name, data in results(tmp_path / "out").items():
        one, other = (
            cv2.imdecode(np.frombuffer(d, np.uint8), 1).astype(int)
            for d in (data, results(tmp_path / "batched")[name])
        )
        assert np.abs(one - other).mean() < 1


def test_a_broken_drawing_and_a_text_file_are_named_and_the_rest_is_done(
    config, drawings, tmp_path, capsys
):
    (drawings / "3.png").write_bytes((drawings / "2.png").read_bytes()[:90])
    (drawings / "4.png").write_text("not a picture")
    with pytest.raises(UserError, match="2 of 6 could not be coloured"):
        colorize(config())
    shown = capsys.readouterr()
    assert "3.png: broken" in shown.err and "4.png: broken" in shown.err
    assert len(results(tmp_path / "out")) == 4
    with pytest.raises(UserError, match="2 of 6 could not be coloured"):
        colorize(config())
    assert "0 coloured, 4 coloured before, 2 could not" in capsys.readouterr().out


def test_a_picture_that_is_dark_all_over_is_coloured_too(config, drawings, tmp_path):
    cv2.imwrite(str(drawings / "2.png"), np.full((200, 300), 140, np.uint8))
    colorize(config())
    assert len(results(tmp_path / "out")) == 4


def test_a_single_drawing_goes_into_a_folder_too(config, drawings, tmp_path):
    colorize(config(line=drawings / "a.jpg"))
    assert list(results(tmp_path / "out")) == ["a.png"]


def test_only_what_is_missing_or_has_changed_is_done(config, drawings, tmp_path, capsys):
    colorize(config())
    before = results(tmp_path / "out")
    (tmp_path / "out" / "2.png").unlink()
    (drawings / "10.png").write_bytes((drawings / "deep" / "b.png").read_bytes())
    colorize(config())
    assert finished(tmp_path / "out") == {"2.png": 2, "10.png": 2, "a.png": 1, "deep/b.png": 1}
    after = results(tmp_path / "out")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"10.png"}
    assert "2 coloured, 2 coloured before" in capsys.readouterr().out


def test_what_was_begun_and_not_finished_is_done_again(config, tmp_path):
    colorize(config())
    whole = results(tmp_path / "out")
    record = tmp_path / "out" / NAME
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])  # killed while it wrote the last
    last = json.loads(lines[-1])["output"]
    (tmp_path / "out" / last).write_bytes(b"half")
    colorize(config())
    assert results(tmp_path / "out") == whole


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"working_size": 32}, "working size was 64, now 32"),
        ({"gap": 0.05}, "gap was 0.012, now 0.05"),
        ({"reference": ("reference 8.png",)}, "the references were .*7.png, now .*8.png"),
        ({"sequence": True}, "sequence was False, now True"),
    ],
)
def test_other_settings_are_refused_and_overwrite_takes_them(config, tmp_path, changes, words):
    if "reference" in changes:
        changes = {"reference": tuple(tmp_path / name for name in changes["reference"])}
    colorize(config())
    before = results(tmp_path / "out")
    with pytest.raises(UserError, match=f"{words}.*--overwrite to colour it anew, or another"):
        colorize(config(**changes))
    assert results(tmp_path / "out") == before
    colorize(config(**changes, overwrite=True))
    assert set(finished(tmp_path / "out").values()) == {2}
    colorize(config(**changes, overwrite=True))  # they are the same already
    assert set(finished(tmp_path / "out").values()) == {2}


def test_a_file_of_somebody_else_is_not_written_over(config, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "10.png").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"10\.png exists, and is not from here"):
        colorize(config())
    assert results(tmp_path / "out") == {"10.png": b"mine"}
    colorize(config(overwrite=True))
    assert len(results(tmp_path / "out")["10.png"]) > 4


def test_references_are_read_once_for_each_set(config, drawings, tmp_path, monkeypatch, capsys):
    (tmp_path / "broken.png").write_text("not a picture")
    rows = [(f"lines/{n}", f"reference {7 + i % 2}.png") for i, n in enumerate(["2.png", "10.png"])]
    rows += [("lines/a.jpg", "reference 7.png"), ("lines/deep/b.png", "broken.png")]
    table = tmp_path / "table.csv"
    table.write_text("line,reference\n" + "".join(f"{a},{b}\n" for a, b in rows))
    sets = []
    read = Colorizer.read

    def counted(self, references, working_size=None):
        sets.append(references)
        return read(self, references, working_size)

    monkeypatch.setattr(Colorizer, "read", counted)
    with pytest.raises(UserError, match="1 of 4 could not be coloured"):
        colorize(config(line=table, reference=()))
    assert len(sets) == 3
    assert "broken.png: broken" in capsys.readouterr().err
    assert len(results(tmp_path / "out")) == 3


def test_an_unusable_reference_of_all_ends_it_at_once(config, tmp_path):
    (tmp_path / "broken.png").write_text("not a picture")
    with pytest.raises(UserError, match=r"broken\.png: broken"):
        colorize(config(reference=(tmp_path / "broken.png",)))
    assert results(tmp_path / "out") == {}


def test_memory_is_bounded_in_drawings_and_pixels(config, monkeypatch, capsys):
    most = {"drawings": 0, "pixels": 0}
    step = pipeline.Pipeline._step

    def watched(self):
        held = [*self._preparing, *self._finishing]
        most["drawings"] = max(most["drawings"], len(held))
        most["pixels"] = max(most["pixels"], sum(drawing.pixels for drawing in held))
        yield from step(self)

    monkeypatch.setattr(pipeline.Pipeline, "_step", watched)
    monkeypatch.setattr(pipeline, "HELD_PIXELS", 5200)  # two of 60x40, one of 60x50
    colorize(config())
    assert most["drawings"] == 2 and most["pixels"] <= 5200


def test_a_full_disk_ends_it_with_a_sentence_and_what_is_done_counts(config, tmp_path, monkeypatch):
    from colorizer.coloring import writing

    write = writing.write_picture

    def until_full(path, picture):
        if path.name == "a.png":
            raise UserError(f"cannot write {path}") from OSError(28, "No space left on device")
        write(path, picture)

    monkeypatch.setattr(writing, "write_picture", until_full)
    with pytest.raises(UserError, match=r"cannot write .*a\.png"):
        colorize(config())
    monkeypatch.setattr(writing, "write_picture", write)
    colorize(config())
    assert set(finished(tmp_path / "out").values()) == {1}
    assert len(results(tmp_path / "out")) == 4


def test_the_gap_of_the_settings_is_that_of_the_regions(config):
    assert config().gap == GAP
    with pytest.raises(UserError, match=r"--gap is 0\.5; it must be from 0 to 0\.1"):
        colorize(config(gap=0.5))
