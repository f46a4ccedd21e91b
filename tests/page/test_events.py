"""What the page's parts are told, without a browser."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from colorizer.coloring.colorizer import Colorizer
from colorizer.page.events import Handlers
from colorizer.page.uploads import Limits
from colorizer.page.work import Desk
from colorizer.pictures.grid import write_picture
from colorizer.system.errors import UserError


@pytest.fixture
def handlers(trained, tmp_path) -> Handlers:
    folder = tmp_path / "desk"
    folder.mkdir()
    return Handlers(Desk(Colorizer(trained.output, "cpu"), Limits(1, 1), folder), [])


@pytest.fixture
def given(tmp_path, draw_scene):
    """A drawing's file and a list of one reference's, as Gradio gives them."""
    drawing, reference = tmp_path / "girl.png", tmp_path / "b.png"
    write_picture(drawing, 255 - cv2.Canny(draw_scene(0, 120, 90), 40, 80))
    write_picture(reference, draw_scene(1, 60, 80))
    return str(drawing), [str(reference)]


def test_a_picture_that_is_shown_twice_is_one_file(handlers, given):
    """Written anew, it would change while a browser reads it."""
    steps = handlers.color(None, *given, "", ["result"], lambda *_: None)
    work, first, wipe, files, said = next(steps)
    assert files is None and said.endswith("Writing the files …")
    written = Path(first).stat()
    again, second, wipe_again, (file,), said = next(steps)
    assert (again, second, wipe_again) == (work, first, wipe)
    assert Path(second).stat() == written
    assert np.array_equal(cv2.imread(file), cv2.imread(first))
    steps.close()
    assert not Path(first).exists() and Path(file).exists()


def test_a_new_drawing_takes_the_place_of_the_one_before(handlers, given):
    *_, (first, *_) = handlers.color(None, *given, "", ["result"], lambda *_: None)
    *_, (second, *_) = handlers.color(first, *given, "", ["result"], lambda *_: None)
    assert not first.folder.exists() and second.folder.exists()
    assert list(handlers.desk.folder.iterdir()) == [second.folder]


def test_points_can_be_set_before_the_drawing_is_coloured(handlers, given):
    steps = handlers.correct(None, *given, "60 45 #102030", ["result"])
    shown, wipe, files, _ = next(steps)
    assert tuple(cv2.imread(shown)[45, 60]) == (0x30, 0x20, 0x10)
    assert wipe is files is None


def test_the_last_point_is_taken_back_and_all_are(handlers, given):
    *_, (work, *_) = handlers.color(None, *given, "", ["result"], lambda *_: None)
    two = "60 45 #102030\n5 5 #ff0000\n"
    (points, *_), *_ = handlers.remove_last(work, *given, two, ["result"])
    assert points == "60 45 #102030\n"
    *_, (points, _, _, (file,), _) = handlers.clear(work, *given, two, ["result"])
    assert points == ""
    assert np.array_equal(cv2.imread(file)[..., ::-1], work.painting.picture)


def test_a_wrong_point_is_a_sentence_on_the_page(handlers, given):
    with pytest.raises(Exception, match="Points, line 1: 'x' is no point") as shown:
        next(handlers.correct(None, *given, "x", []))
    assert isinstance(shown.value.__cause__, UserError)
    assert shown.value.print_exception is False


def test_unusable_references_are_let_go(handlers, given, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("gradio.Warning", lambda text, **_: said.append(text))
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    ((kept, sheet),) = handlers.take_references([*given[1], str(text)])
    assert kept["value"] == given[1] and sheet["visible"]
    assert said == [
        "notes.txt cannot be read as a picture; give a PNG, JPEG, WebP, TIFF, BMP or GIF file."
    ]
    ((drawing, *_),) = handlers.take_drawing(str(text))
    assert drawing is None and len(said) == 2
