"""Several processes, on one machine or more, that share the work of making shards or evaluating.

torch is imported only where there are several: it takes seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from colorizer.system.errors import LostConnection
from colorizer.system.workers import usable_cores

if TYPE_CHECKING:
    from torch import Tensor
    from torch.distributed import ProcessGroup

PATIENCE = timedelta(days=30)  # for the slowest process; the launcher ends all when one fails


@dataclass(frozen=True)
class World:
    """The processes that torchrun or `accelerate launch` has started, seen from this one."""

    rank: int
    count: int
    local_rank: int  # on this machine
    local_count: int
    group: ProcessGroup | None = None  # of all, for tensors in the CPU's memory; None: one process

    @property
    def is_first(self) -> bool:
        """Whether this one does what only one may do, and speaks."""
        return self.rank == 0

    @property
    def cores(self) -> int:
        """CPU cores for each process of this machine."""
        return max(1, usable_cores() // self.local_count)

    def wait(self) -> None:
        """Wait until all have come here.

        Raises:
            LostConnection: one has ended before.
        """
        if self.group is None:
            return
        import torch.distributed

        with self._together():
            torch.distributed.barrier(self.group)

    def agree(self, answers: Sequence[bool]) -> list[bool]:
        """For each question, whether every process says yes; all must ask the same ones.

        Raises:
            LostConnection: another process has ended before.
        """
        if self.group is None:
            return list(answers)
        import torch.distributed

        votes = torch.tensor(answers, dtype=torch.int32)
        with self._together():
            torch.distributed.all_reduce(votes, torch.distributed.ReduceOp.MIN, self.group)
        return votes.bool().tolist()

    def first_says(self, answer: bool) -> bool:
        """What the first process answers, told to all; what the others answer does not count.

        Raises:
            LostConnection: another process has ended before.
        """
        (told,) = self.agree([answer or not self.is_first])
        return told

    def gather(self, rows: Tensor) -> Tensor | None:
        """The rows (n×...) of all processes, below each other in the order of ranks.

        Returns:
            None in all but the first process.

        Raises:
            LostConnection: another process has ended before.
        """
        if self.group is None:
            return rows
        import torch.distributed

        counts = [torch.zeros(1, dtype=torch.int64) for _ in range(self.count)]
        with self._together():
            torch.distributed.all_gather(counts, torch.tensor([len(rows)]), self.group)
            padded = rows.new_zeros((max(map(int, counts)), *rows.shape[1:]))
            padded[: len(rows)] = rows
            gathered = [torch.empty_like(padded) for _ in counts] if self.is_first else None
            torch.distributed.gather(padded, gathered, group=self.group, group_dst=0)
        if gathered is None:
            return None
        return torch.cat([theirs[: int(n)] for theirs, n in zip(gathered, counts, strict=True)])

    @contextmanager
    def _together(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # all that torch says of a lost connection
            raise LostConnection(
                f"process {self.rank} stops: another one has ended, see what it says."
            ) from error


def join_group(backend: str, timeout: timedelta) -> None:
    """Join the process group of a program that torchrun has started several times.

    In a program that it has started again after a failure, the launcher's store still holds the
    addresses of the processes that are gone, under the names that torch would use (seen with 2.11
    to 2.14), so these get names of their own. On several machines the restarts are not counted
    alike: there TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 makes torchrun take a new store each time.
    """
    from torch.distributed import (
        PrefixStore,  # pyright: ignore[reportPrivateImportUsage]  # documented
        TCPStore,  # pyright: ignore[reportPrivateImportUsage]  # documented
        init_process_group,
    )

    if os.environ.get("WORLD_SIZE", "1") == "1" or "LOCAL_RANK" not in os.environ:
        return
    restarts = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    shared = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    one_machine = os.environ.get("LOCAL_WORLD_SIZE") == os.environ["WORLD_SIZE"]
    if restarts == "0" or not shared or not one_machine:
        init_process_group(backend, timeout=timeout)
        return
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    count = int(os.environ["WORLD_SIZE"])
    store = TCPStore(address, port, count, is_master=False, timeout=timeout)
    init_process_group(
        backend,
        timeout=timeout,
        store=PrefixStore(f"restart-{restarts}", store),
        rank=int(os.environ["RANK"]),
        world_size=count,
    )


def is_lost_connection(error: RuntimeError) -> bool:
    """Whether torch says that another process has ended, or does not answer in time."""
    from torch.distributed import DistError

    # gloo has no exception of its own, only the name of its source files in the message.
    return isinstance(error, DistError) or "gloo" in str(error).lower()


ALONE = World(rank=0, count=1, local_rank=0, local_count=1)


@contextmanager
def processes() -> Iterator[World]:
    """Meet the other processes, if the launcher has started several."""
    world = World(
        rank=int(os.environ.get("RANK", 0)),
        count=int(os.environ.get("WORLD_SIZE", 1)),
        local_rank=int(os.environ.get("LOCAL_RANK", 0)),
        local_count=int(os.environ.get("LOCAL_WORLD_SIZE", 1)),
    )
    if world.count == 1:
        yield world
        return
    import torch.distributed

    met = torch.distributed.is_initialized()  # by a training in the same program
    if not met:
        torch.distributed.init_process_group("gloo", timeout=PATIENCE)
    group = torch.distributed.new_group(backend="gloo", timeout=PATIENCE)
    try:
        yield replace(world, group=group)
    finally:
        torch.distributed.destroy_process_group(group if met else None)


def leave_group() -> None:
    """Take leave of the other processes, at the end of a program that has trained."""
    import torch.distributed

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
