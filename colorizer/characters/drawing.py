"""Draws a character in a pose: the layers from back to front, then the colours."""

from dataclasses import dataclass, replace
from math import ceil

import cv2
import numpy as np

from colorizer.characters.canvas import Canvas, Frame
from colorizer.characters.clothes import draw_behind_neck, draw_body
from colorizer.characters.extras import draw_accessory, draw_backdrop, draw_behind_front_hair
from colorizer.characters.face import draw_brows, draw_features, draw_head, face_outline
from colorizer.characters.figure_drawing import paint_figure, view
from colorizer.characters.hair import (
    draw_back_hair,
    draw_front_hair,
    draw_hanging_hair,
    front_hair_edges,
)
from colorizer.characters.hands import PORTRAIT_HAND, SHADOW, SOFT_STEPS, TONES, Hand
from colorizer.characters.palettes import REGIONS, Palette
from colorizer.characters.traits import Character, Pose

_MIN_SIZE = 32
_MIN_CANVAS = 256  # pixels: below this, curves get ragged
_HEAD_UNIT = 0.225  # half a face's width, as a share of the side
_NECK = (0.0, 1.2)  # what head and body turn about


@dataclass(frozen=True)
class Drawing:
    """One picture of a character, with the truth about it. S is the picture's side."""

    color: np.ndarray  # (S, S, 3) uint8 RGB
    line: np.ndarray  # (S, S) uint8, ink 0 on white 255
    regions: np.ndarray  # (S, S) uint8, index into REGIONS of the pixel's middle
    tones: np.ndarray  # (S, S) uint8, index into TONES
    large: np.ndarray  # (k·S, k·S, 3) uint8 RGB, what `color` was shrunk from
    character: Character
    pose: Pose
    drawn_at: int  # pixels a side of what was drawn and shrunk to S


def draw(character: Character, pose: Pose, size: int = 256, drawn_at: int | None = None) -> Drawing:
    """Draw `character` in `pose`.

    Args:
        character: Who.
        pose: How, of the same art.
        size: Pixels a side, at least 32.
        drawn_at: Draw with the lines and details of a picture of this many pixels a side, a
            multiple of `size`, and shrink it; default: `size`.
    """
    drawn_at = drawn_at or size
    if size < _MIN_SIZE:
        raise ValueError(f"size must be at least {_MIN_SIZE}, not {size}")
    if drawn_at % size:
        raise ValueError(f"drawn_at must be a multiple of size ({size}), not {drawn_at}")
    factor = max(2, ceil(_MIN_CANVAS / drawn_at))
    if (character.figure is None) != (pose.stance is None):
        raise ValueError("character and pose are of different arts")
    if character.figure is None or pose.stance is None:
        canvas = Canvas(drawn_at, factor)
        _paint(canvas, character, pose)
    else:
        head = view(character.figure, pose.stance).unit * drawn_at / _HEAD_UNIT
        canvas = Canvas(drawn_at, factor, character.hand, head)
        paint_figure(canvas, character, pose)
    labels = canvas.labels()
    ink = cv2.resize(canvas.ink, (size, size), interpolation=cv2.INTER_AREA)
    step = factor * drawn_at // size
    middle = slice(step // 2, None, step)
    regions, tones = np.divmod(labels[middle, middle], len(TONES))
    shown = cv2.convertScaleAbs(canvas.ink, alpha=character.hand.ink_shown)
    regions[shown[middle, middle] > 127] = REGIONS.index("ink")
    large = _colored(labels, shown, character)
    return Drawing(
        color=cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA),
        line=255 - ink,
        regions=regions,
        tones=tones,
        large=large,
        character=character,
        pose=pose,
        drawn_at=drawn_at,
    )


def recolor(drawing: Drawing, palette: Palette) -> np.ndarray:
    """Colours (S, S, 3) of the same drawing in another palette, exactly what `draw` would give."""
    character = replace(drawing.character, palette=palette)
    return draw(character, drawing.pose, drawing.line.shape[0], drawing.drawn_at).color


def tone_colors(palette: Palette, hand: Hand = PORTRAIT_HAND) -> np.ndarray:
    """RGB of every region in every tone of a hand, (regions, tones, 3) uint8."""
    base = np.array([getattr(palette, name) for name in REGIONS], float)
    shadow = base * hand.shadow
    light = base + (255 - base) * hand.light
    deep = shadow * hand.shadow
    soft = [base + (shadow - base) * (step / (SOFT_STEPS + 1)) for step in range(1, SOFT_STEPS + 1)]
    return np.round(np.stack([base, shadow, light, deep, *soft], axis=1)).astype(np.uint8)


def _colored(labels: np.ndarray, ink: np.ndarray, character: Character) -> np.ndarray:
    """Look colours up and cover them with ink, at the canvas's size.

    Ink is blended before shrinking: where it lies, the colours below must not show.
    """
    palette = character.palette
    table = np.zeros((1, 256, 3), np.uint8)
    colors = tone_colors(palette, character.hand).reshape(-1, 3)
    table[0, : len(colors)] = colors
    flat = cv2.LUT(cv2.merge([labels] * 3), table)
    uncovered = cv2.multiply(flat, cv2.merge([255 - ink] * 3), scale=1 / 255)
    stain = np.round(np.arange(256)[:, None] * np.array(palette.ink) / 255).astype(np.uint8)
    return cv2.add(uncovered, cv2.LUT(cv2.merge([ink] * 3), stain[None]))


def _paint(canvas: Canvas, character: Character, pose: Pose) -> None:
    """Paint from back to front."""
    unit = _HEAD_UNIT * pose.scale * canvas.side
    origin = ((0.5 + pose.offset[0]) * canvas.side, (0.47 + pose.offset[1]) * canvas.side)
    upright = Frame(canvas.side, unit, origin, pivot=_NECK, mirrored=pose.mirrored)
    body = replace(upright, tilt=pose.lean, turn=0.5 * pose.turn)
    head = replace(upright, tilt=pose.tilt, turn=pose.turn, nod=pose.nod)
    # Hanging hair swings, and follows the head's tilt by half.
    hair = replace(head, sway=0.07 * pose.sway + 0.5 * np.sin(pose.tilt))

    draw_backdrop(canvas, character.backdrop)
    draw_back_hair(canvas, hair, character)
    draw_behind_neck(canvas, body, character.clothes)
    draw_body(canvas, body, character)
    face = face_outline(head, character)
    below = np.array([-0.1, 0.3]) * unit
    canvas.shade(SHADOW, [face + below], only=("skin", "clothes", "trim", "ribbon"))
    draw_hanging_hair(canvas, hair, character)
    draw_head(canvas, head, character)
    draw_brows(canvas, head, character, pose)
    draw_features(canvas, head, character, pose)
    draw_behind_front_hair(canvas, head, character)
    crown, fringe = front_hair_edges(hair, character)
    cast = np.concatenate(crown + fringe) + np.array([0, 0.1 * unit])
    canvas.shade(SHADOW, [cast], only=("skin", "blush", "eye_white"))
    draw_front_hair(canvas, hair, character)
    draw_accessory(canvas, head, character)
