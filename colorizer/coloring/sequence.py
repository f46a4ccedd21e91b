"""A cut: frames in order, each coloured like the references and like the frames before it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import torch

from colorizer.coloring.colorizer import Colorizer, References
from colorizer.coloring.opened import Picture, opened
from colorizer.coloring.painting import Painting, paint
from colorizer.coloring.preparing import Prepared, WorkingSize, prepare
from colorizer.drawings.corrections import Point
from colorizer.drawings.following import followed
from colorizer.drawings.framing import Frame
from colorizer.drawings.regions import GAP
from colorizer.pictures.geometry import resize

ROOMY = 0.6  # of the frame that the network sees: a figure smaller than that is seen anew


def sequence(
    colorizer: Colorizer,
    frames: Iterable[Picture],
    references: Picture | Sequence[Picture],
    working_size: int | None = None,
    keys: Mapping[int, Picture] | None = None,
    points: Mapping[int, Sequence[Point]] | None = None,
    gap: float = GAP,
) -> Iterator[Painting]:
    """Colour the frames of a cut.

    Each frame has as references those given, the nearest key frame, and the frame before as it was
    coloured. A region that was in the frame before keeps its colour.

    Args:
        colorizer: The network.
        frames: Drawings in order, of one size in a cut.
        references: Pictures of the character.
        working_size: See `Colorizer`.
        keys: Frames that are coloured already, by their number from 0; they keep their colours.
        points: Colours of regions, by the frame's number; they hold in the frames that follow.
        gap: Close gaps in the lines up to this share of the longer side.

    Yields:
        A painting of each frame.

    Raises:
        UserError: a picture cannot be read.
    """
    keys, points = keys or {}, points or {}
    given = references if isinstance(references, Sequence) else [references]
    cast = colorizer.read(given, working_size)
    key_features = {number: colorizer.read(key, working_size) for number, key in keys.items()}
    before: Painting | None = None
    for number, frame in enumerate(frames):
        prepared = _prepared(colorizer.working_size(working_size), frame, gap, before)
        if number in keys:
            painting = _as_given(prepared, keys[number], cast)
        else:
            near = [key_features[min(keys, key=lambda k: abs(k - number))]] if keys else []
            last = [colorizer.read(before.picture, working_size)] if before else []
            (small,) = colorizer.color_small(
                torch.from_numpy(prepared.small)[None], References.joined([cast, *near, *last])
            )
            painting = paint(prepared, small, cast.palette)
            if before and before.drawing.bounds.shape == prepared.drawing.bounds.shape:
                painting = _following(painting, before)
        before = painting.corrected(points.get(number, ()))
        yield before


def _prepared(size: WorkingSize, frame: Picture, gap: float, before: Painting | None) -> Prepared:
    """The drawing, seen by the network through the window of the frame before while it fits."""
    drawing = opened(frame)
    prepared = prepare(drawing.pixels, size, drawing.alpha, gap)
    if before is None or before.drawing.bounds.shape != prepared.drawing.bounds.shape:
        return prepared
    old = before.filling.frame
    if old != prepared.frame and _holds(old, prepared.frame):
        return prepared.through(old, size)
    return prepared


def _holds(old: Frame, new: Frame) -> bool:
    """A figure that the old window shows whole, and not too small."""
    inside = (
        old.top <= new.top
        and old.left <= new.left
        and new.top + new.height <= old.top + old.height
        and new.left + new.width <= old.left + old.width
    )
    return inside and max(new.height, new.width) >= ROOMY * max(old.height, old.width)


def _as_given(prepared: Prepared, key: Picture, cast: References) -> Painting:
    """A key frame's own colours, as the colours of its regions."""
    pixels = opened(key).pixels
    height, width = prepared.drawing.bounds.shape
    framed = resize(pixels, width, height)[prepared.frame.window]
    line = prepared.drawing.line[prepared.frame.window]
    fine = replace(prepared, small=line)
    return paint(fine, framed, cast.palette)


def _following(painting: Painting, before: Painting) -> Painting:
    filling = followed(
        painting.filling, painting.drawing.bounds, before.filling, before.drawing.bounds
    )
    return replace(painting, filling=filling, palette=before.palette)
