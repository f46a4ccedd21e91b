"""Where a step's time goes: bytes that its operations move, and the kernels that do it."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import torch
from gpu_scale import wait
from torch import Tensor
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

# What a kernel is for, by the first of these that its name holds (in lower case).
KINDS = {
    "attention": ("fmha", "flash", "attention", "softmax"),
    "batch norm": ("batch_norm", "bn_fw", "bn_bw", "batchnorm"),
    "written by torch.compile": ("triton",),
    "layout": ("nchwtonhwc", "nhwctonchw", "transpose"),
    "convolution": ("conv", "fprop", "dgrad", "wgrad", "winograd", "cudnn"),
    "matrix product": ("gemm", "cutlass", "nvjet", "cublas", "gemv"),
    "upsampling and pooling": ("upsample", "pool", "grid_sampl"),
    "optimizer and norms": ("multi_tensor", "fused_adam", "fusedadam", "lpnorm"),
    "concatenation": ("catarray",),
    "copies": ("memcpy", "memset", "copy"),
    "reductions": ("reduce",),
    "elementwise": ("elementwise",),
}


class Work(NamedTuple):
    """What a piece of work asks the device for."""

    flops: int
    bytes: int  # that its operations read and write, as if nothing were fused or cached
    operations: int  # that compute something; views do not


class _Traffic(TorchDispatchMode):
    """Counts operations and their bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = self.operations = 0

    def __torch_dispatch__(
        self, function: Callable, types: object, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        result = function(*args, **kwargs or {})
        views = (
            r.alias_info is not None and not r.alias_info.is_write for r in function._schema.returns
        )
        if not any(views):
            tensors = tree_leaves((args, kwargs, result))
            self.bytes += sum(t.nbytes for t in tensors if isinstance(t, Tensor))
            self.operations += 1
        return result


def count(work: Callable[[], object]) -> Work:
    """Do it once, counting."""
    with FlopCounterMode(display=False) as counter, _Traffic() as traffic:
        work()
    torch.compiler.reset()  # before 2.14 it leaves what it met meanwhile as it is for ever
    return Work(counter.get_total_flops(), traffic.bytes, traffic.operations)


class Profile(NamedTuple):
    """Kernels of a step on a GPU; operations on a CPU."""

    milliseconds: dict[str, float]  # name → what it takes itself in a step
    launches: dict[str, float]  # name → times in a step

    @property
    def kinds(self) -> dict[str, float]:
        """What the kernels are for → milliseconds, the most first."""
        found: Counter[str] = Counter()
        for name, milliseconds in self.milliseconds.items():
            found[kind_of(name)] += milliseconds
        return dict(found.most_common())


def profile_steps(step: Callable[[], object], steps: int) -> Profile:
    """Means over some steps, after one with the profiler already there."""
    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    step()
    wait()
    with profile(activities=activities) as found:
        for _ in range(steps):
            step()
        wait()
    events = found.key_averages()
    if torch.cuda.is_available():  # kernels alone: what the host does goes on beside them
        on_gpu = (e for e in events if e.device_type == DeviceType.CUDA)
        kernels = [e for e in on_gpu if not e.is_user_annotation]  # spans of kernels, named again
        own = {e.key: e.self_device_time_total for e in kernels}
    else:
        kernels = list(events)
        own = {e.key: e.self_cpu_time_total for e in kernels}
    return Profile(
        {name: microseconds / 1e3 / steps for name, microseconds in own.items()},
        {e.key: e.count / steps for e in kernels},
    )


def kind_of(kernel: str) -> str:
    """What a kernel is for."""
    lower = kernel.lower()
    for kind, words in KINDS.items():
        if any(word in lower for word in words):
            return kind
    return "others"
