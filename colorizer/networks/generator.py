"""The generator (Sec. 3.1, Fig. 2) in the paper's four forms and ours."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from colorizer.networks.attention import Matching, SCFTAttention, StopGradientAttention
from colorizer.networks.blocks import Decoder, Encoder, ResidualBlock, stage_channels, tokens_from
from colorizer.networks.copying import Copies, CopyingHead, Offers


class Features(NamedTuple):
    """What the generator takes from references: colours any number of drawings."""

    tokens: Tensor  # B×M×C
    offers: Offers | None  # colours to copy, if pixels copy

    def repeated(self, count: int) -> "Features":
        """Those of one reference or several, for a batch of so many drawings."""
        offers = self.offers and Offers(*(t.expand(count, -1, -1) for t in self.offers))
        return Features(self.tokens.expand(count, -1, -1), offers)

    @staticmethod
    def joined(several: Sequence["Features"]) -> "Features":
        """Those of several references side by side, whose sizes may differ.

        Their order changes nothing, and one given twice counts once: attention is a mean by
        weights that sum to one.
        """
        offers = [features.offers for features in several if features.offers is not None]
        return Features(
            torch.cat([features.tokens for features in several], 1),
            Offers(*(torch.cat(tensors, 1) for tensors in zip(*offers, strict=True)))
            if offers
            else None,
        )


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
        line_maps = self._maps(self.line_encoder, "line", line)
        return self._colored(line_maps, self.read(reference))

    def read(self, reference: Tensor) -> Features:
        """What a reference, B×3×H'×W' in [-1, 1], has to give.

        Raises:
            ValueError: a side is not a multiple of the stride.
        """
        maps = self._maps(self.reference_encoder, "reference", reference)
        tokens = tokens_from(maps)  # B×M×992
        offers = self.copying.offers(reference, maps[1], tokens) if self.copying else None
        return Features(tokens, offers)

    def color(self, line: Tensor, features: Features) -> Colored:
        """Colour B×1×H×W in [-1, 1] with what was read from references.

        Raises:
            ValueError: a side is not a multiple of the stride.
        """
        return self._colored(self._maps(self.line_encoder, "line", line), features)

    def _maps(self, encoder: Encoder, name: str, picture: Tensor) -> list[Tensor]:
        if picture.shape[2] % self.stride or picture.shape[3] % self.stride:
            size = f"{picture.shape[3]}x{picture.shape[2]}"
            raise ValueError(f"{name} is {size}; sides must be multiples of {self.stride}")
        return encoder(picture)

    def _colored(self, line_maps: list[Tensor], features: Features) -> Colored:
        tokens = tokens_from(line_maps)  # B×(h·w)×992
        matching = None
        if self.cross_attention is not None:
            tokens, matching = self.cross_attention(tokens, features.tokens)
        if self.self_attention is not None:
            tokens, _ = self.self_attention(tokens, tokens)

        height, width = line_maps[-1].shape[-2:]
        coarse = tokens.transpose(1, 2).unflatten(2, (height, width))  # B×992×h×w
        coarse = torch.cat([coarse, self.residual_blocks(coarse)], 1)  # B×1984×h×w
        decoded = self.decoder.features(coarse, line_maps)
        image, copies = self.decoder.painted(decoded), None
        if self.copying is not None and features.offers is not None:
            image, copies = self.copying(decoded, image, features.offers)
        return Colored(image, matching, copies)
