"""Training a line extractor: what it learns, shows and refuses."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from colorizer.config.augmentation import DegradeConfig
from colorizer.config.losses import ExtractionLossConfig
from colorizer.config.run import OptimizerConfig
from colorizer.lines.extractor import Extractor
from colorizer.system.errors import UserError
from colorizer.training.train import train
from tests.helpers.runs import metrics_of


@pytest.mark.slow
def test_it_learns(tiny):
    optimizer = OptimizerConfig(generator_lr=5e-3, betas=(0.9, 0.99))
    loss = ExtractionLossConfig(adversarial=0.0)
    train(config := tiny("extractor-demo", steps=80, loss=loss, optimizer=optimizer))
    l1 = [m["loss/l1"] for m in metrics_of(config)]
    assert sum(l1[-5:]) < 0.6 * sum(l1[:5])


def test_the_sample_grid_shows_picture_results_and_truth(tiny):
    config = tiny("extractor-demo", steps=1, sample_every=1, sample_count=2)
    train(config)
    grid = cv2.imread(str(config.output / "samples" / "step-00000001.png"))
    assert grid.shape == (22 + 2 * 132, 5 * 132 - 4, 3)
    truth = grid[22 : 22 + 128, 4 * 132 : 4 * 132 + 128]
    assert np.ptp(truth.astype(int), 2).max() == 0 and truth.min() < 30 and truth.max() == 255
    color, degraded = (grid[22 : 22 + 128, 132 * k : 132 * k + 128] for k in (0, 2))
    assert not np.array_equal(color, degraded)


def test_another_task_in_the_same_run_folder_is_refused_in_one_sentence(tiny):
    train(tiny(steps=1))
    with pytest.raises(UserError, match=r"\(task was colorization, is now extraction\)"):
        train(tiny("extractor-demo", steps=2))


def test_another_degradation_in_the_same_run_folder_is_refused(tiny):
    config = tiny("extractor-demo", steps=1)
    train(config)
    with pytest.raises(UserError, match=r"degrade\.blur was 1\.2, is now 0\.5"):
        train(replace(config, steps=2, degrade=DegradeConfig(blur=0.5)))


def test_settings_that_cannot_run_are_refused(tiny):
    for changes, words in [
        ({"loss": ExtractionLossConfig(0.0, 0.0)}, "every --loss is 0"),
        ({"degrade": DegradeConfig(jpeg=0)}, "--degrade.jpeg is 0"),
        ({"degrade": DegradeConfig(zoom=(0.0, 2.0))}, "--degrade.zoom is 0"),
        ({"degrade": DegradeConfig(chance=float("nan"))}, "--degrade.chance is nan"),
    ]:
        with pytest.raises(UserError, match=words):
            train(tiny("extractor-demo", **changes))


def test_the_discriminator_is_trained_beside_the_extractor(tiny):
    config = tiny("extractor-demo", steps=2)
    train(config)
    assert set(metrics_of(config)[0]) == {
        *("step", "images_per_second", "waiting", "memory/host_gb"),
        *(f"loss/{name}" for name in ("l1", "adversarial", "discriminator")),
        *(
            f"{f}/{n}"
            for f in ("gradient", "learning-rate")
            for n in ("generator", "discriminator")
        ),
    }
    assert (config.output / "checkpoints" / "step-00000002" / "discriminator.safetensors").exists()
    extractor = Extractor(config.output, torch.device("cpu"))
    assert extractor.file.path.name == "average.safetensors"
