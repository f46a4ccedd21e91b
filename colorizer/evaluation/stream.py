"""Streams held-out shards through webdataset: every sample once, in order, whole or not at all."""

import hashlib
import json
import mmap
import tarfile
from collections.abc import Iterator
from pathlib import Path

import webdataset

from colorizer.data.dataset import Sample
from colorizer.data.shards import Index, decode_color, decode_line, scan_shard
from colorizer.errors import UserError
from colorizer.processes import Processes


def share(samples: int, here: Processes) -> range:
    """The numbers of the samples that one process evaluates: a run of them, as long as anyone's."""
    return range(samples * here.rank // here.count, samples * (here.rank + 1) // here.count)


def stream(index: Index, numbers: range) -> Iterator[tuple[int, Sample]]:
    """Samples of a folder of shards with their numbers, in order; only their shards are opened.

    Raises:
        UserError: a sample cannot be read, or a shard has fewer samples than its index says.
    """
    first = 0  # number of the shard's first sample
    for entry in index.shards:
        wanted = range(max(numbers.start, first), min(numbers.stop, first + entry.samples))
        if wanted:
            yield from _stream_shard(index, entry.name, first, wanted)
        first += entry.samples


def _stream_shard(
    index: Index, name: str, first: int, wanted: range
) -> Iterator[tuple[int, Sample]]:
    path = index.folder / name
    number = first
    try:
        for item in _members(path):
            if number in wanted:
                color, line = decode_color(item["color.webp"]), decode_line(item["line.webp"])
                yield number, Sample(item["__key__"], color, line, json.loads(item["json"]))
            number += 1
            if number == wanted.stop:
                return
    except (tarfile.TarError, KeyError, ValueError, OSError) as error:
        raise UserError(f"{path}: sample {number - first} cannot be read ({error}).") from error
    raise UserError(f"{path} ends after {number - first} samples; by its index there are more.")


def _members(path: Path) -> webdataset.WebDataset:
    """The samples of one shard, undecoded; all of them, in whatever process."""
    return webdataset.WebDataset(
        [str(path.resolve())], shardshuffle=False, nodesplitter=None, workersplitter=None
    )


def pictures_digest(index: Index) -> str:
    """One sha256 of all samples in order, the same however they are spread over shards.

    Raises:
        UserError: a shard is not, byte for byte, the one that its index names.
    """
    digest = hashlib.sha256()
    for entry in index.shards:
        path = index.folder / entry.name
        samples = scan_shard(path, entry)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as shard:
            if hashlib.sha256(shard).hexdigest() != entry.sha256:
                raise UserError(
                    f"shard {path} is damaged: its sha256 is not the one in its index; make the"
                    " shards again."
                )
            for sample in samples:
                digest.update(sample.key.encode())
                for start, size in (sample.color, sample.line, sample.json):
                    digest.update(hashlib.sha256(shard[start : start + size]).digest())
    return digest.hexdigest()
