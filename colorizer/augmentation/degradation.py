"""Drawings made to look like real pictures, batched on the training device.

The line extractor (LE in Sec. 3.1) learns on clean drawings whose true lines are known and must
survive scans, paintings and JPEGs. What happens to sample n is a pure function of (seed, n). All
but mirroring and zoom leave the true line as it is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor

from colorizer.augmentation.distortion import jitter
from colorizer.augmentation.jpeg import jpeg
from colorizer.augmentation.noise import octaves, smooth_noise, white_noise
from colorizer.config.augmentation import DegradeConfig

SHADING_CELL = 48  # pixels between light and shade
TEXTURE_CELLS = (2, 4, 8, 16)
PATCH_CELLS = (5, 12, 32)
FILL_REACH = (5, 15)  # pixels: windows from which colours are taken to cover ink
BLUR_RADIUS = 4  # pixels
# Added to a sample's key, so that its fields do not resemble each other.
SHADING_KEY, TEXTURE_KEY, PATCH_KEY, NOISE_KEY, PRESSURE_KEY = range(1000, 6000, 1000)


class DegradationParameters(NamedTuple):
    """What is drawn for each sample of a batch; a kind that does not touch it is at its zero."""

    key: Tensor  # B int64, of its noise
    flip: Tensor  # B bool
    zoom: Tensor  # B: enlargement
    middle: Tensor  # B×2: where to zoom in, x and y in [-1, 1] of what is possible
    inked: Tensor  # B bool: the ink takes another colour
    ink_color: Tensor  # B×3 in [0, 1]
    ink_tone: Tensor  # B: brightness of the ink in relation to the fill
    ink_share: Tensor  # B: of ink_color; the rest is the darker fill
    opacity: Tensor  # B
    shading: Tensor  # B
    patches: Tensor  # B×3, relative change of each colour channel
    patch_edge: Tensor  # B: how sharp patches set in
    texture: Tensor  # B
    haze: Tensor  # B: share of haze_color
    haze_color: Tensor  # B×3 in [0, 1]
    color: Tensor  # B×3: turn of the hue, factors of saturation and brightness
    gamma: Tensor  # B: exponent
    blur: Tensor  # B: sigma in pixels
    noise: Tensor  # B: standard deviation
    jpeg: Tensor  # B: quality; 100: left as it is


class Degraded(NamedTuple):
    """A batch as the extractor takes it, in [-1, 1]."""

    color: Tensor  # B×3×H×W
    line: Tensor  # B×1×H×W, white 1


def draw_parameters(
    config: DegradeConfig, seed: int, numbers: Sequence[int]
) -> DegradationParameters:
    """Draw what happens to the n-th samples of a run.

    Args:
        config: Which kinds, and how strong.
        seed: The run's seed.
        numbers: n of every sample of the batch.
    """
    drawn = [_draw_one(config, np.random.default_rng([seed, n, 2])) for n in numbers]
    columns = {name: _column([one[name] for one in drawn]) for name in drawn[0]}
    return DegradationParameters(**columns)


def _column(values: Sequence[ArrayLike]) -> Tensor:
    """What was drawn for each sample, as rows; float32 where it is float64."""
    column = np.stack([np.asarray(value) for value in values])
    return torch.from_numpy(column.astype(np.float32) if column.dtype == np.float64 else column)


def _draw_one(config: DegradeConfig, rng: np.random.Generator) -> dict[str, ArrayLike]:
    """One sample's `DegradationParameters` by their names."""

    def strength(most: float) -> float:
        """0 where the kind does not touch the sample."""
        amount = rng.uniform(0, most)
        return amount if rng.random() < config.chance else 0.0

    def change(most: float) -> float:
        return strength(most) * rng.choice((-1, 1))

    low, high = np.log(config.zoom)
    return {
        "key": rng.integers(2**32),
        "flip": rng.random() < config.flip,
        "zoom": np.exp(rng.uniform(low, high) * (rng.random() < config.chance)),
        "middle": rng.uniform(-1, 1, 2),
        "inked": (rng.random() < config.chance) & (config.ink > 0),
        "ink_color": rng.uniform(0, 0.4) * rng.uniform(0.4, 1, 3),
        "ink_tone": rng.uniform(0.1, 0.5),
        "ink_share": rng.uniform(0, 1),
        "opacity": 1 - rng.uniform(0, config.ink),
        "shading": strength(config.shading),
        "patches": strength(config.patches) * (rng.choice((-1, 1)) + rng.uniform(-0.5, 0.5, 3)),
        "patch_edge": np.exp(rng.uniform(0, 4)),
        "texture": strength(config.texture),
        "haze": strength(config.haze),
        "haze_color": rng.uniform(0, 1, 3),
        "color": np.array(
            (
                change(config.hue),
                1 + change(config.saturation),
                1 + change(config.brightness),
            )
        ),
        "gamma": 2.0 ** change(config.gamma),
        "blur": strength(config.blur),
        "noise": strength(config.noise),
        "jpeg": 100 - np.round(strength(100 - config.jpeg)),
    }


def degrade(parameters: DegradationParameters, color: Tensor, line: Tensor) -> Degraded:
    """Make pictures and true lines of a batch, on the device they are on.

    Args:
        parameters: From `draw_parameters`, on the same device.
        color: B×H×W×3 uint8 RGB.
        line: B×H×W uint8, white 255.
    """
    p = DegradationParameters(*(t.view(len(t), -1, 1, 1) for t in parameters))  # beside B×C×H×W
    clean = color.permute(0, 3, 1, 2).float() / 255
    ink = 1 - line.unsqueeze(1).float() / 255  # B×1×H×W
    clean, ink = zoomed(p, torch.cat([clean, ink], 1)).clamp(0, 1).split([3, 1], 1)
    fill = covered(clean, ink)
    painted = paint(p, fill)
    picture = draw_over(p, clean, ink, fill, painted)
    return Degraded(photograph(p, picture) * 2 - 1, 1 - 2 * ink)


def zoomed(p: DegradationParameters, pictures: Tensor) -> Tensor:
    """Enlarge about a place and mirror; what lies outside is the picture mirrored."""
    batch = len(pictures)
    scale = 1 / p.zoom.view(batch)
    x, y = (p.middle.view(batch, 2) * (1 - scale).clamp_min(0)[:, None]).unbind(1)
    sign = 1 - 2 * p.flip.view(batch).float()
    zero = torch.zeros_like(scale)
    affine = torch.stack(
        [torch.stack([scale * sign, zero, x], 1), torch.stack([zero, scale, y], 1)], 1
    )
    grid = F.affine_grid(affine, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, "bicubic", "reflection", align_corners=False)


def covered(clean: Tensor, ink: Tensor) -> Tensor:
    """The picture without its ink: colours from around cover it."""
    bare = (1 - 4 * ink).clamp_min(0)  # a pixel with a quarter of ink counts as ink
    known = torch.cat([clean * bare, bare], 1)
    # A narrow window where it finds any colour, else a wide one, else the mean of all.
    around = known.mean((2, 3), keepdim=True).expand_as(known)
    for window in reversed(FILL_REACH):
        near = F.avg_pool2d(known, (window, 1), 1, (window // 2, 0))  # columns, then rows
        near = F.avg_pool2d(near, (1, window), 1, (0, window // 2))
        around = near + 1e-3 * around
    colors, weight = around.split([3, 1], 1)
    return clean * bare + colors / weight.clamp_min(1e-12) * (1 - bare)


def paint(p: DegradationParameters, fill: Tensor) -> Tensor:
    """Light and shade, patches without outline, and texture, under the ink."""
    height, width = fill.shape[2:]
    key = p.key.flatten()
    light = smooth_noise(key + SHADING_KEY, 1, height, width, SHADING_CELL)
    where = octaves(key + PATCH_KEY, 1, height, width, PATCH_CELLS)
    patches = torch.sigmoid(p.patch_edge * (where - 0.3))
    grain = octaves(key + TEXTURE_KEY, 1, height, width, TEXTURE_CELLS)
    factor = (1 + p.shading * light) * (1 + p.patches * patches) * (1 + p.texture * grain)
    return (fill * factor).clamp(0, 1)


def draw_over(
    p: DegradationParameters, clean: Tensor, ink: Tensor, fill: Tensor, painted: Tensor
) -> Tensor:
    """Ink over the painted fill: as it was, or in another colour and fainter."""
    as_it_was = (clean + (painted - fill) * (1 - ink)).clamp(0, 1)
    height, width = ink.shape[2:]
    pressure = smooth_noise(p.key.flatten() + PRESSURE_KEY, 1, height, width, SHADING_CELL)
    opacity = p.opacity + (1 - p.opacity) * pressure.clamp(-1, 1) * 0.5
    other = p.ink_share * p.ink_color + (1 - p.ink_share) * p.ink_tone * painted
    return torch.where(p.inked, torch.lerp(painted, other, ink * opacity), as_it_was)


def photograph(p: DegradationParameters, picture: Tensor) -> Tensor:
    """Haze, colours, blur, noise and JPEG: what happens to the finished picture. In [0, 1]."""
    picture = torch.lerp(picture, p.haze_color, p.haze)
    picture = (jitter(picture * 2 - 1, p.color.flatten(1)) + 1) / 2
    picture = blurred(picture.clamp_min(1e-6) ** p.gamma, p.blur.flatten())
    height, width = picture.shape[2:]
    key = p.key.flatten() + NOISE_KEY
    # The sum of two uniform values; the second noise differs by its key.
    grain = white_noise(key, 3, height, width) + white_noise(key + 1, 3, height, width)
    picture = (picture + p.noise * grain * 1.5**0.5).clamp(0, 1)
    return torch.where(p.jpeg < 100, jpeg(picture, p.jpeg.flatten()), picture)


def blurred(picture: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of B×C×H×W with B sigmas in pixels; 0 leaves a picture as it is."""
    batch, channels, height, width = picture.shape
    place = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, device=picture.device)
    kernel = torch.exp(-0.5 * (place / sigma.clamp_min(1e-3)[:, None]) ** 2)  # B×9
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    planes = picture.view(1, batch * channels, height, width)
    planes = F.pad(planes, (BLUR_RADIUS,) * 4, mode="replicate")
    planes = F.conv2d(planes, kernel[:, None, :, None], groups=batch * channels)
    planes = F.conv2d(planes, kernel[:, None, None, :], groups=batch * channels)
    return planes.view_as(picture)
