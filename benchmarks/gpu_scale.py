"""How large the parts of benchmarks/gpu.py are: on a GPU, and in a rehearsal on a CPU."""

import gc
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from standing_in import build_task

from colorizer.config.presets import PRESETS
from colorizer.config.training import ColorizationConfig
from colorizer.training.colorization import Colorization

METHODS = ("attention-aware", "ours", "sga", "scft-ca", "scft")


@dataclass(frozen=True)
class Scale:
    """Sizes of everything that is computed."""

    network: dict[str, Any]  # settings of the generator that differ from the preset's
    discriminator_width: float
    size: int  # sides of the pictures
    batch: int  # of steps that are compared
    batches: tuple[int, ...]  # of steps that are timed; the first is the paper's
    precisions: tuple[str, ...]
    slack: float  # multiplies what a step may be off: narrow networks round worse
    usual: str  # precision of what is timed
    long_run: int  # steps in which nothing may become infinite
    shrink: int  # divides the sizes of what shows the machine's ceilings
    warm_up: int  # steps before any is timed
    least_steps: int  # behind a figure
    timing: float  # seconds of steps behind a figure
    tokens: int  # of the attention held against float64
    most_entries: int  # of an attention map held whole, so that so many tokens are not
    characters: int  # drawn, each twice
    workers: tuple[int, ...]  # loader processes tried
    sizes: tuple[int, ...]  # of coloured drawings
    processes: dict[str, Any]  # settings of the trainings that are stopped and killed
    training: tuple[object, ...]  # arguments of the training at the end
    training_steps: int


GPU = Scale(
    network={},
    discriminator_width=1.0,
    size=256,
    batch=4,
    batches=(16, 32, 64),
    precisions=("no", "bf16", "fp16"),
    slack=1.0,
    usual="bf16",
    long_run=200,
    shrink=1,
    warm_up=4,
    least_steps=5,
    timing=2.0,
    tokens=16384,
    most_entries=2**24,
    characters=1000,
    workers=(1, 2, 4, 8),
    sizes=(256, 512, 1024, 2048),
    processes={"network.width": 0.25, "steps": 120, "checkpoint-every": 25},
    training=(
        *("--workers", 4, "--log-every", 25, "--sample-every", 1000, "--evaluate-every", 100),
    ),
    training_steps=1_000_000,
)
REHEARSAL = Scale(
    network={"width": 0.125, "stages": 3, "residual_blocks": 1},
    discriminator_width=0.125,
    size=64,  # the discriminator's least
    batch=1,
    batches=(1, 2),
    precisions=("bf16",),  # float32 would be held against itself
    slack=3.0,
    usual="no",  # a CPU may have no products in bf16 that are not slow
    long_run=2,
    shrink=64,
    warm_up=1,
    least_steps=1,
    timing=0.0,
    tokens=256,
    most_entries=2**12,
    characters=8,
    workers=(1,),
    sizes=(32,),
    processes={
        **{"network.width": 0.125, "network.stages": 3, "network.residual-blocks": 1},
        "steps": 24,
        "checkpoint-every": 12,
    },
    training=(
        *("--network.width", 0.125, "--network.stages", 3, "--network.residual-blocks", 1),
        *("--discriminator-width", 0.125, "--batch-size", 4, "--sample-count", 2),
        *("--workers", 1, "--log-every", 1, "--evaluate-every", 2, "--evaluate-count", 2),
    ),
    training_steps=4,
)


@dataclass(frozen=True)
class Place:
    """Where a part works, and how large."""

    scale: Scale
    work: Path  # holds what is thrown away at the end
    output: Path  # holds the report and what goes with it

    @property
    def vgg(self) -> Path:
        return self.work / "vgg19.safetensors"

    @property
    def shards(self) -> Path:
        return self.work / "shards"

    def settings(self, preset: str, precision: str, **changes: Any) -> ColorizationConfig:
        """A preset's at this scale, with all its losses."""
        settings = PRESETS[preset](self.shards, self.work / "run")
        here = {
            "mixed_precision": precision,
            "network": replace(settings.network, **self.scale.network),
            "discriminator_width": self.scale.discriminator_width,
            "loss": replace(settings.loss, vgg_weights=self.vgg),
        }
        return replace(settings, **(here | changes))

    def task(self, preset: str, precision: str, **changes: Any) -> Colorization:
        """Its networks, ready to train; whatever an earlier one has left on the GPU is gone."""
        release()
        return build_task(self.settings(preset, precision, **changes))


def device() -> torch.device:
    """The GPU, or the CPU of a rehearsal."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def kernels() -> AbstractContextManager[None]:
    """Within it compiled networks run kernels written for them; in a rehearsal, as they are.

    On a CPU such kernels take a minute and more.
    """
    return torch.compiler.set_stance("default" if torch.cuda.is_available() else "force_eager")


def release() -> None:
    """Give back the GPU memory of what is no longer used."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def wait() -> None:
    """Until the GPU is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
