"""What folders and side-by-side pairs give, and what they call their pictures."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.lines.xdog import XDoG
from colorizer.making.config import (
    FolderConfig,
    ListConfig,
    PairedConfig,
    SideBySideConfig,
    TarsConfig,
)
from colorizer.making.line_methods import XDoGLines
from colorizer.making.listing import Listing, write_listing
from colorizer.making.pipeline import make_shards
from colorizer.making.prepare import Preparation, Prepared, prepare
from colorizer.making.sources import folder, source_of
from colorizer.making.sources.base import make_key
from colorizer.pictures.decode import UnusablePicture
from colorizer.shards.format import KEY
from colorizer.system.errors import UserError
from tests.helpers.making import (
    OUTPUT,
    find,
    grey,
    load,
    noise,
    read_rejected,
    read_set,
    reasons,
    save,
    without_workers,
)


def folder_of(path: Path) -> FolderConfig:
    return FolderConfig(folder=path, output=OUTPUT)


def pairs_of(path: Path) -> SideBySideConfig:
    return SideBySideConfig(folder=path, output=OUTPUT)


# ---- Keys


@pytest.mark.parametrize(
    ("source", "slug"),
    [
        ("a/Red Hat.v2.final.png", "red-hat-v2-final"),
        ("Élan_été.jpg", "elan_ete"),
        ("魔女.png", "picture"),
        ("../../etc/passwd.png", "passwd"),
        ("x" * 180 + ".png", "x" * 48),
        ("...png", "picture"),
    ],
)
def test_key_is_safe_and_says_the_name(source: str, slug: str) -> None:
    assert re.fullmatch(re.escape(slug) + "-[0-9a-f]{12}", make_key(source))
    assert KEY.fullmatch(make_key(source))


def test_keys_of_alike_names_differ() -> None:
    sources = ["a.png", "b/a.png", "a.jpg", "A.png", "ä.png"]
    assert len({make_key(source) for source in sources}) == len(sources)


def test_name_that_is_no_text_has_a_key(tmp_path: Path) -> None:
    save(tmp_path / "a.png", grey(0))
    os.rename(tmp_path / "a.png", os.fsencode(tmp_path) + b"/\xff.png")
    source = source_of(folder_of(tmp_path))
    (item,) = source.find()
    assert KEY.fullmatch(item.key)
    preparation = Preparation(source, 32, "pad", XDoGLines(XDoG()), detail=2)
    assert isinstance(prepare(preparation, item), Prepared)


def test_of_pictures_with_one_key_the_first_by_name_is_kept(tmp_path: Path, monkeypatch) -> None:
    without_workers(monkeypatch)
    key, search = make_key("c.png"), folder.find_pictures
    monkeypatch.setattr(folder, "make_key", lambda source: key)
    monkeypatch.setattr(folder, "find_pictures", lambda *where: reversed([*search(*where)]))
    for number, name in enumerate(("b.png", "a.png", "c.png")):
        save(tmp_path / "from" / name, noise(number))
    config = FolderConfig(folder=tmp_path / "from", output=tmp_path / "made", held_out=0.0)
    assert make_shards(config).train == 1
    assert [sample["source"] for sample in read_set(config.output).values()] == ["a.png"]
    rejected = {each["source"]: each["detail"] for each in read_rejected(config.output)}
    assert rejected.keys() == {"b.png", "c.png"}
    assert rejected["b.png"] == f"a.png gets {key}, too"


# ---- A folder


def test_folder_is_searched_and_all_is_accounted_for(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpeg", "sub/c.webp", "sub/.hidden.png", ".git/d.png", "Thumbs.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(grey(0)).save(tmp_path / name, "PNG")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "linked").symlink_to(tmp_path / "sub")
    (tmp_path / "broken.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "round.png").symlink_to("round.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    items, _ = find(folder_of(tmp_path))
    assert [item.source for item in items] == ["a.jpeg", "b.PNG", "sub/c.webp"]
    assert reasons(folder_of(tmp_path)) == {
        "broken.png": "cannot be opened",
        "linked": "link to a folder",
        "notes.txt": "not a picture",
        "pipe.png": "cannot be opened",
        "round.png": "cannot be opened",
    }


def test_listing_is_in_the_order_of_the_names_bytes(tmp_path: Path) -> None:
    names = ["b.png", "a/z.png", "a.png", "ä.png", "B.png", "a-b/c.png"]
    for name in names:
        save(tmp_path / "from" / name, grey(0))
    write_listing(source_of(folder_of(tmp_path / "from")), tmp_path / "listing.sqlite")
    listing = Listing(tmp_path / "listing.sqlite")
    sources = [item.source for item in listing.items(range(listing.count))]
    assert sources == sorted(names, key=str.encode)
    assert [item.source for item in listing.items(range(2, 4))] == sources[2:4]
    listing.close()


def test_added_renamed_or_changed_picture_makes_another_source(
    picture_folder: Path, tmp_path: Path
) -> None:
    def fingerprint() -> str:
        write_listing(source_of(folder_of(picture_folder)), tmp_path / "listing.sqlite")
        return Listing(tmp_path / "listing.sqlite").fingerprint()

    before = fingerprint()
    assert fingerprint() == before
    save(picture_folder / "new.png", grey(0))
    added = fingerprint()
    (picture_folder / "new.png").rename(picture_folder / "newer.png")
    renamed = fingerprint()
    save(picture_folder / "newer.png", np.random.default_rng(0).integers(0, 256, (20, 20, 3), "u1"))
    assert len({before, added, renamed, fingerprint()}) == 4


@pytest.mark.parametrize("config", [FolderConfig, PairedConfig, SideBySideConfig])
def test_missing_folder_is_named(tmp_path: Path, config) -> None:
    with pytest.raises(UserError, match="gone is not a folder"):
        find(config(folder=tmp_path / "gone", output=OUTPUT))


@pytest.mark.parametrize("config", [FolderConfig, SideBySideConfig])
def test_folder_without_pictures_is_named(tmp_path: Path, config) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "notes.txt").write_text("")
    with pytest.raises(UserError, match=re.escape(f"{tmp_path / 'from'} holds no pictures")):
        make_shards(config(folder=tmp_path / "from", output=tmp_path / "made"))


@pytest.mark.parametrize("address", ["pipe:touch {proof}", "http://localhost/a", "s3://a/b"])
def test_addresses_and_pipes_are_refused_and_no_shell_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    def forbidden(*arguments: object, **options: object) -> None:
        raise AssertionError(arguments)

    for name in ("os.system", "os.posix_spawn", "subprocess.Popen", "socket.socket"):
        monkeypatch.setattr(name, forbidden)
    address = address.format(proof=tmp_path / "proof")
    words = re.escape(address.partition(":")[0])
    for config in (
        FolderConfig(folder=Path(address), output=tmp_path / "made"),
        PairedConfig(folder=Path(address), output=tmp_path / "made"),
        SideBySideConfig(folder=Path(address), output=tmp_path / "made"),
        ListConfig(file=Path(address), output=tmp_path / "made"),
        TarsConfig(tars=Path(address), output=tmp_path / "made"),
    ):
        with pytest.raises(UserError, match=words):
            make_shards(config)
    assert not list(tmp_path.iterdir())


# ---- train/ and val/


def as_split(folder: Path, *names: str) -> Path:
    """Pictures of these names that suit either source."""
    for number, name in enumerate(names):
        save(folder / name, np.hstack((noise(number, 20, 20), noise(number + 50, 20, 20))))
    return folder


@pytest.mark.parametrize("source", [folder_of, pairs_of])
@pytest.mark.parametrize("held_out", ["val", "valid", "test"])
def test_train_and_its_counterpart_are_the_split(tmp_path: Path, source, held_out: str) -> None:
    names = ("train/a.png", "train/sub/b.png", f"{held_out}/a.png", "elsewhere/c.png", ".git/d.png")
    config = source(as_split(tmp_path, *names))
    items, _ = find(config)
    assert {item.source: item.split for item in items} == {
        "train/a.png": "train",
        "train/sub/b.png": "train",
        f"{held_out}/a.png": "held-out",
    }
    assert set(load(config)) == {item.source for item in items}
    assert reasons(config) == {"elsewhere": f"beside train/ and {held_out}/"}


def test_of_several_counterparts_one_is_held_out_and_the_others_are_named(tmp_path: Path) -> None:
    config = folder_of(as_split(tmp_path, "train/a.png", "val/b.png", "test/c.png"))
    items, _ = find(config)
    assert {item.source for item in items} == {"train/a.png", "val/b.png"}
    assert reasons(config) == {"test": "beside train/ and val/"}


def test_half_a_split_is_a_folder_like_any_other(tmp_path: Path) -> None:
    config = folder_of(as_split(tmp_path, "train/a.png", "others/b.png"))
    items, rejections = find(config)
    assert {item.source: item.split for item in items} == {
        "train/a.png": None,
        "others/b.png": None,
    }
    assert not rejections


@pytest.mark.parametrize(
    ("group_by", "groups"), [("parent", {"mia", None}), (r"^(\w+)/", {"mia", None})]
)
def test_groups_are_told_from_the_path_within_train_and_val(tmp_path, group_by, groups) -> None:
    as_split(tmp_path, "train/mia/a.png", "train/b.png", "val/mia/c.png", "val/d.png")
    config = FolderConfig(folder=tmp_path, output=OUTPUT, group_by=group_by)
    for split in ("train", "held-out"):
        assert {item.group for item in find(config)[0] if item.split == split} == groups


# ---- Side by side


def side_by_side(color: int, line: int, side: int = 20) -> np.ndarray:
    return np.hstack((grey(color, side, side), grey(line, side, side)))


def test_halves_are_color_left_and_line_right(tmp_path: Path) -> None:
    save(tmp_path / "a.png", side_by_side(50, 240))
    ((item,), _) = find(pairs_of(tmp_path))
    picture = load(pairs_of(tmp_path))["a.png"]
    assert picture.color.shape == (20, 20, 3) and (picture.color == 50).all()
    assert picture.line.shape == (20, 20) and (picture.line == 240).all()
    assert item.split is None


@pytest.mark.parametrize(
    ("width", "reason"), [(39, "no two halves"), (41, "no two halves"), (20, "too small")]
)
def test_what_has_no_two_halves_is_rejected(tmp_path: Path, width: int, reason: str) -> None:
    save(tmp_path / "a.png", grey(0, width, 20))
    with pytest.raises(UnusablePicture) as rejected:
        load(pairs_of(tmp_path))
    assert rejected.value.reason == reason
    assert f"{width}x20" in rejected.value.detail
