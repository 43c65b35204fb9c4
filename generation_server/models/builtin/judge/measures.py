# SPDX-License-Identifier: GPL-3.0-or-later
"""What two readings of one picture have in common: lengths, overlaps, sides. Points are (18, 3): x, y in pixels, and 1 or 0."""

from __future__ import annotations

import numpy as np

from .....addon.openpose.layout import BODY_INDEX, BODY_POINTS, FACE_POINTS_OF_BODY

POINTS, INDEX = BODY_POINTS, BODY_INDEX
OTHER_SIDE = np.array(
    [INDEX[n.replace("left_", "right_") if n.startswith("left_") else n.replace("right_", "left_")] for n in POINTS]
)
"""Each point's counterpart on the other side; those in the middle have themselves."""
FACE = np.array(FACE_POINTS_OF_BODY)
PAIRS = {"arms": ("shoulder", "elbow", "wrist"), "legs": ("hip", "knee", "ankle")}
_LEAST_TORSO = 1e-3


def torso(points: np.ndarray) -> float:
    """Pixels: the longer diagonal between shoulders and hips, of all four places whether they are seen or not."""
    place = points[:, :2]
    first = place[INDEX["left_shoulder"]] - place[INDEX["right_hip"]]
    second = place[INDEX["right_shoulder"]] - place[INDEX["left_hip"]]
    return max(float(np.hypot(*first)), float(np.hypot(*second)), _LEAST_TORSO)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks (H, W) bool; 1 where both are empty."""
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / union) if union else 1.0


def exchanged(points: np.ndarray, limbs: str) -> np.ndarray:
    """The points with the left and right of "arms" or "legs" exchanged."""
    result = points.copy()
    for name in PAIRS[limbs]:
        left, right = INDEX[f"left_{name}"], INDEX[f"right_{name}"]
        result[[left, right]] = points[[right, left]]
    return result
