"""How training steps get on with more processes, and what bounds them.

    OMP_NUM_THREADS=1 python benchmarks/scaling.py --processes 1 2

One process for each GPU (NCCL), or on the CPU (gloo; as many cores as processes must be free). The
pictures of a process stay the same, so a step would take as long with any number of them if
nothing bound it.
"""

import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path

import torch
import tyro
from measuring import timed
from standing_in import augmented, noise
from train_step import TrainStepConfig, build

from colorizer.loading.batch import Batch
from colorizer.system.memory import keep_freed_memory
from colorizer.training.task import Task


@dataclass(frozen=True)
class ScalingConfig:
    """Time training steps of one and more processes."""

    processes: tuple[int, ...] = (1, 2)
    """Of each run."""
    batch_size: int = 2
    """Pictures of each process."""
    size: int = 256
    """Their sides, in pixels."""
    width: float = 1.0
    """Multiplies every channel count of the generator."""
    rounds: int = 5
    """Steps timed of each kind, by turns."""
    one: bool = False
    """This is one of the processes of a run."""


def main() -> None:
    config = tyro.cli(ScalingConfig, description=__doc__)
    if config.one:
        run(config)
        return
    same = [
        f"--{f.name.replace('_', '-')}={getattr(config, f.name)}"
        for f in fields(config)
        if f.name not in ("processes", "one")
    ]
    for count in config.processes:
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={count}"]
        subprocess.run([sys.executable, *launch, __file__, *same, "--one"], check=True)


def run(config: ScalingConfig) -> None:
    """Time the steps of this process among the others; the first one prints."""
    if not torch.cuda.is_available():
        keep_freed_memory()
    settings = TrainStepConfig(batch_size=config.batch_size, size=config.size, width=config.width)
    with tempfile.TemporaryDirectory() as folder:
        task = build(settings, Path(folder))
    accelerator = task.accelerator
    batch = augmented(task, noise(config.batch_size, config.size))
    weights = sum(p.numel() for network in task.trained for p in network.parameters())
    gradients = torch.zeros(weights, device=accelerator.device)
    alone, together, sending = [], [], []
    for _ in range(1 + config.rounds):
        accelerator.wait_for_everyone()
        alone.append(timed(lambda: step_alone(task, batch)))
        accelerator.wait_for_everyone()
        together.append(timed(lambda: task.step(batch)))
        accelerator.wait_for_everyone()
        sending.append(timed(lambda: exchange(gradients)))
    if accelerator.is_main_process:
        step, own, sent = (statistics.median(t[1:]) for t in (together, alone, sending))
        count = accelerator.num_processes
        print(
            f"{count} process(es): step {1e3 * step:.0f} ms, {count * config.batch_size / step:.2f}"
            f" pictures/s; without exchange of gradients {1e3 * own:.0f} ms; that exchange alone,"
            f" {4 * weights / 1e6:.0f} MB: {1e3 * sent:.0f} ms",
            flush=True,
        )


def exchange(gradients: torch.Tensor) -> None:
    """Sum them over the processes; nothing where there is one."""
    if torch.distributed.get_world_size() > 1:
        torch.distributed.all_reduce(gradients)


def step_alone(task: Task, batch: Batch) -> None:
    """A step whose gradients stay in this process."""
    with ExitStack() as stack:
        for network in task.trained:
            stack.enter_context(task.accelerator.no_sync(network))
        task.step(batch)


if __name__ == "__main__":
    main()
