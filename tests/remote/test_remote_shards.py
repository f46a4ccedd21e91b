"""Shards at an address: whole, right, each fetched once; and what is said where that cannot be."""

import os
import threading
from pathlib import Path

import pytest

from colorizer.evaluation.stream import pictures_digest, stream
from colorizer.remote import bucket
from colorizer.remote.address import Address, location_of
from colorizer.remote.cache import CacheSettings, RemoteFolder
from colorizer.shards.index import INDEX, read_index
from colorizer.shards.reader import ShardReader
from colorizer.system.errors import UserError
from tests.helpers.bucket_server import Served, serving

SHARDS = ["000000.tar", "000001.tar", "000002.tar"]


@pytest.fixture
def served(shard_folder):
    with serving(shard_folder) as server:
        yield server


def remote(served: Served, cache: Path, size: int = 10**9) -> RemoteFolder:
    return RemoteFolder(Address(served.url), CacheSettings(cache, size))


def read_all(reader: ShardReader) -> list:
    return [reader[number] for number in range(len(reader))]


def same(samples, others) -> bool:
    return all(
        one.key == other.key
        and (one.color == other.color).all()
        and (one.line == other.line).all()
        and one.metadata == other.metadata
        for one, other in zip(samples, others, strict=True)
    )


# ---- Reading


def test_samples_are_those_of_the_folder_and_each_shard_comes_once(served, shard_folder, cache):
    reader, local = ShardReader(remote(served, cache)), ShardReader(shard_folder)
    assert same(read_all(reader), read_all(local))
    assert same(read_all(ShardReader(remote(served, cache))), read_all(local))
    assert {name: served.sent[name] for name in SHARDS} == {
        name: (shard_folder / name).stat().st_size for name in SHARDS
    }
    assert sorted(path.name for path in cache.glob("*.tar")) == sorted(
        f"{entry.sha256}.tar" for entry in reader.index.shards
    )


def test_only_the_shards_that_are_read_come(served, cache):
    ShardReader(remote(served, cache))[5]
    assert [name for name in SHARDS if served.sent[name]] == ["000001.tar"]


def test_it_is_streamed_and_digested_as_a_folder_is(served, shard_folder, cache):
    reader, local = ShardReader(remote(served, cache)), ShardReader(shard_folder)
    found, wanted = (list(stream(r, range(3, 9))) for r in (reader, local))
    assert [number for number, _ in found] == [number for number, _ in wanted]
    assert same([sample for _, sample in found], [sample for _, sample in wanted])
    assert pictures_digest(reader) == pictures_digest(local)


def test_a_large_shard_comes_in_pieces(served, shard_folder, cache, monkeypatch):
    monkeypatch.setattr(bucket, "PIECE", 1000)
    assert same(read_all(ShardReader(remote(served, cache))), read_all(ShardReader(shard_folder)))
    assert served.requests["000000.tar"] == -(-(shard_folder / SHARDS[0]).stat().st_size // 1000)


def test_a_server_without_ranges_does(served, shard_folder, cache, monkeypatch):
    served.ranges = False
    monkeypatch.setattr(bucket, "PIECE", 5000)
    assert same(read_all(ShardReader(remote(served, cache))), read_all(ShardReader(shard_folder)))


def test_what_is_in_the_cache_needs_no_network(served, shard_folder, cache, capsys):
    wanted = read_all(ShardReader(remote(served, cache)))
    served.fault = lambda name, time: "503"
    reader = ShardReader(remote(served, cache))
    assert "copy of it that was read 0.0 hours ago is used" in capsys.readouterr().err
    assert same(read_all(reader), wanted)


# ---- Faults that pass


@pytest.mark.parametrize("fault", ["500", "503", "429", "cut", "flip"])
def test_a_fault_that_passes_costs_only_time(served, shard_folder, cache, fault):
    served.fault = lambda name, time: fault if time % 2 and name.endswith(".tar") else None
    assert same(read_all(ShardReader(remote(served, cache))), read_all(ShardReader(shard_folder)))


def test_a_stall_is_ended_and_tried_again(served, shard_folder, cache, monkeypatch):
    monkeypatch.setattr(bucket, "PATIENCE", 0.3)
    served.fault = lambda name, time: "stall" if time == 1 else None
    assert same(read_all(ShardReader(remote(served, cache))), read_all(ShardReader(shard_folder)))


def test_a_slow_server_is_waited_for(served, shard_folder, cache):
    served.seconds, served.bytes_per_second = 0.05, 200_000
    assert same(read_all(ShardReader(remote(served, cache))), read_all(ShardReader(shard_folder)))


# ---- Faults that stay


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("500", r"000000\.tar cannot be read: 500.*; look whether the network works"),
        ("cut", r"000000\.tar cannot be read: .*look whether the network works"),
        ("404", r"000000\.tar cannot be read: .*; look at the address, and whether the copy"),
        ("403", r"000000\.tar cannot be read: 403.*; sign in as docs/remote\.md says"),
        ("401", r"000000\.tar cannot be read: 401.*; sign in as docs/remote\.md says"),
        ("flip", r"000000\.tar is not the shard that its index names: sha256 [0-9a-f]{64}, not"),
    ],
)
def test_a_fault_that_stays_is_a_sentence_and_nothing_is_kept(served, cache, fault, said):
    served.fault = lambda name, time: fault if name.endswith(".tar") else None
    reader = ShardReader(remote(served, cache))
    with pytest.raises(UserError, match=said):
        reader[0]
    assert not list(cache.glob("*.tar")) and not list(cache.glob("*.partial"))
    final = fault in ("404", "403", "401")
    assert served.requests["000000.tar"] == (1 if final else 3 if fault == "flip" else 4)


def test_no_server_is_a_sentence(served, cache):
    folder = RemoteFolder(Address("http://127.0.0.1:9"), CacheSettings(cache, 10**9))
    with pytest.raises(UserError, match=r"http://127\.0\.0\.1:9/index\.json cannot be read"):
        read_index(folder)


@pytest.mark.parametrize("text", [b"<html>Please sign in</html>", b"[]", b'{"format": 1}'])
def test_what_is_no_index_is_named(served, shard_folder, cache, text):
    (shard_folder / INDEX).write_bytes(text)
    with pytest.raises(UserError, match=rf"{served.url}/index\.json is (no|not an) index"):
        read_index(remote(served, cache))


@pytest.mark.parametrize("url", ["nosuch://bucket/a", "s4://b/c"])
def test_a_protocol_that_nothing_reads_is_named(url, cache):
    with pytest.raises(UserError, match=rf"{url}.* cannot be read by what is installed"):
        read_index(RemoteFolder(Address(url), CacheSettings(cache, 10**9)))


# ---- The cache


def test_a_copy_changed_on_the_disk_is_fetched_again(served, shard_folder, cache, capsys):
    wanted = read_all(ShardReader(shard_folder))
    read_all(ShardReader(remote(served, cache)))
    (copy,) = cache.glob(f"{read_index(shard_folder).shards[1].sha256}.tar")
    data = bytearray(copy.read_bytes())
    for place in range(0, len(data), 700):
        data[place] ^= 1
    copy.write_bytes(data)
    assert same(read_all(ShardReader(remote(served, cache))), wanted)
    assert "was changed on the disk; it is fetched again" in capsys.readouterr().err
    copy.write_bytes(data[:1000])
    assert same(read_all(ShardReader(remote(served, cache))), wanted)


def test_the_cache_keeps_its_size_and_drops_the_oldest(served, shard_folder, cache):
    sizes = [(shard_folder / name).stat().st_size for name in SHARDS]
    reader = ShardReader(remote(served, cache, sizes[0] + sizes[1] + 100))
    for number in range(3):
        reader.read(number, 0)
        path = cache / f"{reader.index.shards[number].sha256}.tar"
        os.utime(path, (number, number))
    held = {entry.name for entry in reader.index.shards if (cache / f"{entry.sha256}.tar").exists()}
    assert held == {"000001.tar", "000002.tar"}
    reader.read(0, 0)
    assert served.requests["000000.tar"] == 2


def test_a_cache_too_small_for_one_shard_says_so_and_goes_on(served, shard_folder, cache, capsys):
    reader = ShardReader(remote(served, cache, 1000))
    assert same(read_all(reader), read_all(ShardReader(shard_folder)))
    said = capsys.readouterr().err
    assert said.count("more than --cache-size") == 1 and "give more" in said


def test_a_disk_without_room_is_named(served, cache):
    reader = ShardReader(remote(served, cache))
    cache.joinpath("probe").touch()
    for path in cache.iterdir():
        path.unlink() if path.is_file() else None
    os.chmod(cache, 0o500)
    if os.access(cache, os.W_OK):  # root writes anywhere
        os.chmod(cache, 0o700)
        (cache / "locks").rename(cache / "gone")
        (cache / "locks").write_text("")
    with pytest.raises(UserError, match=rf"cannot write {cache}"):
        reader[0]


def test_what_a_killed_process_left_is_removed(served, shard_folder, cache):
    reader = ShardReader(remote(served, cache))
    (cache / f"{reader.index.shards[0].sha256}.999-1.partial").write_bytes(b"half")
    (cache / f"{'ab' * 32}.999-1.partial").write_bytes(b"half")
    read_all(reader)
    assert not list(cache.glob("*.partial"))


def test_two_after_one_shard_fetch_it_once(served, shard_folder, cache):
    served.seconds = 0.2
    readers = [ShardReader(remote(served, cache)) for _ in range(4)]
    found = [[] for _ in readers]
    threads = [
        threading.Thread(target=lambda r=reader, f=into: f.extend(read_all(r)))
        for reader, into in zip(readers, found, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = read_all(ShardReader(shard_folder))
    assert all(same(samples, wanted) for samples in found)
    assert {served.requests[name] for name in SHARDS} == {1}


def test_many_that_read_one_index_at_once_do_not_disturb_each_other(served, cache):
    threads = [threading.Thread(target=read_index, args=[remote(served, cache)]) for _ in range(16)]
    failed = []
    threading.excepthook, before = failed.append, threading.excepthook
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    threading.excepthook = before
    assert not failed
    (copy,) = (cache / "kept").iterdir()
    assert copy.read_bytes()


# ---- Addresses


def test_a_folder_and_an_address_are_told_apart():
    assert location_of("shards/mine") == Path("shards/mine")
    assert location_of("s3://bucket/mine/") == Address("s3://bucket/mine")
    assert str(location_of("https://host/a") / "train") == "https://host/a/train"
    assert location_of("C/x:/y") == Path("C/x:/y")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s3:/bucket/a", "s3:/bucket/a is no address"),
        ("s3://", "s3: is no address"),
        ("https://me:secret@host/a", "give no password in an address"),
        ("https://host/a?token=secret", "ends before a"),
    ],
)
def test_what_is_no_address_or_holds_a_secret_is_refused(text, said):
    with pytest.raises(UserError) as refused:
        location_of(text)
    assert said in str(refused.value) and "secret" not in str(refused.value)
