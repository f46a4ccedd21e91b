"""What the tests of sources and of shards share: drawing, making a set, and looking at it."""

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from colorizer.making.config import FolderConfig, TarsConfig
from colorizer.making.sources import source_of
from colorizer.making.sources.base import Item, Picture, Rejection
from colorizer.pictures.decode import UnusablePicture
from colorizer.shards.encoding import decode_color, decode_line
from colorizer.shards.index import read_index
from tests.helpers.spoiling import scan_file

OUTPUT = Path("nowhere")


# ---- Drawing


def grey(value: int, width: int = 20, height: int = 20) -> np.ndarray:
    """A flat picture: height×width×3 uint8."""
    return np.full((height, width, 3), value, np.uint8)


def noise(seed: int, width: int = 32, height: int = 32) -> np.ndarray:
    """Random pixels, the same for a seed: height×width×3 uint8."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def save(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    """Write a picture in the format that the name ends in; its folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def encoded(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a file of a picture."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, kind, **options)
    return data.getvalue()


def write_tar(path: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    """A tar of plain files, in this order, with these names as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def outlined_disc(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A grey disc with a black outline on light grey, and the mask of the outline."""
    picture = np.full((side, side, 3), 200, np.uint8)
    outline = np.zeros((side, side), np.uint8)
    middle, radius, width = (side // 2, side // 2), side // 4, max(1, side // 100)
    cv2.circle(picture, middle, radius, (120, 120, 120), -1)
    cv2.circle(picture, middle, radius, (0, 0, 0), width, cv2.LINE_AA)
    cv2.circle(outline, middle, radius, 255, width)
    return picture, outline > 0


# ---- Sources


def find(config: Any) -> tuple[list[Item], list[Rejection]]:
    """The items and the rejections that a source finds, each by name."""
    found = list(source_of(config).find())
    items = [one for one in found if isinstance(one, Item)]
    rejections = [one for one in found if isinstance(one, Rejection)]
    return [sorted(ones, key=lambda one: one.source) for ones in (items, rejections)]


def reasons(config: Any) -> dict[str, str]:
    """Why each thing is rejected that a source cannot use, by name."""
    return {rejection.source: rejection.reason for rejection in find(config)[1]}


def load(config: Any) -> dict[str, Picture]:
    """Every picture that a source finds, loaded, by name."""
    source = source_of(config)
    return {item.source: source.load(item) for item in find(config)[0]}


def tars_of(path: Path) -> TarsConfig:
    """A tar or a folder of them as a source."""
    return TarsConfig(tars=path, output=OUTPUT)


def outcomes(config: TarsConfig) -> dict[str, str]:
    """What each item loads to: "loaded", or why it was rejected."""
    found = {}
    for item in find(config)[0]:
        assert item.source not in found
        try:
            source_of(config).load(item)
            found[item.source] = "loaded"
        except UnusablePicture as rejected:
            found[item.source] = rejected.reason
    return found | reasons(config)


# ---- Sets


def serial(function: Callable, tasks: Iterable, workers: int) -> Iterator:
    """`map_in_order` without processes, which take a second to start."""
    for task in tasks:
        yield function(task)


def without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are prepared in this process."""
    monkeypatch.setattr("colorizer.making.pipeline.map_in_order", serial)


def with_small_pieces(monkeypatch: pytest.MonkeyPatch, items: int = 4) -> None:
    """Pieces of a few items, prepared in this process."""
    without_workers(monkeypatch)
    monkeypatch.setattr("colorizer.making.pieces.ITEMS_IN_PIECE", items)


def ten_pictures(folder: Path, output: Path) -> FolderConfig:
    """Settings for the folder of the fixture `picture_folder`: several small shards."""
    return FolderConfig(
        folder=folder, output=output, size=48, held_out=0.3, samples_per_shard=3, workers=1
    )


def files_of(output: Path) -> dict[str, bytes]:
    """The contents of all files of a folder, by their paths in it."""
    paths = (path for path in output.rglob("*") if path.is_file())
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in paths}


def samples_of(output: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray, dict]]:
    """(split/key, colour, line, metadata) of every sample, in order."""
    for split in ("train", "held-out"):
        for shard in read_index(output / split).shards:
            path = output / split / shard.name
            data = path.read_bytes()
            for members in scan_file(path, shard):
                color, line, text = (
                    data[offset : offset + size]
                    for offset, size in (members.color, members.line, members.json)
                )
                name = f"{split}/{members.key}"
                yield name, decode_color(color), decode_line(line), json.loads(text)


def read_set(output: Path) -> dict[str, dict]:
    """Metadata of every sample by split/key."""
    return {name: metadata for name, _, _, metadata in samples_of(output)}


def read_rejected(output: Path) -> list[dict[str, str]]:
    """The lines of rejected.jsonl."""
    return [json.loads(line) for line in (output / "rejected.jsonl").read_text().splitlines()]
