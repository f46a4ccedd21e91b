"""Buckets: a fixed list of shapes for each size, and the nearest for every picture."""

import pytest

from colorizer.pictures.buckets import bucket_shapes, least_size, nearest_bucket, step_of

SIZES = [32, 64, 128, 256, 288, 320, 352, 384, 416, 448, 480, 512, 1024]
WIDE_OF_256 = [(160, 448), (160, 416), (160, 384), (192, 352), (192, 320), (224, 288)]


def test_the_buckets_of_a_size_are_these():
    """Shards that were made with them are trained on for years."""
    tall = [(width, height) for height, width in reversed(WIDE_OF_256)]
    assert bucket_shapes(256) == (*WIDE_OF_256, (256, 256), *tall)
    assert bucket_shapes(64) == tuple((h // 4, w // 4) for h, w in bucket_shapes(256))


@pytest.mark.parametrize("size", SIZES)
def test_buckets_have_about_as_many_pixels_as_the_square_and_fit_networks(size):
    shapes = bucket_shapes(size)
    assert (size, size) in shapes and len(set(shapes)) == len(shapes) <= 25
    for height, width in shapes:
        assert height % step_of(size) == width % step_of(size) == 0
        assert 0.9 < height * width / size**2 < 1.1
        assert 1 / 3 <= width / height <= 3
        assert (width, height) in shapes


@pytest.mark.parametrize(
    ("stride", "side", "size"),
    [(1, 1, 32), (1, 64, 104), (8, 64, 104), (16, 64, 128), (32, 64, 256), (1, 161, 320)],
)
def test_the_least_size_for_a_network(stride, side, size):
    assert least_size(stride, side) == size


@pytest.mark.parametrize("size", SIZES)
def test_a_picture_loses_at_most_a_seventh(size):
    """An eighth, rounded up, for a power of two."""
    shapes, most = bucket_shapes(size), 0.0
    for width in range(1000, 3001):
        for picture in ((width, 1000), (1000, width)):
            height, wide = nearest_bucket(*picture, shapes)
            ratios = sorted((wide / height, picture[0] / picture[1]))
            most = max(most, 1 - ratios[0] / ratios[1])
    assert most <= (0.13 if size & (size - 1) == 0 else 1 / 7 + 1e-9)


@pytest.mark.parametrize(
    ("width", "height", "bucket"),
    [
        (700, 700, (256, 256)),
        (640, 480, (224, 288)),  # 4:3
        (1920, 1080, (192, 352)),  # 16:9
        (1080, 1920, (352, 192)),
        (2390, 1000, (160, 384)),  # CinemaScope
        (9000, 100, (160, 448)),
        (100, 9000, (448, 160)),
    ],
)
def test_the_nearest_ratio_is_taken(width, height, bucket):
    assert nearest_bucket(width, height, bucket_shapes(256)) == bucket
