# SPDX-License-Identifier: GPL-3.0-or-later
"""One person as OpenPose describes it: points in pixels with a confidence of exactly 1 or 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .layout import BODY_POINTS, FACE_POINT_COUNT, HAND_POINT_COUNT

Points = NDArray[np.float64]


def clean_points(points: Points, count: int) -> Points:
    """``points`` as a read-only (count, 3) float64 array of x, y in pixels and confidence 1 or 0.

    A point that is not finite, or has no confidence, becomes exactly (0, 0, 0): the readers of other programs take a point as
    present only where its confidence is 1.0. Raises ValueError for another shape.
    """
    array = np.array(points, dtype=np.float64)
    if array.shape != (count, 3):
        raise ValueError(f"A part of a person needs {count} points of x, y and confidence, not an array of shape {array.shape}.")
    present = np.isfinite(array).all(axis=1) & (array[:, 2] > 0.0)
    array[~present] = 0.0
    array[present, 2] = 1.0
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Person:
    """``body`` (18, 3), hands (21, 3) and face (70, 3) as float64 x, y, confidence.

    Pixels, origin at the picture's top left corner, y down; the order of the points is that of ``layout``. A hand or a face of
    which no point is known is None; single points that are missing are (0, 0, 0).
    """

    body: Points
    left_hand: Points | None = None
    right_hand: Points | None = None
    face: Points | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", clean_points(self.body, len(BODY_POINTS)))
        for name, count in (("left_hand", HAND_POINT_COUNT), ("right_hand", HAND_POINT_COUNT), ("face", FACE_POINT_COUNT)):
            if (points := getattr(self, name)) is not None:
                points = clean_points(points, count)
                object.__setattr__(self, name, points if points[:, 2].any() else None)

    @property
    def empty(self) -> bool:
        """Whether not a single point is present."""
        parts = (self.body, self.left_hand, self.right_hand, self.face)
        return not any(part is not None and part[:, 2].any() for part in parts)

    def scaled(self, x: float, y: float) -> Person:
        """The same person in a picture whose sides are ``x`` and ``y`` times as long."""

        return self._with(lambda points: points * (x, y, 1.0))

    def moved(self, x: float, y: float) -> Person:
        """The same person so many pixels farther right and down."""
        by = np.array((x, y, 0.0))
        return self._with(lambda points: np.where(points[:, 2:] > 0.0, points + by, points))

    def rounded(self, decimals: int) -> Person:
        """The same person with so many decimals of a pixel: what is drawn of it is what is drawn of its JSON."""
        return self._with(lambda points: np.round(points, decimals))

    def _with(self, change: Callable[[Points], Points]) -> Person:
        hands_and_face = (None if part is None else change(part) for part in (self.left_hand, self.right_hand, self.face))
        return Person(change(self.body), *hands_and_face)
