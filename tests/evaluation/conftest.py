"""Stand-ins for the published networks: random values, and the real way of loading them."""

import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import alexnet, vgg16

from colorizer.checkpoints import published
from colorizer.evaluation.metrics.inception import Inception

Backbone = Callable[[str], tuple[Path, nn.Module]]


def _backbone(net: str) -> nn.Module:
    """torchvision's layers up to the classifier; random, but about as strong in as out."""
    with torch.device("meta"):
        layers = {"alex": alexnet, "vgg": vgg16}[net]().features
    layers.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in layers.parameters():
            inputs = parameter[0].numel()  # 1 for a bias
            scale = 0.01 if inputs == 1 else (2 / inputs) ** 0.5
            parameter.normal_(0, scale, generator=generator)
    return layers.eval()


@pytest.fixture
def stand_in_backbone(tmp_path: Path) -> Backbone:
    """`stand_in_backbone("alex")` -> its file, and torchvision's own layers with these weights."""

    def make(net: str) -> tuple[Path, nn.Module]:
        layers, path = _backbone(net), tmp_path / f"{net}.safetensors"
        save_file({f"features.{name}": value for name, value in layers.state_dict().items()}, path)
        return path, layers

    return make


class _Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 16, stride=16)
        self.pool = nn.AdaptiveAvgPool2d(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(torch.relu(self.conv(x))).flatten(1)  # B×2048


class _Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = _Layers()

    def forward(self, x: Tensor, return_features: bool = True) -> Tensor:
        return self.layers(x)


@pytest.fixture(scope="session")
def _inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("inception") / published.INCEPTION.file
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit")  # deprecated
        torch.jit.script(_Network().eval()).save(str(path))
    return path


@pytest.fixture
def stand_in_inception(_inception_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small TorchScript network with Inception's interface, which passes for the published."""
    own = replace(published.INCEPTION, sha256=published.sha256_of(_inception_file))
    monkeypatch.setattr(published, "INCEPTION", own)
    return _inception_file


@dataclass(frozen=True)
class StandIns:
    """A folder with a stand-in for every network that judges, found as a user's are."""

    folder: Path
    inception_sha256: str

    def inception(self) -> Inception:
        return Inception(self.folder / published.INCEPTION.file)

    def count_features(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
        """From now on, count the pictures that features are taken of."""
        pictures: list[int] = []
        real = Inception.features

        def counted(network: Inception, batch: Tensor) -> Tensor:
            pictures.append(len(batch))
            return real(network, batch)

        monkeypatch.setattr(Inception, "features", counted)
        return lambda: sum(pictures)


@pytest.fixture(scope="session")
def _weights_folder(tmp_path_factory: pytest.TempPathFactory, _inception_file: Path) -> Path:
    folder = tmp_path_factory.mktemp("stand-ins")
    for net, backbone in (("alex", published.ALEXNET), ("vgg", published.VGG16)):
        layers = _backbone(net).state_dict()
        path = (folder / backbone.file).with_suffix(".safetensors")
        save_file({f"features.{name}": value for name, value in layers.items()}, path)
    shutil.copy(_inception_file, folder)
    return folder


@pytest.fixture
def stand_ins(
    no_weights: None,
    stand_in_inception: Path,
    _weights_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> StandIns:
    """Stand-ins in $COLORIZER_WEIGHTS."""
    monkeypatch.setenv("COLORIZER_WEIGHTS", str(_weights_folder))
    return StandIns(_weights_folder, published.INCEPTION.sha256)


@pytest.fixture
def noisy_pairs(draw_scene) -> Callable[[int, int, int], tuple[Tensor, Tensor]]:
    """`noisy_pairs(count, width, height)` -> drawn scenes and noisy copies, B×H×W×3 uint8."""

    def make(count: int, width: int, height: int) -> tuple[Tensor, Tensor]:
        truths = np.stack([draw_scene(number, width, height) for number in range(count)])
        noise = np.random.default_rng(0).integers(-25, 26, truths.shape)
        results = (truths + noise).clip(0, 255).astype(np.uint8)
        return torch.from_numpy(results), torch.from_numpy(truths)

    return make
