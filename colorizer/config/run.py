"""The settings that every training has, whatever it trains, in groups by their subject.

The groups are base classes, so that code says `config.steps`; a group is a box of `--help`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from colorizer.config.bounds import (
    BELOW_ONE,
    Bounds,
    Count,
    NotNegative,
    PositiveCount,
    Share,
    WidthFactor,
)
from colorizer.config.cache import CacheConfig
from colorizer.remote.address import Location
from colorizer.remote.cache import ShardFolder


@dataclass(frozen=True)
class RunSettings:
    """What is trained on, and for how long."""

    data: tuple[Location, ...]
    """Read the shards in this folder or at this address (s3://bucket/shards, say), or in several,
    of pictures of one size. The sample grid, the looks at held-out pictures and the best checkpoint
    are of the first."""
    output: Path
    """Write checkpoints, samples and metrics to this folder."""
    shares: Annotated[tuple[float, ...], Bounds(0)] = ()
    """Take these shares of the samples from the folders of --data; without, by their sizes."""
    steps: PositiveCount = 250_000
    """Take this many optimisation steps in all."""
    batch_size: Annotated[int, Bounds(1, 2**20)] = 16
    """Learn from this many pictures a step, over all processes and accumulated batches."""
    accumulate: PositiveCount = 1
    """Split a batch into this many, one after the other, where memory is too small for it."""
    at_once: Count = 0
    """Learn from at most this many pictures at once in each process: --accumulate follows from it,
    whatever the number of processes; 0: --accumulate says it."""
    seed: Annotated[int, Bounds(0, 2**64 - 1)] = 0  # what torch takes
    """Draw weights, order of samples and augmentation from this seed."""


@dataclass(frozen=True)
class StartSettings:
    """What a run begins with, and what of it learns."""

    start_from: Path | None = None
    """Begin with the weights of this run (its best checkpoint, else its newest intact), checkpoint
    folder or .safetensors file, at step 0; shipped: the small network that comes with the program;
    None: random ones."""
    freeze: tuple[str, ...] = ()
    """Keep these parts of the generator as they were, only with --start-from: line_encoder,
    decoder.head, ..."""


@dataclass(frozen=True)
class PrecisionSettings:
    """Precision, speed and memory."""

    mixed_precision: Literal["auto", "bf16", "fp16", "no"] = "auto"
    """Compute in this precision, whatever the launcher says.
    auto: the launcher's bf16 or fp16, else bf16 where the GPU has it, fp16 on other GPUs."""
    exchange: Literal["float32", "bf16"] = "float32"
    """Send gradients between processes in this precision; bf16 rounds, and halves the traffic."""
    recompute: bool = False
    """Keep fewer activations and compute them again: less memory, slower."""
    compile: bool = False
    """Have torch.compile write the kernels: the first step takes minutes."""


@dataclass(frozen=True)
class LoadingSettings:
    """How samples come from the shards."""

    workers: Annotated[int, Bounds(0, 1024)] = 2
    """Start this many loader processes for each training process; 0: none, it loads itself."""
    shard_window: PositiveCount = 16
    """Shuffle the samples of this many shards together."""
    lanes: Annotated[int, Bounds(1, 65536)] = 1
    """Cut the sets into this many lanes, each read by one process, so that several machines read
    each shard once an epoch in all; 64, say, for shards that come over a network. A multiple or a
    divisor of --batch-size, and the same for any number of machines."""


@dataclass(frozen=True)
class ProgressSettings:
    """How a run is watched, and which checkpoint is its best."""

    log_every: PositiveCount = 50
    """Judge the losses every this many steps, and write their means to metrics.jsonl."""
    sample_every: Count = 1000
    """Draw a sample grid every this many steps; 0: never."""
    sample_count: PositiveCount = 8
    """Show this many held-out pictures in a sample grid."""
    evaluate_every: Count = 1000
    """Look at held-out pictures every this many steps, and at the end; 0: never."""
    evaluate_count: PositiveCount = 64
    """Look at this many held-out pictures: always the same, evenly chosen."""
    best_by: str = "auto"
    """Choose the best checkpoint by this figure of the looks: cross/psnr, self/l1, ...
    auto: PSNR with a reference of the same group; without groups, with the truth itself."""
    patience: Count = 0
    """End the run when this many looks in a row are no better; 0: never."""


@dataclass(frozen=True)
class CheckpointSettings:
    """Which checkpoints are written and kept."""

    checkpoint_every: PositiveCount = 5000
    """Save every this many steps, and after the last."""
    keep_checkpoints: PositiveCount = 3
    """Keep this many of the newest checkpoints."""
    keep_every: Count = 0
    """Also keep checkpoints whose step is a multiple of this; 0: none."""
    mirror: Location | None = None
    """Copy each checkpoint to this address or folder, too, in the background. A run whose --output
    has no checkpoint as new as those there goes on from the newest intact one there."""


@dataclass(frozen=True)
class FaultSettings:
    """What a run does when something goes wrong."""

    not_finite: Literal["stop", "skip"] = "stop"
    """Stop at a loss or gradient that is not finite, or skip its update.
    Either way the step, the loss and the samples are named."""
    bad_samples: Share = 0.0
    """Replace up to this share of the samples if they cannot be read; each is named."""
    timeout: Annotated[float, Bounds(1, 1e6)] = 600.0
    """Stop after this many seconds without a batch or an answer from another process."""


@dataclass(frozen=True)
class RecordSettings:
    """What else a run tells of itself."""

    log_with: tuple[str, ...] = ()
    """Send figures and samples to these installed trackers: tensorboard, wandb, ..."""
    profile: Count = 0
    """Write a Chrome trace of this many steps, after a few to warm up; 0: none."""
    log_samples: bool = False
    """Write each sample and its augmentation to order/rank-N.jsonl, for each process N."""
    dry_run: bool = False
    """Print the resolved run, and stop before anything is built."""


@dataclass(frozen=True)
class DiscriminatorSettings:
    """The discriminator, only with --loss.adversarial."""

    discriminator_width: WidthFactor = 1.0
    """Multiply the discriminator's channel counts."""


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam for both networks. In the paper the learning rates are constant (Sec. 4.2)."""

    generator_lr: NotNegative = 1e-4
    """Train the generator at this learning rate."""
    discriminator_lr: NotNegative = 2e-4
    """Train the discriminator at this learning rate, only with --loss.adversarial."""
    warmup: Count = 0
    """Let both learning rates rise from nothing over this many steps."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """Keep both learning rates constant, or let them fall until the last step."""
    decay_from: Share = 0.0
    """Begin the fall after this share of the steps, only with linear or cosine."""
    final_lr: Share = 0.0
    """End the fall at this share of the learning rates, only with linear or cosine."""
    betas: Annotated[tuple[float, float], Bounds(0, BELOW_ONE)] = (0.5, 0.999)
    """Set Adam's decay rates."""
    ema_decay: Annotated[float, Bounds(0, BELOW_ONE)] = 0.0
    """Use the generator's running average, with this decay a step, say 0.999; 0: do not."""


@dataclass(frozen=True)
class RunConfig(  # the fields' order is that of the bases from the last to the first
    DiscriminatorSettings,
    RecordSettings,
    FaultSettings,
    CheckpointSettings,
    ProgressSettings,
    CacheConfig,
    LoadingSettings,
    PrecisionSettings,
    StartSettings,
    RunSettings,
):
    """What every training has, whatever it trains."""

    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)

    @property
    def training_shards(self) -> list[ShardFolder]:
        """The folders of shards that are trained on."""
        return [self.cached(location / "train") for location in self.data]

    @property
    def held_out_shards(self) -> ShardFolder:
        """The folder of shards that the run is judged by."""
        return self.cached(self.data[0] / "held-out")
