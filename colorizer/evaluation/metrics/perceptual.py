"""LPIPS, with a backbone from our own weight files."""

import warnings
from pathlib import Path
from typing import Literal

import lpips
import numpy as np
import torch
from torch import Tensor

from colorizer.checkpoints.published import (
    ALEXNET,
    VGG16,
    PublishedWeights,
    load_weights,
    weights_of,
)
from colorizer.system.device import reproducible

BACKBONES = {"alex": ALEXNET, "vgg": VGG16}
HEADS = {  # pickles in the lpips package, so read only if they are these
    net: PublishedWeights(
        f"LPIPS ({net})",
        f"{net}.pth",
        f"https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/{net}.pth",
        sha256,
        f"evaluation: LPIPS ({net})",
    )
    for net, sha256 in (
        ("alex", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"),
        ("vgg", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"),
    )
}
LPIPS_SMALLEST_SIDE = {"alex": 31, "vgg": 16}  # below, its last pooling has nothing left


class LPIPS:
    """Learned perceptual distance (Zhang et al., CVPR 2018), version 0.1 of the lpips package."""

    def __init__(
        self,
        net: Literal["alex", "vgg"],
        weights: Path | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """Load the backbone; the weights of the layers come with the package.

        Weights of another precision are used as float32.

        Args:
            net: Backbone: AlexNet, with which results are usually reported, or VGG-16.
            weights: Its file instead of the one found (see `load_weights`).
            device: Where to compute.

        Raises:
            MissingWeights: there is no file and it cannot be downloaded.
            UserError: the file is not readable or does not hold this backbone in usable numbers; or
                the lpips package has other weights of its own than the published ones.
        """
        self.smallest_side = LPIPS_SMALLEST_SIDE[net]
        self.device = torch.device(device)
        state = load_weights(BACKBONES[net], weights)
        with warnings.catch_warnings(), torch.device("meta"):  # no time lost on random weights
            # lpips calls torchvision with an argument that is on its way out.
            warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
            network = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
        # lpips's names → torchvision's: `slice2.3.weight` → `features.3.weight`
        published = {
            name: f"features.{name.split('.', 1)[1]}" for name, _ in network.net.named_parameters()
        }
        backbone = weights_of(network.net, published, state, BACKBONES[net].title)
        network.net.load_state_dict(backbone, assign=True)
        file = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
        heads = load_weights(HEADS[net], file)
        for number, head in enumerate(network.lins):
            name = "model.1.weight"
            head.load_state_dict({name: heads[f"lin{number}.{name}"]}, assign=True)
        self.network = network.requires_grad_(False).eval().to(self.device)

    @reproducible()
    @torch.inference_mode()
    def __call__(self, result: Tensor, truth: Tensor) -> np.ndarray:
        """Distance of each pair.

        One pair at a time: the last bits of a convolution depend on how many there are.

        Args:
            result: B×H×W×3 uint8.
            truth: B×H×W×3 uint8.

        Returns:
            B float64 values, 0 for identical pictures; not a number where a side is under
            `smallest_side`.
        """
        if min(result.shape[1:3]) < self.smallest_side:
            return np.full(len(result), np.nan)
        pairs = zip(result.split(1), truth.split(1), strict=True)
        return np.array([self.network(*map(self._signed, pair)).item() for pair in pairs])

    def _signed(self, pictures: Tensor) -> Tensor:
        """B×H×W×3 uint8 → B×3×H×W float32 in [-1, 1], to the last bit as lpips.im2tensor does."""
        signed = (pictures.permute(0, 3, 1, 2).double() / 127.5 - 1).float()
        return signed.to(self.device)
