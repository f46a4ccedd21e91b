"""Our figures against the reference packages', called directly on the same pictures as PNG files.

    python benchmarks/metrics.py

The packages are pytorch_msssim, lpips and clean-fid; PSNR is computed by hand. The networks have
their real shapes and random weights: lpips finds its backbones in torch hub's cache, and clean-fid
reads its Inception with its own class. Takes minutes: VGG-16, and clean-fid's root of a matrix.
"""

import os
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import lpips
import numpy as np
import torch
import torchvision
import tyro
from cleanfid import fid as cleanfid
from cleanfid.inception_torchscript import InceptionV3W
from PIL import Image
from pytorch_msssim import ms_ssim as package_ms_ssim
from safetensors.torch import save_file
from torch import Tensor, nn

from colorizer.characters import draw, recolor, sample_character, sample_pose
from colorizer.checkpoints import published as weights
from colorizer.evaluation.metrics.inception import Inception, fid, kid
from colorizer.evaluation.metrics.perceptual import BACKBONES, LPIPS
from colorizer.evaluation.metrics.pixels import ms_ssim, psnr
from colorizer.pictures.grid import write_picture
from colorizer.system import console

CPU = torch.device("cpu")


@dataclass(frozen=True)
class BenchmarkConfig:
    """Compare every figure with the package that it should agree with."""

    count: int = 64
    """Pictures."""
    size: int = 256
    """Pixels a side."""


@dataclass(frozen=True)
class Pictures:
    """Truths and results, in memory and as PNG files of the same order."""

    results: Tensor  # N×S×S×3 uint8
    truths: Tensor  # N×S×S×3 uint8
    result_folder: Path
    truth_folder: Path

    def files(self) -> Iterator[tuple[Path, Path]]:
        """(Result, truth)."""
        folders = (self.result_folder, self.truth_folder)
        return zip(*(sorted(folder.iterdir()) for folder in folders), strict=True)


# ---- The pictures


def draw_pictures(config: BenchmarkConfig, folder: Path) -> Pictures:
    """Characters, and the same ones partly in another's colours and with noise."""
    rng = np.random.default_rng(0)
    truths, results = [], []
    for seed in range(config.count):
        drawing = draw(sample_character(seed), sample_pose(seed, 0), config.size)
        other = recolor(drawing, sample_character(seed + config.count).palette)
        share, noise = rng.uniform(0.02, 0.5), rng.uniform(1, 12)
        mixed = (1 - share) * drawing.color + share * other
        mixed += rng.normal(0, noise, mixed.shape)
        truths.append(drawing.color)
        results.append(mixed.round().clip(0, 255).astype(np.uint8))
    folders = []
    for name, pictures in (("results", results), ("truths", truths)):
        folders.append(folder / name)
        folders[-1].mkdir()
        for number, picture in enumerate(pictures):
            write_picture(folders[-1] / f"{number:05d}.png", picture)
    stacked = (torch.from_numpy(np.stack(pictures)) for pictures in (results, truths))
    return Pictures(*stacked, *folders)


def read(path: Path) -> np.ndarray:
    """H×W×3 uint8."""
    return np.array(Image.open(path))


# ---- The networks


def write_backbone(net: str, hub: Path, folder: Path) -> Path:
    """Random weights, for lpips into torch hub's cache, for ours as a safetensors file."""
    published = BACKBONES[net]
    model = {"alex": torchvision.models.alexnet, "vgg": torchvision.models.vgg16}[net]()
    torch.save(model.state_dict(), hub / published.file)
    ours = folder / f"{net}.safetensors"
    save_file({f"features.{k}": v for k, v in model.features.state_dict().items()}, ours)
    return ours


class PublishedForm(nn.Module):
    """Has what is used of the published TorchScript."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor, return_features: bool = True) -> Tensor:
        return self.layers(x)


def write_inception(folder: Path) -> Path:
    """Inception v3 with random weights, as TorchScript; 299×299 pixels → 2048 features."""
    network = torchvision.models.inception_v3(
        weights=None, aux_logits=False, transform_input=False, init_weights=False
    )
    network.fc = nn.Identity()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):  # else nothing comes out after 94 of them
            nn.init.kaiming_normal_(module.weight)
    path = folder / weights.INCEPTION.file
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit")  # deprecated
        traced = torch.jit.trace(network.eval(), torch.zeros(2, 3, 299, 299))
        torch.jit.script(PublishedForm(traced)).save(str(path))
    # Ours reads no TorchScript but the published one.
    weights.INCEPTION = replace(weights.INCEPTION, sha256=weights.sha256_of(path))
    return path


# ---- The figures, ours and theirs


def psnr_by_hand(pictures: Pictures) -> list[float]:
    found = []
    for result, truth in pictures.files():
        error = np.mean((read(result).astype(np.float64) - read(truth)) ** 2)
        found.append(10 * np.log10(255**2 / error))
    return found


def ms_ssim_of_package(pictures: Pictures) -> list[float]:
    found = []
    for pair in pictures.files():
        planes = [torch.from_numpy(read(p)).permute(2, 0, 1)[None].float() for p in pair]
        found.append(package_ms_ssim(*planes, data_range=255).item())
    return found


def lpips_of_package(net: str, pictures: Pictures) -> list[float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # its own call of torchvision is outdated
        network = lpips.LPIPS(net=net, verbose=False)
    found = []
    with torch.inference_mode():
        for pair in pictures.files():
            found.append(network(*(lpips.im2tensor(lpips.load_image(str(p))) for p in pair)).item())
    return found


def distances_of_package(pictures: Pictures, inception: Path) -> tuple[float, float]:
    """FID by its one call; KID, whose call draws subsets, by its function on all features."""
    folders = (str(pictures.result_folder), str(pictures.truth_folder))
    common = {"num_workers": 0, "device": CPU, "verbose": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a singular matrix; what torch and SciPy will drop
        network = InceptionV3W(str(inception.parent), download=False)
        distance = cleanfid.compute_fid(*folders, custom_feat_extractor=network, **common)
    features = [cleanfid.get_folder_features(f, network, **common) for f in folders]
    features = [f.astype(np.float64) for f in features]
    count = len(pictures.results)
    return distance, cleanfid.kernel_distance(*features, num_subsets=1, max_subset_size=count)


# ---- The table


def row(metric: str, ours: np.ndarray | float, theirs: list[float] | float) -> list[str]:
    """Means, and the largest differences of any picture."""
    ours, theirs = np.atleast_1d(ours), np.atleast_1d(theirs)
    difference = np.abs(ours - theirs)
    worst = (difference.max(), (difference / np.abs(theirs)).max())
    means = (ours.mean(), theirs.mean())
    return [metric, *(f"{m:.8g}" for m in means), *(f"{w:.1e}" for w in worst)]


def main() -> None:
    config = tyro.cli(BenchmarkConfig)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["TORCH_HOME"] = place
        hub = folder / "hub" / "checkpoints"
        hub.mkdir(parents=True)
        pictures = draw_pictures(config, folder)
        results, truths = pictures.results, pictures.truths
        rows = [
            row("PSNR", psnr(results, truths), psnr_by_hand(pictures)),
            row("MS-SSIM", ms_ssim(results, truths), ms_ssim_of_package(pictures)),
        ]
        for net in ("alex", "vgg"):
            ours = LPIPS(net, write_backbone(net, hub, folder))(results, truths)
            rows.append(row(f"LPIPS ({net})", ours, lpips_of_package(net, pictures)))
        inception = write_inception(folder)
        network = Inception(inception)
        features = [network.features(p) for p in (results, truths)]
        theirs = distances_of_package(pictures, inception)
        rows.append(row("FID", fid(*features), theirs[0]))
        rows.append(row("KID", kid(*features), theirs[1]))
    columns = ("metric", "ours", "package", "largest difference", "relative")
    console.table(f"{config.count} pictures, {config.size}x{config.size}", columns, rows)


if __name__ == "__main__":
    console.run(main)
