"""The figures against computations by hand, and against packages on PNG files."""

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_msssim import ms_ssim as package_ms_ssim

from colorizer.evaluation.metrics.pixels import ms_ssim, psnr


def _pictures(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    a = torch.randint(0, 256, (2, side, side, 3), generator=generator)
    b = (a + torch.randint(-20, 21, a.shape, generator=generator)).clamp(0, 255)
    return a.to(torch.uint8), b.to(torch.uint8)


def test_psnr_is_of_each_picture_over_all_its_values():
    a, b = _pictures(9)
    for picture, value in enumerate(psnr(a, b)):
        error = (a[picture].double() - b[picture].double()).numpy() ** 2
        assert value == pytest.approx(20 * np.log10(255) - 10 * np.log10(error.mean()), abs=1e-9)


def test_psnr_of_one_level_everywhere_is_48_13_and_of_identical_pictures_100():
    a = torch.full((1, 4, 4, 3), 100, dtype=torch.uint8)
    assert psnr(a, a + 1)[0] == pytest.approx(48.1308, abs=1e-4)
    assert psnr(a, a)[0] == 100


def test_ms_ssim_is_the_packages_on_png_files(noisy_pairs, tmp_path):
    results, truths = noisy_pairs(3, 200, 176)
    expected = []
    for pair in zip(results, truths, strict=True):
        read = []
        for picture in pair:
            Image.fromarray(picture.numpy()).save(tmp_path / "picture.png")
            read.append(torch.from_numpy(np.array(Image.open(tmp_path / "picture.png"))))
        planes = [p.permute(2, 0, 1)[None].float() for p in read]
        expected.append(package_ms_ssim(*planes, data_range=255).item())
    np.testing.assert_allclose(ms_ssim(results, truths), expected, rtol=1e-6)
    assert max(expected) < 0.999


def test_ms_ssim_does_not_exist_for_small_pictures():
    assert np.isnan(ms_ssim(*_pictures(160))).all()
    assert not np.isnan(ms_ssim(*_pictures(161))).any()


def test_one_picture_or_many_give_the_same_bits(noisy_pairs):
    results, truths = noisy_pairs(4, 176, 200)
    for figure in (psnr, ms_ssim):
        pairs = zip(results.split(1), truths.split(1), strict=True)
        assert figure(results, truths).tolist() == [figure(*pair).item() for pair in pairs]
