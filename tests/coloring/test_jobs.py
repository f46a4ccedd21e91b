"""What a command asks to be coloured: folders, patterns, tables; and what it is refused for."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.coloring.jobs import list_jobs
from colorizer.coloring.pipeline import written
from colorizer.config.commands import ColorizeConfig
from colorizer.system.errors import UserError
from colorizer.system.storage import replace_file, writing


@pytest.fixture
def folder(tmp_path):
    """Drawings `2.png`, `10.png`, `cut/1.jpg`, a text file; a reference beside the folder."""
    folder = tmp_path / "drawings"
    for name in ("10.png", "2.png", "cut/1.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((20, 20), 255, np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("not a picture")
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "reference.png")
    return folder


def jobs(folder: Path, **changes):
    given = {
        "line": folder,
        "reference": (folder.parent / "reference.png",),
        "output": folder.parent / "out",
    }
    return list_jobs(ColorizeConfig(**(given | changes)))


def names(found, under: Path) -> list[str]:
    return [job.output.relative_to(under).as_posix() for job in found]


def test_a_folder_keeps_names_and_subfolders_in_natural_order(folder, tmp_path, capsys):
    found = jobs(folder)
    assert names(found, tmp_path / "out") == ["2.png", "10.png", "cut/1.png"]
    assert [job.drawing for job in found] == [folder / n for n in ("2.png", "10.png", "cut/1.jpg")]
    assert "notes.txt: not a picture, skipped" in capsys.readouterr().err
    assert names(jobs(folder, format="webp"), tmp_path / "out")[0] == "2.webp"


def test_a_pattern_keeps_the_folders_below_its_fixed_part(folder, tmp_path):
    out = tmp_path / "out"
    assert names(jobs(folder, line=folder / "*.png"), out) == ["2.png", "10.png"]
    assert names(jobs(folder, line=folder / "**" / "*.jpg"), out) == ["cut/1.png"]
    with pytest.raises(UserError, match="no file has such a name"):
        jobs(folder, line=folder / "*.gif")


def test_a_folder_of_references_is_all_its_pictures(folder):
    assert len(jobs(folder, reference=(folder,), line=folder / "2.png")[0].references) == 3


def test_drawings_that_differ_in_their_ending_alone_keep_it(folder, tmp_path):
    (folder / "2.jpg").write_bytes((folder / "cut/1.jpg").read_bytes())
    found = names(jobs(folder), tmp_path / "out")
    assert sorted(found) == ["10.png", "2.jpg.png", "2.png.png", "cut/1.png"]
    assert names(jobs(folder, line=folder / "2.*"), tmp_path / "out") == ["2.jpg.png", "2.png.png"]


def test_no_two_drawings_of_a_folder_have_one_result(folder):
    for name in ("2.jpg", "2.jpg.png"):
        (folder / name).write_bytes((folder / "cut/1.jpg").read_bytes())
    assert len({job.output for job in jobs(folder)}) == 5


def test_two_rows_with_one_result_are_both_named(folder):
    rows = "line,reference\n2.png,10.png\ncut/../2.png,10.png\n"
    with pytest.raises(UserError, match=r"would both become .*2\.png"):
        jobs(folder, line=table(folder, rows), reference=())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"output": "drawings/colored"}, "is or lies inside"),
        ({"line": "drawings/*.png", "output": "drawings"}, r"would take the place of .*2\.png"),
        ({"line": "drawings/2.png", "output": "reference.png"}, "would take the place of"),
        ({"output": "out.png"}, "is a picture's name; give a folder"),
        ({"line": "nothing"}, "no such drawing, folder or table"),
        ({"line": "none.png", "output": "out.png"}, "none.png: no such drawing"),
        ({"reference": ()}, "has no reference; give --reference"),
        ({"reference": ("none.png",)}, "none.png: no such picture"),
        ({"reference": ("empty",)}, "holds no pictures"),
    ],
)
def test_what_would_go_wrong_is_refused_before_anything_is_done(folder, tmp_path, changes, words):
    (tmp_path / "empty").mkdir()
    paths = {
        name: tuple(tmp_path / path for path in value)
        if isinstance(value, tuple)
        else tmp_path / value
        for name, value in changes.items()
    }
    with pytest.raises(UserError, match=words):
        jobs(folder, **paths)


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_table_gives_each_drawing_its_references_and_result(folder, tmp_path):
    text = (
        "\ufeffline,reference,output\n"
        "10.png,../reference.png|cut/1.jpg,a/ten.webp\n"
        "\n"
        "2.png,,two\n"
        "cut/1.jpg, ../reference.png ,\n"
        "../reference.png,2.png,\n"
    )
    found = jobs(folder, line=table(folder, text))
    out = tmp_path / "out"
    assert names(found, out) == ["a/ten.webp", "two.png", "cut/1.png", "reference.png"]
    assert found[0].references == (folder / "../reference.png", folder / "cut/1.jpg")
    assert found[1].references == (tmp_path / "reference.png",)  # the command line's


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "its first line is ''; it must be line,reference"),
        ("line;reference\n", "its first line is 'line;reference'"),
        ("line,reference,colour\n2.png,2.png,red\n", "it must be line,reference or"),
        ("line,line,reference\n", "it must be line,reference or"),
        ("line,reference\n", "has no drawing below its header"),
        ("line,reference\n2.png,10.png\n3.png,10.png\n", r"row 3: .*3\.png: no such file"),
        ("line,reference\n2.png,10.png|none.png\n", r"row 2: .*none\.png: no such file"),
        ("line,reference\n2.png,10.png,11.png\n", "row 2 has 3 cells; the header has 2"),
        ("line,reference\n,10.png\n", "row 2 names no line drawing"),
        ("line,reference\ncut,10.png\n", "is a folder; name a drawing"),
        ("line,reference,output\n2.png,10.png,../../a\n", "no file's name in the output folder"),
        ("line,reference,output\n2.png,10.png,/a\n", "no file's name in the output folder"),
        ('line,reference\n"2.png,10.png\n', "is no CSV in UTF-8"),
        ("line,reference\n2.png,\n", r"2\.png has no reference"),
    ],
)
def test_a_wrong_table_is_one_sentence_with_its_row(folder, text, words):
    with pytest.raises(UserError, match=words):
        jobs(folder, line=table(folder, text), reference=())


def test_a_table_in_another_encoding_is_refused(folder):
    with pytest.raises(UserError, match="is no CSV in UTF-8"):
        jobs(folder, line=table(folder, "line,reference\né.png,2.png\n", "latin-1"))


def _refusing(fault: int):
    def write(job, painting, digest) -> None:
        with writing(job.output):
            raise OSError(fault, os.strerror(fault))

    return write


def test_a_result_whose_name_is_too_long_is_the_fault_of_its_drawing_alone(folder, tmp_path):
    job = replace(jobs(folder)[0], output=tmp_path / ("x" * 252 + ".png"))
    write = lambda job, painting, digest: replace_file(job.output, b"")  # noqa: E731
    outcome = written(write, job, None, "")
    assert outcome.error is not None and "File name too long" in outcome.error
    for fault in (errno.EINVAL, errno.EILSEQ):  # exFAT and shares refuse colons and question marks
        outcome = written(_refusing(fault), job, None, "")
        assert "give it a name that the disk takes" in str(outcome.error)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="cannot write"):  # all others would fail as well
        written(write, replace(job, output=tmp_path / "file" / "a.png"), None, "")
