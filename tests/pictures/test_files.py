"""What a folder holds: picture files, and what is passed over or rejected, for which reason."""

import errno
import os
from pathlib import Path

import pytest

from colorizer.pictures.files import PictureFile, Rejection, find_pictures, no_pictures, walk
from colorizer.system.errors import UserError
from tests.helpers.making import encoded, noise


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


@pytest.mark.parametrize(
    "name",
    [
        *("@eaDir/b.jpg/SYNOPHOTO_THUMB_M.jpg", ".thumbnails/normal/b.png", "__MACOSX/._b.png"),
        *("Thumbs.db", "more/ehthumbs.db", "._b.jpg", ".AppleDouble/b.jpg", "#recycle/b.jpg"),
        *("@Recycle/b.jpg", ".@__thumb/b.jpg", "$RECYCLE.BIN/$I1.jpg", "desktop.ini", "Icon\r"),
        *(".Trash-1000/files/b.png", "System Volume Information/b.png", "lost+found/b.png"),
    ],
)
def test_what_nas_and_desktops_keep_beside_pictures_is_passed_over(tmp_path, name):
    touch(tmp_path, "a.png", name)
    assert sources(tmp_path) == ["a.png"]


def test_excluded_folders_and_files_are_neither_kept_nor_rejected(tmp_path):
    touch(tmp_path, "a.png", "a_thumb.png", "rough/b.png", "ch1/rough/c.png", "ch1/d.png", "x.txt")

    def left(*patterns: str) -> list[str]:
        return [file.source for file in find_pictures(tmp_path, exclude=patterns)]

    assert left("rough", "*_thumb.*", "*.txt") == ["a.png", "ch1/d.png"]
    assert left("ch1/rough/", "x.*") == ["a.png", "a_thumb.png", "ch1/d.png", "rough/b.png"]
    assert left("ch?", "roug[h]", "*.png", "*.txt") == []
    assert left("Rough", "oug", "b") == sources(tmp_path)  # whole names, and their case


@pytest.mark.parametrize("fault", [errno.EACCES, errno.EIO, errno.ENAMETOOLONG])
def test_a_subfolder_that_cannot_be_listed_is_a_rejection(tmp_path, monkeypatch, fault):
    touch(tmp_path, "a.png", "closed/b.png", "open/c.png")
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "closed":
            raise OSError(fault, os.strerror(fault), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert list(find_pictures(tmp_path)) == [
        PictureFile("a.png", 5),
        Rejection("closed", "cannot be listed", os.strerror(fault)),
        PictureFile("open/c.png", 5),
    ]
    with pytest.raises(UserError, match="closed cannot be listed"):
        list(find_pictures(tmp_path / "closed"))


def test_the_first_bytes_say_what_is_a_picture_where_the_name_does_not(tmp_path):
    picture = encoded(noise(0))
    for name in ("no_suffix", "danbooru.1234", "a.png_large", "a.jpg:orig", "a.JFIF", "a.jpe"):
        (tmp_path / name).write_bytes(picture)
    (tmp_path / "a.txt").write_bytes(picture)  # of these there may be millions: none is opened
    heic = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"
    for name, data in (("b.heic", heic), ("b.psd", b"8BPS"), ("b.jxl", b""), ("b.dat", heic)):
        (tmp_path / name).write_bytes(data)
    assert reasons(tmp_path) == {
        "a.txt": "not a picture",
        "b.heic": "HEIC is not read",
        "b.psd": "PSD is not read",
        "b.jxl": "JXL is not read",
        "b.dat": "HEIC is not read",
    }
    assert len(sources(tmp_path)) == 11


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


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.ppm", b"P6\n2 2 255\n" + bytes(12), "PPM is not read"),
        ("a.tga", bytes(18), "TGA is not read"),
        ("a.jp2", b"\0\0\0\x0cjP  ", "JPEG 2000 is not read"),
        ("a.clip", b"CSFCHUNK", "CLIP is not read"),
        ("a.dat", b"P", "not a picture"),
        ("a.bin", b"Pixels", "not a picture"),
    ],
)
def test_other_kinds_are_named_by_any_ending(tmp_path, name, data, reason):
    (tmp_path / name).write_bytes(data)
    assert reasons(tmp_path) == {name: reason}


def test_a_link_to_nothing_says_to_what(tmp_path):
    (tmp_path / "a.png").symlink_to("../gone/a.png")
    (rejection,) = find_pictures(tmp_path)
    assert rejection == Rejection(
        "a.png", "cannot be opened", "a link to ../gone/a.png, which is not there"
    )
