"""The Chrome trace of a run's steps."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from colorizer.training.profiling import WARM_UP, StepProfiler


def train(profiler: StepProfiler, steps: int) -> None:
    """Steps of a network that multiplies once forward and once backward."""
    weight = torch.ones(8, 8, requires_grad=True)
    with profiler:
        for _ in range(steps):
            (torch.ones(4, 8) @ weight).sum().backward()
            profiler.step()


def events(path: Path) -> list[dict]:
    content = json.loads(gzip.decompress(path.read_bytes()))
    return [event for event in content["traceEvents"] if event.get("ph") == "X"]


def test_the_trace_holds_the_steps_asked_for_and_what_was_done_in_each(tmp_path, capsys):
    train(StepProfiler(tmp_path / "profile", count=3, rank=1, step=100), steps=20)
    first = 100 + WARM_UP + 1
    (path,) = (tmp_path / "profile").iterdir()
    assert path.name == f"rank-1-step-{first}.json.gz"
    blocks = {e["name"]: e for e in events(path) if e["name"].startswith("step ")}
    assert list(blocks) == [f"step {first + n}" for n in range(3)]
    for block in blocks.values():
        start, end = block["ts"], block["ts"] + block["dur"]
        within = [e["name"] for e in events(path) if start <= e["ts"] <= end]
        assert within.count("aten::mm") == 2  # the network's, forward and backward
    assert f"Profile of steps {first} to {first + 2}: {path}" in capsys.readouterr().out


def test_a_run_that_ends_before_has_what_it_has_done(tmp_path):
    train(StepProfiler(tmp_path, count=50, rank=0, step=0), steps=WARM_UP + 2)
    (path,) = tmp_path.iterdir()
    assert [e["name"] for e in events(path)].count("aten::mm") == 4
    train(StepProfiler(tmp_path / "early", count=50, rank=0, step=0), steps=WARM_UP - 1)
    assert not (tmp_path / "early").exists()


def test_a_run_that_fails_still_has_its_trace(tmp_path):
    with pytest.raises(ZeroDivisionError), StepProfiler(tmp_path, 50, 0, 0) as profiler:
        for _ in range(WARM_UP + 2):
            profiler.step()
        raise ZeroDivisionError
    (path,) = tmp_path.iterdir()
    assert {"step 6", "step 7"} <= {e["name"] for e in events(path)}


def test_without_a_profile_nothing_is_written(tmp_path):
    train(StepProfiler(tmp_path / "profile", count=0, rank=0, step=0), steps=WARM_UP + 3)
    assert not (tmp_path / "profile").exists()


def test_a_trace_that_cannot_be_written_costs_no_run(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    train(StepProfiler(tmp_path / "file" / "profile", count=1, rank=0, step=0), WARM_UP + 3)
    shown = capsys.readouterr().err
    assert shown.count("warning: cannot write") == 1 and "without the profile" in shown


@pytest.mark.slow
def test_the_terminal_hears_nothing_of_the_profilers_own(tmp_path):
    program = (
        "import sys, torch\nfrom pathlib import Path\n"
        "from colorizer.training.profiling import StepProfiler\n"
        "with StepProfiler(Path(sys.argv[1]), 1, 0, 0) as profiler:\n"
        "    for _ in range(8): profiler.step()\n"
    )
    made = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert made.returncode == 0 and made.stderr == ""
    assert made.stdout.splitlines() == [
        f"Profile of steps 6 to 6: {tmp_path}/rank-0-step-6.json.gz"
    ]
