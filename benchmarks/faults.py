"""What happens to runs that are killed, signalled and damaged: each fault many times, in a table.

    python benchmarks/faults.py kills|signals|ranks|shards|checkpoints --output FOLDER

Training is the demo's, at its full size, on one CPU thread a process. Every run is compared, byte
for byte, with one that nothing happened to.
"""

import hashlib
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from colorizer.checkpoints.checkpoint import newest_intact, saved_steps
from colorizer.config.losses import LossConfig
from colorizer.config.networks import GeneratorConfig
from colorizer.config.presets import demo
from colorizer.making.config import CharactersConfig
from colorizer.making.pipeline import make_shards
from colorizer.training.train import train
from tests.helpers.fuzzing_checkpoints import fuzz_checkpoint
from tests.helpers.fuzzing_shards import fuzz_shards
from tests.helpers.programs import (
    SCRIPT,
    TORCHRUN,
    last_step,
    rank_process,
    start,
    wait_for,
)

Fault = Literal["kills", "signals", "ranks", "shards", "checkpoints"]
DEFAULT_TIMES = {"kills": 100, "signals": 20, "ranks": 10, "shards": 2000, "checkpoints": 2000}


@dataclass(frozen=True)
class FaultsConfig:
    """Let a fault happen many times, and see what is lost."""

    fault: tyro.conf.Positional[Fault]
    """Which."""
    output: Path
    """Folder for the shards and runs; kept, so that a fault can be looked at."""
    times: int | None = None
    """How often; default: 100 kills, 20 signals, 10 ranks, 2,000 damaged files."""
    seed: int = 0
    """Of the moments and the damage."""


def main() -> None:
    config = tyro.cli(FaultsConfig, description=__doc__)
    times = config.times or DEFAULT_TIMES.get(config.fault, 0)
    rng = random.Random(config.seed)
    match config.fault:
        case "kills":
            say(kill_trainings(config.output, times, rng))
        case "signals":
            say(signal_trainings(config.output, times, rng))
        case "ranks":
            say(kill_ranks(config.output, times, rng))
        case "shards":
            fuzz(config, times)
        case "checkpoints":
            fuzz(config, times)


def say(text: str) -> None:
    """Print a line at once, whole."""
    Console(soft_wrap=True, highlight=False).print(text, markup=False)
    sys.stdout.flush()


# ---- Trainings


def shards(output: Path) -> Path:
    """The demo's characters, 200 of them."""
    if not (output / "shards" / "train" / "index.json").exists():
        make_shards(CharactersConfig(output=output / "shards", count=200, size=64))
    return output / "shards"


def training(output: Path, run: Path, steps: int, *more: object) -> list[object]:
    """Arguments of a training that saves every other step."""
    return [
        *(SCRIPT, "demo", "--data", shards(output), "--output", run, "--steps", steps),
        *("--checkpoint-every", 2, "--log-every", 1, "--sample-every", 0, *more),
    ]


def undisturbed(output: Path, name: str, command: list[object]) -> str:
    """Digest of the last checkpoint of a run to which nothing happens."""
    whole = output / f"{name}-whole"
    if not whole.exists():
        finish(command)
        (output / name).rename(whole)
    return digest_of(whole)


def finish(command: list[object]) -> str:
    """Run a command to its end; what it printed."""
    process = start(command)
    shown, _ = process.communicate()
    if process.returncode != 0:
        raise AssertionError(shown)
    return shown


def start_training(command: list[object], run: Path) -> subprocess.Popen[str]:
    """Run a command until it has trained for a step."""
    (run / "metrics.jsonl").unlink(missing_ok=True)  # with steps that are to be done again
    process = start(command)
    wait_for(lambda: last_step(run) > 0, process)
    return process


def digest_of(run: Path) -> str:
    """One sha256 over every file of a run's last checkpoint, state.json too."""
    digest = hashlib.sha256()
    for path in sorted(saved_steps(run / "checkpoints")[0].iterdir()):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def newest_step(run: Path) -> int:
    """Of the newest intact checkpoint; every newer one must be intact as well."""
    newest = newest_intact(run / "checkpoints")
    if newest is not None and newest.faults:
        raise AssertionError(newest.faults)
    return newest.state.step if newest else 0


def kill_trainings(output: Path, times: int, rng: random.Random) -> str:
    """kill -9 at random moments, and the same command again each time."""
    run = output / "kills"
    command = [sys.executable, *training(output, run, 400)]
    wanted = undisturbed(output, "kills", command)
    shutil.rmtree(run, ignore_errors=True)
    repeated, saving = [], 0
    for number in range(times):
        process = start_training(command, run)
        time.sleep(rng.uniform(0, 1.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        saving += any((run / "checkpoints").glob("*.partial"))
        repeated.append(last_step(run) - newest_step(run))
        if number % 10 == 9:
            say(f"{number + 1} kills, at step {last_step(run)}")
    finish(command)
    same = digest_of(run) == wanted
    return (
        f"kill -9: {times} tried, {saving} of them while a checkpoint was being written; damaged"
        f" checkpoints 0; steps done again: median {statistics.median(repeated)}, most"
        f" {max(repeated)}; last checkpoint {digest_of(run)[:16]}, undisturbed {wanted[:16]}:"
        f" {'equal' if same else 'DIFFERENT'}"
    )


def signal_trainings(output: Path, times: int, rng: random.Random) -> str:
    """SIGTERM at random moments, and the same command again each time."""
    run = output / "signals"
    command = [sys.executable, *training(output, run, 200)]
    wanted = undisturbed(output, "signals", command)
    shutil.rmtree(run, ignore_errors=True)
    seconds, lost = [], 0
    for _ in range(times):
        process = start_training(command, run)
        time.sleep(rng.uniform(0, 1.5))
        moment = time.monotonic()
        process.send_signal(signal.SIGTERM)
        shown, _ = process.communicate(timeout=60)
        seconds.append(time.monotonic() - moment)
        if process.returncode != 0 or "Stopped and saved at step" not in shown:
            raise AssertionError(shown)
        lost += last_step(run) - newest_step(run)
    finish(command)
    same = digest_of(run) == wanted
    return (
        f"SIGTERM: {times} tried, {times} saved and left with 0; steps lost {lost}; seconds to the"
        f" end: median {statistics.median(seconds):.1f}, most {max(seconds):.1f}; last checkpoint"
        f" {digest_of(run)[:16]}, undisturbed {wanted[:16]}: {'equal' if same else 'DIFFERENT'}"
    )


def kill_ranks(output: Path, times: int, rng: random.Random) -> str:
    """One of two ranks killed again and again, under a launcher that starts them anew."""
    run = output / "ranks"
    steps = 12 * times
    command = [*TORCHRUN, *training(output, run, steps, "--network.width", 0.25)]
    wanted = undisturbed(output, "ranks", command)
    shutil.rmtree(run, ignore_errors=True)
    launcher = [*TORCHRUN, "--max-restarts", times]
    process = start([*launcher, *command[len(TORCHRUN) :]])
    killed: Counter[int] = Counter()
    for _ in range(times):
        before = last_step(run)
        wait_for(lambda before=before: last_step(run) > before + 2, process)
        time.sleep(rng.uniform(0, 0.5))
        rank = rng.randrange(2)
        os.kill(rank_process(process.pid, rank), signal.SIGKILL)
        killed[rank] += 1
        time.sleep(1)  # until its last line is written
    shown, _ = process.communicate()
    if process.returncode != 0:
        raise AssertionError(shown)
    same = digest_of(run) == wanted
    return (
        f"one of two ranks killed: {times} tried (rank 0 {killed[0]} times), {times} continued by"
        f" the launcher; last checkpoint {digest_of(run)[:16]}, undisturbed {wanted[:16]}:"
        f" {'equal' if same else 'DIFFERENT'}"
    )


# ---- Files


def fuzz(config: FaultsConfig, times: int) -> None:
    """Damaged files: each is refused, or the damage changes nothing that is read."""
    folder = config.output / f"fuzz-{config.fault}"
    shutil.rmtree(folder, ignore_errors=True)
    make_shards(CharactersConfig(output=folder / "shards", count=6, size=64, samples_per_shard=4))
    if config.fault == "checkpoints":
        network = GeneratorConfig(width=0.0625, stages=3, residual_blocks=1)
        small = {"network": network, "loss": LossConfig(perceptual=0, style=0, adversarial=1)}
        small |= {"discriminator_width": 0.0625, "steps": 2, "checkpoint_every": 1}
        small |= {"batch_size": 2, "workers": 0, "sample_every": 0}
        train(replace(demo(folder / "shards", folder / "run"), **small))
    start_of_all = time.monotonic()
    outcomes: Counter[str] = Counter()
    for seed in range(config.seed, config.seed + times):
        if config.fault == "shards":
            outcome = fuzz_shards(folder / "shards" / "train", folder / "work", seed)
        else:
            outcome = fuzz_checkpoint(folder / "run" / "checkpoints", folder / "work", seed)
        outcomes[outcome.split(":")[0]] += 1
    found = ", ".join(f"{count} {kind}" for kind, count in outcomes.most_common())
    seconds = time.monotonic() - start_of_all
    say(f"damaged {config.fault}: {times} tried: {found}; nothing else ({seconds:.0f} s)")


if __name__ == "__main__":
    main()
