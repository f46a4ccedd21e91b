"""Buckets: shapes of about as many pixels as a square of a size, from wide to tall."""

from collections.abc import Sequence
from itertools import count

from colorizer.pictures.geometry import Shape

MAX_RATIO = 3  # of a bucket's sides
SMALLEST = 32  # size that has buckets


def step_of(size: int) -> int:
    """What all sides of the buckets are multiples of: the largest power of 2 up to size/8."""
    return 1 << (size // 8).bit_length() - 1


def bucket_shapes(size: int) -> tuple[Shape, ...]:
    """The buckets of a size: the square, and for each longer side the shorter that fits best.

    Args:
        size: Side of the square; a multiple of `step_of(size)`, at least SMALLEST.

    Returns:
        Shapes from the widest to the tallest, 13 for a power of two. Cropped to the nearest, a
        picture from 1:3 to 3:1 loses at most a seventh of itself; 13 % for a power of two.
    """
    step = step_of(size)
    side = size // step
    wide = [
        (step * shorter, step * longer)
        for longer in range(side + 1, MAX_RATIO * side)
        if longer <= MAX_RATIO * (shorter := round(side**2 / longer))
    ]
    return (*reversed(wide), (size, size), *((width, height) for height, width in wide))


def least_size(stride: int, side: int) -> int:
    """The least size whose buckets have sides of at least so many pixels, multiples of `stride`."""

    def suits(size: int) -> bool:
        sides = {length for shape in bucket_shapes(size) for length in shape}
        return min(sides) >= side and all(length % stride == 0 for length in sides)

    return next(size for size in count(SMALLEST) if size % step_of(size) == 0 and suits(size))


def nearest_bucket(width: int, height: int, shapes: Sequence[Shape]) -> Shape:
    """The shape whose aspect ratio is nearest to a picture's: that which shows most of it."""

    def cropped(shape: Shape) -> float:
        """How many times more of the picture would be there than seen."""
        wider = (width * shape[0]) / (height * shape[1])
        return max(wider, 1 / wider)

    return min(shapes, key=cropped)
