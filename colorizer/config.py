"""Every setting of training, evaluating and colouring; those of making shards: data/config.py.

A field's docstring is its `--help`. Defaults of the training settings are the paper's (Cao, Tian,
Mok, "Attention-Aware Anime Line Drawing Colorization", ICME 2023); where the paper is silent, the
authors' released code's.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class NetworkConfig:
    """The generator. The first three settings tell the four methods of Table 1 apart."""

    attention: Literal["stop-gradient", "scft"] = "stop-gradient"
    """Stop-gradient attention (this paper), or SCFT's (Lee et al., CVPR 2020)."""
    convolutional_attention: bool = True
    """Channel and spatial attention (CBAM) in every layer of both encoders."""
    encoder_batch_norm: bool = True
    """Batch norm in every layer of both encoders."""
    width: float = 1.0
    """Multiplies every channel count. At 1 the encoders have 16 to 256, the tokens 992."""
    stages: int = 5
    """Resolutions in the encoders. At 5 a token stands for 16x16 pixels, at 4 for 8x8."""
    residual_blocks: int = 4
    """Residual blocks between the attention and the decoder."""

    @property
    def stride(self) -> int:
        """Pixels a side that one token stands for; input sides must be multiples of it."""
        return 2 ** (self.stages - 1)


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses (Eq. 5 to 8); one of weight 0 is neither computed nor built."""

    l1: float = 30.0
    """Mean absolute difference between result and truth."""
    perceptual: float = 0.01
    """VGG-19 features of result and truth. Needs the VGG-19 weights."""
    style: float = 50.0
    """Gram matrices of the VGG-19 features. Needs the VGG-19 weights."""
    adversarial: float = 1.0
    """Least-squares GAN against the conditional discriminator."""
    triplet: float = 0.0
    """Lee et al.'s triplet loss: line tokens must match their own reference tokens best.

    Part of SCFT. With stop-gradient attention it is our addition, for short trainings."""
    triplet_margin: float = 12.0
    """By how much a true correspondence must score above a false one."""
    imagenet_normalization: bool = False
    """Give VGG-19 ImageNet-normalised pictures, not [-1, 1] as the released code does."""
    vgg_weights: Path | None = None
    """The VGG-19 file; else it is looked for in $COLORIZER_WEIGHTS and torch's hub cache."""

    @property
    def needs_vgg(self) -> bool:
        return self.perceptual > 0 or self.style > 0


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam for both networks, without a schedule."""

    generator_lr: float = 1e-4
    """Learning rate of the generator."""
    discriminator_lr: float = 2e-4
    """Learning rate of the discriminator."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Adam's decay rates."""
    ema_decay: float = 0.0
    """Use a running average of the generator with this decay a step (0.999, say); 0: none."""


@dataclass(frozen=True)
class AugmentConfig:
    """The proxy task: the reference is the truth, distorted by a thin-plate spline (Sec. 3.1)."""

    control: Literal["diagonal", "grid"] = "diagonal"
    """Two control points moved along the diagonal (released code), or a grid moved any way."""
    grid: int = 3
    """Points a side of the grid."""
    strength: float = 0.25
    """Farthest a control point moves, as a share of the side."""
    border: Literal["black", "white", "reflect"] = "black"
    """What lies outside the picture."""
    flip: float = 0.0
    """Chance that line, truth and reference are mirrored together."""
    flip_reference: float = 0.0
    """Chance that the reference alone is mirrored."""
    hue: float = 0.0
    """Largest turn of the hue of truth and reference alike; 0.5 is any hue."""
    saturation: float = 0.0
    """Largest relative change of saturation of truth and reference alike."""
    brightness: float = 0.0
    """Largest relative change of brightness of truth and reference alike."""


@dataclass(frozen=True)
class TrainConfig:
    """Train a colorizer on shards. The same command again continues where the run stopped."""

    data: Path
    """Folder of shards, as make_shards.py writes it."""
    output: Path
    """Run folder: config, checkpoints, samples, metrics."""
    steps: int = 250_000
    """Optimisation steps in all."""
    batch_size: int = 16
    """Pictures a step, over all processes and accumulated batches."""
    accumulate: int = 1
    """Batches whose gradients make one step together, where a whole one does not fit."""
    seed: int = 0
    """Seed of the weights, the order of the samples and the augmentation."""
    mixed_precision: Literal["auto", "bf16", "fp16", "no"] = "auto"
    """auto: bf16 where the GPU has it, else fp16 on a GPU, none on a CPU."""
    workers: int = 2
    """Loader processes for each training process; 0 loads in the training process."""
    shard_window: int = 16
    """Shards whose samples are shuffled together."""
    log_every: int = 50
    """Steps between lines of metrics.jsonl (means over these steps) and looks at the losses."""
    sample_every: int = 1000
    """Steps between sample grids; 0: none."""
    sample_count: int = 8
    """Held-out pictures in a sample grid."""
    checkpoint_every: int = 5000
    """Steps between checkpoints. The last step always has one."""
    keep_checkpoints: int = 3
    """Newest checkpoints to keep."""
    log_with: tuple[str, ...] = ()
    """Trackers that Accelerate knows and that are installed: tensorboard, wandb, ..."""
    log_samples: bool = False
    """Write the keys of every step's samples to order/rank-N.jsonl, a file for each process."""
    dry_run: bool = False
    """Print the resolved run and stop before anything is built."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    discriminator_width: float = 1.0
    """Multiplies the discriminator's channel counts."""
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)


# What may differ between a run and its continuation: where things are and how often they are
# written. All else makes another run.
FREE_TO_CHANGE = frozenset(
    [
        "data",
        "output",
        "steps",
        "mixed_precision",
        "accumulate",
        "workers",
        "log_every",
        "sample_every",
        "sample_count",
        "checkpoint_every",
        "keep_checkpoints",
        "log_with",
        "log_samples",
        "dry_run",
        "loss.vgg_weights",
    ]
)


# ---- Evaluating and colouring


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Colour held-out drawings and compare with the truth."""

    checkpoint: Path
    """Run folder (its newest intact checkpoint), checkpoint folder, or .safetensors file."""
    data: Path
    """Folder of shards; its held-out/ part is used."""
    output: Path
    """Folder for report.json and samples.png."""
    batch_size: int = 8
    """Pictures coloured at a time; the figures do not depend on it."""
    seed: int = 0
    """Draws the wrong references."""


@dataclass(frozen=True, kw_only=True)
class ColorizeConfig:
    """Colour one line drawing with the colours of a reference picture."""

    checkpoint: Path
    """Run folder (its newest intact checkpoint), checkpoint folder, or .safetensors file."""
    line: Path
    """The line drawing: dark lines on white."""
    reference: Path
    """The coloured picture."""
    output: Path
    """Where the result goes: .png, .jpg or .webp."""
    size: int | None = None
    """Longer side at which the network works; default: the size it was trained at.

    The result has the drawing's own size."""


# ---- Settings as JSON


def to_json(config: Any) -> dict[str, Any]:
    """A settings dataclass as plain JSON values."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, tuple):
            return [plain(item) for item in value]
        return str(value) if isinstance(value, Path) else value

    return plain(dataclasses.asdict(config))
