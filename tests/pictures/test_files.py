"""What a folder holds: picture files, and what is passed over or rejected, for which reason."""

import os
from pathlib import Path

import pytest

from colorizer.pictures.files import PictureFile, Rejection, find_pictures, no_pictures, walk
from colorizer.system.errors import UserError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"12345")


def sources(folder: Path, within: str = "") -> list[str]:
    return [file.source for file in find_pictures(folder, within)]


def reasons(folder: Path) -> dict[str, str]:
    return {r.source: r.reason for r in find_pictures(folder) if isinstance(r, Rejection)}


def test_pictures_come_folder_by_folder_in_the_order_of_their_names(tmp_path):
    touch(tmp_path, "b.png", "a.JPG", "z/c.webp", "k/deep/d.jpeg", "k/e.png")
    assert sources(tmp_path) == ["a.JPG", "b.png", "k/e.png", "k/deep/d.jpeg", "z/c.webp"]
    assert next(iter(find_pictures(tmp_path))) == PictureFile("a.JPG", bytes=5)


def test_a_part_of_the_folder_can_be_searched_alone(tmp_path):
    touch(tmp_path, "a.png", "colour/b.png", "colour/more/c.png")
    assert sources(tmp_path, "colour") == ["colour/b.png", "colour/more/c.png"]


def test_a_stem_is_the_path_without_the_last_suffix():
    assert PictureFile("a.b/c.d.png", 1).stem == "a.b/c.d"


def test_what_is_hidden_is_passed_over(tmp_path):
    touch(tmp_path, "a.png", ".b.png", ".cache/c.png", "more/Thumbs.db", "more/.DS_Store")
    assert sources(tmp_path) == ["a.png"]
    assert list(walk(tmp_path)) == ["", "more"]


def test_everything_else_is_rejected_with_its_reason(tmp_path):
    touch(tmp_path, "in/notes.txt", "in/no_suffix", "outside/a.png")
    folder = tmp_path / "in"
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "gone.png").symlink_to(tmp_path / "nothing.png")
    (folder / "round.png").symlink_to(folder / "round.png")
    os.mkfifo(folder / "pipe.png")  # reading it would wait for ever
    assert reasons(folder) == {
        "notes.txt": "not a picture",
        "no_suffix": "not a picture",
        "linked": "link to a folder",
        "gone.png": "cannot be opened",
        "round.png": "cannot be opened",
        "pipe.png": "cannot be opened",
    }
    assert sorted(sources(folder)) == sorted(reasons(folder))  # nothing of the linked folder


def test_a_link_to_a_picture_is_a_picture(tmp_path):
    touch(tmp_path, "outside/a.png", "in/b.png")
    (tmp_path / "in" / "a.png").symlink_to(tmp_path / "outside" / "a.png")
    assert list(find_pictures(tmp_path / "in")) == [
        PictureFile("a.png", 5),
        PictureFile("b.png", 5),
    ]


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path):
    touch(tmp_path, "a.png")
    for folder in (tmp_path / "none", tmp_path / "a.png"):
        with pytest.raises(UserError, match=rf"{folder} is not a folder; give one that holds"):
            list(find_pictures(folder))
    with pytest.raises(UserError, match="none cannot be listed: No such file"):
        list(find_pictures(tmp_path, "none"))


def test_a_folder_without_pictures_is_told_what_is_looked_for(tmp_path):
    assert no_pictures(tmp_path).startswith(
        f"{tmp_path} holds no pictures; their names must end in "
    )
    assert " .jpg " in no_pictures(tmp_path) and " .png " in no_pictures(tmp_path)
