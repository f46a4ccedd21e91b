"""What one process of a training loads."""

from colorizer.loading.batch import Batch
from colorizer.loading.dataset import TrainingData
from colorizer.loading.loader import load_batches
from colorizer.loading.order import BatchNumbers


def loaded(
    data: TrainingData,
    steps: int,
    batch_size: int,
    rank: int = 0,
    world: int = 1,
    workers: int = 0,
    first: int = 0,
    accumulate: int = 1,
) -> list[Batch]:
    """All batches of one process of `world`, from step `first` on."""
    numbers = BatchNumbers(first, steps, batch_size, accumulate, rank, world)
    return list(load_batches(data, numbers, workers, pin_memory=False))
