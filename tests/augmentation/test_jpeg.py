"""Our JPEG against OpenCV's, which is libjpeg."""

import cv2
import numpy as np
import pytest
import torch

from colorizer.augmentation.jpeg import jpeg


def _scene(draw_scene, height=45, width=70):
    """Flat colours, outlines and a little noise, of a size that no block divides."""
    noise = np.random.default_rng(0).integers(-12, 13, (height, width, 3))
    return (draw_scene(3, width, height) + noise).clip(0, 255).astype(np.uint8)


def _ours(scene: np.ndarray, *qualities: float) -> np.ndarray:
    picture = torch.from_numpy(scene).permute(2, 0, 1).float() / 255
    result = jpeg(picture.expand(len(qualities), -1, -1, -1), torch.tensor(qualities))
    return (result * 255).permute(0, 2, 3, 1).numpy()


def _cv2(scene: np.ndarray, quality: int) -> np.ndarray:
    _, data = cv2.imencode(".jpg", scene[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].astype(float)


@pytest.mark.parametrize("quality", [15, 50, 75, 95])
def test_it_does_what_libjpeg_does(draw_scene, quality):
    scene = _scene(draw_scene)
    real = _cv2(scene, quality)
    damage = np.abs(real - scene).mean()
    assert np.abs(_ours(scene, quality)[0] - real).mean() < 0.25 * damage


def test_lower_quality_does_more_damage_and_each_picture_has_its_own(draw_scene):
    scene = _scene(draw_scene)
    results = _ours(scene, 10, 30, 60, 90)
    damage = [np.abs(result - scene).mean() for result in results]
    assert damage == sorted(damage, reverse=True) and damage[0] > 1.5 * damage[3]
    assert np.array_equal(results[2], _ours(scene, 60)[0])
    assert np.array_equal(results, results.round()) and results.min() >= 0 and results.max() <= 255


@pytest.mark.slow
def test_compiled_it_is_the_same_and_warns_of_nothing(recwarn):
    torch.compiler.reset()
    compiled = torch.compile(jpeg, backend="aot_eager", fullgraph=True)
    picture, quality = torch.rand(2, 3, 32, 32), torch.tensor([30.0, 80.0])
    assert torch.equal(compiled(picture, quality), jpeg(picture, quality))
    assert not [w for w in recwarn if "lru_cache" in str(w.message)]
