"""Noise from keys."""

import torch

from colorizer.augmentation.noise import octaves, smooth_noise, white_noise


def test_a_field_depends_on_its_key_alone():
    together = white_noise(torch.tensor([5, 6, 2**32 - 1]), 2, 16, 24)
    assert torch.equal(together[1:2], white_noise(torch.tensor([6]), 2, 16, 24))
    rows = together.flatten(1)
    assert torch.corrcoef(rows).fill_diagonal_(0).abs().max() < 0.15


def test_values_are_uniform_and_independent():
    values = white_noise(torch.arange(8), 3, 64, 64)
    assert values.min() >= -1 and values.max() < 1
    assert abs(values.mean()) < 0.01
    assert abs(values.var() - 1 / 3) < 0.01
    for neighbour in (values[..., 1:] * values[..., :-1], values[..., 1:, :] * values[..., :-1, :]):
        assert abs(neighbour.mean()) < 0.01


def test_smooth_noise_changes_little_from_pixel_to_pixel():
    for cell in (5, 16):
        field = smooth_noise(torch.arange(4), 1, 50, 70, cell)
        assert field.shape == (4, 1, 50, 70)
        step = (field[..., 1:] - field[..., :-1]).abs().mean()
        assert step < 2 / cell and field.std() > 0.2


def test_octaves_hold_coarse_and_fine():
    field = octaves(torch.arange(4), 1, 64, 64, (2, 16))
    coarse = torch.nn.functional.avg_pool2d(field, 8)
    assert coarse.std() > 0.15 and (field[..., 1:] - field[..., :-1]).abs().mean() > 0.1
