"""Streams held-out shards through webdataset: every sample once, in order, whole or not at all."""

import hashlib
import mmap
import tarfile
from collections.abc import Iterator
from pathlib import Path

from webdataset.compat import WebDataset

from colorizer.shards.format import COLOR, JSON, LINE, SampleMembers
from colorizer.shards.index import Index
from colorizer.shards.reader import (
    Encoded,
    Sample,
    ShardReader,
    check_sample,
    decode_sample,
    unreadable,
)
from colorizer.system.errors import UserError
from colorizer.system.processes import World


def share(samples: int, world: World) -> range:
    """The numbers of the samples that one process evaluates: a run of them, as long as anyone's."""
    return range(samples * world.rank // world.count, samples * (world.rank + 1) // world.count)


def stream(reader: ShardReader, numbers: range) -> Iterator[tuple[int, Sample]]:
    """Samples of a folder of shards with their numbers, in order; only their shards are opened.

    Raises:
        UserError: a sample cannot be read or is not what was written, or a shard is damaged.
    """
    first = 0  # number of the shard's first sample
    for shard, entry in enumerate(reader.index.shards):
        wanted = range(max(numbers.start, first), min(numbers.stop, first + entry.samples))
        if wanted:
            positions = range(wanted.start - first, wanted.stop - first)
            for position, sample in _stream_shard(reader, shard, positions):
                yield first + position, sample
        first += entry.samples


def _stream_shard(reader: ShardReader, shard: int, wanted: range) -> Iterator[tuple[int, Sample]]:
    """The samples at some positions of a shard."""
    index = reader.index
    with reader.files.kept(index.shards[shard]) as path:
        # webdataset alone leaves out what follows some faults, and reads what no tar of ours has.
        known = reader.scan(shard)
        items = iter(_members(path))
        for position, key in enumerate(members.key for members in known[: wanted.stop]):
            try:
                item = next(items, {})
                sample = Encoded(key, item[COLOR], item[LINE], item[JSON])
            except OSError as error:
                raise unreadable(index, shard, key, error) from error
            except (tarfile.TarError, KeyError, ValueError) as error:
                changed = ValueError("the shard has changed since it was opened")
                raise unreadable(index, shard, key, changed) from error
            if position in wanted:
                check_sample(index, shard, position, sample)
                yield position, decode_sample(index, shard, position, sample)


def _members(path: Path) -> WebDataset:
    """The samples of one shard, undecoded; all of them, in whatever process."""
    return WebDataset(
        [str(path.resolve())], shardshuffle=False, nodesplitter=None, workersplitter=None
    )


def pictures_digest(reader: ShardReader) -> str:
    """One sha256 of all samples in order, the same however they are spread over shards.

    Raises:
        UserError: a shard is not, byte for byte, the one that its index names.
    """
    digest = hashlib.sha256()
    for number, entry in enumerate(reader.index.shards):
        with reader.files.kept(entry) as path:
            samples = reader.scan(number)
            _digest_shard(digest, reader.index, number, path, samples)
    return digest.hexdigest()


def _digest_shard(
    digest: "hashlib._Hash", index: Index, number: int, path: Path, samples: list[SampleMembers]
) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as shard:
        if hashlib.sha256(shard).hexdigest() != index.shards[number].sha256:
            raise UserError(
                f"shard {index.folder / index.shards[number].name} is damaged: its sha256 is not"
                " the one in its index; make the shards again."
            )
        for sample in samples:
            digest.update(sample.key.encode())
            for start, size in (sample.color, sample.line, sample.json):
                digest.update(hashlib.sha256(shard[start : start + size]).digest())
