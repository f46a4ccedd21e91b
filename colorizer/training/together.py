"""Several training processes as one: what the first found out is told to all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from colorizer.system.errors import LostConnection, UserError
from colorizer.system.processes import is_lost_connection

Answer = TypeVar("Answer")


def found_by_first(accelerator: Accelerator, find: Callable[[], Answer]) -> Answer:
    """What `find` gives in the first process; it is not called in the others.

    Raises:
        UserError: in every process, if it does in the first, whose sentence is the one to read.
    """
    answer, failure = None, None
    if accelerator.is_main_process:
        try:
            answer = find()
        except UserError as error:
            failure = error
    told = [(answer, failure is not None)]
    broadcast_object_list(told)
    answer, failed = told[0]
    if failure is not None:
        raise failure
    if failed:
        raise UserError(
            f"process {accelerator.process_index} stops too; see the message of process 0."
        )
    return answer


def anyone(accelerator: Accelerator, answer: bool) -> bool:
    """Whether any process says yes; makes the host wait for the device."""
    flag = torch.tensor(float(answer), device=accelerator.device)
    return accelerator.reduce(flag, "sum").item() > 0


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
