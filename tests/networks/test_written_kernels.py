"""Whether torch.compile can write kernels here, and that it does so for every size."""

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from colorizer.networks.kernels import in_one_kernel, missing_for_kernels


def test_what_kernels_need_and_is_missing_is_named(monkeypatch, tmp_path):
    missing = missing_for_kernels.__wrapped__  # what it has said before it remembers
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    compiler = tmp_path / "gcc"
    compiler.touch(0o755)
    (tmp_path / "Python.h").touch()
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"include": str(tmp_path)})
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing() == ""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    for capability, words in (((6, 1), "older"), ((7, 0), "")):
        monkeypatch.setattr("torch.cuda.get_device_capability", lambda c=capability: c)
        assert words in missing() and bool(words) == bool(missing())
    monkeypatch.setenv("CC", "icc")
    assert "icc" in missing()
    monkeypatch.delenv("CC")
    (tmp_path / "Python.h").unlink()
    assert "python3-dev" in missing()
    compiler.unlink()
    assert "C compiler" in missing()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "triton" in missing()
    monkeypatch.setenv("TORCHDYNAMO_DISABLE", "1")
    assert "TORCHDYNAMO_DISABLE" in missing()
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "1")
    assert "TORCH_COMPILE_DISABLE" in missing()


@pytest.mark.slow
def test_more_sizes_than_torchs_default_are_compiled(monkeypatch):
    counter = CompileCounterWithBackend("eager")
    compile_it = torch.compile
    monkeypatch.setattr(torch, "compile", lambda f, **how: compile_it(f, backend=counter, **how))

    def doubled(x: torch.Tensor) -> torch.Tensor:
        return x + x

    for size in range(2, 22):
        in_one_kernel(doubled)(torch.ones(size))
    assert counter.frame_count == 20
