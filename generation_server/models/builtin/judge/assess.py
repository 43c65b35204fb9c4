# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a picture shows what its control images asked for.

What was asked for is the body's points in pixels (18, 3), all of them where they are known, also those that something hides; the
third number is 1 where one is to be seen. Face points that are not to be seen say that the figure looks away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .measures import FACE, INDEX, OTHER_SIDE, POINTS, overlap, torso
from .net import ENDS
from .reading import Judge, Reading

NEAR = 0.1
"""In torso lengths: how far a joint may be from its place and count as right, as is usual for PCK."""
HERE = 0.22
"""In torso lengths: how far around its place a joint is looked for before it is called lost."""
SWAPPED = 0.95
"""How likely a joint must be where its counterpart of the other side belongs, to be called swapped."""
LOST = 0.02
"""How unlikely a joint must be around its place to be called lost."""
EXTRA = 0.55
"""How sure an end of a limb must be that is nowhere near one that was asked for."""
EXTRA_APART = 0.3
"""In torso lengths: how far it must be from all of those."""
FACE_SEEN = 0.6
"""How likely a face must be, to be seen where there is to be none."""
_LIMB_POINTS = np.array(
    [index for index, name in enumerate(POINTS) if name.split("_")[-1] in ("elbow", "wrist", "knee", "ankle")]
)
_SIDED = np.array([index for index, name in enumerate(POINTS) if name.split("_")[-1] in
                   ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")])  # fmt: skip


@dataclass(frozen=True)
class Assessment:
    """``iou`` with the mask that was asked for (NaN without one), ``pck``: share of the joints to be seen that are in their
    places, ``swaps``: joints that are where the other side's belong, ``lost``: joints that are somewhere else. ``score``: 0 to 1,
    to put pictures in order."""

    iou: float
    pck: float
    swaps: tuple[str, ...]
    lost: tuple[str, ...]
    extra_limb: bool
    face_on_back: bool
    score: float

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong, in words."""
        found = {"swapped sides": bool(self.swaps), "limb elsewhere": bool(self.lost), "extra limb": self.extra_limb,
                 "face on back": self.face_on_back}  # fmt: skip
        return tuple(name for name, wrong in found.items() if wrong)


def assess(judge: Judge, picture: np.ndarray, points: np.ndarray, mask: np.ndarray | None = None) -> Assessment:
    """How a picture (H, W, 3) uint8 follows what was asked for. ``mask`` (H, W) bool: where the figure is meant to be."""
    return compare(judge.read([picture])[0], points, mask)


def compare(reading: Reading, points: np.ndarray, mask: np.ndarray | None = None) -> Assessment:
    """``assess`` of what was read already."""
    height, width = reading.mask.shape
    length = torso(points)
    place = points[:, :2]
    known = np.isfinite(place).all(axis=1)
    inside = known & (place >= 0).all(axis=1) & (place[:, 0] < width) & (place[:, 1] < height)
    wanted = inside & (points[:, 2] > 0.5)
    away = np.hypot(*(reading.points[:, :2] - np.nan_to_num(place)).T)
    pck = float((away[wanted] <= NEAR * length).mean()) if wanted.any() else 1.0
    swaps, lost = [], []
    for index in _SIDED[wanted[_SIDED]]:
        here = reading.mass(index, place[index], HERE * length)
        other = OTHER_SIDE[index]
        gap = math.hypot(*(place[index] - place[other])) if known[other] else 0.0
        if inside[other] and gap > 2 * HERE * length and reading.mass(index, place[other], HERE * length) > SWAPPED:
            swaps.append(POINTS[index])
        elif here < LOST:
            lost.append(POINTS[index])
    extra = extra_end(reading, points) > EXTRA
    no_face = not (points[FACE[:3], 2] > 0.5).any()
    face_on_back = bool(no_face and reading.face > FACE_SEEN)
    iou = overlap(reading.mask, mask) if mask is not None else math.nan
    score = pck * (iou if mask is not None else 1.0)
    score *= 0.5 ** (bool(swaps) + extra + face_on_back)
    return Assessment(iou, pck, tuple(swaps), tuple(lost), extra, face_on_back, score)


def extra_end(reading: Reading, points: np.ndarray) -> float:
    """How sure the judge is of the surest end of a limb that nobody asked for, 0 to 1."""
    length = torso(points)
    surest = 0.0
    for end in reading.ends:
        same = [INDEX[f"{side}_{end.joint}"] for side in ("left", "right")] if end.joint in ENDS else []
        gaps = np.hypot(points[_LIMB_POINTS, 0] - end.x, points[_LIMB_POINTS, 1] - end.y)
        own = np.hypot(points[same, 0] - end.x, points[same, 1] - end.y)
        if np.nanmin(gaps, initial=math.inf) > EXTRA_APART * length and np.nanmin(own, initial=math.inf) > EXTRA_APART * length:
            surest = max(surest, end.sure)
    return surest
