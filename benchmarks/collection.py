"""A large collection of which a third is bad in thirty ways: nothing is lost, nothing differs.

    python benchmarks/collection.py --count 5000 --kills 10

The same collection is made into shards by one worker, by two, by two launched processes, and by a
program that is killed with SIGKILL again and again and started anew. Prints what was found, kept
and rejected for which reason, and whether all outputs have the same bytes.
"""

import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from colorizer.characters import draw, sample_character, sample_pose
from colorizer.system import console

ROOT = Path(__file__).parents[1]
MAKE = [sys.executable, str(ROOT / "launch" / "make_shards.py")]
LAUNCH = [
    *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
    MAKE[1],
]
SIDE = 64
FIRST = 12_000_000  # characters of no demo


@dataclass(frozen=True)
class CollectionConfig:
    """Make a bad collection into shards in four ways."""

    count: int = 5000
    """Files in it; every third is bad."""
    kills: int = 10
    """How often the last program is killed."""
    seed: int = 0
    """When it is killed."""


def main(config: CollectionConfig) -> None:
    """Print the account, and the digest of each output."""
    with tempfile.TemporaryDirectory() as place:
        pictures = Path(place) / "pictures"
        write_collection(pictures, config.count)
        runs = {
            "one worker": lambda out: finish([*MAKE, *asked(pictures, out, 1)]),
            "two workers": lambda out: finish([*MAKE, *asked(pictures, out, 2)]),
            "two processes": lambda out: finish([*LAUNCH, *asked(pictures, out, 1)]),
            f"{config.kills} kills": lambda out: kill_and_finish(pictures, out, config),
        }
        rows = []
        for name, run in runs.items():
            output = Path(place) / name.replace(" ", "-")
            rows.append([name, run(output), *account(output, config.count), digest_of(output)])
        columns = ("", "said", "kept", "rejected", "sum", "sha256 of all files")
        console.table(f"{config.count} files", columns, rows)
        first = Path(place) / "one-worker"
        console.facts([(reason, str(n)) for reason, n in reasons(first).most_common()])
        digests = {row[-1] for row in rows}
        assert len(digests) == 1, "the outputs differ"


# ---- The collection


def write_collection(folder: Path, count: int) -> None:
    """Files in ten folders; every third is bad, in each of the ways in turn."""
    ways = list(WAYS.values())
    for number in range(count):
        path = folder / f"{number % 10}" / f"{number:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % 3 == 2:
            ways[number // 3 % len(ways)](path)
        else:
            path.write_bytes(picture(number))


def picture(number: int, kind: str = "PNG", **options: object) -> bytes:
    """The bytes of a drawn character, each another."""
    drawn = draw(sample_character(FIRST + number), sample_pose(FIRST + number, 0), SIDE)
    return encoded(drawn.color, kind, **options)


def encoded(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def number_of(path: Path) -> int:
    return int(path.stem)


def bytes_of(start: bytes, size: int = 4000) -> Callable[[Path], object]:
    """A file that begins so and goes on with noise of its own."""
    return lambda path: path.write_bytes(start + random.Random(path.name).randbytes(size))


def cut(kind: str, share: float = 0.6, end: bytes = b"") -> Callable[[Path], object]:
    """A picture that lacks its end, and may have another."""

    def write(path: Path) -> None:
        data = picture(number_of(path), kind)
        path.write_bytes(data[: int(share * len(data))] + end)

    return write


def of_size(width: int, height: int) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        noise = np.random.default_rng(number_of(path)).integers(0, 256, (height, width, 3))
        path.write_bytes(encoded(noise.astype(np.uint8), "PNG"))

    return write


def bomb(path: Path) -> None:
    """A PNG whose header says 60,000 pixels a side."""
    data = bytearray(picture(number_of(path)))
    data[16:24] = (60_000).to_bytes(4) * 2
    path.write_bytes(data)


def damaged_png(path: Path) -> None:
    data = bytearray(picture(number_of(path)))
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def png_without_data(path: Path) -> None:
    path.write_bytes(picture(number_of(path))[:33])


def zeros_within(path: Path) -> None:
    """A JPEG whose second half was never written, as after a power cut."""
    data = picture(number_of(path), "JPEG", quality=95)
    path.write_bytes(data[: len(data) // 3] + bytes(len(data) - len(data) // 3))


def same_bytes(path: Path) -> None:
    path.write_bytes(picture(0))


def same_pixels(path: Path) -> None:
    path.write_bytes(picture(0, "PNG", compress_level=1))


def same_pixels_in_tiff(path: Path) -> None:
    path.write_bytes(picture(0, "TIFF"))


def depths(path: Path) -> None:
    values = np.random.default_rng(number_of(path)).random((SIDE, SIDE)).astype(np.float32)
    path.write_bytes(encoded(values, "TIFF"))


WAYS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "noise": bytes_of(b""),
    "text": lambda path: path.write_text(f"no picture {path.name}\n"),
    "zeros": lambda path: path.write_bytes(bytes(3000)),
    "PNG cut": cut("PNG"),
    "PNG without data": png_without_data,
    "PNG with a flipped bit": damaged_png,
    "PNG bomb": bomb,
    "JPEG cut": cut("JPEG"),
    "JPEG cut, with an end": cut("JPEG", end=b"\xff\xd9"),
    "JPEG with zeros": zeros_within,
    "WebP cut": cut("WEBP"),
    "GIF cut": cut("GIF", 0.05),
    "TIFF cut": cut("TIFF"),
    "BMP cut": cut("BMP"),
    "TIFF of 32-bit values": depths,
    "small": of_size(8, 8),
    "thin": of_size(400, 5),
    "same bytes": same_bytes,
    "same pixels": same_pixels,
    "same pixels as TIFF": same_pixels_in_tiff,
    "HEIC": bytes_of(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
    "JXL": bytes_of(b"\0\0\0\x0cJXL \r\n\x87\n"),
    "PSD": bytes_of(b"8BPS\0\x01"),
    "PDF": bytes_of(b"%PDF-1.7\n"),
    "ZIP": bytes_of(b"PK\x03\x04"),
    "web page": lambda path: path.write_text("<!DOCTYPE html><title>404</title>"),
    "Git LFS": lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"),
    "dangling link": lambda path: path.symlink_to("nowhere.png"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to a folder": lambda path: path.symlink_to("."),
    "named pipe": os.mkfifo,
}


# ---- Its shards


def asked(pictures: Path, output: Path, workers: int) -> list[str]:
    return [
        *("folder", str(pictures), "--output", str(output), "--size", str(SIDE)),
        *("--workers", str(workers), "--samples-per-shard", "500"),
    ]


def finish(command: list[str]) -> str:
    """Run it to its end; gives its exit status and seconds."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return f"exit {done.returncode}, {time.perf_counter() - start:.0f} s"


def kill_and_finish(pictures: Path, output: Path, config: CollectionConfig) -> str:
    """Kill it at random moments, each after a new piece at the latest; then let it finish."""
    chance = random.Random(config.seed)
    command = [*MAKE, *asked(pictures, output, 2)]
    pieces_at_kills = []
    for _ in range(config.kills):
        began = pieces_in(output)
        program = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        more = chance.randrange(5)  # new pieces before the kill
        while program.poll() is None and pieces_in(output) < began + more:
            time.sleep(0.05)
        time.sleep(chance.random())
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
        assert program.wait() == -signal.SIGKILL, "it ended before it was killed"
        pieces_at_kills.append(pieces_in(output))
    return f"killed with {', '.join(map(str, pieces_at_kills))} pieces; {finish(command)}"


def pieces_in(output: Path) -> int:
    return len([*(output / "unfinished").glob("*.jsonl")])


def account(output: Path, count: int) -> list[str]:
    """Kept and rejected, and whether they are all."""
    indexes = [json.loads(path.read_bytes()) for path in sorted(output.glob("*/index.json"))]
    kept = sum(shard["samples"] for index in indexes for shard in index["shards"])
    rejected = sum(reasons(output).values())
    assert kept + rejected == count, f"{kept} + {rejected} of {count}"
    return [str(kept), str(rejected), str(kept + rejected)]


def reasons(output: Path) -> Counter[str]:
    lines = (output / "rejected.jsonl").read_text().splitlines()
    return Counter(json.loads(line)["reason"] for line in lines)


def digest_of(output: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in output.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(output)} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    main(tyro.cli(CollectionConfig, description=__doc__))
