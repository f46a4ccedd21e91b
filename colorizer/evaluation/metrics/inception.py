"""FID and KID of two sets of pictures, from Inception's features."""

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorizer.checkpoints import published as weights
from colorizer.system.device import reproducible

SIDE = 299  # of what Inception sees
KID_BLOCK = 1024  # pictures; a block of its kernel takes 8 MiB


class Inception:
    """Inception v3 as clean-fid (Parmar et al., CVPR 2022) and StyleGAN use it: picture → features.

    `sha256` is that of its file.
    """

    def __init__(self, path: Path | None = None, device: torch.device | str = "cpu") -> None:
        """Load the network, a TorchScript program.

        Args:
            path: Its file, instead of the one found (see `weights.locate`).
            device: Where to compute.

        Raises:
            MissingWeights: there is no file and it cannot be downloaded.
            UserError: it is not, byte for byte, the published one; then nothing of it is run.
        """
        found = weights.locate(weights.INCEPTION, path)
        self.sha256 = weights.INCEPTION.sha256
        self.device = torch.device(device)
        with warnings.catch_warnings():  # TorchScript is on its way out, but this is published so
            warnings.filterwarnings("ignore", "`torch.jit")
            network = torch.jit.load(str(found), map_location=self.device)
        self.layers = network.eval().layers  # without its own resizing

    @reproducible()
    @torch.inference_mode()
    @torch.jit.optimized_execution(False)  # pyright: ignore[reportPrivateImportUsage]  # documented
    def features(self, pictures: Tensor) -> Tensor:
        """Features of each picture.

        One at a time: the last bits of a convolution depend on how many there are. Unoptimized:
        TorchScript would fuse operations, on a GPU, from the third call on.

        Args:
            pictures: B×H×W×3 uint8 on the CPU, any size.

        Returns:
            B×2048 float32, on the CPU.
        """
        return torch.cat([self._features_of(picture) for picture in pictures])

    def _features_of(self, picture: Tensor) -> Tensor:
        x = torch.from_numpy(_resized(picture.numpy()))[None].to(self.device)
        return self.layers((x - 128) / 128).view(1, -1).cpu()


def _resized(picture: np.ndarray) -> np.ndarray:
    """H×W×3 uint8 → 3×299×299 float32 in [0, 255], by Pillow in float, as clean-fid's "clean"."""
    size = (SIDE, SIDE)
    channels = map(Image.fromarray, picture.astype(np.float32).transpose(2, 0, 1))
    resized = [np.asarray(c.resize(size, Image.Resampling.BICUBIC)) for c in channels]
    return np.stack(resized).clip(0, 255)


@reproducible()
def fid(results: Tensor, references: Tensor) -> float:
    """Fréchet distance of two sets of features (Heusel et al., NeurIPS 2017).

        |μ₁ - μ₂|² + tr S₁ + tr S₂ - 2 tr √(S₁ S₂)

    With S₁ = AᵀA and S₂ = BᵀB the last trace is the sum of the singular values of A Bᵀ: exact
    also for fewer pictures than features, where clean-fid's numerical square root of the singular
    S₁ S₂ is not (it gave 1e-4 less for 60 and for 500 pictures).

    Args:
        results: N×D.
        references: M×D.

    Returns:
        The distance; not a number for fewer than two pictures.
    """
    if min(len(results), len(references)) < 2:
        return float("nan")
    (mean_1, a), (mean_2, b) = (_mean_and_factor(f.double()) for f in (results, references))
    shared = torch.linalg.svdvals(a @ b.T).sum()
    distance = (mean_1 - mean_2).square().sum() + a.square().sum() + b.square().sum()
    return max((distance - 2 * shared).item(), 0.0)  # rounding can take it below


def _mean_and_factor(features: Tensor) -> tuple[Tensor, Tensor]:
    """N×D → the mean, and a factor A, at most D×D, of the covariance AᵀA."""
    count, width = features.shape
    mean = features.mean(0)
    factor = (features - mean) / (count - 1) ** 0.5
    return mean, factor if count <= width else torch.linalg.qr(factor, mode="r").R


@reproducible()
def kid(results: Tensor, references: Tensor) -> float:
    """Kernel distance of two sets of features (Bińkowski et al., ICLR 2018).

    The unbiased estimate of the squared maximum mean discrepancy under the kernel (x·y / D + 1)³,
    over all pictures instead of random subsets.

    Args:
        results: N×D.
        references: M×D.

    Returns:
        The distance, about 0 for two sets of the same kind (it can be below); not a number for
        fewer than two pictures.
    """
    n, m = len(results), len(references)
    if min(n, m) < 2:
        return float("nan")
    across = _kernel_sum(results, references) / (n * m)
    return _among_others(results) + _among_others(references) - 2 * across


def _among_others(features: Tensor) -> float:
    """Mean of the kernel over all pairs of two different pictures."""
    itself = _kernel(features.double().square().sum(1), features.shape[1]).sum().item()
    return (_kernel_sum(features, features) - itself) / (len(features) * (len(features) - 1))


def _kernel_sum(x: Tensor, y: Tensor) -> float:
    """The kernel of every row of N×D with every row of M×D, summed block by block."""
    return sum(
        _kernel(rows.double() @ columns.double().T, x.shape[1]).sum().item()
        for rows in x.split(KID_BLOCK)
        for columns in y.split(KID_BLOCK)
    )


def _kernel(products: Tensor, width: int) -> Tensor:
    return (products / width + 1) ** 3
