"""Where the parts of a figure are: sizes, joints and limbs, in body coordinates.

Body coordinates are those of `clothes`: the neck's foot is (0, 1.2), a face would be 2 wide. A tall
figure's body is larger than its head, a chibi's is smaller: `body_scale` times.
"""

from dataclasses import dataclass

import numpy as np

from colorizer.characters.figures import Figure, Stance
from colorizer.characters.limbs import Limb, arm, leg

NECK = (0.0, 1.2)
WAIST, HIP, CROTCH = 3.75, 5.0, 5.6  # heights, y
HEAD_TOP, HEAD_HEIGHT = -1.35, 2.5  # in head units
_TORSO = HIP - NECK[1]
_LEG, _FOOT = 6.1, 0.5


@dataclass(frozen=True)
class Skeleton:
    """A figure in a stance."""

    width: float  # of shoulders and limbs
    waist: float  # half width
    hips: float  # half width
    shift: float  # of the hips, x
    leg_length: float  # 1: of a tall figure
    arms: dict[int, Limb]  # side -1, 1
    legs: dict[int, Limb]

    def height(self, share: float) -> float:
        """The y at a share of the way from the hips to the ankles of straight legs."""
        return HIP + _LEG * self.leg_length * share


def body_scale(heads: float) -> float:
    """A body unit in head units."""
    below = HEAD_TOP + HEAD_HEIGHT * heads - NECK[1]
    return below / (_TORSO + _LEG * leg_length(heads) + _FOOT)


def leg_length(heads: float) -> float:
    """Of a figure so many heads tall, against a tall one's."""
    return float(np.interp(heads, (2, 3, 5, 8), (0.45, 0.62, 0.9, 1.08)))


def skeleton(figure: Figure, stance: Stance) -> Skeleton:
    """The joints of `figure` as it stands."""
    width = figure.width
    # Small bodies have thick limbs.
    limb_width = width * float(np.interp(figure.heads, (2, 4, 7), (1.5, 1.15, 0.95)))
    hips = 1.22 * width * figure.hips
    shift = 0.16 * stance.hip
    length = leg_length(figure.heads)
    arms, legs = {}, {}
    for side, s in enumerate((-1, 1)):
        shoulder = np.array([s * 1.02 * width, 2.02])
        arms[s] = arm(shoulder, s, stance.arms[side], stance.swing[side], limb_width)
        hip = np.array([shift + s * (hips - 0.5 * limb_width), HIP])
        legs[s] = leg(hip, s, stance.legs, stance.swing[2 + side], limb_width, length)
    waist = width * float(np.interp(figure.heads, (2, 4, 7), (1.0, 0.86, 0.76)))
    return Skeleton(width, waist, hips, shift, length, arms, legs)
