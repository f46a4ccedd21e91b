"""What the networks are built like: checkpoints and generator files hold these settings."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from colorizer.config.bounds import Bounds, WidthFactor

Stages = Annotated[int, Bounds(2, 10)]


@dataclass(frozen=True)
class GeneratorConfig:
    """The generator (Sec. 3.1). The first three settings tell the four methods of Table 1 apart.

    Copying is ours, not the paper's.
    """

    task: ClassVar[str] = "colorization"  # what checkpoints call it

    attention: Literal["stop-gradient", "scft", "none"] = "stop-gradient"
    """Use stop-gradient attention (Sec. 3.2.2), or SCFT's (Lee et al., CVPR 2020).
    none: the reference is copied from and nothing else, only with --network.copying."""
    convolutional_attention: bool = True
    """Weigh channels and places (CBAM, Sec. 3.2.1) in every layer of both encoders."""
    encoder_batch_norm: bool = True
    """Use batch norm in every layer of both encoders."""
    width: WidthFactor = 1.0
    """Multiply every channel count. At 1 the encoders have 16 to 256, the tokens 992."""
    stages: Stages = 5
    """Use this many resolutions. At 5 a token stands for 16x16 pixels, at 4 for 8x8."""
    residual_blocks: Annotated[int, Bounds(0, 100)] = 4
    """Use this many residual blocks after the attention."""
    copying: bool = False
    """Let each pixel of the result pick its colour from the reference's (ours)."""
    picks: Annotated[int, Bounds(1, 16)] = 1
    """Offer this many colours of each token's place, only with --network.copying."""

    @property
    def stride(self) -> int:
        """Pixels a side that one token stands for; input sides must be multiples of it."""
        return 2 ** (self.stages - 1)


@dataclass(frozen=True)
class ExtractorConfig:
    """The line extraction network: a U-Net of the generator's encoder and decoder."""

    task: ClassVar[str] = "extraction"  # what checkpoints call it

    width: WidthFactor = 1.0
    """Multiply every channel count. At 1 they are 16 to 128 for 4 stages."""
    stages: Stages = 4
    """Use this many resolutions. At 4 the 67 pixels around a line judge it, at 3 31, at 5 139."""

    @property
    def stride(self) -> int:
        """Input sides must be multiples of it."""
        return 2 ** (self.stages - 1)
