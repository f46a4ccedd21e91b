"""A ComfyUI node that colours line drawings with the colours of references."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from colorizer import Colorizer
from colorizer.coloring.any_colorizer import LARGEST
from colorizer.system.errors import UserError


class ColorizeDrawing:
    """Colours each drawing of a batch; every picture of the other batch is a reference."""

    CATEGORY = "colorizer"
    FUNCTION = "colorize"
    RETURN_TYPES = ("IMAGE", "IMAGE", "IMAGE", "IMAGE", "MASK")
    RETURN_NAMES = ("result", "colors", "flats", "lines", "ink")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple[str, dict[str, Any]]]]:
        """What ComfyUI asks for."""
        checkpoint = {
            "default": "shipped",
            "tooltip": "Run folder, checkpoint folder, .safetensors file, or NAME/MODEL on the Hub",
        }
        working_size = {
            "default": 0,
            "min": 0,
            "max": LARGEST,
            "tooltip": "The network sees as many pixels as such a square has; 0: as it was trained",
        }
        return {
            "required": {
                "line": ("IMAGE", {"tooltip": "Drawings: dark lines on white, of any size"}),
                "reference": ("IMAGE", {"tooltip": "One or more pictures of the character"}),
                "checkpoint": ("STRING", checkpoint),
                "working_size": ("INT", working_size),
            }
        }

    def colorize(
        self, line: Tensor, reference: Tensor, checkpoint: str = "shipped", working_size: int = 0
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Colour drawings.

        Args:
            line: B×H×W×3 in [0, 1].
            reference: N×H'×W'×3 in [0, 1]: N pictures of one character.
            checkpoint: As `Colorizer.from_pretrained` takes it.
            working_size: See INPUT_TYPES.

        Returns:
            B×H×W×3 in [0, 1] each: the result, the colours under the lines, the regions in the
            references' palette, the lines' colour; and B×H×W: the lines' ink, 1 where it is.

        Raises:
            UserError: an input cannot be used; says why.
        """
        drawings, references = _pixels("line", line), _pixels("reference", reference)
        colorizer = _colorizer(checkpoint.strip())
        size = working_size or None
        read = colorizer.read(list(references), size)
        layers: list[tuple[np.ndarray, ...]] = []
        for drawing in drawings:
            painting = colorizer(drawing, read, size)
            lines = painting.lines
            layers.append(
                (
                    painting.picture,
                    painting.colors,
                    painting.flat_colors,
                    lines[..., :3],
                    lines[..., 3],
                )
            )
        result, colors, flats, lines, ink = (_tensor(each) for each in zip(*layers, strict=True))
        return result, colors, flats, lines, ink


@lru_cache(maxsize=1)
def _colorizer(checkpoint: str) -> Colorizer:
    return Colorizer.from_pretrained(checkpoint)


def _pixels(name: str, images: Tensor) -> np.ndarray:
    """B×H×W×3 in [0, 1] → the same in uint8.

    Raises:
        UserError: it has another form.
    """
    if images.ndim != 4 or images.shape[3] != 3 or not len(images):
        form = "×".join(map(str, images.shape))
        raise UserError(f"{name} is {form}; give an IMAGE: batch×height×width×3.")
    return (images.float() * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()


def _tensor(pictures: tuple[np.ndarray, ...]) -> Tensor:
    """B of uint8 → B×... float32 in [0, 1]."""
    return torch.from_numpy(np.stack(pictures)).float() / 255


NODE_CLASS_MAPPINGS = {"ColorizeDrawing": ColorizeDrawing}
NODE_DISPLAY_NAME_MAPPINGS = {"ColorizeDrawing": "Colorize Drawing (Reference)"}
