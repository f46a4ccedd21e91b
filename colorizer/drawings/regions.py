"""The areas that a drawing's lines enclose, also where the lines have small gaps."""

from dataclasses import dataclass

import cv2
import numpy as np

INK = 192  # levels: darker parts regions
GAP = 0.012  # of the longer side: gaps up to here are closed
MOST_PIXELS = 4_000_000  # a larger drawing is cut into regions at this size
SMALLEST = 4  # pixels; what is smaller goes to its neighbour
STEPS = 4  # gaps are closed at so many sizes


@dataclass(frozen=True)
class Regions:
    """Every pixel's region; what is under a line belongs to the nearest."""

    labels: np.ndarray  # H×W int32, 0..count-1
    count: int


def find_regions(bounds: np.ndarray, gap: float = GAP) -> Regions:
    """Cut a drawing into regions.

    As a ball that rolls inside the lines (Zhang et al., "Vectorizing Cartoon Animations", TVCG
    2009): where it is too large for a gap it stays within. Balls get smaller; what a large one has
    reached grows into the corners before a smaller one looks for what is left.

    Args:
        bounds: H×W uint8, white 255.
        gap: Close gaps up to this share of the longer side.
    """
    height, width = bounds.shape
    shrink = max(1.0, (height * width / MOST_PIXELS) ** 0.5)
    if shrink > 1:
        size = (round(width / shrink), round(height / shrink))
        regions = _cut(cv2.resize(bounds, size, interpolation=cv2.INTER_AREA), gap)
        labels = cv2.resize(
            regions.labels.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST
        )
        return Regions(labels.astype(np.int32), regions.count)
    return _cut(bounds, gap)


def _cut(bounds: np.ndarray, gap: float) -> Regions:
    paper = (bounds >= INK).astype(np.uint8)
    if not paper.any():
        return Regions(np.zeros(bounds.shape, np.int32), 1)
    # Beyond the picture's edge is no line, but a figure that is cut off there ends there.
    depth = cv2.distanceTransform(paper, cv2.DIST_L2, 5)
    largest = max(1.0, gap * max(bounds.shape) / 2)
    labels, count = np.zeros(bounds.shape, np.int32), 0
    for ball in (*(largest / 2**step for step in range(STEPS)), 0.0):
        within = (depth > ball).astype(np.uint8)
        labels, count = _reached(labels, count, within)
    labels = _nearest(labels)
    return _numbered(labels)


def _reached(labels: np.ndarray, count: int, within: np.ndarray) -> tuple[np.ndarray, int]:
    """Regions so far grow inside `within`; what they do not reach is new.

    A part of `within` that holds one region becomes it; one that holds none is a new one; in one
    that holds several they grow until they meet.
    """
    parts, components = cv2.connectedComponents(within, connectivity=4, ltype=cv2.CV_32S)
    part_of = np.asarray(components, np.int32)
    known = labels > 0
    owner = np.zeros(parts, np.int32)
    owner[part_of[known]] = labels[known]
    shared = np.zeros(parts, bool)
    shared[part_of[known][owner[part_of[known]] != labels[known]]] = True
    shared[0] = False
    areas = np.bincount(part_of.ravel(), minlength=parts)
    new = (owner == 0) & (areas >= SMALLEST)
    new[0] = False
    owner[new] = count + 1 + np.arange(new.sum())
    owner[0] = 0
    owner[shared] = 0
    result = np.where(known, labels, owner[part_of])
    if shared.any():
        result = _grown(result, within, shared[part_of])
    return result, count + int(new.sum())


def _grown(labels: np.ndarray, within: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Regions grow by a pixel at a time, along the paper, until all of `among` is taken."""
    rows, columns = (np.flatnonzero(among.any(axis)) for axis in (1, 0))
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    part, free = labels[window].astype(np.float32), among[window] & (within[window] > 0)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    while True:
        empty = free & (part == 0)
        grown = np.where(empty, cv2.dilate(part, cross), part)
        if not (grown[empty] > 0).any():
            break
        part = grown
    labels = labels.copy()
    labels[window] = np.where(among[window], part.astype(np.int32), labels[window])
    return labels


def _nearest(labels: np.ndarray) -> np.ndarray:
    """What belongs to no region goes to the nearest."""
    if labels.all():
        return labels
    unlabelled = (labels == 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        unlabelled, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    places = np.asarray(nearest, np.int32)
    owner = np.zeros(int(places.max()) + 1, np.int32)
    owner[places[labels > 0]] = labels[labels > 0]
    return owner[places]


def _numbered(labels: np.ndarray) -> Regions:
    """Numbers without holes, from 0."""
    used = np.bincount(labels.ravel()) > 0
    numbers = np.cumsum(used, dtype=np.int32) - 1
    return Regions(numbers[labels], int(used.sum()))
