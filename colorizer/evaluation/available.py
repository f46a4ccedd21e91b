"""Which metrics can be had of these pictures, on this machine; and the functions that give them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from colorizer.checkpoints import published as weights
from colorizer.checkpoints.published import PublishedWeights
from colorizer.evaluation.config import METRICS, MeasureConfig, Metric
from colorizer.evaluation.metrics.inception import Inception
from colorizer.evaluation.metrics.perceptual import LPIPS, LPIPS_SMALLEST_SIDE
from colorizer.evaluation.metrics.pixels import MS_SSIM_SMALLEST_SIDE, ms_ssim, psnr
from colorizer.pictures.geometry import Shape
from colorizer.system.errors import UserError
from colorizer.system.processes import World
from colorizer.system.programs import command

OF_PAIRS: tuple[Metric, ...] = ("psnr", "ms-ssim", "lpips-alex", "lpips-vgg")  # result, truth
OF_SETS: tuple[Metric, ...] = ("fid", "kid")  # all results, all held-out pictures
Compare = Callable[[Tensor, Tensor], np.ndarray]  # B×H×W×3 uint8 results and truths → B values
Need = tuple[PublishedWeights, Path | None]  # weights, and the path given for them


@dataclass(frozen=True)
class Available:
    """The metrics that can be had."""

    metrics: list[Metric]  # in the order of METRICS
    absent: dict[str, str]  # those that are wanted and cannot be had, and why
    paths: dict[Metric, Path]  # of the weights that a metric needs
    files: dict[str, dict[str, Any]]  # network → sha256 of its file, and whether it is published

    def among(self, kind: tuple[Metric, ...]) -> list[Metric]:
        """Those of one kind: OF_PAIRS or OF_SETS."""
        return [metric for metric in self.metrics if metric in kind]


def find_available(config: MeasureConfig, smallest: Shape, count: int, world: World) -> Available:
    """Find what can be had; in every process the same.

    Args:
        config: Which metrics are wanted, and paths of weights.
        smallest: The shape of the pictures with the smallest side.
        count: How many pictures there are.
        world: The processes; the first of each machine downloads.

    Raises:
        UserError: a metric asked for by name cannot be had; says why. Or weights that are there
            cannot be used.
    """
    wanted: list[Metric] = [metric for metric in METRICS if metric in (config.metrics or METRICS)]
    absent = _too_small(smallest, count)
    needed: dict[Metric, Need] = {
        m: need for m, need in _weights_of(config).items() if m in wanted and m not in absent
    }
    paths = _find_weights(needed, world)
    for metric in needed.keys() - paths.keys():
        absent[metric] = (
            f"the {needed[metric][0].title} weights were neither found nor downloaded;"
            f" `{command('evaluate')} --weights` tells where to put them."
        )
    absent = {metric: absent[metric] for metric in wanted if metric in absent}
    for metric in config.metrics:
        if metric in absent:
            raise UserError(f"--metrics {metric} cannot be had: {absent[metric]}")
    files = {}
    for metric, path in paths.items():
        if (title := needed[metric][0].title) not in files:
            digest = weights.sha256_of(path)
            files[title] = {"sha256": digest, "published": digest == needed[metric][0].sha256}
    return Available([m for m in wanted if m not in absent], absent, paths, files)


def _weights_of(config: MeasureConfig) -> dict[Metric, Need]:
    """The weights that a metric needs, and the path given for them."""
    paths = config.weights
    return {
        "lpips-alex": (weights.ALEXNET, paths.lpips_alex),
        "lpips-vgg": (weights.VGG16, paths.lpips_vgg),
        "fid": (weights.INCEPTION, paths.inception),
        "kid": (weights.INCEPTION, paths.inception),
    }


def _too_small(smallest: Shape, count: int) -> dict[Metric, str]:
    """Metrics that pictures of a shape, and so many of them, do not have, and why."""
    height, width = smallest
    sides: dict[Metric, int] = {
        "ms-ssim": MS_SSIM_SMALLEST_SIDE,
        "lpips-alex": LPIPS_SMALLEST_SIDE["alex"],
        "lpips-vgg": LPIPS_SMALLEST_SIDE["vgg"],
    }
    reasons: dict[Metric, str] = {
        metric: f"pictures of {width}x{height} pixels are too small, sides of {side} are needed."
        for metric, side in sides.items()
        if min(smallest) < side
    }
    if count < 2:
        reasons |= {metric: "there are fewer than two held-out pictures." for metric in OF_SETS}
    return reasons


def _find_weights(needed: dict[Metric, Need], world: World) -> dict[Metric, Path]:
    """Where the weights of each metric are, of those whose weights every machine has."""
    found: dict[Need, Path] = {}
    wanted = list(dict.fromkeys(needed.values()))
    for turn in (world.local_rank == 0, world.local_rank != 0):  # one download a machine
        for published, path in wanted if turn else ():
            try:
                found[published, path] = weights.locate(published, path)
            except weights.MissingWeights:
                continue  # the others will say the same; what is absent is reported
        world.wait()
    everywhere = dict(zip(wanted, world.agree([w in found for w in wanted]), strict=True))
    return {metric: found[w] for metric, w in needed.items() if everywhere[w]}


class LoadedMetrics:
    """The functions that give the available figures, their networks loaded.

    Attributes:
        of_pairs: Metric → function of results and truths.
        inception: Gives the features for fid and kid; None: neither is measured.
    """

    def __init__(self, available: Available, device: torch.device) -> None:
        """Load the networks.

        Args:
            available: What is to be measured.
            device: Where the networks work.

        Raises:
            UserError: weights cannot be read or are another network's.
        """
        self.of_pairs = {
            metric: _compare(metric, available.paths.get(metric), device)
            for metric in available.among(OF_PAIRS)
        }
        of_sets = available.among(OF_SETS)
        self.inception = Inception(available.paths[of_sets[0]], device) if of_sets else None


def _compare(metric: Metric, path: Path | None, device: torch.device) -> Compare:
    match metric:
        case "psnr":
            return psnr
        case "ms-ssim":
            return ms_ssim
        case "lpips-alex":
            return LPIPS("alex", path, device)
        case "lpips-vgg":
            return LPIPS("vgg", path, device)
        case _:
            raise ValueError(f"{metric} does not compare a result with a truth")
