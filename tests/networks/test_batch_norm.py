"""Batch norm over two real processes against torch's own over the whole batch."""

import sys
from pathlib import Path

import pytest

from tests.helpers import batch_norm_cases
from tests.helpers.launching import run_ranks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what each case said in each process: nothing if it held."""
    folder = tmp_path_factory.mktemp("batch-norm")
    made = run_ranks([sys.executable, batch_norm_cases.__file__, folder])
    assert made.returncode == 0, made.stderr
    return folder


@pytest.mark.parametrize("case", [case.__name__ for case in batch_norm_cases.CASES])
def test_in_two_processes(said, case):
    for rank in (0, 1):
        text = (said / f"{case} {rank}").read_text()
        assert not text, text
