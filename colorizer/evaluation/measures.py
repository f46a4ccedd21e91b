"""Which figures can be had of these pictures, on this machine; and the functions that give them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from colorizer import weights
from colorizer.errors import UserError
from colorizer.evaluation.config import METRICS, MeasureConfig, Metric
from colorizer.evaluation.inception import Inception
from colorizer.evaluation.metrics import MS_SSIM_SMALLEST_SIDE, ms_ssim, palette_distance, psnr
from colorizer.evaluation.perceptual import LPIPS, LPIPS_SMALLEST_SIDE
from colorizer.processes import Processes

OF_PAIRS = ("psnr", "ms-ssim", "lpips-alex", "lpips-vgg")  # a result against its truth
OF_SETS = ("fid", "kid")  # all results against all references
Compare = Callable[[Tensor, Tensor], np.ndarray]  # B×H×W×3 uint8 results and truths → B values


class Measures:
    """The figures that can be had.

    Attributes:
        of_pairs: Metric → function of results and truths.
        palette: Whether palettes are compared.
        inception: Gives the features for fid and kid; None: neither is measured.
        of_sets: Those of fid and kid that are measured.
        absent: Metric → why it cannot be had.
        files: Weights file's name → its sha256, and whether that is the published one.
    """

    def __init__(
        self, config: MeasureConfig, size: int, device: torch.device, here: Processes
    ) -> None:
        """Find what can be had; in every process the same.

        Args:
            config: Which metrics are wanted, and paths of weights.
            size: Side of the pictures.
            device: Where the networks work.
            here: The processes; the first of each machine downloads.

        Raises:
            UserError: a metric asked for by name cannot be had; says why. Or weights that are there
                cannot be used.
        """
        wanted = config.metrics or METRICS
        self.absent: dict[str, str] = _too_small(wanted, size)
        paths = self._find_weights([m for m in wanted if m not in self.absent], config, here)
        for metric in config.metrics:
            if metric in self.absent:
                raise UserError(f"{metric} cannot be had: {self.absent[metric]}")
        there = [m for m in METRICS if m in wanted and m not in self.absent]
        self.of_pairs = {m: _compare(m, paths.get(m), device) for m in OF_PAIRS if m in there}
        self.palette = "palette" in there
        self.of_sets = [metric for metric in OF_SETS if metric in there]
        self.inception = Inception(paths[self.of_sets[0]], device) if self.of_sets else None
        self.files = {
            paths[metric].name: {
                "sha256": weights.sha256_of(paths[metric]),
                "published": weights.is_published(paths[metric], published),
            }
            for metric, (published, _) in _weights_of(config).items()
            if metric in there
        }

    def _find_weights(
        self, metrics: list[Metric], config: MeasureConfig, here: Processes
    ) -> dict[Metric, Path]:
        """Where each metric's weights are; the reason for each that has none goes to `absent`."""
        found: dict[Metric, Path] = {}
        needed = {m: w for m, w in _weights_of(config).items() if m in metrics}
        for turn in (here.local_rank == 0, here.local_rank != 0):  # one download a machine
            for metric, (published, path) in needed.items() if turn else ():
                try:
                    found[metric] = weights.locate(published, path)
                except weights.MissingWeights as missing:
                    self.absent[metric] = (
                        f"the {published.title} weights were not found and not downloaded"
                        f" ({missing.__cause__}); evaluate.py --weights tells where to put them."
                    )
            here.wait()
        everywhere = here.agree([metric in found for metric in needed])
        for metric, there in zip(needed, everywhere, strict=True):
            if metric in found and not there:
                title = needed[metric][0].title
                self.absent[metric] = f"the {title} weights are missing on another machine."
        return {metric: path for metric, path in found.items() if metric not in self.absent}

    def names(self) -> list[str]:
        """All that is measured, in the order of reports."""
        palette = ["palette"] if self.palette else []
        return [*self.of_pairs, *palette, *self.of_sets]


def _weights_of(
    config: MeasureConfig,
) -> dict[Metric, tuple[weights.PublishedWeights, Path | None]]:
    """The weights that a metric needs, and the path given for them."""
    paths = config.weights
    return {
        "lpips-alex": (weights.ALEXNET, paths.lpips_alex),
        "lpips-vgg": (weights.VGG16, paths.lpips_vgg),
        "fid": (weights.INCEPTION, paths.inception),
        "kid": (weights.INCEPTION, paths.inception),
    }


def _too_small(wanted: tuple[Metric, ...], size: int) -> dict[str, str]:
    """Metrics that pictures of a size cannot have, and why."""
    least = {
        "ms-ssim": MS_SSIM_SMALLEST_SIDE,
        "lpips-alex": LPIPS_SMALLEST_SIDE["alex"],
        "lpips-vgg": LPIPS_SMALLEST_SIDE["vgg"],
    }
    return {
        metric: f"pictures of {size} pixels are too small, {least[metric]} are needed."
        for metric in wanted
        if size < least.get(metric, 0)
    }


def _compare(metric: Metric, path: Path | None, device: torch.device) -> Compare:
    match metric:
        case "psnr":
            return psnr
        case "ms-ssim":
            return ms_ssim
        case "lpips-alex":
            return LPIPS("alex", path, device)
        case _:
            return LPIPS("vgg", path, device)


def palettes(result: Tensor, reference: Tensor) -> float:
    """How far the colours of one H×W×3 uint8 picture are from another's."""
    return float(palette_distance(result[None], reference[None])[0])


def describe_device(device: torch.device) -> dict[str, Any]:
    """The device on which figures were made: their last digits depend on it."""
    cuda = device.type == "cuda"
    return {"type": device.type, "name": torch.cuda.get_device_name(device) if cuda else "CPU"}
