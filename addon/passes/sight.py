# SPDX-License-Identifier: GPL-3.0-or-later
"""Which points of a figure are seen past its own head, its own body and other things, and its points as OpenPose reports them.
No bpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..openpose.layout import BODY_INDEX, FACE_POINTS_OF_BODY, NECK, SHOULDERS
from ..openpose.person import Person, Points
from .rays import Blocker, Bools, Floats, met
from .view import View

BURIED = 0.1
"""How deep under the skin a face point may lie and still be seen, as a part of the distance between the ears: 1.5 cm on an adult.
Eyes and ears are meant by their centres."""
RIM = 0.08
"""How far an ear stands out from its centre, in the same measure: an ear of which only the rim can be seen is seen."""
PARTED = 0.03
"""How far from the skin around it a part of the own body must lie to hide a point, as a part of the distance between the
shoulders: 1 cm on an adult. What is nearer is a fold of the same skin."""

EARS = (BODY_INDEX["right_ear"], BODY_INDEX["left_ear"])


def seen_past(positions: Floats, present: Bools, heads: Sequence[Blocker], view: View, face: Floats | None = None) -> Bools:
    """Which points are seen past ``heads``: of the 18 body points in the world (18, 3), of which ``present`` (18,) exist, and of
    the ``face`` (n, 3) after them.

    A ray runs from each point of the face towards the camera; it is blocked where it meets a triangle of the head, or of what it
    stands on, farther from its start than what the skin itself covers. Points of the body below count as seen. Both ears must
    have a place.
    """
    seen = np.ones(len(positions) + (0 if face is None else len(face)), dtype=bool)
    points = [index for index in FACE_POINTS_OF_BODY if present[index]]
    ears = positions[list(EARS)]
    width = float(np.linalg.norm(ears[1] - ears[0]))
    outward = (ears - ears[::-1]) * RIM
    origins = np.concatenate((positions[points], ears + outward, *(() if face is None else (face,))))
    free = np.ones(len(origins), dtype=bool)
    for head in heads:
        ray, distance = met(origins, head, view)
        free[ray[distance > BURIED * width]] = False
    rims = len(points) + len(EARS)
    seen[points] = free[: len(points)]
    seen[list(EARS)] |= free[len(points) : rims]
    seen[len(positions) :] = free[rims:]
    return seen


def seen_past_others(origins: Floats, others: Sequence[Blocker], view: View, start: float = 0.0) -> Bools:
    """Which points (n, 3) nothing of ``others`` hides that is more than ``start`` metres in front of them."""
    free = np.ones(len(origins), dtype=bool)
    for other in others:
        ray, distance = met(origins, other, view)
        free[ray[distance > start]] = False
    return free


def seen_past_own(origins: Floats, body: Sequence[Blocker], view: View, parted: float) -> Bools:
    """Which points (n, 3) inside a body, as joints are, no other part of it hides.

    A ray from a joint leaves the flesh around it where it first meets the skin. If it meets skin again, ``parted`` metres or more
    after that, another limb is in the way.
    """
    found = [met(origins, part, view) for part in body]
    ray = np.concatenate([np.empty(0, dtype=np.int64), *(each for each, _ in found)])
    distance = np.concatenate([np.empty(0), *(each for _, each in found)])
    ray, distance = ray[distance > 0.0], distance[distance > 0.0]
    first = np.full(len(origins), np.inf)
    np.minimum.at(first, ray, distance)
    free = np.ones(len(origins), dtype=bool)
    free[ray[distance > first[ray] + parted]] = False
    return free


def shoulder_width(positions: Floats) -> float:
    """Metres between the shoulders of a body (18, 3); 0 where it has none."""
    right, left = SHOULDERS
    width = float(np.linalg.norm(positions[right] - positions[left]))
    return width if np.isfinite(width) else 0.0


def looks_here(seen: Bools) -> bool:
    """Whether a detector looks for the face of a body whose points (18,) are ``seen``: OpenPose does where it has found the nose
    and at least one eye or ear. So there is none on the back of a head."""
    nose, *others = FACE_POINTS_OF_BODY
    return bool(seen[nose] and seen[others].any())


def body_places(positions: Floats) -> Floats:
    """The body points (18, 3) with a neck, which is the middle of the shoulders."""
    places = positions.copy()
    places[NECK] = positions[list(SHOULDERS)].mean(axis=0)
    return places


def person_at(positions: Floats, present: Bools, view: View, *, keep_outside: bool = False, free: Bools | None = None) -> Person:
    """The person whose body points (18, 3) are in the world, of which ``present`` (18,) are there and ``free`` (18,) in front of
    other things.

    Points behind the camera are missing, and so are those outside the picture, where no detector looks, unless ``keep_outside``.
    The neck is the middle between both shoulders in the picture, as the networks were trained, not the anatomical neck.
    """
    present = present.copy()
    pixels, _depth = view.project(positions)
    right, left = SHOULDERS
    pixels[NECK] = (pixels[right] + pixels[left]) / 2.0
    present[NECK] = present[right] and present[left]
    if free is not None:  # a hidden shoulder leaves the neck where it is
        present &= free
    return Person(_reported(pixels, present, view, keep_outside))


def part_at(positions: Floats, seen: Bools, view: View, smallest: float, *, keep_outside: bool = False) -> Points | None:
    """A hand or a face in the picture (n, 3), from its points in the world (n, 3) and which of them are ``seen``; None where
    nothing of it is left, or where all of it, hidden or not, is smaller than ``smallest`` pixels."""
    pixels, _depth = view.project(positions)
    finite = pixels[np.isfinite(pixels).all(axis=1)]
    if not len(finite) or float(np.ptp(finite, axis=0).max()) < smallest:
        return None
    points = _reported(pixels, seen.copy(), view, keep_outside)
    return points if points[:, 2].any() else None


def _reported(pixels: Floats, present: Bools, view: View, keep_outside: bool) -> Points:
    """(n, 3): x, y and 1 or 0."""
    present &= np.isfinite(pixels).all(axis=1)
    if not keep_outside:
        present &= view.contains(pixels)
    return np.column_stack((pixels, present))
