"""log.txt: what a run said, whoever said it."""

import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.training.logbook import keep_log

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d "


def entries(folder: Path) -> list[str]:
    """The messages of a log, without their times."""
    text = (folder / "log.txt").read_text()
    assert re.match(STAMP, text)
    return re.split(f"^{STAMP}", text, flags=re.MULTILINE)[1:]


def say_in_every_way(folder: Path) -> None:
    """Messages, a warning and a library's records while a log is kept."""
    with keep_log(folder, rank=1, processes=2) as book:
        book.begin()
        console.say("said")
        console.warn("warned")
        console.table("title", ["figure"], [["1.5"]])
        warnings.warn("Python's", UserWarning, stacklevel=1)
        logging.getLogger("a.library").warning("of a %s", "library")
        logging.getLogger("a.library").info("for its developers")
        logging.getLogger("torch").error("of torch, which passes nothing on")


def test_messages_warnings_and_libraries_are_kept(tmp_path, capsys):
    with pytest.warns(UserWarning, match="Python's"):
        say_in_every_way(tmp_path)
    console.say("after")
    said, warned, table, pythons, library, torchs = entries(tmp_path)
    assert (said, warned) == ("process 1 INFO: said\n", "process 1 WARNING: warned\n")
    assert table.splitlines()[0] == "process 1 INFO: title" and table.endswith("    1.5\n")
    assert pythons.startswith("process 1 WARNING: UserWarning: Python's (/")
    assert library == "process 1 WARNING: of a library\n"
    assert torchs == "process 1 ERROR: of torch, which passes nothing on\n"
    assert capsys.readouterr().out.splitlines()[-1] == "after"


def test_a_run_alone_names_no_process_and_goes_on_in_the_same_file(tmp_path):
    for word in ("first", "second"):
        with keep_log(tmp_path, 0, 1) as book:
            console.say(f"before {word}")
            book.begin()
            console.say(word)
    expected = ["before first", "first", "before second", "second"]
    assert entries(tmp_path) == [f"INFO: {word}\n" for word in expected]


def test_a_run_that_never_begins_leaves_its_folder_alone(tmp_path):
    with pytest.raises(UserError), keep_log(tmp_path / "run", 0, 1):
        console.say("said")
        raise UserError("refused")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UserError("The disk is full."), "ERROR: The disk is full.\n"),
        (KeyboardInterrupt(), "ERROR: stopped by Ctrl-C\n"),
    ],
)
def test_what_ends_a_run_is_kept_as_its_sentence(tmp_path, error, text):
    with pytest.raises(type(error)), keep_log(tmp_path, 0, 1) as book:
        book.begin()
        raise error
    assert entries(tmp_path) == [text]


def test_another_exception_is_kept_with_its_traceback(tmp_path):
    with pytest.raises(ZeroDivisionError), keep_log(tmp_path, 0, 1) as book:
        book.begin()
        1 / 0  # noqa: B018
    (entry,) = entries(tmp_path)
    assert entry.startswith("ERROR: ended by an exception\n    Traceback (most recent call last)")
    assert "1 / 0" in entry and entry.endswith("ZeroDivisionError: division by zero\n")


PROGRAM = """
import logging, sys, warnings
from contextlib import nullcontext
from pathlib import Path
from colorizer.system import console
from colorizer.training.logbook import keep_log

def speak():
    console.say("said")
    console.warn("warned")
    logging.getLogger("plain").warning("a library")
    logging.getLogger("plain").info("quiet")
    own = logging.getLogger("own")
    own.addHandler(logging.StreamHandler())
    own.warning("a library that prints")
    warnings.warn("Python's")
    apart.warning("a library that passes nothing on")

apart = logging.getLogger("apart")
apart.addHandler(logging.StreamHandler())
apart.propagate = False
with keep_log(Path(sys.argv[1]), 0, 1) if len(sys.argv) > 1 else nullcontext() as book:
    if book:
        book.begin()
    speak()
"""


def test_the_terminal_shows_the_same_with_a_log_and_without(tmp_path):
    with_log, without = (
        subprocess.run([sys.executable, "-c", PROGRAM, *more], capture_output=True, text=True)
        for more in ([str(tmp_path)], [])
    )
    assert with_log.returncode == 0, with_log.stderr
    assert with_log.stdout == without.stdout == "said\n"
    assert with_log.stderr == without.stderr
    assert "a library that prints" in with_log.stderr and "Python's" in with_log.stderr
    assert len(entries(tmp_path)) == 6


def test_processes_do_not_mix(tmp_path):
    program = (
        "import sys\nfrom pathlib import Path\nfrom colorizer.system import console\n"
        "from colorizer.training.logbook import keep_log\n"
        "with keep_log(Path(sys.argv[1]), int(sys.argv[2]), 3) as book:\n"
        "    book.begin()\n"
        "    for n in range(300):\n"
        "        console.warn(f'{n} ' + 'long ' * 200 + '\\nsecond line')\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    ranks = [subprocess.Popen([*command, str(n)], stderr=subprocess.DEVNULL) for n in range(3)]
    assert [rank.wait(60) for rank in ranks] == [0, 0, 0]
    for rank in range(3):
        expected = [
            f"process {rank} WARNING: {n} {'long ' * 200}\n    second line\n" for n in range(300)
        ]
        assert [e for e in entries(tmp_path) if e.startswith(f"process {rank}")] == expected


@pytest.fixture
def small_disk(mount_disk: Callable[[str], Path]) -> Path:
    """A disk of 64 KB."""
    return mount_disk("64k")


def test_a_full_disk_is_warned_of_once_and_the_log_goes_on_when_it_has_room(small_disk, capsys):
    filler = small_disk / "filler"
    with keep_log(small_disk, 0, 1) as book:
        book.begin()
        console.say("before")
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        for n in range(100):
            console.say(f"{n} " + "long " * 50)
        shown = capsys.readouterr()
        assert len(shown.out.splitlines()) == 101  # nothing is missing on the terminal
        assert shown.err.count("warning: cannot write") == 1
        assert f"{small_disk / 'log.txt'}: " in shown.err and "goes on" in shown.err
        filler.unlink()
        console.say("room again")
        console.say("and more")
    text = (small_disk / "log.txt").read_text()
    found = re.search(r"\((\d+) messages before this one could not be written\.\)\n", text)
    assert found and entries(small_disk)[-2:] == ["INFO: room again\n", "INFO: and more\n"]
    kept = sum(entry.startswith("INFO: ") and "long" in entry for entry in entries(small_disk))
    assert 100 <= int(found[1]) + kept <= 102  # with the warning, and one that was cut


def test_a_folder_that_cannot_be_written_to_costs_the_log_alone(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with keep_log(tmp_path / "file" / "run", 0, 1) as book:
        book.begin()
        console.say("one")
        console.say("two")
    shown = capsys.readouterr()
    assert shown.out == "one\ntwo\n" and shown.err.count("cannot write") == 1
    assert os.listdir(tmp_path) == ["file"]
