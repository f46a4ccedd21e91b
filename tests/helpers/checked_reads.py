"""The ways in which samples are read, and what each says of a sample that it refuses."""

from collections.abc import Callable
from typing import Any

import pytest

from colorizer.evaluation.stream import stream
from colorizer.shards.reader import ShardReader
from colorizer.system.errors import UserError

Read = Callable[[ShardReader, int], Any]

NOT_AS_WRITTEN = (
    "shard {}: sample {} is not as it was written (its crc32 is not the one in index.json);"
    " make the shards again."
)
CANNOT_BE_READ = (
    "shard {}: sample {} cannot be read ({}); check the disk, or make the shards again."
)


def by_number(reader: ShardReader, number: int) -> Any:
    """A whole sample, as training reads it."""
    return reader[number]


def metadata(reader: ShardReader, number: int) -> Any:
    """A sample's JSON alone."""
    return reader.metadata(number)


def streamed(reader: ShardReader, number: int) -> Any:
    """A whole sample, as evaluation reads it."""
    ((_, sample),) = stream(reader, range(number, number + 1))
    return sample


READS = (by_number, metadata, streamed)


def refusal(read: Read, reader: ShardReader, number: int) -> str:
    """What a user is told when a sample is read that is refused."""
    with pytest.raises(UserError) as refused:
        read(reader, number)
    return str(refused.value)
