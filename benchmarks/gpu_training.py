"""A training of attention-aware on drawn characters for the time that is left."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from gpu_processes import kill_with_descendants
from gpu_report import Teller
from gpu_scale import Place

ROOT = Path(__file__).resolve().parents[1]
SAVING = 25.0  # seconds that a run gets to draw its samples and save, of those that are left
ROWS = 12  # of the curve
SHOWN = ("log.txt", "metrics.jsonl", "curves.png")  # of the run, copied to the output


def run(tell: Teller, place: Place) -> None:
    """Train, stop it in time as a scheduler would, and tell of it."""
    folder = place.work / "training"
    command = [
        *(sys.executable, ROOT / "launch" / "train.py", "attention-aware"),
        *("--data", place.shards, "--output", folder, "--loss.vgg-weights", place.vgg),
        *("--steps", place.scale.training_steps, *place.scale.training),
    ]
    log = place.output / "training.txt"
    with log.open("w") as file:
        process = subprocess.Popen(list(map(str, command)), stdout=file, stderr=subprocess.STDOUT)
    try:
        stop_in_time(process, tell.left - SAVING)
    finally:
        kill_with_descendants(process.pid)
    if process.returncode != 0:
        raise RuntimeError(f"training ended with {process.returncode}:\n{log.read_text()[-4000:]}")
    tell.note(f"It said at its end: {log.read_text().strip().splitlines()[-1]}")
    tell.attempt("the curve", lambda: curve(tell, folder))
    tell.attempt("the samples", lambda: show(tell, folder, place.output))


def stop_in_time(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Let a training run for so long, then save and leave.

    Raises:
        subprocess.TimeoutExpired: it does not.
    """
    try:
        process.wait(max(5.0, seconds))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        process.wait(SAVING + 10)


def curve(tell: Teller, folder: Path) -> None:
    """What metrics.jsonl holds: losses and rates, and the looks at held-out pictures."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    looks = [line for line in lines if any(is_held_out(name) for name in line)]
    losses = [line for line in lines if line not in looks or len(line) > len(held_out(line)) + 1]
    for line in thinned(losses):
        tell.row("The training", **{n: v for n, v in line.items() if not is_held_out(n)})
    for line in thinned(looks):
        tell.row("Its held-out pictures", step=line["step"], **held_out(line))


def is_held_out(name: str) -> bool:
    return name.startswith("held-out")


def held_out(line: dict[str, Any]) -> dict[str, Any]:
    """The figures of held-out pictures in a line."""
    return {name: value for name, value in line.items() if is_held_out(name)}


def thinned(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Some of them, evenly chosen, the first and the last too."""
    if len(lines) <= ROWS:
        return lines
    return [lines[round(n * (len(lines) - 1) / (ROWS - 1))] for n in range(ROWS)]


def show(tell: Teller, folder: Path, output: Path) -> None:
    """Copy the last sample grid and the run's logs to the output."""
    newest = max((folder / "samples").glob("*.png"))
    shutil.copy(newest, output / "samples.png")
    for name in SHOWN:
        if (folder / name).exists():
            shutil.copy(folder / name, output / name)
    tell.note(f"samples.png is its {newest.stem}: line, reference, result, truth.")
