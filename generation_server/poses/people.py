# SPDX-License-Identifier: GPL-3.0-or-later
"""People as pictures are read into them, and the OpenPose JSON that ControlNet front ends exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

BODY, HAND, FACE = 18, 21, 70
"""Points of a body (COCO's), of a hand, of a face."""

LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10),
    (1, 11), (11, 12), (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
"""Pairs of body points that are joined, in painting order: limb *i* has the hue of point *i*."""

NECK, RIGHT_WRIST, LEFT_WRIST, LEFT_KNEE = 1, 4, 7, 12
FINGERS = tuple((0, *range(first, first + 4)) for first in (1, 5, 9, 13, 17))
"""Hand points from the wrist to each tip; the edges between them have twenty hues in this order."""


@dataclass
class Person:
    """Points (n, 3): x and y in pixels, y down, and 1 where the point is known, else all 0. A part that is not known is None."""

    body: Points
    left_hand: Points | None = None
    right_hand: Points | None = None
    face: Points | None = None


def pose_json(people: list[Person], width: int, height: int) -> dict[str, Any]:
    """The people in a picture of ``width`` × ``height`` pixels."""
    return {
        "people": [
            {
                "pose_keypoints_2d": _numbers(person.body),
                "face_keypoints_2d": _numbers(person.face),
                "hand_left_keypoints_2d": _numbers(person.left_hand),
                "hand_right_keypoints_2d": _numbers(person.right_hand),
            }
            for person in people
        ],
        "canvas_width": width,
        "canvas_height": height,
    }


def _numbers(points: Points | None) -> list[float] | None:
    """Readers take a point as known where its confidence is exactly 1, so no other number than 1 and 0 is written."""
    if points is None or not points[:, 2].any():
        return None if points is None or len(points) != BODY else [0.0] * 3 * BODY
    return [round(float(number), 3) for number in np.where(points[:, 2:] > 0, points, 0.0).ravel()]
