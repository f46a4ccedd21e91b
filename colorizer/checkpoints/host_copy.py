"""What a checkpoint holds, copied to host memory."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from colorizer.system import console
from colorizer.system.layout import Layout

Tensors = Mapping[str, Mapping[str, Tensor]]  # file name without its suffix → its tensors


class HostCopy:
    """Copies tensors to host memory, always the same: new memory costs more than the copying."""

    def __init__(self) -> None:
        self._layout = Layout((), ())
        self._memory = torch.empty(0, dtype=torch.uint8)
        self._pinned = False

    def __call__(self, tensors: Tensors) -> Tensors:
        """The copies, row-major (safetensors refuses channels_last); the last ones are lost."""
        flat = [tensor for content in tensors.values() for tensor in content.values()]
        layout = Layout.of(flat)
        if layout != self._layout:
            self._take(layout, any(tensor.is_cuda for tensor in flat))
        views = layout.views(self._memory)
        for view, tensor in zip(views, flat, strict=True):
            view.copy_(tensor.detach(), non_blocking=True)
        if torch.accelerator.is_available():
            torch.accelerator.synchronize()
        copies = iter(views)
        return {file: {name: next(copies) for name in content} for file, content in tensors.items()}

    def _take(self, layout: Layout, pinned: bool) -> None:
        self.close()
        self._layout = layout
        self._memory = torch.empty(layout.nbytes, dtype=torch.uint8)
        if pinned:  # torch's own pinned memory would be a power of two: up to twice the need
            cuda, address = _cuda_runtime(), self._memory.data_ptr()
            error = int(cuda.cudaHostRegister(address, layout.nbytes, 0))
            self._pinned = error == 0
            if error:  # the copies are as good, and slower
                console.warn(
                    f"{layout.nbytes / 1e9:.1f} GB of memory cannot be pinned (CUDA error {error});"
                    " training waits longer at each checkpoint."
                )

    def close(self) -> None:
        """Give the memory back; what was copied last is lost."""
        if self._pinned:
            # A GPU that has failed refuses this as well; that it has is said elsewhere.
            _cuda_runtime().cudaHostUnregister(self._memory.data_ptr())
        self._layout, self._pinned = Layout((), ()), False
        self._memory = torch.empty(0, dtype=torch.uint8)


def _cuda_runtime() -> Any:  # torch declares it as None
    return torch.cuda.cudart()
