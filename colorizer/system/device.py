"""The device that a program computes on, and what float32 means there."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate.utils import str_to_bool

from colorizer.system.errors import UserError

_lock = threading.Lock()
_within = 0  # how many are within exact_float32
_before = (True, False)  # the switches, while any is


def choose_device(local_rank: int | None = None) -> torch.device:
    """The accelerator; the CPU if there is none, or if ACCELERATE_USE_CPU says so.

    Args:
        local_rank: This process among those of this machine, which take its GPUs in turn: that one
            becomes torch's current GPU. None: the current one.

    Raises:
        UserError: ACCELERATE_USE_CPU is neither true nor false.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None or is_set("ACCELERATE_USE_CPU"):
        return torch.device("cpu")
    if accelerator.type != "cuda" or local_rank is None:
        return accelerator
    device = torch.device("cuda", local_rank % torch.cuda.device_count())
    torch.cuda.set_device(device)
    return device


def device_name(device: torch.device) -> str:
    """What the last digits of figures depend on."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def is_set(name: str) -> bool:
    """Whether a variable of the environment is true; one that is not there is false.

    Raises:
        UserError: it is neither.
    """
    value = os.environ.get(name, "false")
    try:
        return bool(str_to_bool(value))
    except ValueError as error:
        raise UserError(f"{name} is {value!r}; set it to true or false, or unset it.") from error


@contextmanager
def kernels_by_trying() -> Iterator[None]:
    """Within it cuDNN tries its kernels on each size it meets, and keeps the fastest."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


@contextmanager
def exact_float32() -> Iterator[None]:
    """Within it float32 is float32: cuDNN's convolutions round to TF32 if nobody says otherwise.

    The switches are the program's: while one thread is within, all compute so.
    """
    global _within, _before
    convolutions: Any = torch.backends.cudnn  # a module to pyright, which does not see its switch
    products = torch.backends.cuda.matmul
    with _lock:
        if _within == 0:
            _before = convolutions.allow_tf32, products.allow_tf32
            convolutions.allow_tf32 = products.allow_tf32 = False
        _within += 1
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            if _within == 0:
                convolutions.allow_tf32, products.allow_tf32 = _before


@contextmanager
def reproducible() -> Iterator[None]:
    """Compute the same bits in every process.

    How sums are split over threads changes their last bits, and so does TF32 on a GPU many more.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with (
            exact_float32(),
            torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=True, allow_tf32=False
            ),
        ):
            yield
    finally:
        torch.set_num_threads(threads)
