"""A training step on a GPU must not make the host wait for it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from colorizer.config.augmentation import AugmentConfig
from colorizer.config.losses import LossConfig
from colorizer.config.training import ColorizationConfig
from colorizer.loading.dataset import TrainingData
from colorizer.training.start import start_accelerator
from colorizer.training.train import build_task

# What the host can only know when the device is done: values, and shapes that depend on them.
WAITING = {
    "_linalg_check_errors",
    "_local_scalar_dense",
    "_unique2",
    "equal",
    "is_nonzero",
    "masked_select",
    "nonzero",
    "repeat_interleave",
}


class _Waits(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, function: Callable, types: object, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        name = function._schema.name.removeprefix("aten::")
        if name in WAITING or (name in ("index", "index_put_") and _by_mask(args[1])):
            self.found.append(name)
        return function(*args, **kwargs or {})


def _by_mask(indices: list[torch.Tensor | None]) -> bool:
    return any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in indices)


def test_waits_are_noticed() -> None:
    x = torch.eye(3)
    with _Waits() as waits:
        x.sum().item()
        x[x > 0]
        torch.linalg.solve(x, x)
    assert set(waits.found) == {"_local_scalar_dense", "index", "_linalg_check_errors"}


@pytest.mark.parametrize(
    "preset",
    [
        *("demo", "extractor"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("attention-aware", "scft")),
    ],
)
@pytest.mark.parametrize("not_finite", ["stop", pytest.param("skip", marks=pytest.mark.slow)])
def test_no_step_asks_the_device_for_a_value(tiny, vgg_file, preset, not_finite) -> None:
    config = tiny(preset, not_finite=not_finite)
    if isinstance(config, ColorizationConfig):
        full = AugmentConfig(
            "grid", flip=0.5, zoom=(0.5, 2.0), hue=0.5, saturation=0.5, brightness=0.5
        )
        loss = LossConfig(triplet=config.loss.triplet, vgg_weights=vgg_file)
        config = replace(config, augment=full, loss=loss)
    task = build_task(config, start_accelerator(config))
    batch = TrainingData(config.training_shards, 0, 16).load([0, 1], task.draw_parameters)
    with _Waits() as waits:
        task.step(batch)
    assert waits.found == []
