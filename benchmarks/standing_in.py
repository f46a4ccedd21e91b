"""What stands in for pictures and published weights where there are none, and tasks built on it."""

from pathlib import Path

import numpy as np
import torch
from accelerate.state import AcceleratorState, GradientState
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import vgg19

from colorizer.characters import draw, sample_character, sample_pose
from colorizer.config.training import ColorizationConfig
from colorizer.loading.batch import Batch
from colorizer.training.colorization import Colorization
from colorizer.training.start import start_accelerator
from colorizer.training.task import Task

VGG_LAYERS = 36  # of vgg19's features, up to relu5_4


def write_vgg(path: Path) -> Path:
    """A VGG-19 file with the right names and shapes, and random values that keep a picture's scale.

    Args:
        path: Where; its name ends in .safetensors.
    """
    torch.manual_seed(0)
    with torch.device("meta"):  # the layers behind the features have most of the weights
        layers = vgg19().features[:VGG_LAYERS]
    state = {}
    for name, parameter in layers.named_parameters():
        value = torch.zeros(parameter.shape)
        if parameter.dim() == 4:
            nn.init.kaiming_normal_(value, nonlinearity="relu")
        state[f"features.{name}"] = value
    save_file(state, path)
    return path


def noise(count: int, size: int) -> Batch:
    """A batch of noise, `size` pixels a side: arithmetic does not mind."""
    color = torch.randint(256, (count, size, size, 3), dtype=torch.uint8)
    line = torch.randint(256, (count, size, size), dtype=torch.uint8)
    return _batch(color, line)


def characters(count: int, size: int) -> Batch:
    """A batch of drawn characters, `size` pixels a side."""
    drawings = [draw(sample_character(n), sample_pose(n, 0), size) for n in range(count)]
    color = torch.from_numpy(np.stack([d.color for d in drawings]))
    line = torch.from_numpy(np.stack([d.line for d in drawings]))
    return _batch(color, line)


def _batch(color: Tensor, line: Tensor) -> Batch:
    numbers = list(range(len(color)))
    return Batch.of(color, line, (), numbers, [str(n) for n in numbers])


def augmented(task: Task, batch: Batch) -> Batch:
    """The batch as a loader brings it to this task."""
    return batch.with_parameters(task.draw_parameters(batch.numbers, batch.color.shape[1:3]))


def build_task(settings: ColorizationConfig) -> Colorization:
    """The task as training builds it, after any other that this process has built before."""
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    return Colorization(settings, start_accelerator(settings))
