"""Several training processes as one: what the first found out is told to all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor

from colorizer.system.errors import LostConnection, UserError
from colorizer.system.processes import is_lost_connection

Answer = TypeVar("Answer")
TensorsOfFiles = dict[str, dict[str, Tensor]]  # file → name → tensor


def found_by_first(accelerator: Accelerator, find: Callable[[], Answer]) -> Answer:
    """What `find` gives in the first process; it is not called in the others.

    Raises:
        UserError: in every process, if it does in the first, whose sentence is the one to read.
    """
    told: list[tuple[Answer] | None] = [None]  # None also where it raises
    failure = None
    if accelerator.is_main_process:
        try:
            told = [(find(),)]
        except UserError as error:
            failure = error
    broadcast_object_list(told)
    if failure is not None:
        raise failure
    if told[0] is None:
        raise UserError(
            f"process {accelerator.process_index} stops too; see the message of process 0."
        )
    (answer,) = told[0]
    return answer


def sent_by_first(accelerator: Accelerator, read: Callable[[], TensorsOfFiles]) -> TensorsOfFiles:
    """The tensors that the first process reads, in each process; the others need no disk for it.

    Args:
        accelerator: Of all processes, which must call this together.
        read: Gives the tensors of each file, on the CPU; not called in the others.

    Raises:
        UserError: in every process, if it is raised in the first.
    """
    own: TensorsOfFiles = {}

    def outline() -> dict[str, dict[str, tuple[torch.Size, torch.dtype]]]:
        own.update(read())
        return {f: {n: (t.shape, t.dtype) for n, t in own[f].items()} for f in own}

    found = found_by_first(accelerator, outline)
    if accelerator.num_processes == 1:
        return own
    sent: TensorsOfFiles = {}
    for file, tensors in found.items():
        sent[file] = {}
        for name, (shape, dtype) in tensors.items():
            if accelerator.is_main_process:
                tensor = own[file][name].to(accelerator.device)
            else:
                tensor = torch.empty(shape, dtype=dtype, device=accelerator.device)
            torch.distributed.broadcast(tensor, 0)
            sent[file][name] = tensor.cpu()
    return sent


def on_first_machine() -> bool:
    """Whether this process runs where the first one does, and has its disk."""
    ranks = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return int(os.environ.get("RANK", "0")) < ranks


def anyone(accelerator: Accelerator, answer: bool) -> bool:
    """Whether any process says yes; makes the host wait for the device."""
    flag = torch.tensor(float(answer), device=accelerator.device)
    return reduced(accelerator, flag, "sum").item() > 0


def reduced(accelerator: Accelerator, tensor: Tensor, how: Literal["sum", "mean"]) -> Tensor:
    """The sum or the mean over all processes of tensors of one shape, in each process."""
    # Accelerate has no types: pyright takes it that a tensor may come back as a mapping.
    return accelerator.reduce(tensor, how)  # pyright: ignore[reportReturnType]


def gathered(accelerator: Accelerator, rows: Tensor) -> Tensor:
    """The rows (n×...) of all processes, below each other, in each process."""
    return accelerator.gather(rows)  # pyright: ignore[reportReturnType]  # as in `reduced`


@contextmanager
def naming_lost_process(accelerator: Accelerator, timeout: float) -> Iterator[None]:
    """Turn torch's many ways to say that another process is gone into a sentence.

    Raises:
        LostConnection: another process has ended, or has not answered for `timeout` seconds.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_lost_connection(error):
            raise
        raise LostConnection(lost_process(accelerator, timeout)) from error


def lost_process(accelerator: Accelerator, timeout: float) -> str:
    """What a process says that waits for another one in vain."""
    return (
        f"process {accelerator.process_index} stops: another process has ended, or did not answer"
        f" for {timeout:g} s; see its message. The same command continues from the newest"
        " checkpoint."
    )
