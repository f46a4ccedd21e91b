"""Two training processes on one GPU, over gloo, and one over NCCL; stopped, killed and continued.

The runs are small and in float32.
"""

import json
import os
import signal
import subprocess
from pathlib import Path

import psutil
from gpu_report import Teller
from gpu_scale import Place

from tests.helpers.programs import SCRIPT, TORCHRUN, last_step, start, wait_for

RANK = Path(__file__).parent / "gpu_rank.py"
COMPARED = ("loss/l1", "loss/discriminator", "loss/adversarial")
CLOSE = {1: 1e-3, 5: 0.05}  # step → how far its losses may be off: each follows from those before
TITLE = "Runs of several processes"


def run(tell: Teller, place: Place) -> None:
    """The undisturbed runs go on beside those that are disturbed."""
    runs = Runs(tell, place)
    whole = runs.start("two")
    single = runs.start("one")
    try:
        tell.attempt("SIGTERM", lambda: stopped(tell, runs))
        tell.attempt("kill -9", lambda: killed(tell, runs))
        tell.attempt("one process over NCCL", lambda: runs.finish(single))
        tell.attempt("two processes over gloo", lambda: runs.finish(whole))
        tell.attempt("the same losses", lambda: same_losses(tell, runs))
        tell.attempt("the same samples", lambda: same_samples(tell, runs))
    finally:
        for process in (whole, single):
            kill_with_descendants(process.pid)


class Runs:
    """Trainings by name; each begins, or continues, with the same command."""

    def __init__(self, tell: Teller, place: Place) -> None:
        self.tell = tell
        self.place = place

    def folder(self, name: str) -> Path:
        return self.place.work / f"processes-{name}"

    def start(self, name: str) -> subprocess.Popen[str]:
        """Begin or continue: `one` in one process, any other in two."""
        launcher, script = TORCHRUN, RANK
        if name == "one":
            launcher, script = [*TORCHRUN[:-1], "1"], SCRIPT
        settings = {f"--{option}": value for option, value in self.place.scale.processes.items()}
        arguments = [
            *("attention-aware", "--data", self.place.shards, "--output", self.folder(name)),
            *("--loss.perceptual", 0, "--loss.style", 0, "--discriminator-width", 0.25),
            *("--batch-size", 8, "--mixed-precision", "no", "--workers", 1, "--log-every", 1),
            *("--sample-every", 0, "--evaluate-every", 0),
            *("--log-samples", *(word for setting in settings.items() for word in setting)),
        ]
        return start([*launcher, script, *arguments])

    def finish(self, process: subprocess.Popen[str], status: int = 0) -> str:
        """What a run has printed when it ends."""
        shown, _ = process.communicate(timeout=max(1.0, self.tell.left))
        if process.returncode != status:
            raise RuntimeError(f"ended with {process.returncode}, not {status}:\n{shown}")
        return shown


def stopped(tell: Teller, runs: Runs) -> None:
    """A scheduler's signal: both save the same step once, and leave."""
    process = runs.start("disturbed")
    wait_for(lambda: last_step(runs.folder("disturbed")) > 2, process)
    os.killpg(process.pid, signal.SIGTERM)
    shown = runs.finish(process, status=1)  # torchrun's own, though both have left with 0
    said = [line for line in shown.splitlines() if "Stopped and saved at step" in line]
    tell.check(
        TITLE, len(said) == 1, what="SIGTERM to two: saved, said once", figure="; ".join(said)
    )


def killed(tell: Teller, runs: Runs) -> None:
    """kill -9 of all processes after some more steps; the same command ends the run."""
    before = last_step(runs.folder("disturbed"))
    process = runs.start("disturbed")
    wait_for(lambda: last_step(runs.folder("disturbed")) > before + 6, process)
    at = last_step(runs.folder("disturbed"))
    kill_with_descendants(process.pid)
    process.communicate()
    shown = runs.finish(runs.start("disturbed"))
    said = [line for line in shown.splitlines() if line.startswith("Continuing")]
    tell.check(TITLE, len(said) == 1, what=f"kill -9 of two at step {at}", figure="; ".join(said))


def same_losses(tell: Teller, runs: Runs) -> None:
    """Two processes learn what one does from the whole batch: batch norm is over both."""
    one, two = losses(runs.folder("one")), losses(runs.folder("two"))
    for step, allowed in CLOSE.items():
        off = {n: abs(two[step][n] - v) / abs(v) for n, v in one[step].items()}
        worst = max(off, key=off.get)
        tell.check(
            TITLE,
            off[worst] <= allowed,
            what=f"losses of step {step}, two processes against one: {worst} is most off",
            figure=f"{off[worst]:.1e} ({allowed:g})",
        )


def losses(folder: Path) -> dict[int, dict[str, float]]:
    """Step → its losses."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        line["step"]: {name: line[name] for name in COMPARED}
        for line in lines
        if COMPARED[0] in line
    }


def same_samples(tell: Teller, runs: Runs) -> None:
    """What was trained on: undisturbed, stopped and killed, and in one process."""
    wanted = samples(runs.folder("two"))
    for name, what in (("disturbed", "stopped and killed"), ("one", "in one process")):
        found = samples(runs.folder(name))
        tell.check(
            TITLE,
            found == wanted and len(wanted) > 0,
            what=f"samples with their augmentation, {what}, against undisturbed in two",
            figure=f"{len(found)} and {len(wanted)}",
        )


def samples(folder: Path) -> list[str]:
    """Of all processes together."""
    logs = [path.read_text().splitlines() for path in (folder / "order").iterdir()]
    return sorted(line for log in logs for line in log)


def kill_with_descendants(pid: int) -> None:
    """End a process and all that it has started, whatever groups they are in."""
    try:
        parent = psutil.Process(pid)
        doomed = [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return
    for process in doomed:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
