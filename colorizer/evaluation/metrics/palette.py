"""How far a picture's colours are from another's, wherever they are in the picture."""

import numpy as np
from torch import Tensor

from colorizer.pictures.lab import lab

PALETTE_SIDE = 64  # pixels a side that palettes are compared on


def _directions() -> np.ndarray:
    """16×3 unit vectors, spread evenly: the axes of the icosahedron and of the dodecahedron.

    The squares of a vector's projections on them average to exactly a third of its square.
    """
    golden = (1 + 5**0.5) / 2
    axes = [
        turned
        for s in (1, -1)
        for axis in ((0, s, golden), (0, golden, s / golden))
        for turned in (axis, np.roll(axis, 1), np.roll(axis, 2))
    ]
    axes += [(1, s, t) for s in (1, -1) for t in (1, -1)]
    vectors = np.array(axes, dtype=float)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


DIRECTIONS = _directions()


def palette_distance(result: Tensor, reference: Tensor) -> np.ndarray:
    """How far each result's colours are from its reference's, wherever they are in the picture.

    Sliced 2-Wasserstein distance (Rabin et al., "Wasserstein Barycenter and Its Application to
    Texture Mixing", SSVM 2011) in CIELAB, scaled so that colours that are all moved by the same
    ΔE (CIE 1976) are at that distance.

    Args:
        result: B×H×W×3 uint8.
        reference: B×H'×W'×3 uint8, of any size.

    Returns:
        B float64 values in ΔE, 0 for the same colours in the same shares.
    """
    pairs = zip(result.numpy(), reference.numpy(), strict=True)
    return np.array([sliced_wasserstein(palette(r), palette(t)) for r, t in pairs])


def palette(picture: np.ndarray) -> np.ndarray:
    """Colours of a picture on a regular grid, none mixed.

    Args:
        picture: H×W×3 uint8 RGB.

    Returns:
        N×3 float64 CIELAB, N up to 64·64.
    """
    rows, columns = (_spread(min(side, PALETTE_SIDE), side) for side in picture.shape[:2])
    return lab(picture[np.ix_(rows, columns)].reshape(-1, 3))


def sliced_wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """Distance of two clouds of points, N×3 and M×3, in their unit (see `palette_distance`)."""
    count = PALETTE_SIDE**2
    along = [np.sort(np.einsum("nc,dc->dn", points, DIRECTIONS), axis=1) for points in (a, b)]
    first, second = (values[:, _spread(count, values.shape[1])] for values in along)  # 16×count
    return float(np.sqrt(3 * np.square(first - second).mean()))


def _spread(count: int, size: int) -> np.ndarray:
    """`count` places in 0..size-1, at the middles of equal shares."""
    return (2 * np.arange(count) + 1) * size // (2 * count)
