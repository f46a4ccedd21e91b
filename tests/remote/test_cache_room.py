"""What makes room in a full cache: what no living process needs, then what is needed last."""

import json
import os
import time
from contextlib import closing
from pathlib import Path

import pytest

from colorizer.remote import needs
from colorizer.remote.cache import CacheSettings, ShardCache
from colorizer.remote.needs import least_needed, needs_of_all

SIZE = 1000  # of each shard


@pytest.fixture
def full(cache: Path) -> ShardCache:
    """Room for four shards, which lie there: a is the oldest."""
    made = ShardCache(CacheSettings(cache, 4 * SIZE))
    for age, name in enumerate("dcba"):
        made.path(name).write_bytes(bytes(SIZE))
        os.utime(made.path(name), (1000 - age, 1000 - age))
    return made


def held(cache: ShardCache) -> str:
    return "".join(sorted(path.stem for path in cache.folder.glob("*.tar")))


def test_what_nobody_needs_goes_first_and_the_oldest_of_it():
    copies = {"a": 3.0, "b": 1.0, "c": 2.0, "d": 0.0, "e": 9.0}
    told = {"d": 50.0, "e": 70.0}
    assert least_needed(copies, told, now=10.0) == ["b", "c", "a", "e", "d"]
    assert least_needed(copies, told, now=60.0) == ["b", "c", "a", "e"]  # d is needed now
    assert least_needed(copies, told, now=10.0, until=60.0) == ["b", "c", "a", "e"]


def test_the_oldest_goes_where_nobody_needs_any(full):
    assert full.make_room(SIZE + 1)
    assert held(full) == "cd"


def test_what_any_process_needs_stays_and_what_is_needed_last_goes(full):
    now = time.monotonic()
    with closing(full.told_needs()) as one, closing(full.told_needs()) as other:
        one.tell({"a": now - 1, "b": now + 500})
        other.tell({"b": now + 100, "c": now + 300, "d": now + 200})
        assert full.make_room(SIZE)
        assert held(full) == "abd"
        assert not full.make_room(3 * SIZE, at=now + 150)  # d could go, b may not
        assert held(full) == "abd"
        assert full.make_room(3 * SIZE, at=now + 50)
        assert held(full) == "a"
    assert full.make_room(4 * SIZE)  # they have ended
    assert held(full) == ""


def test_what_is_needed_now_makes_room_whatever_follows(full, capsys):
    now = time.monotonic()
    with closing(full.told_needs()) as told:
        told.tell(dict.fromkeys("abcd", now - 1))
        assert not full.make_room(SIZE)
        assert held(full) == "abcd"
    assert "more than --cache-size" in capsys.readouterr().err


def test_a_killed_process_needs_nothing(full):
    folder = full.folder / "needs"
    (folder / "999-x.life").touch()
    (folder / "999-x.json").write_text(json.dumps({"a": 0.0}))
    assert needs_of_all(folder) == {}
    assert not list(folder.iterdir())


def test_a_process_is_not_seen_before_it_is_known_to_live(full, monkeypatch):
    """Looked at in the midst, it would be taken for dead, and its needs for nobody's."""
    lock = needs.try_lock

    def looked_at(file, folder, without_locks):
        if without_locks:  # the new process's own
            assert needs_of_all(folder) == {}
        return lock(file, folder, without_locks)

    monkeypatch.setattr(needs, "try_lock", looked_at)
    with closing(full.told_needs()) as told:
        told.tell({"a": 5.0})
        assert needs_of_all(full.folder / "needs") == {"a": 5.0}


def test_a_process_that_has_told_nothing_yet_is_no_matter(full):
    with closing(full.told_needs()):
        assert needs_of_all(full.folder / "needs") == {}
