"""What a machine with one GPU says of the trainer: whether it computes right, and how fast.

    python benchmarks/gpu.py --minutes 8 --output gpu

It needs no network: pictures are drawn, and VGG-19 gets random weights. Each part runs in a process
of its own with its share of the time, the most important first; gpu.json and gpu.md in the output
folder are written anew after everything that is found, so that a run that is cut short still tells.
"""

import multiprocessing
import os
import platform
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it need not be installed

import gpu_correct
import gpu_fast
import gpu_fed
import gpu_inference
import gpu_levers
import gpu_processes
import gpu_start
import gpu_training
import torch
import tyro
from gpu_processes import kill_with_descendants
from gpu_report import Findings, Report, Teller
from gpu_scale import GPU, REHEARSAL, Place

from colorizer.system.device import exact_float32, kernels_by_trying
from colorizer.system.version import code_version

STARTING = 300.0  # seconds in which a part's process must be there
GRACE = 20.0  # seconds that a part gets beyond its limit, to end by itself
READY = ("ready",)  # what a part's process says first
ENDING = 10.0  # seconds kept for the last part to end in


@dataclass(frozen=True)
class GPUConfig:
    """Check and time everything on a GPU."""

    output: Path
    """Folder for gpu.json, gpu.md, and what the last training shows."""
    minutes: float = 8.0
    """Time for all parts together."""
    rehearse: bool = False
    """Run every part small on the CPU."""
    parts: tuple[str, ...] = ()
    """Those to run, by name, with all of the time; default: all. The start is always there."""
    commit: str = ""
    """What the report calls the code; default: its version, and git's commit in a checkout."""


class Part(NamedTuple):
    """Something to find out."""

    name: str
    title: str
    run: Callable[[Teller, Place], None]
    share: float  # of the time; what a part leaves goes to those after it


PARTS = [
    Part("start", "the machine, its ceilings, pictures to work on", gpu_start.run, 5),
    Part("correct", "what the GPU computes, against the CPU", gpu_correct.run, 24),
    Part("fast", "training steps", gpu_fast.run, 28),
    Part("levers", "each way of computing, off and on", gpu_levers.run, 6),
    Part("several processes", "on one GPU, stopped and killed", gpu_processes.run, 16),
    Part("fed", "the loader beside the step", gpu_fed.run, 6),
    Part("inference", "colouring one drawing", gpu_inference.run, 6),
    Part("training", "attention-aware on drawn characters", gpu_training.run, 15),
]


def main() -> None:
    config = tyro.cli(GPUConfig, description=__doc__)
    if config.rehearse:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for each other crawl
    elif not torch.cuda.is_available():
        print("error: torch sees no GPU here; --rehearse runs every part small on the CPU.")
        sys.exit(2)
    os.environ["PYTHONPATH"] = os.pathsep.join([sys.path[0], os.environ.get("PYTHONPATH", "")])
    end = time.monotonic() + 60 * config.minutes - ENDING
    parts = [p for p in PARTS if not config.parts or p.name in ("start", *config.parts)]
    findings = [Findings(part.name, part.title) for part in parts]
    report = Report(config.output, software(config), findings)
    with tempfile.TemporaryDirectory() as work:
        place = Place(REHEARSAL if config.rehearse else GPU, Path(work), config.output)
        facts: dict[str, Any] = {}
        for number, (part, found) in enumerate(zip(parts, findings, strict=True)):
            to_come = sum(other.share for other in parts[number:])
            found.limit = max(0.0, end - time.monotonic()) * part.share / to_come
            find(part, found, place, facts, report)
            facts |= found.facts
            report.about |= found.facts.get("machine", {})
            report.write()
            print(f"{part.name}: {found.state}, {found.seconds:.0f} s", flush=True)
    print(f"{config.output / 'gpu.md'} has the tables.")
    sys.exit(0 if all(found.state == "done" for found in findings) else 1)


def software(config: GPUConfig) -> dict[str, str | float | None]:
    """What the report says of the programs."""
    packages = {}
    for name in ("accelerate", "torchvision", "triton", "numpy"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "code": config.commit or code_version(),
        "started": time.strftime("%Y-%m-%d %H:%M"),
        "minutes": config.minutes,
        "rehearsal": config.rehearse,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "CUDA of torch": torch.version.cuda,
        **packages,
    }


def find(part: Part, found: Findings, place: Place, facts: dict[str, Any], report: Report) -> None:
    """Run a part in a process of its own, and write down what it tells until it ends."""
    found.state = "running"
    report.write()
    start = time.monotonic()
    # Not forked: CUDA does not survive that, and a new process has all of the GPU's memory.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=tell_all, args=(part.run, theirs, found.limit, facts, place), name=part.name
    )
    process.start()
    theirs.close()
    ended = is_ready(ours) and listen(ours, found, found.limit + GRACE, report)
    if not ended:
        kill_with_descendants(process.pid)
    process.join()
    found.seconds = time.monotonic() - start
    if not ended and process.exitcode == -signal.SIGKILL:
        found.state = "stopped"
        found.take("failure", "the part", f"did not end in {found.limit:.0f} s and was killed.")
    elif process.exitcode != 0:
        found.state = "failed"
        found.take("failure", "the part", f"its process ended with {process.exitcode}.")
    else:
        found.state = "failed" if found.failures else "done"


def is_ready(connection: Connection) -> bool:
    """Whether a part has begun: its time counts from when its process is there."""
    try:
        return connection.poll(STARTING) and connection.recv() == READY
    except EOFError:
        return False


def listen(connection: Connection, found: Findings, seconds: float, report: Report) -> bool:
    """Whether a part ends by itself in so many seconds; what it tells is written at once."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not connection.poll(left):
            return False
        try:
            found.take(*connection.recv())
        except EOFError:
            return True
        report.write()
    return False


def tell_all(
    run: Callable[[Teller, Place], None],
    connection: Connection,
    seconds: float,
    facts: dict[str, Any],
    place: Place,
) -> None:
    """A part, in its process, computing as in training."""
    connection.send(READY)
    try:
        with exact_float32(), kernels_by_trying():
            run(Teller(connection, time.monotonic() + seconds, facts), place)
    except Exception:  # told, as its process is all that ends
        connection.send(("failure", "the part", traceback.format_exc()))


if __name__ == "__main__":
    main()
