# SPDX-License-Identifier: GPL-3.0-or-later
"""Which face points are seen past the head that they belong to, and a figure's points as OpenPose reports them. No bpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..openpose.layout import BODY_INDEX, FACE_POINTS_OF_BODY, NECK, SHOULDERS
from ..openpose.person import Person
from .view import View

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int32]

BURIED = 0.1
"""How deep under the skin a face point may lie and still be seen, as a part of the distance between the ears: 1.5 cm on an adult.
Eyes and ears are meant by their centres."""
RIM = 0.08
"""How far an ear stands out from its centre, in the same measure: an ear of which only the rim can be seen is seen."""

EARS = (BODY_INDEX["right_ear"], BODY_INDEX["left_ear"])


@dataclass(frozen=True, eq=False)
class Blocker:
    """What may hide a face: ``triangles`` (t, 3) of ``world`` (n, 3) metres; ``used`` (n,) are the vertices that they have."""

    world: Floats
    triangles: Ints
    used: Bools


def seen_past(positions: Floats, present: Bools, heads: Sequence[Blocker], view: View) -> Bools:
    """For the 18 body points in the world (18, 3), of which ``present`` (18,) exist: which are seen past ``heads``.

    A ray runs from each face point towards the camera; it is blocked where it meets a triangle of the head, or of what it stands
    on, farther from its start than what the skin itself covers. Points that are no face points count as seen. Both ears must have
    a place.
    """
    seen = np.ones(len(positions), dtype=bool)
    points = [index for index in FACE_POINTS_OF_BODY if present[index]]
    ears = positions[list(EARS)]
    width = float(np.linalg.norm(ears[1] - ears[0]))
    outward = (ears - ears[::-1]) * RIM
    origins = np.concatenate((positions[points], ears + outward))
    free = np.ones(len(origins), dtype=bool)
    targets, _depth = view.project(origins)
    for head in heads:
        pixels = np.empty((2, len(head.used)))
        pixels[:, head.used] = view.project(head.world[head.used])[0].T
        a, b, c = (pixels[:, head.triangles[:, corner]] for corner in range(3))
        lowest, highest = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
        for index, (origin, target) in enumerate(zip(origins, targets, strict=True)):
            # All rays end in the camera: only triangles around the point in the picture can be met.
            around = (lowest <= target[:, None]) & (target[:, None] <= highest)
            near = np.flatnonzero(around[0] & around[1])
            if len(near):
                ray = view.position - origin if view.perspective else view.backward
                length = float(np.linalg.norm(ray)) if view.perspective else np.inf
                free[index] &= not _meets(origin, ray, head.world[head.triangles[near]], BURIED * width, length)
    seen[points] = free[: len(points)]
    seen[list(EARS)] |= free[len(points) :]
    return seen


def person_at(positions: Floats, present: Bools, view: View, *, keep_outside: bool = False) -> Person:
    """The person whose body points (18, 3) are in the world, of which ``present`` (18,) are there and not hidden.

    Points behind the camera are missing, and so are those outside the picture, where no detector looks, unless ``keep_outside``.
    The neck is the middle between both shoulders in the picture, as the networks were trained, not the anatomical neck.
    """
    present = present.copy()
    pixels, _depth = view.project(positions)
    right, left = SHOULDERS
    pixels[NECK] = (pixels[right] + pixels[left]) / 2.0
    present[NECK] = present[right] and present[left]
    present &= np.isfinite(pixels).all(axis=1)
    if not keep_outside:
        present &= view.contains(pixels)
    return Person(np.column_stack((pixels, present)))


def _meets(origin: Floats, ray: Floats, triangles: Floats, start: float, end: float) -> bool:
    """Whether a ray (3,), from ``start`` to ``end`` metres from its origin (3,), meets one of the triangles (t, 3, 3).

    The test of Möller and Trumbore.
    """
    ray = ray / max(float(np.linalg.norm(ray)), 1e-9)
    corner = triangles[:, 0]
    first, second = triangles[:, 1] - corner, triangles[:, 2] - corner
    across = _cross(ray, second)
    determinant = (first * across).sum(axis=1)
    facing = determinant != 0.0
    inverse = 1.0 / np.where(facing, determinant, 1.0)
    offset = origin - corner
    u = (offset * across).sum(axis=1) * inverse
    around = _cross(offset, first)
    v = (around @ ray) * inverse
    distance = (second * around).sum(axis=1) * inverse
    return bool((facing & (u >= 0.0) & (v >= 0.0) & (u + v <= 1.0) & (distance > start) & (distance < end)).any())


def _cross(a: Floats, b: Floats) -> Floats:
    """(…, 3): the cross product, on a few vectors at a time three times as fast as ``numpy.cross``."""
    (ax, ay, az), (bx, by, bz) = a.T, b.T
    return np.stack((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx), axis=-1)
