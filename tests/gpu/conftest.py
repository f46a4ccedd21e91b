"""What belongs to the suite and needs a GPU; elsewhere each test is skipped, with the reason."""

from collections.abc import Callable, Iterator

import pytest
import torch

from colorizer.config.losses import LossConfig
from colorizer.config.training import ColorizationConfig, TrainConfig
from colorizer.loading.batch import Batch
from colorizer.loading.dataset import TrainingData
from colorizer.system.device import exact_float32

WithVGG = Callable[..., ColorizationConfig]


@pytest.fixture(scope="session", autouse=True)
def _gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA GPU")


@pytest.fixture
def exact() -> Iterator[None]:
    """Convolutions in float32 are that to the last bit, not TF32."""
    with exact_float32():
        yield


@pytest.fixture
def with_vgg(tiny: Callable[..., TrainConfig], vgg_file) -> WithVGG:
    """`with_vgg("sga", mixed_precision="bf16")`: a preset at its smallest, with all its losses."""

    def make(preset: str, **changes) -> ColorizationConfig:
        triplet = tiny(preset).loss.triplet
        return tiny(preset, loss=LossConfig(triplet=triplet, vgg_weights=vgg_file), **changes)

    return make


@pytest.fixture
def batch(character_shards) -> Batch:
    """Four drawn characters."""
    return TrainingData([character_shards / "train"], 0, 16).load([0, 1, 2, 3])
