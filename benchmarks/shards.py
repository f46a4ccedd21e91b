"""How fast make_shards is against its ceiling, and how its memory depends on the collection.

    python benchmarks/shards.py speed --pictures ../shared/data/peppercarrot
    python benchmarks/shards.py memory

`speed` alternates, with the same worker processes, between decoding, resizing and encoding alone
(the ceiling: nothing that makes shards does less) and a whole run of make_shards with XDoG, from
start to the last index. `memory` reports the peak of the main process and of its largest worker.
"""

import json
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import tyro

from colorizer.lines.xdog import XDoG, draw_lines
from colorizer.making.config import FolderConfig
from colorizer.making.pipeline import make_shards
from colorizer.pictures.decode import decode_file
from colorizer.pictures.geometry import fitted_size, pad, resize
from colorizer.shards.encoding import encode_color, encode_line
from colorizer.system import console

SIZE = 256


@dataclass(frozen=True)
class Speed:
    """Pairs a second, ours against the ceiling."""

    pictures: Path
    """Folder of pictures; crops of them make the collection."""
    count: int = 3000
    """Pictures in the collection."""
    workers: int = 2
    """Worker processes."""
    rounds: int = 3
    """How often the two take turns."""


@dataclass(frozen=True)
class Memory:
    """Peak memory for collections of several sizes."""

    counts: tuple[int, ...] = (2_000, 20_000)
    """Pictures in each collection."""
    workers: int = 2
    """Worker processes."""


def main() -> None:
    task = tyro.cli(
        Annotated[Speed, tyro.conf.subcommand("speed")]
        | Annotated[Memory, tyro.conf.subcommand("memory")],
        description=__doc__,
    )
    with tempfile.TemporaryDirectory() as place:
        if isinstance(task, Speed):
            measure_speed(task, Path(place))
        else:
            measure_memory(task, Path(place))


# ---- Speed


def measure_speed(task: Speed, place: Path) -> None:
    folder = place / "pictures"
    write_crops(task.pictures, folder, task.count)
    files = sorted(folder.iterdir())
    rates: dict[str, list[float]] = {"ceiling": [], "make_shards": []}
    for turn in range(task.rounds):
        rates["ceiling"].append(len(files) / ceiling_seconds(files, task.workers))
        rates["make_shards"].append(len(files) / our_seconds(folder, place / str(turn), task))
    ratio = statistics.median(
        ours / most for ours, most in zip(rates["make_shards"], rates["ceiling"], strict=True)
    )
    rows = [[name, f"{statistics.median(found):.1f}"] for name, found in rates.items()]
    console.table(
        f"{len(files)} pictures, {task.workers} workers, {SIZE}x{SIZE}", ("", "pairs/s"), rows
    )
    console.say(f"median ratio of {task.rounds} rounds: {ratio:.3f}")


def write_crops(pictures: Path, folder: Path, count: int) -> None:
    """Distinct crops, 7/8 as wide and high as the pictures they are from, as JPEG."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    sources = [path for path in sorted(pictures.iterdir()) if path.suffix in (".jpg", ".png")]
    for number in range(count):
        pixels = decode_file(sources[number % len(sources)]).pixels
        height, width = (side * 7 // 8 for side in pixels.shape[:2])
        top, left = (int(rng.integers(side // 8)) for side in pixels.shape[:2])
        crop = pixels[top : top + height, left : left + width]
        path = folder / f"{number:06d}.jpg"
        cv2.imwrite(str(path), crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])


def ceiling_seconds(files: list[Path], workers: int) -> float:
    """The slowest worker's time for its share, without starting it."""
    shares = [files[worker::workers] for worker in range(workers)]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return max(pool.map(decode_resize_encode, shares, chunksize=1))


def decode_resize_encode(files: list[Path]) -> float:
    cv2.setNumThreads(0)
    lines = [line_of(path) for path in files]
    start = time.perf_counter()
    for path, line in zip(files, lines, strict=True):
        encode_color(pad(resize_to_fit(decode_file(path).pixels), (SIZE, SIZE)))
        encode_line(pad(line, (SIZE, SIZE)))
    return time.perf_counter() - start


def line_of(path: Path) -> np.ndarray:
    """What XDoG draws, which takes longer or shorter to encode than other drawings."""
    pixels = decode_file(path).pixels
    return draw_lines(pixels, *fitted_size(pixels.shape[1], pixels.shape[0], SIZE), XDoG())


def resize_to_fit(pixels: np.ndarray) -> np.ndarray:
    return resize(pixels, *fitted_size(pixels.shape[1], pixels.shape[0], SIZE))


def our_seconds(folder: Path, output: Path, task: Speed) -> float:
    start = time.perf_counter()
    make_shards(FolderConfig(folder=folder, output=output, size=SIZE, workers=task.workers))
    return time.perf_counter() - start


# ---- Memory


def measure_memory(task: Memory, place: Path) -> None:
    rows = []
    for count in task.counts:
        folder = place / f"pictures-{count}"
        draw_pictures(folder, count)
        # In a process of its own, since a peak never falls.
        command = [sys.executable, __file__, "run", str(folder), str(place / f"shards-{count}")]
        run = subprocess.run(
            [*command, str(task.workers)], check=True, stdout=subprocess.PIPE, text=True
        )
        peak = json.loads(run.stdout.splitlines()[-1])
        rows.append([str(count), f"{peak['main']:.0f}", f"{peak['worker']:.0f}"])
    console.table("Peak memory, MB", ("pictures", "main process", "largest worker"), rows)


def draw_pictures(folder: Path, count: int) -> None:
    """Discs on a ground, all different, 300 pixels a side."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        picture = np.full((300, 300, 3), rng.integers(100, 256, 3), np.uint8)
        for _ in range(6):
            x, y, radius = (int(value) for value in rng.integers(10, 290, 3) // (1, 1, 4))
            color = tuple(int(value) for value in rng.integers(0, 256, 3))
            cv2.circle(picture, (x, y), radius, color, -1, cv2.LINE_AA)
        cv2.imwrite(str(folder / f"{number:06d}.jpg"), picture)


def run_and_report(folder: Path, output: Path, workers: int) -> None:
    make_shards(FolderConfig(folder=folder, output=output, size=SIZE, workers=workers))
    peaks = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(
        json.dumps(
            dict(zip(("main", "worker"), (peak.ru_maxrss / 1000 for peak in peaks), strict=True))
        )
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run_and_report(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    else:
        console.run(main)
