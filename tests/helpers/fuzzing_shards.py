"""Damages a folder of shards at random: what is then read is what was written, or refused."""

import random
import shutil
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from colorizer.evaluation.stream import stream
from colorizer.shards.index import INDEX
from colorizer.shards.reader import Sample, ShardReader
from colorizer.system.errors import UserError

# Those that keep the size get further than the rest.
DAMAGES = ("flip",) * 4 + ("overwrite", "swap") * 2 + ("cut", "extend", "empty", "duplicate")


def fuzz_shards(folder: Path, work: Path, seed: int) -> str:
    """Copy a folder of shards, damage one of its files, and read every sample.

    They are read as a training does that began before the damage, as one does that begins after
    it, and as evaluation does.

    Args:
        folder: Of good shards, small ones.
        work: Folder for the copy, which is made anew.
        seed: Decides the file and the damage.

    Returns:
        "intact", or "refused: " and the first sentence.

    Raises:
        AssertionError: something else than what was written came out, or a sentence does not name
            the damaged file.
        Exception: whatever is raised but UserError.
    """
    rng = random.Random(seed)
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder, work)
    originals = _originals(folder)
    running = ShardReader(work)
    assert same(_read(running), originals)
    path = rng.choice(sorted(work.iterdir()))
    path.write_bytes(damage(path.read_bytes(), rng))

    def one(number: int) -> tuple[list[Sample], list[Sample]]:
        return [running[number]], [originals[number]]

    refusals = []
    for read in (
        *(partial(one, number) for number in range(len(originals))),
        lambda: (_read(ShardReader(work)), originals),
        lambda: (_stream(ShardReader(work)), originals),
    ):
        try:
            samples, expected = read()
        except UserError as error:
            refusals.append(str(error))
        else:
            assert same(samples, expected), f"{path}: other samples than were written"
    for refusal in refusals:
        named = path.name in refusal
        assert named or path.name == INDEX, f"{path} is damaged, and this was said: {refusal}"
    return f"refused: {refusals[0]}" if refusals else "intact"


def damage(data: bytes, rng: random.Random) -> bytes:
    """Change a file's bytes in one of the ways of DAMAGES."""
    start, end = sorted(rng.choices(range(len(data) + 1), k=2))
    end = min(end, start + rng.choice((16, 512, 4096)))
    match rng.choice(DAMAGES):
        case "flip":
            changed = bytearray(data)
            for _ in range(rng.randint(1, 8)):
                changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            return bytes(changed)
        case "overwrite":
            return data[:start] + rng.randbytes(end - start) + data[end:]
        case "cut":
            return data[:start] + data[end:] if rng.random() < 0.5 else data[:start]
        case "extend":
            return data + rng.choice((bytes(512), rng.randbytes(rng.randint(1, 2048))))
        case "swap":
            size = rng.choice((16, 512))
            blocks = [data[i : i + size] for i in range(0, len(data), size)]
            one, other = rng.choices(range(len(blocks)), k=2)
            blocks[one], blocks[other] = blocks[other], blocks[one]
            return b"".join(blocks)
        case "empty":
            return b""
        case "duplicate":
            return data[:end] + data[start:]
    raise AssertionError


def same(samples: list[Sample], others: list[Sample]) -> bool:
    """Whether these are the same samples, in the same order."""
    return len(samples) == len(others) and all(
        (one.key, one.metadata) == (other.key, other.metadata)
        and np.array_equal(one.color, other.color)
        and np.array_equal(one.line, other.line)
        for one, other in zip(samples, others, strict=True)
    )


def _read(reader: ShardReader) -> list[Sample]:
    return [reader[number] for number in range(len(reader))]


def _stream(reader: ShardReader) -> list[Sample]:
    return [sample for _, sample in stream(reader, range(len(reader)))]


@lru_cache(1)
def _originals(folder: Path) -> list[Sample]:
    return _read(ShardReader(folder))
