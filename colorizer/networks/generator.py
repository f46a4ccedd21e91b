"""The generator (Sec. 3.1, Fig. 2) in the paper's four forms and ours."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from colorizer.networks.attention import Matching, SCFTAttention, StopGradientAttention
from colorizer.networks.blocks import Decoder, Encoder, ResidualBlock, stage_channels, tokens_from
from colorizer.networks.copying import Copies, CopyingHead


class Colored(NamedTuple):
    """What the generator gives back."""

    image: Tensor  # B×3×H×W in [-1, 1]
    matching: Matching | None  # of line tokens and reference tokens, if they attend
    copies: Copies | None  # what the pixels could copy, if they do


class Generator(nn.Module):
    """Colours a line drawing with the colours of a reference.

    Table 1's rows: `scft` (SCFT attention, plain encoders), `scft-ca` (SCFT attention, both
    extras), `sga` (stop-gradient attention, batch norm), `attention-aware` (stop-gradient
    attention, both extras). `ours` copies colours.
    """

    def __init__(
        self,
        attention: Literal["stop-gradient", "scft", "none"] = "stop-gradient",
        convolutional_attention: bool = True,  # CBAM in the encoders
        encoder_batch_norm: bool = True,
        width: float = 1.0,  # multiplies every channel count
        stages: int = 5,  # resolutions; a token stands for 2^(stages-1) pixels a side
        residual_blocks: int = 4,
        copying: bool = False,
        picks: int = 1,  # colours to copy at each token's place
    ) -> None:
        super().__init__()
        self.stride = 2 ** (stages - 1)
        encoder = (width, stages, convolutional_attention, encoder_batch_norm)
        self.line_encoder = Encoder(1, *encoder)
        self.reference_encoder = Encoder(3, *encoder)
        channels = 2 * sum(stage_channels(width, stages))  # of a token: 992 at full width
        self.cross_attention = self.self_attention = None
        if attention == "stop-gradient":
            self.cross_attention = StopGradientAttention(channels)
            self.self_attention = StopGradientAttention(channels)
        elif attention == "scft":
            self.cross_attention = SCFTAttention(channels)
        self.residual_blocks = nn.Sequential(
            *(ResidualBlock(channels) for _ in range(residual_blocks))
        )
        self.decoder = Decoder(2 * channels, width, stages, out_channels=3, align_corners=True)
        finest, *_, coarsest = stage_channels(width, stages)
        self.copying = (
            CopyingHead(finest, finest, channels, coarsest, self.stride, picks) if copying else None
        )

    def forward(self, line: Tensor, reference: Tensor) -> Colored:
        """Colour.

        Args:
            line: B×1×H×W in [-1, 1], white 1.
            reference: B×3×H'×W' in [-1, 1]; its size may differ from the line's.

        Returns:
            B×3×H×W in [-1, 1], and how its tokens match the reference's.

        Raises:
            ValueError: a side is not a multiple of the stride.
        """
        for name, picture in (("line", line), ("reference", reference)):
            if picture.shape[2] % self.stride or picture.shape[3] % self.stride:
                size = f"{picture.shape[3]}x{picture.shape[2]}"
                raise ValueError(f"{name} is {size}; sides must be multiples of {self.stride}")

        line_maps = self.line_encoder(line)
        reference_maps = self.reference_encoder(reference)
        tokens = tokens_from(line_maps)  # B×(h·w)×992
        reference_tokens = tokens_from(reference_maps)

        matching = None
        if self.cross_attention is not None:
            tokens, matching = self.cross_attention(tokens, reference_tokens)
        if self.self_attention is not None:
            tokens, _ = self.self_attention(tokens, tokens)

        height, width = line_maps[-1].shape[-2:]
        coarse = tokens.transpose(1, 2).unflatten(2, (height, width))  # B×992×h×w
        coarse = torch.cat([coarse, self.residual_blocks(coarse)], 1)  # B×1984×h×w
        features = self.decoder.features(coarse, line_maps)
        image, copies = self.decoder.painted(features), None
        if self.copying is not None:
            image, copies = self.copying(
                features, image, reference, reference_maps[1], reference_tokens
            )
        return Colored(image, matching, copies)
