"""Folders from the page: the command line that does it, and a program that is stopped."""

import os
import sys
from pathlib import Path

import pytest

from colorizer.commands.colorize import settings
from colorizer.page.folders import Programs, folder_command
from colorizer.system.errors import UserError


def test_the_command_line_means_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = folder_command(
        Path("run"), " cut/*.png ", "a.png\n '--b' \n\n", "~/out", ["result", "flats"]
    )
    config = settings(command[3:])
    assert config.checkpoint == Path("run")
    assert config.line == tmp_path / "cut/*.png"
    assert config.reference == (tmp_path / "a.png", tmp_path / "--b")
    assert config.output == Path.home() / "out"
    assert config.write == ("result", "flats")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"drawings": " "}, "No drawings"),
        ({"references": "\n"}, "No references"),
        ({"output": ""}, "No output folder"),
        ({"kinds": []}, "Nothing to write"),
    ],
)
def test_what_is_missing_is_said(changes, said):
    given = {"drawings": "a", "references": "b", "output": "c", "kinds": ["result"]}
    with pytest.raises(UserError, match=said):
        folder_command(Path("run"), **(given | changes))


def program(text: str) -> list[str]:
    return [sys.executable, "-u", "-c", text]


def test_what_a_program_says_is_shown_as_it_comes():
    shown = list(Programs().run(program("print('one'); print('two')")))
    assert shown[0] == "" and "one\n" in shown[-2:][0] and shown[-1] == "one\ntwo\nDone."
    failed = list(Programs().run(program("print('one'); raise SystemExit(1)")))
    assert failed[-1] == "one\nEnded before all was done; the reason is above."


WAITING = "import os, time; print(os.getpid())\ntime.sleep(600)"


IN_ORDER = """
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(pathlib.Path(sys.argv[1]).touch()))
print("started", flush=True)
time.sleep(600)
"""


def test_a_program_that_ignores_ctrl_c_as_in_the_background_ends_in_order(tmp_path):
    running = Programs().run([*program(IN_ORDER), str(tmp_path / "ended")])
    assert next(said for said in running if said) == "started\n"
    running.close()
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize("way", ["closed", "ended"])
def test_a_program_ends_when_it_is_stopped(way):
    programs = Programs()
    running = programs.run(program(WAITING))
    said = next(said for said in running if said)
    if way == "ended":
        programs.end()
    running.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(said), 0)
