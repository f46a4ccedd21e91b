"""The line extraction network (LE in Sec. 3.1): colour picture → line drawing."""

from torch import Tensor, nn

from colorizer.networks.blocks import Decoder, Encoder, stage_channels


class LineExtractor(nn.Module):
    """A U-Net of the generator's encoder and decoder.

    Without convolutional attention, which pools over the whole picture: a line depends only on
    what is within `reach` of it, so parts of a picture are drawn as the whole is.
    """

    def __init__(
        self,
        width: float = 1.0,  # multiplies every channel count
        stages: int = 4,  # resolutions
    ) -> None:
        super().__init__()
        self.stride = 2 ** (stages - 1)
        self.reach = receptive_radius(stages)
        self.encoder = Encoder(3, width, stages, convolutional_attention=False, batch_norm=True)
        self.decoder = Decoder(
            stage_channels(width, stages)[-1],
            width,
            stages,
            out_channels=1,
            align_corners=False,  # else where a pixel reads from depends on the size of its part
        )

    def forward(self, color: Tensor) -> Tensor:
        """Draw.

        Args:
            color: B×3×H×W in [-1, 1].

        Returns:
            B×1×H×W in [-1, 1]: white 1, ink -1.

        Raises:
            ValueError: a side is not a multiple of the stride.
        """
        if color.shape[2] % self.stride or color.shape[3] % self.stride:
            size = f"{color.shape[3]}x{color.shape[2]}"
            raise ValueError(f"picture is {size}; sides must be multiples of {self.stride}")
        maps = self.encoder(color)
        return self.decoder(maps[-1], maps)


def receptive_radius(stages: int) -> int:
    """Pixels beyond which nothing changes a pixel of the result, in eval mode.

    Along the longest path, from the result to the coarsest maps and back up: at each resolution,
    where a pixel is 2^k wide, two 3×3 convs of the decoder and two of the encoder reach 2^k each
    (the encoder's first reaches half that, as it still reads the finer maps), and the bilinear
    enlargement to the next finer resolution 2^k at most.
    """
    radius = 4  # at the finest: four convs
    for stage in range(1, stages):
        pixel = 2**stage
        radius += 2 * pixel + pixel + pixel // 2 + pixel
    return radius
