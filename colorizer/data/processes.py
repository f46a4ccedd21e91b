"""Several processes, on one machine or more, that share the work of making shards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from colorizer.errors import UserError

PATIENCE = timedelta(days=30)  # for the slowest process; the launcher ends all when one fails


@dataclass(frozen=True)
class Processes:
    """This process among those that torchrun or `accelerate launch` has started."""

    rank: int
    count: int
    local_rank: int  # on this machine
    local_count: int

    @property
    def is_first(self) -> bool:
        """Whether this one does what only one may do, and speaks."""
        return self.rank == 0

    @property
    def cores(self) -> int:
        """CPU cores for each process of this machine."""
        return max(1, len(os.sched_getaffinity(0)) // self.local_count)

    def wait(self) -> None:
        """Wait until all have come here.

        Raises:
            UserError: one has ended before.
        """
        if self.count > 1:
            # Imported only where there is someone to wait for: it takes seconds.
            import torch.distributed

            try:
                torch.distributed.barrier()
            except RuntimeError as error:
                raise UserError(
                    f"process {self.rank} stops: another one has ended, see what it says."
                ) from error


ALONE = Processes(rank=0, count=1, local_rank=0, local_count=1)


@contextmanager
def processes() -> Iterator[Processes]:
    """Meet the other processes, if the launcher has started several."""
    here = Processes(
        rank=int(os.environ.get("RANK", 0)),
        count=int(os.environ.get("WORLD_SIZE", 1)),
        local_rank=int(os.environ.get("LOCAL_RANK", 0)),
        local_count=int(os.environ.get("LOCAL_WORLD_SIZE", 1)),
    )
    if here.count == 1:
        yield here
        return
    import torch.distributed

    torch.distributed.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield here
    finally:
        torch.distributed.destroy_process_group()
