# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the weight of a body is: its centre of mass, and whether what carries the body lies under it. No bpy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .humanoid import SIDES
from .rotations import Vector

_TRUNK = (
    ("head", 0.0681, ("head", "head:tail"), 0.5),
    ("trunk", 0.4302, ("neck", "hips"), 0.505),
)
_LIMBS = (
    ("UpperArm", 0.0263, "LowerArm", 0.576),
    ("LowerArm", 0.0150, "Hand", 0.457),
    ("Hand", 0.0059, "Hand:tail", 0.769),
    ("UpperLeg", 0.1447, "LowerLeg", 0.385),
    ("LowerLeg", 0.0457, "Foot", 0.437),
    ("Foot", 0.0133, "Toes", 0.5),
)
"""Segment, share of the body's mass, where it ends, and how far along its centre of mass is: means of women and men in
P. de Leva, Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters, Journal of Biomechanics 29 (1996), table 4
(trunk from the seventh cervical vertebra to between the hips). Its heads and feet end at points of the skin; ours, whose centres
are taken to be half way, at the nearest joints."""


def centre_of_mass(places: Mapping[str, Vector]) -> Vector:
    """The centre of mass (3,) of a humanoid whose joints are at ``places``; ``<joint>:tail`` is where a bone ends.

    Segments are as heavy as an adult's on every body: one that is drawn with a large head is not meant to topple.
    """
    total, moment = 0.0, np.zeros(3)
    for _, mass, (start, end), share in _TRUNK:
        total += mass
        moment += mass * (places[start] + (places[end] - places[start]) * share)
    for side in SIDES:
        for joint, mass, following, share in _LIMBS:
            first, last = places[side + joint], places[side + following]
            total += mass
            moment += mass * (first + (last - first) * share)
    return np.asarray(moment / total)


def outside_support(point: Vector, carrying: np.ndarray) -> float:
    """How far (metres) a point lies outside the convex hull of the (N, 2) points that carry, seen from above; negative inside.

    Infinite where nothing carries.
    """
    hull = _hull(np.asarray(carrying, dtype=np.float64)[:, :2])
    if len(hull) == 0:
        return float("inf")
    here = np.asarray(point, dtype=np.float64)[:2]
    starts, ends = hull, np.roll(hull, -1, axis=0)
    along = ends - starts
    lengths = np.maximum(np.linalg.norm(along, axis=1), 1e-12)
    across = ((here - starts)[:, 1] * along[:, 0] - (here - starts)[:, 0] * along[:, 1]) / lengths  # positive to the left: inside
    if len(hull) > 2 and across.min() >= 0:
        return -float(across.min())
    share = np.clip(((here - starts) * along).sum(axis=1) / lengths**2, 0.0, 1.0)
    return float(np.linalg.norm(here - (starts + share[:, None] * along), axis=1).min())


def _hull(points: np.ndarray) -> np.ndarray:
    """The convex hull of (N, 2) points, counter-clockwise (Andrew's monotone chain)."""
    ordered = np.unique(points, axis=0)
    if len(ordered) < 3:
        return ordered

    def chain(sequence: np.ndarray) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        for point in sequence:
            while len(found) > 1:
                a, b = found[-1] - found[-2], point - found[-2]
                if a[0] * b[1] - a[1] * b[0] > 0:
                    break
                found.pop()
            found.append(point)
        return found[:-1]

    return np.array(chain(ordered) + chain(ordered[::-1]))
