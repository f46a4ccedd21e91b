"""How far a picture's colours are from another's, wherever they are in the picture."""

import numpy as np
from torch import Tensor

PALETTE_SIDE = 64  # pixels a side that palettes are compared on

# sRGB, D65 (IEC 61966-2-1), the white point divided out.
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
) / np.array([[0.9505], [1.0], [1.089]])
LEVELS = np.arange(256) / 255
LINEAR = np.where(LEVELS <= 0.04045, LEVELS / 12.92, ((LEVELS + 0.055) / 1.055) ** 2.4)


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


def lab(colors: np.ndarray) -> np.ndarray:
    """N×3 uint8 sRGB → N×3 float64 CIELAB (OpenCV's interpolates: off by up to 0.4 ΔE)."""
    xyz = np.einsum("nc,dc->nd", LINEAR[colors], TO_XYZ)  # einsum: the same bits on any threads
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def sliced_wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """Distance of two clouds of points, N×3 and M×3, in their unit (see `palette_distance`)."""
    count = PALETTE_SIDE**2
    along = [np.sort(np.einsum("nc,dc->dn", points, DIRECTIONS), axis=1) for points in (a, b)]
    first, second = (values[:, _spread(count, values.shape[1])] for values in along)  # 16×count
    return float(np.sqrt(3 * np.square(first - second).mean()))


def _spread(count: int, size: int) -> np.ndarray:
    """`count` places in 0..size-1, at the middles of equal shares."""
    return (2 * np.arange(count) + 1) * size // (2 * count)
