"""The figures against computations by hand."""

import numpy as np
import pytest
import torch
from pytorch_msssim import ms_ssim as package_ms_ssim

from colorizer.evaluation.metrics import ms_ssim, psnr


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


def test_ms_ssim_is_the_packages_on_8_bit_values():
    a, b = _pictures(176)
    expected = [
        package_ms_ssim(
            a[i : i + 1].permute(0, 3, 1, 2).float(),
            b[i : i + 1].permute(0, 3, 1, 2).float(),
            data_range=255,
        ).item()
        for i in range(2)
    ]
    np.testing.assert_allclose(ms_ssim(a, b), expected, rtol=1e-6)
    assert expected[0] < 1


def test_ms_ssim_does_not_exist_for_small_pictures():
    assert np.isnan(ms_ssim(*_pictures(160))).all()
    assert not np.isnan(ms_ssim(*_pictures(161))).any()
