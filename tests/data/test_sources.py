"""What each source finds, what it rejects, and what it calls its pictures."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.config import CharactersConfig, FolderConfig, PairedConfig, SideBySideConfig
from colorizer.data.characters import draw, sample_character, sample_pose
from colorizer.data.decode import Rejected
from colorizer.data.prepare import Prepared, prepare
from colorizer.data.shards import KEY, decode_color, decode_line
from colorizer.data.sources import Listing, list_source, make_key
from colorizer.errors import UserError

OUTPUT = Path("nowhere")


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def grey(value: int, width: int = 20, height: int = 20) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def reasons(listing: Listing) -> dict[str, str]:
    return {rejection.source: rejection.reason for rejection in listing.rejections}


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
    (item,) = list_source(FolderConfig(folder=tmp_path, output=OUTPUT)).items
    assert KEY.fullmatch(item.key)
    assert isinstance(prepare(item, 32, "pad"), Prepared)


def test_same_key_twice_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "b.png"):
        save(tmp_path / name, grey(0))
    monkeypatch.setattr("colorizer.data.sources.make_key", lambda source: "same")
    with pytest.raises(UserError, match=r"a\.png and b\.png"):
        list_source(FolderConfig(folder=tmp_path, output=OUTPUT))


# ---- A folder


def test_folder_is_searched_in_order_and_all_is_accounted_for(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpeg", "sub/c.webp", "sub/.hidden.png", ".git/d.png", "Thumbs.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(grey(0)).save(tmp_path / name, "PNG")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "linked").symlink_to(tmp_path / "sub")
    (tmp_path / "broken.png").symlink_to(tmp_path / "gone.png")
    listing = list_source(FolderConfig(folder=tmp_path, output=OUTPUT))
    assert [item.source for item in listing.items] == ["a.jpeg", "b.PNG", "sub/c.webp"]
    assert reasons(listing) == {
        "broken.png": "cannot be opened",
        "linked": "link to a folder",
        "notes.txt": "not a picture",
    }
    assert listing.found == 6


def test_added_renamed_or_changed_picture_makes_another_source(picture_folder: Path) -> None:
    def identity() -> dict:
        return list_source(FolderConfig(folder=picture_folder, output=OUTPUT)).identity

    before = identity()
    assert identity() == before
    save(picture_folder / "new.png", grey(0))
    added = identity()
    (picture_folder / "new.png").rename(picture_folder / "newer.png")
    renamed = identity()
    save(picture_folder / "newer.png", np.random.default_rng(0).integers(0, 256, (20, 20, 3), "u1"))
    changed = identity()
    everything = [before, added, renamed, changed]
    assert all(everything.count(one) == 1 for one in everything)


@pytest.mark.parametrize("config", [FolderConfig, PairedConfig, SideBySideConfig])
def test_missing_folder_is_named(tmp_path: Path, config) -> None:
    with pytest.raises(UserError, match="gone is not a folder"):
        list_source(config(folder=tmp_path / "gone", output=OUTPUT))


@pytest.mark.parametrize("config", [FolderConfig, SideBySideConfig])
def test_folder_without_pictures_is_named(tmp_path: Path, config) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UserError, match=re.escape(str(tmp_path))):
        list_source(config(folder=tmp_path, output=OUTPUT))


# ---- Paired folders


@pytest.mark.parametrize("color", ["colour", "color"])
def test_pairs_are_matched_by_stem(tmp_path: Path, color: str) -> None:
    save(tmp_path / color / "a.png", grey(10))
    save(tmp_path / color / "sub" / "a.jpg", grey(200))
    Image.new("RGBA", (20, 20), (0, 0, 0, 128)).save(save_to(tmp_path / "line" / "a.webp"))
    save(tmp_path / "line" / "sub" / "a.png", grey(30))
    listing = list_source(PairedConfig(folder=tmp_path, output=OUTPUT))
    assert [item.source for item in listing.items] == [f"{color}/a.png", f"{color}/sub/a.jpg"]
    first, second = (item.load() for item in listing.items)
    assert (first.color == 10).all() and (first.line == 127).all()  # half transparent black
    assert (second.line == 30).all()
    assert first.metadata["lines"] == {"method": "given", "source": "line/a.webp"}


def save_to(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_lone_and_ambiguous_pictures_are_rejected(tmp_path: Path) -> None:
    names = "colour/lone.png line/other.png colour/two.png colour/two.jpg line/two.png"
    for name in (*names.split(), "colour/good.png", "line/good.png"):
        save(tmp_path / name, grey(0))
    listing = list_source(PairedConfig(folder=tmp_path, output=OUTPUT))
    assert [item.source for item in listing.items] == ["colour/good.png"]
    assert reasons(listing) == {
        "colour/lone.png": "no partner",
        "line/other.png": "no partner",
        "colour/two.jpg": "partners not clear",
    }


def test_pair_of_unlike_sizes_names_both(tmp_path: Path) -> None:
    save(tmp_path / "colour" / "a.png", grey(0, 40, 30))
    save(tmp_path / "line" / "a.png", grey(0, 41, 30))
    (item,) = list_source(PairedConfig(folder=tmp_path, output=OUTPUT)).items
    with pytest.raises(Rejected) as rejected:
        item.load()
    for words in ("40x30", "41x30", "line/a.png"):
        assert words in rejected.value.detail


def test_missing_half_of_the_folders_is_named(tmp_path: Path) -> None:
    save(tmp_path / "colour" / "a.png", grey(0))
    with pytest.raises(UserError, match="line/"):
        list_source(PairedConfig(folder=tmp_path, output=OUTPUT))
    save(tmp_path / "line" / "a.png", grey(0))
    (tmp_path / "color").mkdir()
    with pytest.raises(UserError, match="one folder colour/"):
        list_source(PairedConfig(folder=tmp_path, output=OUTPUT))


# ---- Side by side


def side_by_side(color: int, line: int, side: int = 20) -> np.ndarray:
    return np.hstack((grey(color, side, side), grey(line, side, side)))


def test_halves_are_color_left_and_line_right(tmp_path: Path) -> None:
    save(tmp_path / "a.png", side_by_side(50, 240))
    (item,) = list_source(SideBySideConfig(folder=tmp_path, output=OUTPUT)).items
    picture = item.load()
    assert picture.color.shape == (20, 20, 3) and (picture.color == 50).all()
    assert picture.line.shape == (20, 20) and (picture.line == 240).all()
    assert item.part is None


def test_train_and_val_are_the_split(tmp_path: Path) -> None:
    for name in ("train/a.png", "train/b.png", "val/a.png", "elsewhere/c.png"):
        save(tmp_path / name, side_by_side(0, 255))
    listing = list_source(SideBySideConfig(folder=tmp_path, output=OUTPUT))
    assert {item.source: item.part for item in listing.items} == {
        "train/a.png": "train",
        "train/b.png": "train",
        "val/a.png": "held-out",
    }


@pytest.mark.parametrize("width", [39, 41, 20])
def test_other_proportions_are_rejected(tmp_path: Path, width: int) -> None:
    save(tmp_path / "a.png", grey(0, width, 20))
    (item,) = list_source(SideBySideConfig(folder=tmp_path, output=OUTPUT)).items
    with pytest.raises(Rejected) as rejected:
        item.load()
    assert f"{width}x20" in rejected.value.detail


# ---- Drawn characters


def test_characters_can_be_redrawn_from_their_metadata() -> None:
    config = CharactersConfig(output=OUTPUT, count=3, poses=2, seed=1, size=64)
    items = list_source(config).items
    assert len({item.key for item in items}) == 6
    assert [item.group for item in items] == [
        f"character-{1_000_000 + n}" for n in (0, 0, 1, 1, 2, 2)
    ]
    prepared = prepare(items[3], 64, "pad")
    assert isinstance(prepared, Prepared)
    seed, pose = (prepared.metadata["character"][name] for name in ("seed", "pose"))
    drawing = draw(sample_character(seed), sample_pose(seed, pose), 64)
    assert np.array_equal(decode_color(prepared.color), drawing.color)
    assert np.array_equal(decode_line(prepared.line), drawing.line)
    assert prepared.metadata["lines"] == {"method": "drawn"}


def test_other_seeds_share_no_character() -> None:
    groups = [
        {item.group for item in list_source(CharactersConfig(output=OUTPUT, seed=seed)).items}
        for seed in (0, 1)
    ]
    assert not groups[0] & groups[1]


@pytest.mark.parametrize("setting", [{"count": 0}, {"count": 1_000_001}, {"poses": 0}])
def test_bad_counts_are_refused(setting: dict[str, int]) -> None:
    with pytest.raises(UserError, match="--count"):
        list_source(CharactersConfig(output=OUTPUT, **setting))
