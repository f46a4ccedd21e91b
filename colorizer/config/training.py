"""Every setting of training, colouring and extracting.

Those of making shards are in data/config.py, those of evaluating in evaluation/config.py.

A field's docstring is its `--help`. Defaults of the training settings are the paper's (Cao, Tian,
Mok, "Attention-Aware Anime Line Drawing Colorization", ICME 2023); where the paper is silent, the
authors' released code's.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tyro


@dataclass(frozen=True)
class GeneratorConfig:
    """The generator (Sec. 3.1). The first three settings tell the four methods of Table 1 apart."""

    task: ClassVar[str] = "colorization"  # what checkpoints call it

    attention: Literal["stop-gradient", "scft"] = "stop-gradient"
    """Stop-gradient attention (Sec. 3.2.2), or SCFT's (Lee et al., CVPR 2020)."""
    convolutional_attention: bool = True
    """Channel and spatial attention (CBAM, Sec. 3.2.1) in every layer of both encoders."""
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
    """Weights of the losses (Eq. 5); one of weight 0 is neither computed nor built."""

    l1: float = 30.0
    """Mean absolute difference between result and truth (Eq. 1)."""
    perceptual: float = 0.01
    """VGG-19 features of result and truth (Eq. 2). Needs the VGG-19 weights."""
    style: float = 50.0
    """Gram matrices of the VGG-19 features (Eq. 3). Needs the VGG-19 weights."""
    adversarial: float = 1.0
    """Least-squares GAN against the conditional discriminator (Eq. 4)."""
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

    @property
    def teaches(self) -> bool:
        """Whether any loss judges the result; the triplet loss judges the attention alone."""
        return any((self.l1, self.perceptual, self.style, self.adversarial))


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam for both networks; constant learning rates as in the paper (Sec. 4.2)."""

    generator_lr: float = 1e-4
    """Learning rate of the generator."""
    discriminator_lr: float = 2e-4
    """Learning rate of the discriminator."""
    warmup: int = 0
    """Steps in which both learning rates rise from nothing."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """How both learning rates fall until the last step."""
    decay_from: float = 0.0
    """Share of the steps after which they begin to fall."""
    final_lr: float = 0.0
    """Share of the learning rates that is left at the last step."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Adam's decay rates."""
    ema_decay: float = 0.0
    """Use a running average of the generator with this decay a step (0.999, say); 0: none."""


@dataclass(frozen=True)
class AugmentConfig:
    """The proxy task: the reference is the truth, distorted by a thin-plate spline (Sec. 4.1)."""

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
class RunConfig:
    """What every training has, whatever it trains."""

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
    """auto: the launcher's bf16 or fp16, else bf16 where the GPU has it, fp16 on other GPUs.

    Any other value goes before the launcher's."""
    exchange: Literal["float32", "bf16"] = "float32"
    """What several processes send each other of a gradient; bf16 rounds it to half as much."""
    recompute: bool = False
    """Keep fewer activations for the backward pass and compute them again: less memory, slower."""
    compile: bool = False
    """Have torch.compile write the networks' kernels: the first step takes minutes."""
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
    evaluate_every: int = 1000
    """Steps between looks at held-out pictures, and one at the end; 0: none."""
    evaluate_count: int = 64
    """Held-out pictures in a look; always the same, evenly chosen."""
    best_by: str = "auto"
    """Figure of the looks that tells which checkpoint is the best: cross/psnr, self/l1, ...

    auto: PSNR with a reference of the same group; without groups, with the truth itself."""
    patience: int = 0
    """Looks without a better figure that end the run; 0: it has all its steps."""
    checkpoint_every: int = 5000
    """Steps between checkpoints. The last step always has one."""
    keep_checkpoints: int = 3
    """Newest checkpoints to keep."""
    keep_every: int = 0
    """Keep for good the checkpoints of steps that are multiples of this as well; 0: none."""
    not_finite: Literal["stop", "skip"] = "stop"
    """What a loss or gradient that is not finite does: it stops the run, or its update is skipped.

    Either way the step, the loss and the samples are named."""
    bad_samples: float = 0.0
    """Share of the samples that may be unreadable; each is named, and another takes its place."""
    timeout: float = 600.0
    """Seconds without an answer of the other processes, or a batch of the loaders, that end it."""
    log_with: tuple[str, ...] = ()
    """Trackers that Accelerate knows and that are installed: tensorboard, wandb, ..."""
    profile: int = 0
    """Steps of which a Chrome trace is written, after a few to warm up; 0: none."""
    log_samples: bool = False
    """Write every sample and its augmentation to order/rank-N.jsonl, a file for each process."""
    dry_run: bool = False
    """Print the resolved run and stop before anything is built."""
    discriminator_width: float = 1.0
    """Multiplies the discriminator's channel counts."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)


@dataclass(frozen=True)
class ColorizationConfig(RunConfig):
    """Train a colorizer on shards. The same command again continues where the run stopped."""

    task: Annotated[str, tyro.conf.Suppress] = field(init=False, default=GeneratorConfig.task)
    network: GeneratorConfig = field(default_factory=GeneratorConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)


# ---- Training the line extractor


@dataclass(frozen=True)
class ExtractorConfig:
    """The line extraction network: a U-Net of the generator's encoder and decoder."""

    task: ClassVar[str] = "extraction"  # what checkpoints call it

    width: float = 1.0
    """Multiplies every channel count. At 1 they are 16 to 128 for 4 stages."""
    stages: int = 4
    """Resolutions. At 4 a line is judged by the 67 pixels around it, at 3 by 31, at 5 by 139."""

    @property
    def stride(self) -> int:
        """Input sides must be multiples of it."""
        return 2 ** (self.stages - 1)


@dataclass(frozen=True)
class ExtractionLossConfig:
    """Weights of the losses (pix2pix, Isola et al., CVPR 2017); one of weight 0 is not built."""

    l1: float = 100.0
    """Mean absolute difference between result and true line."""
    adversarial: float = 1.0
    """Least-squares GAN against a discriminator that sees the picture with its line."""

    @property
    def teaches(self) -> bool:
        """Whether any loss judges the result."""
        return any((self.l1, self.adversarial))


@dataclass(frozen=True)
class DegradeConfig:
    """What makes clean drawings look like real pictures. A strength of 0 turns a kind off."""

    chance: float = 0.6
    """Share of the pictures that each kind below touches, drawn for each kind on its own."""
    flip: float = 0.5
    """Chance that colour and line are mirrored together."""
    zoom: tuple[float, float] = (0.8, 2.5)
    """Least and greatest enlargement of colour and line together."""
    ink: float = 0.5
    """How faint ink may become, as lost opacity; it also takes any dark colour, or the fill's."""
    shading: float = 0.4
    """Greatest relative change of brightness by soft light and shade."""
    patches: float = 0.5
    """Greatest relative change of colour in blobs without outline, soft to sharp."""
    texture: float = 0.3
    """Greatest relative change of colour by paint and paper: noise of several scales."""
    haze: float = 0.4
    """Greatest share of another colour laid over the whole picture."""
    hue: float = 0.5
    """Largest turn of the hue; 0.5 is any hue."""
    saturation: float = 0.7
    """Largest relative change of saturation."""
    brightness: float = 0.3
    """Largest relative change of brightness."""
    gamma: float = 0.6
    """Largest change of the gamma, in powers of two."""
    blur: float = 1.2
    """Widest Gaussian blur, as its sigma in pixels."""
    noise: float = 0.06
    """Strongest noise, as its standard deviation; 1 is the range from black to white."""
    jpeg: int = 25
    """Lowest JPEG quality, of 100; 100 leaves the pictures as they are."""


@dataclass(frozen=True)
class ExtractorTraining(RunConfig):
    """Train a line extractor on shards of colour and line."""

    task: Annotated[str, tyro.conf.Suppress] = field(init=False, default=ExtractorConfig.task)
    network: ExtractorConfig = field(default_factory=ExtractorConfig)
    loss: ExtractionLossConfig = field(default_factory=ExtractionLossConfig)
    degrade: DegradeConfig = field(default_factory=DegradeConfig)


TrainConfig = ColorizationConfig | ExtractorTraining


# ---- Colouring and extracting


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


@dataclass(frozen=True, kw_only=True)
class ExtractCommand:
    """Draw the lines of colour pictures."""

    checkpoint: Path
    """Run folder (its newest intact checkpoint), checkpoint folder, or .safetensors file."""
    picture: Path
    """A picture, or a folder of pictures, searched with all its subfolders."""
    output: Path
    """Where the drawing goes: a .png for a picture; for a folder, one with the same subfolders."""
    tile: int = 1024
    """Side of the parts that a larger picture is drawn in; memory grows with it, nothing else."""
    overwrite: bool = False
    """Draw again what is there already; else such pictures are skipped."""
