"""Curves, frames and the layered canvas that characters are drawn on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import cos, sin

import cv2
import numpy as np

from colorizer.characters.hands import BASE, DEEP, LIGHT, PORTRAIT_HAND, SHADOW, SOFT, TONES, Hand
from colorizer.characters.palettes import REGIONS

Point = tuple[float, float] | np.ndarray  # (2,)
Points = Sequence[tuple[float, float]] | np.ndarray  # (N, 2)
Window = tuple[slice, slice]  # rows, columns

_SHIFT = 4  # OpenCV takes polygon corners in 1/16 pixel
_STEPS = 7  # samples per spline piece
_LINE_WIDTH = 0.0062  # of the side, for weight 1
_MIN_LINE_WIDTH = 0.75  # pixels of the finished picture: thinner lines fade away
_SMALL = 96  # pixels of the finished picture: below this, fine lines would clog it
_TINY = 36  # below this, even a face's lines would
_FINE, _COARSE = 0.75, 0.85  # weights
_SHORTEST_CUT = 6  # points: curves that gaps may be cut into have more
_CRISP = ("background", "backdrop", "eyes", "eye_white", "glint", "mouth", "ink")  # never softened
_TURNS = np.array([[0.125, 0.625], [0.875, 0.375]], np.float32)
_STEP_TONES = np.resize(np.array([BASE, *SOFT, SHADOW], np.uint8), 256)
_QUARTER_TURN = np.array([-1.0, 1.0])


def _catmull_rom_basis() -> np.ndarray:
    t = np.linspace(0, 1, _STEPS, endpoint=False)[:, None]
    powers = np.concatenate([np.ones_like(t), t, t**2, t**3], axis=1)
    return powers @ (np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2)


_BASIS = _catmull_rom_basis()  # (steps, 4)
_BEZIER_T = np.linspace(0, 1, 9)[:, None]


def smooth(points: Points, closed: bool = False) -> np.ndarray:
    """Catmull-Rom curve through `points`, (M, 2)."""
    p = np.asarray(points, float)
    padded = np.concatenate([p[-1:], p, p[:2]] if closed else [p[:1], p, p[-1:]])
    windows = np.stack([padded[:-3], padded[1:-2], padded[2:-1], padded[3:]], axis=1)  # (n, 4, 2)
    curve = (_BASIS @ windows).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, p[-1:]])


def bend(start: Point, end: Point, bulge: float) -> np.ndarray:
    """Quadratic Bezier arc, (9, 2), from `start` to `end`; `bulge` > 0 bows to the left."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    along = b - a
    control = (a + b) / 2 + 2 * bulge * np.array([along[1], -along[0]])
    t = _BEZIER_T
    return (1 - t) ** 2 * a + 2 * t * (1 - t) * control + t**2 * b


def ellipse(centre: tuple[float, float], rx: float, ry: float, corners: int = 28) -> np.ndarray:
    """Closed ellipse, (corners, 2)."""
    return _circle(corners) * (rx, ry) + centre


@lru_cache(maxsize=8)
def _circle(corners: int) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def mirror(points: Points) -> np.ndarray:
    """`points` (right half, top to bottom) and then their left half, bottom to top."""
    right = np.asarray(points, float)
    left = right[::-1] * (-1, 1)
    return np.concatenate([right, left[np.abs(left[:, 0]) > 1e-9]])


@dataclass(frozen=True)
class Frame:
    """Places local points on the canvas. Unit: half the width of a face; origin: its middle."""

    side: int  # of the canvas, pixels
    unit: float  # pixels
    origin: tuple[float, float]  # pixels
    pivot: tuple[float, float]  # local point that rotation leaves in place
    tilt: float = 0.0  # radians
    turn: float = 0.0
    nod: float = 0.0
    sway: float = 0.0  # sideways shift per unit below the cheeks, for hanging hair
    mirrored: bool = False

    def __call__(self, points: Points, depth: float | np.ndarray = 0.0) -> np.ndarray:
        """Local points (N, 2), `depth` in front of the head's axis, to canvas pixels (N, 2)."""
        x, y = np.asarray(points, float).T
        # On a round head, what is in front moves most when it turns; the sides stay.
        front = depth * np.sqrt(np.maximum(1 - (x / 1.3) ** 2, 0))
        px, py = self.pivot
        x = x * cos(self.turn) + front * sin(self.turn) - px
        y = y + front * sin(self.nod) - py
        if self.sway:
            x += self.sway * np.maximum(y + py - 0.1, 0)
        c, s = self.unit * cos(self.tilt), self.unit * sin(self.tilt)
        placed = np.empty((len(x), 2))
        placed[:, 0] = self.origin[0] + self.unit * px + c * x - s * y - 0.5
        placed[:, 1] = self.origin[1] + self.unit * py + s * x + c * y - 0.5
        if self.mirrored:
            placed[:, 0] = self.side - 1 - placed[:, 0]
        return placed


class Canvas:
    """Region, tone and ink maps at `factor` times the picture's size."""

    def __init__(
        self, size: int, factor: int, hand: Hand = PORTRAIT_HAND, head: float | None = None
    ):
        """A blank canvas.

        Args:
            size: Side of the finished picture, pixels.
            factor: How many times larger the canvas is.
            hand: Inks and shades it.
            head: Side of the portrait whose head is as large as the one to be drawn, in finished
                pixels: lines and details are made for it. Default: `size`.
        """
        side = size * factor
        head = size if head is None else head
        self.side = side
        self.hand = hand
        self.reach = head / size  # of shadows, against a portrait's
        thin = hand.ink_width * _LINE_WIDTH * size * min(1.0, self.reach) ** 0.5
        self.line_width = factor * max(thin, hand.least_ink)
        self.small = head < _SMALL
        self.tiny = head < _TINY
        self.least_weight = _COARSE if self.tiny else _FINE if self.small else 0.0
        self.fading: np.ndarray | None = None  # (side, 1), how dark the background's rows are
        self._gaps = np.random.default_rng([side, round(1e5 * hand.gaps)])
        self.regions = np.zeros((side, side), np.uint8)
        self.tones = np.zeros((side, side), np.uint8)
        self.ink = np.zeros((side, side), np.uint8)  # coverage 0..255

    def fill(self, region: str, outline: np.ndarray, tone: int = BASE) -> None:
        """Paint a closed shape, hiding what lies under it, lines too."""
        corners = [_fixed(outline)]
        cv2.fillPoly(self.regions, corners, REGIONS.index(region), shift=_SHIFT)
        cv2.fillPoly(self.tones, corners, tone, shift=_SHIFT)
        cv2.fillPoly(self.ink, corners, 0, shift=_SHIFT)

    def inlay(
        self, region: str, outline: np.ndarray, only: tuple[str, ...], tone: int = BASE
    ) -> None:
        """Paint a closed shape, but only over the regions `only`."""
        window, mask = self._clipped([outline], only)
        self.regions[window][mask] = REGIONS.index(region)
        self.tones[window][mask] = tone
        self.ink[window][mask] = 0

    def dye(self, region: str, outline: np.ndarray, only: tuple[str, ...]) -> None:
        """Change the region, not the tone, of a closed shape over the regions `only`."""
        window, mask = self._clipped([outline], only)
        self.regions[window][mask] = REGIONS.index(region)

    def blot(self, outline: np.ndarray) -> None:
        """Fill a closed shape with ink."""
        cv2.fillPoly(self.ink, [_fixed(outline)], 255, cv2.LINE_AA, shift=_SHIFT)

    def labels(self) -> np.ndarray:
        """Region * len(TONES) + tone of every canvas pixel, uint8."""
        # The median drops slivers that pixel middles would miss, and makes up no new label.
        labels = cv2.medianBlur(self.regions * len(TONES) + self.tones, 3)
        if self.hand.shading == "soft":
            regions, tones = self._split(labels)
            # Blurred shadows, on all but small parts; blurred bytes are the same on any machine.
            shadow = np.where(tones == SHADOW, np.uint8(255), np.uint8(0))
            sigma = 0.014 * self.side * self.hand.shadow_width * self.reach
            depth = cv2.GaussianBlur(shadow, (0, 0), max(sigma, 1.0)) / np.float32(255)
            soft = ~self._is_of(regions, _CRISP) & (tones != LIGHT)
            labels = np.where(soft, _softly(regions, depth), labels)
        if self.fading is not None:
            regions, tones = self._split(labels)
            behind = self._is_of(regions, ("background",))
            labels = np.where(behind, _softly(regions, self.fading), labels)
        return labels

    @staticmethod
    def _split(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Regions and tones of labels."""
        both = np.divmod(np.arange(256, dtype=np.uint8), np.uint8(len(TONES)))
        return cv2.LUT(labels, both[0]), cv2.LUT(labels, both[1])

    @staticmethod
    def _is_of(regions: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        """Mask of the pixels of some regions."""
        among = np.zeros(256, np.uint8)
        among[[REGIONS.index(name) for name in names]] = 1
        return cv2.LUT(regions, among).view(bool)

    def shade(self, tone: int, outlines: Sequence[np.ndarray], only: tuple[str, ...]) -> None:
        """Set the tone inside the first outline and outside the others, over the regions `only`.

        A hand that shades flatly does not.
        """
        if self.hand.shading == "flat":
            return
        window, mask = self._clipped(outlines, only)
        self.tones[window][mask] = tone

    def shade_edge(self, outline: np.ndarray, only: tuple[str, ...], width: float = 0.02) -> None:
        """Shadow along the edge of a shape that is away from the light."""
        hand = self.hand
        reach = self.side * width * hand.shadow_width * self.reach
        light = np.array(hand.light_from)
        self.shade(SHADOW, [outline, outline + reach * light], only)
        if hand.shading == "two_tone":
            self.shade(DEEP, [outline, outline + 0.4 * reach * light], only)
        if hand.shading == "rim":
            self.shade(LIGHT, [outline, outline - 0.5 * reach * light], only)

    def stroke(
        self,
        curve: np.ndarray,
        weight: float = 1.0,
        ends: tuple[float, float] = (0.35, 0.35),
        only: tuple[str, ...] | None = None,
    ) -> None:
        """Ink an open curve; its width tapers to the shares `ends` of the middle's."""
        if weight < self.least_weight:
            return
        if self.hand.gaps and len(curve) > _SHORTEST_CUT and self._gaps.random() < self.hand.gaps:
            curve = self._with_gap(curve)
        ribbon = self._ribbon(curve, weight * self.line_width, ends)
        if only is None:
            cv2.fillPoly(self.ink, [_fixed(ribbon)], 255, cv2.LINE_AA, shift=_SHIFT)
            return
        window = self._window(ribbon)
        ink = self.ink[window]
        coverage = np.zeros_like(ink)
        corner = (window[1].start, window[0].start)
        cv2.fillPoly(coverage, [_fixed(ribbon - corner)], 255, cv2.LINE_AA, shift=_SHIFT)
        ink[:] = np.maximum(ink, coverage * self._among(window, only))

    def contour(self, outline: np.ndarray, weight: float = 1.0) -> None:
        """Ink a closed curve, a little thicker below than above."""
        self.stroke(np.concatenate([outline, outline[:1]]), weight, ends=(1.0, 1.0))

    def piece(self, region: str, outline: np.ndarray, edge: float, weight: float = 1.0) -> None:
        """Fill a closed shape, shade its edge (`edge` of the side wide) and ink its contour."""
        self.fill(region, outline)
        self.shade_edge(outline, only=(region,), width=edge)
        self.contour(outline, weight)

    def _with_gap(self, curve: np.ndarray) -> np.ndarray:
        """The longer piece that a gap near one end leaves of a curve."""
        cut = 1 + int(len(curve) * self._gaps.uniform(0.06, 0.3))
        return curve[cut:] if self._gaps.random() < 0.5 else curve[:-cut]

    def _ribbon(self, curve: np.ndarray, width: float, ends: tuple[float, float]) -> np.ndarray:
        along = np.concatenate([curve[1:2], curve[2:], curve[-1:]])
        along[1:] -= curve[:-1]
        along[0] -= curve[0]
        length = np.maximum(np.sqrt((along * along).sum(axis=1)), 1e-6)
        if self.hand.taper < 1:
            start, end = (1 - (1 - share) * self.hand.taper for share in ends)
            ends = (start, end)
        half = width / 2 * _taper(len(curve), ends) / length
        normal = along[:, ::-1] * _QUARTER_TURN * half[:, None]
        return np.concatenate([curve + normal, (curve - normal)[::-1]])

    def _clipped(
        self, outlines: Sequence[np.ndarray], only: tuple[str, ...]
    ) -> tuple[Window, np.ndarray]:
        """Mask: inside the first outline, outside the others, and of a region in `only`."""
        window = self._window(outlines[0])
        mask = np.zeros_like(self.regions[window])
        corner = (window[1].start, window[0].start)
        for i, outline in enumerate(outlines):
            cv2.fillPoly(mask, [_fixed(outline - corner)], int(i == 0), shift=_SHIFT)
        return window, (mask & self._among(window, only)).view(bool)

    def _window(self, outline: np.ndarray) -> Window:
        """Rows and columns that the outline may touch, at least one each."""
        low = np.clip(np.floor(outline.min(axis=0)).astype(int) - 1, 0, self.side - 1)
        high = np.clip(np.ceil(outline.max(axis=0)).astype(int) + 2, low + 1, self.side)
        return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))

    def _among(self, window: Window, only: tuple[str, ...]) -> np.ndarray:
        """1 where the region is one of `only`, else 0."""
        return self._is_of(self.regions[window], only).view(np.uint8)


def _softly(regions: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Labels of shadows of any depth 0..1; between two tones pixels take turns."""
    side = len(regions)
    turns = np.tile(_TURNS, (side // 2 + 1, side // 2 + 1))[:side, :side]
    steps = (depth * (len(SOFT) + 1) + turns).astype(np.uint8)
    return cv2.LUT(steps, _STEP_TONES) + regions * np.uint8(len(TONES))


@lru_cache(maxsize=512)
def _taper(samples: int, ends: tuple[float, float]) -> np.ndarray:
    """Share of the full width along a stroke."""
    t = np.linspace(0, 1, samples)
    start = (1 - ends[0]) * np.maximum(1 - t / 0.45, 0) ** 2
    end = (1 - ends[1]) * np.maximum(1 - (1 - t) / 0.45, 0) ** 2
    return 1 - start - end


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(points * (1 << _SHIFT)).astype(np.int32)
