"""Kernels that torch.compile writes for a GPU: whether it can, and functions made of them."""

import importlib.util
import os
import shutil
import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
Result = TypeVar("Result")

# That one function is compiled for; by torch's default it stops at 8. Of each of the shapes that a
# set may have, an encoder has maps of six sizes.
SIZES = 256
OLDEST = (7, 0)  # compute capability of the GPUs that Triton writes for


@cache
def missing_for_kernels() -> str:
    """What torch.compile lacks to write kernels for the GPU, as a few words; empty: nothing."""
    for switch in ("TORCH_COMPILE_DISABLE", "TORCHDYNAMO_DISABLE"):
        if os.environ.get(switch, "0") != "0":
            return f"{switch} is set"
    if importlib.util.find_spec("triton") is None:
        return "the package triton is not installed"
    compilers = [os.environ["CC"]] if "CC" in os.environ else ["gcc", "clang"]  # as Triton looks
    if not any(map(shutil.which, compilers)):
        return f"no C compiler ({' or '.join(compilers)}) is installed"
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        return "Python's headers (python3-dev) are not installed"
    if torch.cuda.is_available() and torch.cuda.get_device_capability() < OLDEST:
        return "the GPU is older than Triton knows"
    return ""


def in_one_kernel(function: Callable[P, Result]) -> Callable[P, Result]:
    """A function of a few operations on a whole map, as one kernel; two for sums over a picture."""
    return _compiled(function)  # a cached function keeps no types of its arguments


@cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    torch._dynamo.config.recompile_limit = max(SIZES, torch._dynamo.config.recompile_limit)
    return torch.compile(function, dynamic=False)
