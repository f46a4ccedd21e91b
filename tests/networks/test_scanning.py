"""Attention as an exported graph has it: the same, some queries at a time."""

import pytest
import torch

from colorizer.networks.attention import doubly_normalized_attention, scaled_attention
from colorizer.networks.scanning import QUERIES, scanned_attention, scanned_column_sums


@pytest.mark.parametrize("count", [3, QUERIES, 2 * QUERIES + 5])
def test_scanned_attention_is_attention(count):
    torch.manual_seed(0)
    query, key, value = torch.randn(2, count, 8), torch.randn(2, 7, 8), torch.randn(2, 7, 5)
    expected = scaled_attention(query, key, value)
    torch.testing.assert_close(scanned_attention(query, key, value, 8**-0.5), expected)
    sums = scanned_column_sums(query, key)
    assert sums.shape == (2, 1, 7)
    torch.testing.assert_close(
        scanned_attention(query, key, value / (sums * 7 / count).transpose(1, 2)),
        doubly_normalized_attention(query, key, value),
    )
