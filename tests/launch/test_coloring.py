"""A folder's colouring that is stopped: what is done is kept, and nothing is done twice."""

import json
import signal
import sys
from collections import Counter
from pathlib import Path

import cv2
import pytest

from colorizer.coloring.record import NAME
from tests.helpers.launching import start
from tests.helpers.programs import ROOT, wait_for

COUNT = 60


@pytest.fixture
def command(trained, tmp_path, draw_scene):
    """`command(output)`: colours sixty drawings into it."""
    for number in range(COUNT):
        path = tmp_path / "lines" / f"{number % 3}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), cv2.cvtColor(draw_scene(number, 300, 200), cv2.COLOR_RGB2GRAY))
    cv2.imwrite(str(tmp_path / "reference.png"), draw_scene(99, 50, 50))

    def arguments(output: Path) -> list[object]:
        given = ("--checkpoint", trained.output, "--line", tmp_path / "lines")
        given += ("--reference", tmp_path / "reference.png", "--output", output)
        return [sys.executable, ROOT / "launch" / "colorize.py", *given]

    return arguments


def lines(output: Path, begun: bool) -> list[str]:
    path = output / NAME
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            content = json.loads(line)
        except ValueError:  # torn
            continue
        if ("begun" in content) == begun:
            found.append(content["output"])
    return found


def results(output: Path) -> dict[str, bytes]:
    return {p.relative_to(output).as_posix(): p.read_bytes() for p in output.rglob("*.png")}


def finish(command: list[object]) -> str:
    process = start(command)
    shown, _ = process.communicate(timeout=300)
    assert process.returncode == 0, shown
    return shown


def test_killed_again_and_again_nothing_is_done_twice(command, tmp_path):
    finish(command(tmp_path / "whole"))
    output = tmp_path / "out"
    for share in (0.1, 0.5):
        process = start(command(output))
        wait_for(lambda share=share: len(lines(output, False)) >= share * COUNT, process)
        process.kill()
        process.communicate()
    shown = finish(command(output))
    assert "coloured before, 0 could not be coloured" in shown
    done = Counter(lines(output, False))
    assert len(done) == COUNT and set(done.values()) == {1}
    assert results(output) == results(tmp_path / "whole")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_it_finishes_what_it_writes(command, tmp_path, number, status):
    output = tmp_path / "out"
    process = start(command(output))
    wait_for(lambda: len(lines(output, False)) >= 3, process)
    process.send_signal(number)
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == status, shown
    assert "Traceback" not in shown
    assert sorted(lines(output, True)) == sorted(lines(output, False)) == sorted(results(output))
    assert len(results(output)) < COUNT
    assert not list(output.rglob("*.partial"))


def test_two_programs_do_not_share_a_folder(command, tmp_path):
    output = tmp_path / "out"
    first = start(command(output))
    wait_for(lambda: len(lines(output, False)) >= 1, first)
    second = start(command(output))
    shown, _ = second.communicate(timeout=120)
    if first.poll() is None:
        assert second.returncode == 1 and "another process colours drawings there" in shown
    first.communicate(timeout=300)
    assert set(Counter(lines(output, False)).values()) == {1}
