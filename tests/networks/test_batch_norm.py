"""Batch norm over two real processes against torch's own over the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import batch_norm_cases

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what each case said in each process: nothing if it held."""
    folder = tmp_path_factory.mktemp("batch-norm")
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    made = subprocess.run(
        [*launcher, batch_norm_cases.__file__, folder],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    assert made.returncode == 0, made.stderr
    return folder


@pytest.mark.parametrize("case", [case.__name__ for case in batch_norm_cases.CASES])
def test_in_two_processes(said, case):
    for rank in (0, 1):
        text = (said / f"{case} {rank}").read_text()
        assert not text, text
