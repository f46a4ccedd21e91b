"""Which pictures are wanted: what is bounded on request, counted and said."""

import os
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from colorizer.commands.make_shards import print_report
from colorizer.making.config import FolderConfig
from colorizer.making.pipeline import make_shards
from colorizer.pictures import decode
from colorizer.system.errors import UserError
from tests.helpers.making import (
    files_of,
    noise,
    read_rejected,
    samples_of,
    save,
)


def test_broken_colour_profiles_are_counted(
    config: FolderConfig, capsys: pytest.CaptureFixture
) -> None:
    for number in range(4):
        options = {"icc_profile": b"broken"} if number < 3 else {}
        save(config.folder / f"{number}.png", noise(number), **options)
    report = make_shards(config)
    assert (report.train + report.held_out, report.remarks["colour profile ignored"]) == (4, 3)
    print_report(report)
    assert "kept: colour profile ignored" in capsys.readouterr().out


# ---- Bounds


@pytest.mark.parametrize(
    ("setting", "reason", "sizes"),
    [
        ({"min_side": 40}, "smaller than --min-side", [(39, 60), (200, 39)]),
        ({"max_aspect": 2.5}, "longer than --max-aspect", [(40, 101), (101, 40)]),
        ({"max_pixels": 3000}, "too large", [(60, 51)]),
    ],
)
def test_what_is_out_of_bounds_has_a_reason_of_its_own(
    config: FolderConfig, setting: dict, reason: str, sizes: list[tuple[int, int]]
) -> None:
    for number, (width, height) in enumerate([(40, 60), (40, 40), *sizes]):
        save(config.folder / f"{number}.png", noise(number, width, height))
    report = make_shards(replace(config, **setting))
    assert (report.train + report.held_out, dict(report.rejected)) == (2, {reason: len(sizes)})
    details = [each["detail"] for each in read_rejected(config.output)]
    assert details[0].startswith(f"{sizes[0][0]}x{sizes[0][1]} pixels")
    with pytest.raises(UserError, match=f"{next(iter(setting))} was "):  # another set
        make_shards(replace(config, **{name: 10**6 for name in setting} | {"min_side": 17}))


@pytest.mark.parametrize(
    "setting",
    [
        *({"max_pixels": 0}, {"max_pixels": 10**12}, {"min_side": 0}, {"min_side": 10**9}),
        *({"max_aspect": 0.5}, {"max_aspect": float("nan")}, {"max_aspect": float("inf")}),
    ],
)
def test_a_bound_that_cannot_be_is_named(config: FolderConfig, setting: dict) -> None:
    (name,) = setting
    with pytest.raises(UserError, match=f"--{name.replace('_', '-')} is .*; give "):
        make_shards(replace(config, **setting))


def smooth(seed: int, width: int, height: int) -> np.ndarray:
    """Coarse colours, so that any way to average them gives nearly the same."""
    return cv2.resize(noise(seed, 4, 4), (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "indexed.png", "clear.png"])
def test_huge_pictures_are_averaged_down_while_they_are_read(
    config: FolderConfig, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As those over 100 million pixels are, turned by their EXIF."""
    pixels = smooth(0, 600, 500)
    picture = Image.fromarray(np.dstack((pixels, np.full((500, 600), 255, np.uint8))))
    picture = picture if name == "clear.png" else picture.convert("RGB")
    picture = picture.quantize(256) if name == "indexed.png" else picture
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(config.folder / name, exif=exif)
    monkeypatch.setattr(decode, "MAX_PIXELS", 20_000)
    token = decode._max_pixels.set(20_000)
    with pytest.raises(UserError, match=r"no picture can be used .1 too large"):
        make_shards(replace(config, max_pixels=200_000))
    decode._max_pixels.reset(token)
    made = replace(config, max_pixels=400_000, output=config.output.with_name("huge"))
    assert make_shards(made).train == 1
    ((_, color, _, sample),) = samples_of(made.output)
    assert sample["size"] in ([125, 150], [63, 75])
    expected = cv2.resize(np.rot90(pixels, -1), (27, 32), interpolation=cv2.INTER_AREA)
    apart = np.abs(color[:, 2:29].astype(int) - expected)
    assert apart.mean() < (12 if name == "indexed.png" else 4)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"size": 250}, "no preset can train on it; all can on --size 240 or 256."),
        ({"size": 72}, "none of attention-aware, sga, scft-ca, scft, ours can train on it"),
        ({"size": 64, "fit": "buckets"}, "none of attention-aware, sga, scft-ca, scft, ours"),
        ({"size": 256}, ""),
        ({"size": 256, "fit": "buckets"}, ""),
    ],
)
def test_a_size_that_presets_cannot_train_on_is_said(
    config: FolderConfig, capsys: pytest.CaptureFixture, setting: dict, words: str
) -> None:
    save(config.folder / "a.png", noise(0))
    save(config.folder / "b.png", noise(1))
    make_shards(replace(config, **setting))
    said = " ".join(capsys.readouterr().err.split())
    assert words in said and ("can train on it" in said) == bool(words)


def test_a_system_that_tells_no_cores_makes_shards_as_well(
    config: FolderConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As macOS, with all that is computed from them."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    save(config.folder / "a.png", noise(0))
    assert make_shards(replace(config, max_pixels=10**9)).train == 1


def test_pillows_own_bound_stands_as_before(config: FolderConfig) -> None:
    before = Image.MAX_IMAGE_PIXELS
    save(config.folder / "a.png", noise(0))
    make_shards(replace(config, max_pixels=10**9))
    assert before == Image.MAX_IMAGE_PIXELS


def test_colourless_pictures_are_counted_and_rejected_on_request(config: FolderConfig) -> None:
    """A lossy file's faint tints are no colours, and one red ribbon is."""
    page = np.repeat(noise(0, 64, 64)[..., :1], 3, axis=2)
    save(config.folder / "page.jpg", page, quality=70)
    ribbon = page.copy()
    ribbon[10:14, 10:20] = (200, 30, 30)
    save(config.folder / "ribbon.png", ribbon)
    save(config.folder / "color.png", noise(1))
    report = make_shards(config)
    assert (report.train + report.held_out, report.remarks["colourless"]) == (3, 1)
    strict = replace(config, reject_grey=True, output=config.output.with_name("strict"))
    report = make_shards(strict)
    assert (report.train + report.held_out, dict(report.rejected)) == (2, {"colourless": 1})
    assert read_rejected(strict.output)[0]["source"] == "page.jpg"


@pytest.mark.slow
def test_bytes_are_the_same_from_one_and_two_workers(
    config: FolderConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    for seed in range(4):
        save(config.folder / f"{seed}.png", smooth(seed, 60, 50))
    save(config.folder / "p.png", noise(0), icc_profile=b"broken")
    made = [
        replace(config, output=config.output / str(n), workers=n, max_pixels=10**9) for n in (1, 2)
    ]
    for each in made:
        make_shards(each)
    assert files_of(made[0].output) == files_of(made[1].output)
