"""One of two processes fails: what each prints, and after how many seconds all have gone.

    python benchmarks/endings.py --output DIR

On a machine with GPUs the processes talk over NCCL, else over gloo.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import tyro
from faults import shards

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.helpers.programs import (
    SCRIPT,
    TORCHRUN,
    children,
    last_step,
    rank_process,
    start,
    wait_for,
)

SMALL = ("--network.width", 0.125, "--batch-size", 4, "--sample-every", 0, "--evaluate-every", 0)
PATIENCE = 120.0  # seconds until what is left counts as hanging

# A training whose process 1 soon wants more memory than it may take.
STARVED = """
import os, resource, runpy, sys
import torch
from colorizer.training.colorization import Colorization
generate, steps = Colorization.generate, []
def starve(*arguments):
    steps.append(1)
    if os.environ["RANK"] == "1" and len(steps) == 8:
        pages = int(open("/proc/self/statm").read().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(),) * 2)
        torch.ones(2**30)
    return generate(*arguments)
Colorization.generate = starve
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass
class EndingsConfig:
    """Let one of two processes fail in each way."""

    output: Path
    """Folder for the shards and runs."""
    timeout: float = 10.0
    """--timeout of the trainings."""


def main() -> None:
    config = tyro.cli(EndingsConfig, description=__doc__)
    starved = config.output / "starved.py"
    config.output.mkdir(parents=True, exist_ok=True)
    starved.write_text(STARVED)
    show(config, "is killed", lambda pid: os.kill(pid, signal.SIGKILL))
    show(config, "hangs", lambda pid: os.kill(pid, signal.SIGSTOP))
    show(config, "has a disk that no longer answers", stop_loaders)
    show(config, "has loader processes that are killed", kill_loaders)
    show(config, "is out of memory", lambda pid: None, starved)


def stop_loaders(pid: int) -> None:
    """Loader processes that wait for a dead disk send nothing, for ever."""
    for child in children(pid):
        os.kill(child, signal.SIGSTOP)


def kill_loaders(pid: int) -> None:
    """As the system does when memory is short."""
    for child in children(pid):
        os.kill(child, signal.SIGKILL)


def show(config: EndingsConfig, what: str, fail: Callable[[int], object], *wrapper: object) -> None:
    """Two processes, of which the second fails while it trains."""
    run = config.output / what.replace(" ", "-")
    settings = ("--steps", 100_000, "--log-every", 1, "--timeout", config.timeout, *SMALL)
    training = (SCRIPT, "demo", "--data", shards(config.output), "--output", run, *settings)
    (run / "metrics.jsonl").unlink(missing_ok=True)
    process = start([*TORCHRUN, *wrapper, *training])
    wait_for(lambda: last_step(run) >= 5, process)
    ranks = [rank_process(process.pid, rank) for rank in (0, 1)]
    everyone = [*ranks, *(child for pid in ranks for child in children(pid))]
    fail(ranks[1])
    start_time = time.monotonic()
    with ThreadPoolExecutor() as reader:  # a full pipe would hold the processes up
        shown = reader.submit(process.communicate)
        first, second, everything = seconds_until_gone(
            start_time, [ranks[0]], [ranks[1]], [*everyone, process.pid]
        )
    print(f"\nProcess 1 {what}: process 0 has gone after {first:.1f} s, process 1 after")
    print(f"{second:.1f} s, their loader processes and the launcher after {everything:.1f} s:")
    lines = shown.result()[0].splitlines()
    said = (line for line in lines if "error: " in line or "warning: " in line)
    print("\n".join(said), flush=True)


def seconds_until_gone(start_time: float, *groups: list[int]) -> list[float]:
    """Of each group of processes; raises AssertionError if one takes too long."""
    gone: dict[int, float] = {}
    while len(gone) < len(groups):
        seconds = time.monotonic() - start_time
        if seconds > PATIENCE:
            raise AssertionError(f"of {groups} some are still there after {PATIENCE:g} s")
        for number, pids in enumerate(groups):
            if number not in gone and not any(map(is_alive, pids)):
                gone[number] = seconds
        time.sleep(0.05)
    return [gone[number] for number in range(len(groups))]


def is_alive(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    main()
