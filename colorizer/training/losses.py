"""The losses (Sec. 3.3, Eq. 2 to 4). Differences and means are float32 under autocast."""

import math
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorizer.checkpoints.published import VGG19, weights_of
from colorizer.networks.attention import Matching
from colorizer.networks.copying import Copies
from colorizer.networks.precision import widened
from colorizer.training.differences import gram_difference, mean_difference

RELU_LAYERS = (
    3,
    8,
    17,
    26,
    35,
)  # relu1_2, relu2_2, relu3_4, relu4_4, relu5_4 in torchvision's vgg19
PIXELS = 32  # a side, that the copying loss looks at
SPREAD = 0.15  # of a copied colour, in each channel of [-1, 1]
STRAY = 0.01  # chance of a pixel whose colour is nowhere in the reference
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class VGGStage(nn.Sequential):
    """The layers that end with one of the maps."""


class VGGFeatures(nn.Module):
    """Frozen VGG-19: a picture → the five maps that the perceptual and style losses compare."""

    mean: Tensor  # 1×3×1×1, of ImageNet's pictures in [0, 1]; std likewise
    std: Tensor

    def __init__(
        self,
        state: dict[str, Tensor],  # torchvision's vgg19 state dict; only features.* are used
        imagenet_normalization: bool = False,  # off in the released code
    ) -> None:
        """Build it from published weights; those of another precision are used as float32.

        Raises:
            UserError: they are not VGG-19's, or not usable numbers (see `weights_of`).
        """
        from torchvision.models import vgg19  # takes seconds, and not all runs need it

        super().__init__()
        with torch.device("meta"):  # no time lost on random weights
            features = vgg19().features.children()
        layers = nn.Sequential(*islice(features, RELU_LAYERS[-1] + 1))
        published = {name: f"features.{name}" for name, _ in layers.named_parameters()}
        layers.load_state_dict(weights_of(layers, published, state, VGG19.title), assign=True)
        starts = (0, *(last + 1 for last in RELU_LAYERS[:-1]))
        self.stages = nn.ModuleList(
            VGGStage(*layers[start : last + 1])
            for start, last in zip(starts, RELU_LAYERS, strict=True)
        )
        self.requires_grad_(False).eval()
        self.imagenet_normalization = imagenet_normalization
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """B×3×H×W in [-1, 1] → five maps, 64 to 512 channels, in the weights' precision."""
        x = ((picture + 1) / 2 - self.mean) / self.std if self.imagenet_normalization else picture
        x = x.to(next(self.stages.parameters()).dtype)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


def perceptual_loss(result: list[Tensor], truth: list[Tensor]) -> Tensor:
    """Eq. 2: mean absolute difference of each map, summed over the maps."""
    pairs = zip(result, truth, strict=True)
    return torch.stack([mean_difference(r, t) for r, t in pairs]).sum()


def style_loss(result: list[Tensor], truth: list[Tensor]) -> Tensor:
    """Eq. 3: mean absolute difference of each map's Gram matrix, summed over the maps."""
    pairs = zip(result, truth, strict=True)
    return torch.stack([gram_difference(r, t) for r, t in pairs]).sum()


class VGGLosses(nn.Module):
    """Eq. 2 and 3 as asked for; VGG sees each picture once."""

    def __init__(self, vgg: VGGFeatures, perceptual: bool, style: bool) -> None:
        super().__init__()
        self.vgg = vgg
        self.perceptual = perceptual
        self.style = style

    def forward(self, result: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Two B×3×H×W in [-1, 1] → the losses under the names of their weights."""
        found = self.vgg(result)
        with torch.no_grad():
            wanted = self.vgg(truth)
        losses = {}
        if self.perceptual:
            losses["perceptual"] = perceptual_loss(found, wanted)
        if self.style:
            losses["style"] = style_loss(found, wanted)
        return losses


def discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Eq. 4, least squares: real towards 1, fake towards 0 (the paper prints them reversed)."""
    return real_scores.float().sub(1).square().mean() + fake_scores.float().square().mean()


def adversarial_loss(fake_scores: Tensor) -> Tensor:
    """The generator's side of Eq. 4: fake towards 1."""
    return fake_scores.float().sub(1).square().mean()


def tokens_come_from(grid: Tensor, rows: int, columns: int) -> Tensor:
    """The token of the truth that each token of the warped reference shows.

    Args:
        grid: B×H×W×2, where in the truth (x, y in [-1, 1]) each reference pixel comes from.
        rows: Of the map of tokens.
        columns: Of the map of tokens.

    Returns:
        B×(rows·columns) indexes of tokens; -1 where it comes from outside the picture.
    """
    places = F.adaptive_avg_pool2d(grid.float().permute(0, 3, 1, 2), (rows, columns)).flatten(2)
    column = ((places[:, 0] + 1) / 2 * columns).floor().long()  # B×(rows·columns)
    row = ((places[:, 1] + 1) / 2 * rows).floor().long()
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    return torch.where(inside, row * columns + column, -1)


def triplet_loss(
    matching: Matching, anchors: Tensor, negatives: Tensor, margin: float, count: Tensor
) -> Tensor:
    """Similarity-based triplet loss (Lee et al., CVPR 2020): max(0, S(q, n) - S(q, p) + margin).

    Args:
        matching: S of N line queries and M reference keys.
        anchors: B×M, for each key, as the positive p, the query q that it corresponds to; -1: none.
        negatives: B×M, another key n for each key.
        margin: By how much the positive must score higher.
        count: Keys that correspond to a query; over several processes, their mean for as many
            samples as this one has.

    Returns:
        Mean over the keys that correspond to a query (0 if none does).
    """
    there = anchors >= 0
    queries = anchors.clamp_min(0)
    positives = torch.arange(anchors.shape[1], device=anchors.device).expand_as(anchors)
    positive = matching.scores(queries, positives)
    negative = matching.scores(queries, negatives)
    loss = F.relu(negative - positive + margin)
    return (loss * there).sum() / count.clamp_min(1e-6)


def place_loss(copies: Copies, anchors: Tensor, shape: tuple[int, int], count: Tensor) -> Tensor:
    """How unsure tokens are which cell of the reference shows their place (InfoNCE).

    Of N tokens each asks with the mean of its pixels' queries, and a cell answers with all that it
    offers (van den Oord et al., "Representation Learning with Contrastive Predictive Coding").

    Args:
        copies: Of results of N tokens.
        anchors: B×M, for each cell the token whose place it shows; -1: none.
        shape: Rows and columns of tokens.
        count: Cells that show a token's place; over several processes, their mean for as many
            samples as this one has.

    Returns:
        Mean over the cells that show a token's place (0 if none does).
    """
    rows, columns = shape
    cells = anchors.shape[1]
    queries, keys = widened(copies.queries), widened(copies.keys)
    pixels = queries.shape[1] // (rows * columns)  # of a token
    side = math.isqrt(pixels)
    queries = queries.transpose(1, 2).unflatten(2, (rows * side, columns * side))
    queries = F.avg_pool2d(queries, side).flatten(2).transpose(1, 2)  # B×N×D
    asking = anchors.clamp_min(0).unsqueeze(2).expand(-1, -1, queries.shape[2])
    with torch.autocast(keys.device.type, enabled=False):
        scores = queries.gather(1, asking) @ keys.transpose(1, 2) * keys.shape[2] ** -0.5
        scores = scores.unflatten(2, (cells, -1)).logsumexp(3)  # B×M×M
        unsure = scores.logsumexp(2) - scores.diagonal(dim1=1, dim2=2)
    return (unsure * (anchors >= 0)).sum() / count.clamp_min(1e-6)


def copying_loss(copies: Copies, truth: Tensor) -> Tensor:
    """How unlikely the true colours are among those that the pixels may copy.

    Pixel i copies colour c_j with the chance A_ij, and a copy is off by a normal error of SPREAD;
    with the chance STRAY it is any colour. The negative log-likelihood of its true colour tells
    apart what L1 takes for equal: two colours half each, and one between them.

    Args:
        copies: Of results of H×W.
        truth: B×3×H×W in [-1, 1]. Where the longer side has 64 pixels or more, every second, third
            and so on is looked at: 32 to 47 of them.

    Returns:
        The mean over pixels and pictures.
    """
    side = max(truth.shape[2:])
    step = max(1, side // PIXELS)
    seen = (..., slice(step // 2, None, step), slice(step // 2, None, step))
    queries = widened(copies.queries).transpose(1, 2).unflatten(2, truth.shape[2:])[seen]
    queries, true = (x.flatten(2).transpose(1, 2) for x in (queries, widened(truth)[seen]))
    keys, colors = widened(copies.keys), widened(copies.colors)
    with torch.autocast(truth.device.type, enabled=False):
        scores = queries @ keys.transpose(1, 2) * keys.shape[2] ** -0.5  # B×pixels×M
        squared = true.square().sum(2, keepdim=True) + colors.square().sum(2).unsqueeze(1)
        squared = squared - 2 * true @ colors.transpose(1, 2)
        copied = torch.logsumexp(scores - squared / (2 * SPREAD**2), 2)
        copied = copied - torch.logsumexp(scores, 2)
        stray = copied.new_tensor(STRAY).log()
        return -torch.logaddexp(copied + math.log1p(-STRAY), stray).mean()
