# SPDX-License-Identifier: GPL-3.0-or-later
"""What an OpenPose figure consists of, in the flavour that ControlNet was trained on: points, limbs, colours, drawing order.

The body has COCO's 18 points in the palette and order of lllyasviel's pytorch-openpose derivative. The palette of CMU's own
OpenPose and BODY_25 is shifted against it by one and is **not** what the networks saw. Right and left are the person's own.
Colours are RGB.
"""

import numpy as np

BODY_POINTS: tuple[str, ...] = (
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
)
BODY_INDEX: dict[str, int] = {name: index for index, name in enumerate(BODY_POINTS)}

NECK = BODY_INDEX["neck"]
SHOULDERS: tuple[int, int] = (BODY_INDEX["right_shoulder"], BODY_INDEX["left_shoulder"])
FACE_POINTS_OF_BODY: tuple[int, ...] = tuple(BODY_INDEX[n] for n in ("nose", "right_eye", "left_eye", "right_ear", "left_ear"))
"""Body points that a detector reports only where it sees them; limbs it reports even when they are occluded."""

BODY_LIMBS: tuple[tuple[int, int], ...] = (
    (1, 2),
    (1, 5),
    (2, 3),
    (3, 4),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
    (1, 0),
    (0, 14),
    (14, 16),
    (0, 15),
    (15, 17),
)
"""Pairs of body points in the order in which they are painted. Limb *i* has the colour of point *i*, darkened."""

BODY_COLOURS: tuple[tuple[int, int, int], ...] = (
    (255, 0, 0),
    (255, 85, 0),
    (255, 170, 0),
    (255, 255, 0),
    (170, 255, 0),
    (85, 255, 0),
    (0, 255, 0),
    (0, 255, 85),
    (0, 255, 170),
    (0, 255, 255),
    (0, 170, 255),
    (0, 85, 255),
    (0, 0, 255),
    (85, 0, 255),
    (170, 0, 255),
    (255, 0, 255),
    (255, 0, 170),
    (255, 0, 85),
)
LIMB_BRIGHTNESS = 0.6
LIMB_COLOURS: tuple[tuple[int, int, int], ...] = tuple(
    (int(r * LIMB_BRIGHTNESS), int(g * LIMB_BRIGHTNESS), int(b * LIMB_BRIGHTNESS)) for r, g, b in BODY_COLOURS[: len(BODY_LIMBS)]
)

HAND_POINT_COUNT = 21
HAND_EDGES: tuple[tuple[int, int], ...] = tuple(
    (0 if joint == 0 else 4 * finger + joint, 4 * finger + joint + 1) for finger in range(5) for joint in range(4)
)
"""Wrist to finger tips: thumb, index, middle, ring, little finger, four edges each, in painting order."""
HAND_POINT_COLOUR: tuple[int, int, int] = (0, 0, 255)

FACE_POINT_COUNT = 70
"""iBUG's 68 points, from the person's right to the left, then both pupils."""
FACE_EYES: tuple[tuple[int, int, int, int, int, int], tuple[int, int, int, int, int, int]] = (
    (36, 37, 38, 39, 40, 41),
    (42, 43, 44, 45, 46, 47),
)
"""The outlines of the right and the left eye, about the pupils 68 and 69."""
FACE_POINT_COLOUR: tuple[int, int, int] = (255, 255, 255)


def _full_hue(fraction: float) -> tuple[int, int, int]:
    """The colour of full saturation and value at ``fraction`` of the hue circle, each channel rounded to a byte."""
    distance = np.abs((fraction * 6.0 - np.array((0.0, 2.0, 4.0)) + 3.0) % 6.0 - 3.0)
    red, green, blue = np.rint(np.clip(2.0 - distance, 0.0, 1.0) * 255.0).astype(int)
    return int(red), int(green), int(blue)


HAND_EDGE_COLOURS: tuple[tuple[int, int, int], ...] = tuple(_full_hue(i / len(HAND_EDGES)) for i in range(len(HAND_EDGES)))
"""Both hands have the same colours, at full brightness."""
