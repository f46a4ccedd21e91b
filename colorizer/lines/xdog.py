"""Line drawings from colour pictures."""

from dataclasses import dataclass

import cv2
import numpy as np

from colorizer.pictures.geometry import resize

MIN_SIGMA = 0.5  # pixels: a narrower blur hardly differs from none


@dataclass(frozen=True)
class XDoG:
    """Extended difference of Gaussians. The defaults were chosen by eye on painted panels."""

    sigma: float = 0.002
    """Set the width of lines by this blur, a share of the drawing's longer side."""
    k: float = 1.6
    """Make the second blur this much wider; 1.6 approximates the Laplacian."""
    tau: float = 0.98
    """Weigh the second blur by this; less than 1 keeps flat areas white."""
    epsilon: float = 0.0
    """Put ink where the difference of the blurs is below this."""
    phi: float = 30.0
    """Let ink set in this sharply."""


# Winnemöller, Kyprianidis, Olsen, "XDoG: An eXtended difference-of-Gaussians compendium
# including advanced image stylization" (Computers & Graphics 2012):
#     D(x) = G_σ(x) − τ · G_kσ(x)                                   (Eq. 4)
#     T(u) = 1 where u ≥ ε, else 1 + tanh(φ · (u − ε))              (Eq. 5)
# With τ < 1 and ε ≤ 0 a flat area is white however dark it is: only edges leave ink.
def xdog(picture: np.ndarray, settings: XDoG) -> np.ndarray:
    """A line drawing by extended difference of Gaussians.

    Args:
        picture: H×W×3 uint8 RGB.
        settings: Blur and threshold.

    Returns:
        H×W uint8, dark ink on white (255).
    """
    # CIE lightness: steps that look equal are equal, in shadows too. (8 bits of it are enough.)
    lightness = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32) / 255
    sigma = max(MIN_SIGMA, settings.sigma * max(picture.shape[:2]))
    difference = _blur(lightness, sigma) - settings.tau * _blur(lightness, settings.k * sigma)
    line = np.full(lightness.shape, 255, np.uint8)
    inked = difference < settings.epsilon  # a small share of most pictures, and tanh is slow
    ink = np.tanh(settings.phi * (settings.epsilon - difference[inked]))
    line[inked] = np.rint(255 * (1 - ink))
    return line


def draw_lines(picture: np.ndarray, width: int, height: int, settings: XDoG) -> np.ndarray:
    """XDoG at twice the size asked for, then shrunk: smooth lines, of one weight in all pictures.

    Args:
        picture: H×W×3 uint8 RGB, of any size and without padding (its border would be drawn).
        width: Of the result.
        height: Of the result.
        settings: Blur and threshold.

    Returns:
        height×width uint8, dark ink on white (255).
    """
    drawing = xdog(resize(picture, 2 * width, 2 * height), settings)
    return resize(drawing, width, height)


def _blur(plane: np.ndarray, sigma: float) -> np.ndarray:
    # Replicated, so that the picture's border is no edge.
    return cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
