"""What happens to pictures before the networks see them."""

from dataclasses import dataclass
from typing import Annotated, Literal

from colorizer.config.bounds import Bounds, RangeBounds, Share, Turn

HALF_A_TURN = 3.15  # radians


@dataclass(frozen=True)
class AugmentConfig:
    """The proxy task: the reference is the truth, distorted by a thin-plate spline (Sec. 4.1)."""

    control: Literal["diagonal", "grid"] = "diagonal"
    """Move two control points along the diagonal (released code), or a grid of them any way."""
    grid: Annotated[int, Bounds(1, 100)] = 3
    """Use this many points a side, only with --augment.control grid."""
    strength: Share = 0.25
    """Move a control point by at most this share of the side."""
    scale: Annotated[float, Bounds(0, 3)] = 0.0
    """Enlarge or shrink the reference by at most e to the power of this; 0.7: to double or half."""
    turn: Annotated[float, Bounds(0, HALF_A_TURN)] = 0.0
    """Turn the reference around its middle by at most this, in radians, either way."""
    shift: Share = 0.0
    """Shift the reference by at most this share of half its side, either way on both axes."""
    border: Literal["black", "white", "reflect"] = "black"
    """Fill what lies outside the picture with this."""
    flip: Share = 0.0
    """Mirror line, truth and reference together with this chance."""
    flip_reference: Share = 0.0
    """Mirror the reference alone with this chance."""
    zoom: Annotated[tuple[float, float], RangeBounds(0.25, 4)] = (1.0, 1.0)
    """Enlarge line and truth by a factor between these two, at a place; the reference by its own.
    What a shrunk picture leaves free is white in the line and the border in the colours; with
    --augment.border reflect both are mirrored."""
    hue: Turn = 0.0
    """Turn the hue of truth and reference alike, at most by this; 0.5: any hue."""
    saturation: Share = 0.0
    """Change their saturation alike, at most by this share."""
    brightness: Share = 0.0
    """Change their brightness alike, at most by this share."""


@dataclass(frozen=True)
class DegradeConfig:
    """What makes clean drawings look like real pictures. A strength of 0 turns a kind off."""

    chance: Share = 0.6
    """Let each kind below touch this share of the pictures, drawn for each on its own."""
    flip: Share = 0.5
    """Mirror colour and line together with this chance."""
    zoom: Annotated[tuple[float, float], RangeBounds(0.1, 10)] = (0.8, 2.5)
    """Enlarge colour and line together, by a factor between these two."""
    ink: Share = 0.5
    """Take at most this share of the ink's opacity, and give it a dark colour or the fill's."""
    shading: Share = 0.4
    """Change the brightness by at most this share, in soft light and shade."""
    patches: Share = 0.5
    """Change colours by at most this share, in blobs without outline, soft to sharp."""
    texture: Share = 0.3
    """Change colours by at most this share, as paint and paper do: noise of several scales."""
    haze: Share = 0.4
    """Lay at most this share of another colour over the whole picture."""
    hue: Turn = 0.5
    """Turn the hue by at most this; 0.5: any hue."""
    saturation: Share = 0.7
    """Change the saturation by at most this share."""
    brightness: Share = 0.3
    """Change the brightness by at most this share."""
    gamma: Annotated[float, Bounds(0, 3)] = 0.6
    """Change the gamma by at most this many powers of two."""
    blur: Annotated[float, Bounds(0, 2)] = 1.2
    """Blur with a Gaussian whose sigma is at most this many pixels."""
    noise: Share = 0.06
    """Add noise of at most this standard deviation; 1 is the range from black to white."""
    jpeg: Annotated[int, Bounds(1, 100)] = 25
    """Write JPEGs of at least this quality; 100 leaves the pictures as they are."""
