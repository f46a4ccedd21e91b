"""Streaming held-out shards: every sample once, nothing damaged."""

from dataclasses import replace

import pytest

from colorizer.evaluation.stream import pictures_digest, share, stream
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from colorizer.system.processes import ALONE


def _processes(count: int):
    return [replace(ALONE, rank=rank, count=count) for rank in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 13])
def test_each_sample_is_streamed_once_by_any_number_of_processes(shard_folder, count):
    reader = ShardReader(shard_folder)
    found = []
    for world in _processes(count):
        numbers = share(len(reader), world)
        assert len(numbers) in (10 // count, 10 // count + 1)
        found += stream(reader, numbers)
    assert [number for number, _ in found] == list(range(10))
    for number, sample in found:
        there = reader[number]
        assert sample.key == there.key == f"scene-{number}"
        assert (sample.color == there.color).all() and (sample.line == there.line).all()
        assert sample.metadata == {"number": number}


def test_a_shard_of_no_interest_is_not_opened(shard_folder):
    reader = ShardReader(shard_folder)
    (shard_folder / "000001.tar").unlink()
    assert [number for number, _ in stream(reader, range(0, 4))] == [0, 1, 2, 3]
    assert [number for number, _ in stream(reader, range(8, 10))] == [8, 9]


def test_streaming_notices_what_webdataset_alone_does_not(shard_folder):
    reader = ShardReader(shard_folder)
    shard = shard_folder / "000001.tar"
    shard.write_bytes(shard.read_bytes()[: 9 * 512])  # cut between members: a shorter valid tar
    with pytest.raises(UserError, match=r"000001\.tar"):
        list(stream(reader, range(10)))


def test_a_damaged_member_is_named(shard_folder):
    reader = ShardReader(shard_folder)
    shard = shard_folder / "000002.tar"
    data = bytearray(shard.read_bytes())
    start = data.index(b"RIFF", data.index(b"scene-9.color.webp"))
    data[start : start + 300] = bytes(300)
    shard.write_bytes(bytes(data))
    with pytest.raises(UserError, match=r"000002\.tar: sample scene-9 is not as it was written"):
        list(stream(reader, range(10)))


def test_one_flipped_bit_is_found_before_evaluating(shard_folder):
    reader = ShardReader(shard_folder)
    shard = shard_folder / "000001.tar"
    data = bytearray(shard.read_bytes())
    data[3000] ^= 1
    shard.write_bytes(bytes(data))
    with pytest.raises(UserError, match=r"000001\.tar is damaged"):
        pictures_digest(reader)


def test_the_digest_is_of_the_pictures_not_of_the_shards(shard_folder, tmp_path):
    reader = ShardReader(shard_folder)

    def digest(per_shard: int, changed: int | None = None) -> str:
        folder = tmp_path / f"{per_shard}-{changed}"
        with ShardWriter(folder, 32, per_shard, {}) as writer:
            for number in range(10):
                sample = reader[number]
                color = sample.color ^ 1 if number == changed else sample.color
                writer.write(sample.key, color, sample.line, sample.metadata)
        return pictures_digest(ShardReader(folder))

    assert digest(1) == digest(3) == digest(100) == pictures_digest(reader)
    assert digest(4, changed=7) != pictures_digest(reader)
