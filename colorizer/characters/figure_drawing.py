"""Draws a varied character: framing, then all layers from back to front."""

from dataclasses import dataclass, replace

import numpy as np

from colorizer.characters.canvas import Canvas, Frame
from colorizer.characters.clothes import draw_behind_neck
from colorizer.characters.details import draw_folds, draw_held, draw_pattern
from colorizer.characters.extras import draw_accessory, draw_behind_front_hair
from colorizer.characters.face import draw_brows, draw_features, draw_head, face_outline
from colorizer.characters.figures import Figure, Stance
from colorizer.characters.hair import (
    draw_back_hair,
    draw_front_hair,
    draw_hanging_hair,
    front_hair_edges,
)
from colorizer.characters.hands import SHADOW
from colorizer.characters.head_wear import draw_beard, draw_hat, draw_simple_features
from colorizer.characters.mascot import draw_mascot, draw_mascot_head
from colorizer.characters.outfit import (
    draw_arm,
    draw_behind,
    draw_legs,
    draw_torso,
    shade_below_head,
)
from colorizer.characters.scenery import draw_scenery
from colorizer.characters.skeleton import (
    HEAD_HEIGHT,
    HEAD_TOP,
    NECK,
    Skeleton,
    body_scale,
    skeleton,
)
from colorizer.characters.traits import Character, Pose

_BESIDE_HEAD = ("raised", "wave")  # arms that are in front of the hair


@dataclass(frozen=True)
class View:
    """How large a figure is in a picture and where, both as shares of the side."""

    unit: float  # half a face's width
    origin: tuple[float, float]  # the face's middle


def view(figure: Figure, stance: Stance) -> View:
    """What the stance's framing shows of the figure."""
    scale = body_scale(figure.heads)
    tall = figure.hat == "witch" or (figure.ears == "long" and figure.kind != "person")
    top = -2.7 if tall else -1.75
    bottom = {
        "whole": HEAD_TOP + HEAD_HEIGHT * figure.heads + 0.15,
        "half": NECK[1] + scale * (4.3 + 1.1 * stance.hip),
        "bust": NECK[1] + scale * 1.9,
        "face": 1.35,
        "head": 1.7,
    }[stance.framing]
    if stance.framing == "face":
        top = -1.1
    unit = stance.zoom * 0.94 / (bottom - top)
    # At most: a chibi's bust would be all face.
    unit = min(unit, 0.52)
    x, y = 0.5 + stance.offset[0], 0.5 + stance.offset[1]
    if stance.framing in ("half", "bust") and stance.zoom <= 1:
        return View(unit, (x, 1.0 + abs(stance.offset[1]) - unit * bottom))
    if stance.zoom > 1:  # what stands over is cut off below
        return View(unit, (x, 0.03 + stance.offset[1] - unit * top))
    return View(unit, (x, y - unit * (top + bottom) / 2))


def paint_figure(canvas: Canvas, character: Character, pose: Pose) -> None:
    """Paint from back to front."""
    figure, stance = character.figure, pose.stance
    assert figure is not None and stance is not None
    shown = view(figure, stance)
    unit = shown.unit * canvas.side
    origin = (shown.origin[0] * canvas.side, shown.origin[1] * canvas.side)
    head = Frame(
        canvas.side,
        unit,
        origin,
        pivot=NECK,
        tilt=pose.tilt,
        turn=pose.turn,
        nod=pose.nod,
        mirrored=pose.mirrored,
    )
    scale = body_scale(figure.heads)
    body = replace(
        head,
        unit=unit * scale,
        origin=(origin[0], origin[1] + unit * (1 - scale) * NECK[1]),
        tilt=pose.lean,
        turn=0.5 * pose.turn,
        nod=0.0,
    )
    draw_scenery(canvas, stance, figure.white_paper)
    if figure.kind == "person":
        _paint_person(canvas, head, body, character, pose)
    elif stance.framing == "head":
        draw_mascot_head(canvas, head, figure, pose)
    else:
        draw_mascot(canvas, head, body, figure, pose, skeleton(figure, stance))


def _paint_person(
    canvas: Canvas, head: Frame, body: Frame, character: Character, pose: Pose
) -> None:
    figure, stance = character.figure, pose.stance
    assert figure is not None and stance is not None
    bones = skeleton(figure, stance)
    # Hanging hair swings, and follows the head's tilt by half.
    hair = replace(head, sway=0.07 * pose.sway + 0.5 * np.sin(pose.tilt))
    with_body = stance.framing != "head"
    arms = dict(zip((-1, 1), stance.arms, strict=True))
    if with_body:
        draw_behind(canvas, body, figure, bones)
    draw_back_hair(canvas, hair, character)
    if with_body:
        draw_behind_neck(canvas, body, figure.top)
        for s, arm in arms.items():
            if arm == "behind":
                draw_arm(canvas, body, figure, bones, s)
        draw_legs(canvas, body, figure, bones)
        draw_torso(canvas, body, figure, bones)
        shade_below_head(canvas, face_outline(head, character), head.unit)
        for s, arm in arms.items():
            if arm not in ("behind", *_BESIDE_HEAD):
                _paint_arm(canvas, body, figure, bones, s)
        draw_folds(canvas, body, bones, np.random.default_rng(stance.scene))
        draw_pattern(canvas, body, figure.pattern, bones)
    _paint_head(canvas, head, hair, character, pose)
    if with_body:
        for s, arm in arms.items():
            if arm in _BESIDE_HEAD:
                _paint_arm(canvas, body, figure, bones, s)


def _paint_arm(canvas: Canvas, body: Frame, figure: Figure, bones: Skeleton, s: int) -> None:
    """An arm, and what it holds."""
    if s > 0:
        draw_held(canvas, body, figure.held, bones.arms[s], bones.leg_length)
    draw_arm(canvas, body, figure, bones, s)


def _paint_head(canvas: Canvas, head: Frame, hair: Frame, character: Character, pose: Pose) -> None:
    figure = character.figure
    assert figure is not None
    draw_hanging_hair(canvas, hair, character)
    draw_head(canvas, head, character)
    if figure.beard != "none":
        draw_beard(canvas, head, figure.beard)
    draw_brows(canvas, head, character, pose)
    if canvas.tiny or figure.eye_style != "drawn":
        draw_simple_features(canvas, head, figure.eye_style, pose)
    else:
        draw_features(canvas, head, character, pose)
    draw_behind_front_hair(canvas, head, character)
    crown, fringe = front_hair_edges(hair, character)
    cast = np.concatenate(crown + fringe) + np.array([0, 0.1 * head.unit])
    canvas.shade(SHADOW, [cast], only=("skin", "blush", "eye_white"))
    draw_front_hair(canvas, hair, character)
    draw_accessory(canvas, head, character)
    if figure.hat != "none":
        draw_hat(canvas, head, figure.hat, character)
