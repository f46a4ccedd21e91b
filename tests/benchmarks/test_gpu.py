"""benchmarks/gpu.py: rehearsed on a CPU, without a GPU, and with parts that fail or hang."""

import json
import os
import subprocess
import sys
import time

import pytest

from tests.helpers.launching import run
from tests.helpers.programs import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import gpu
from gpu_report import Findings, Report, Teller
from gpu_scale import REHEARSAL, Place

COMMAND = [sys.executable, gpu.__file__]
# Without a GPU its parts may be forked: none then imports again what all of them need.
FORKING = """
import multiprocessing, runpy, sys
from pathlib import Path

context = multiprocessing.get_context("fork")
multiprocessing.get_context = lambda method: context
sys.argv.pop(0)
sys.path[0] = str(Path(sys.argv[0]).parent)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_without_a_gpu_it_says_so_and_ends_with_2(tmp_path):
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = [*COMMAND, "--output", str(tmp_path / "gpu")]
    made = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert made.returncode == 2
    assert "torch sees no GPU here; --rehearse" in made.stdout
    assert len(made.stdout.strip().splitlines()) == 1 and not (tmp_path / "gpu").exists()


def test_a_rehearsal_does_every_part(tmp_path):
    script = tmp_path / "forking.py"
    script.write_text(FORKING)
    command = [sys.executable, script, gpu.__file__, "--rehearse", "--minutes", "60"]
    made = run([*command, "--output", tmp_path / "gpu"], timeout=590)
    report = json.loads((tmp_path / "gpu" / "gpu.json").read_text())
    parts = {part["name"]: part for part in report["parts"]}
    assert list(parts) == [part.name for part in gpu.PARTS]
    for part in parts.values():
        assert part["state"] == "done", part["failures"]
        assert not any("left out" in note for note in part["notes"])
    assert made.returncode == 0
    about = report["about"]
    assert about["torch"] and about["accelerate"] and about["GPU"] == "none" and about["code"]
    steps = parts["correct"]["tables"]["A step against the CPU's in float32: off by (allowed)"]
    assert len(steps) == 5 and all(row["holds"] for row in steps)
    assert parts["several processes"]["tables"]["Runs of several processes"]
    assert {"The training", "Its held-out pictures"} <= parts["training"]["tables"].keys()
    text = (tmp_path / "gpu" / "gpu.md").read_text()
    for part in parts.values():
        for title in part["tables"]:
            assert f"**{title}**\n\n| " in text
    assert (tmp_path / "gpu" / "samples.png").is_file()
    assert len(list((tmp_path / "gpu").iterdir())) <= 8  # what comes back from a lent machine


def _fails(tell: Teller, place: Place) -> None:
    tell.row("Before", what="was found")
    tell.attempt("a piece", lambda: 1 / 0)
    tell.check("Checks", False, off=2.0)
    tell.row("After", what="went on")


def _hangs(tell: Teller, place: Place) -> None:
    tell.row("Before", what="was found")
    subprocess.run(["sleep", "1000"])


def _crashes(tell: Teller, place: Place) -> None:
    tell.row("Before", what="was found")
    os.abort()


@pytest.fixture
def report(tmp_path) -> Report:
    return Report(tmp_path / "gpu", {"code": "a|b"}, [Findings("part", "of a test")])


def _find(report, run, tmp_path, seconds=60.0):
    (found,) = report.parts
    found.limit = seconds
    place = Place(REHEARSAL, tmp_path, tmp_path)
    gpu.find(gpu.Part("part", "of a test", run, 1), found, place, {}, report)
    report.write()
    return found, (report.folder / "gpu.md").read_text()


def test_a_piece_that_fails_is_named_and_the_rest_goes_on(report, tmp_path):
    found, text = _find(report, _fails, tmp_path)
    assert found.state == "failed"
    assert [failure.what for failure in found.failures] == ["a piece", "Checks: does not hold"]
    assert "ZeroDivisionError" in text and "**NO**" in text and "a\\|b" in text
    assert found.tables["After"] == [{"what": "went on"}]
    assert json.loads((report.folder / "gpu.json").read_text())["parts"][0]["state"] == "failed"


def test_a_part_that_hangs_is_killed_with_its_children(report, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "GRACE", 0.0)
    found, text = _find(report, _hangs, tmp_path, seconds=1.0)
    assert found.state == "stopped" and "did not end in 1 s and was killed" in text
    assert found.tables["Before"] == [{"what": "was found"}]
    assert not subprocess.run(["pgrep", "-x", "-f", "sleep 1000"], capture_output=True).stdout


def test_a_part_that_crashes_leaves_what_it_has_found(report, tmp_path):
    found, text = _find(report, _crashes, tmp_path)
    assert found.state == "failed" and "its process ended with -6" in text
    assert found.tables["Before"] == [{"what": "was found"}]


def test_a_piece_without_time_is_left_out_and_that_is_said(tmp_path):
    told = []

    class Connection:
        send = staticmethod(told.append)

    tell = Teller(Connection(), time.monotonic() + 5, {})
    tell.attempt("long", lambda: told.append("done"), seconds=50)
    tell.attempt("short", lambda: told.append("done"), seconds=1)
    assert told == [("note", "long: left out, as 50 s were not left for it."), "done"]
