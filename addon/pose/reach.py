# SPDX-License-Identifier: GPL-3.0-or-later
"""How a limb of two bones reaches a place within its limits: to which side its elbow or knee must point.

Shoulder, wrist and the two lengths leave the elbow a circle about the line from shoulder to wrist. Where on it the elbow is
decides whether the upper bone is within its limits; the bend of the elbow is the same everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .limits import JointLimit, euler_angles, matrix_from_euler
from .rotations import Matrix, Vector

_STEP = math.radians(2.0)
_FINE = 81
"""Places on the circle between two neighbours of the first, coarse look."""
_TOLERANCE = math.radians(0.03)
"""As far beyond its limit a limb may seem that lies on it: the solver's own error is below that."""
_MARGIN = math.radians(0.05)
"""As far inside the limits an elbow is led, so that the solver's error does not lead out of them again."""
_TIE = 1.5 * math.pi
"""Two triples of angles give the same rotation, and Blender limits the one with the smaller sum of absolute values. Where both
sums are this, a hair decides between them, and the other one may be stopped far away."""
_TIE_MARGIN = math.radians(0.25)
"""As far from there an elbow is led."""
_RELUCTANCE = 0.02
"""Metres of the hand's distance that are worth a radian of the elbow's way, where the place cannot be reached."""


@dataclass(frozen=True)
class Reach:
    """A limb and the place for its end. Places and axes are in one space, whichever; metres.

    ``reference`` (3, 3) holds the axes from which ``upper`` counts its angles, as the body carries them now. The bones' axes are
    as in ``HumanoidRest.bone_frame``: y along the bone, x the axis about which the limb bends.
    """

    root: Vector
    goal: Vector
    upper_length: float
    lower_length: float
    reference: Matrix
    upper: JointLimit
    lower: JointLimit

    @property
    def axis(self) -> Vector:
        """From the limb's root to the place, at length one."""
        return rot.unit(self.goal - self.root)

    def uppers(self, outward: Vector) -> Matrix:
        """The upper bone's axes (…, 3, 3), for elbows to the sides ``outward`` (…, 3), which are perpendicular to the axis."""
        cosine, sine, _ = self._bends()
        y = self.axis * cosine + outward * sine
        x = np.cross(outward, self.axis)
        return np.stack([x, y, np.cross(x, y)], axis=-1)

    def excess(self, uppers: Matrix, margin: float = 0.0) -> Vector:
        """By how many radians (…) the upper bone is outside its limits, of which so much is taken away at both ends."""
        angles = self._angles(uppers)
        beyond = np.abs(angles - self.upper.clamped(angles))
        beyond = np.minimum(beyond, 2.0 * math.pi - beyond)
        near = np.minimum(np.minimum(angles - self.upper.low, self.upper.high - angles), margin)
        outside = np.where(beyond > 1e-12, beyond + margin, margin - near).max(axis=-1)
        worst: Vector = np.maximum(outside, self.ambiguity(uppers))
        return worst

    def ambiguity(self, uppers: Matrix) -> Vector:
        """By how many radians (…) the upper bone is too near to where its angles could be read as others; below 0: far enough."""
        ambiguous: Vector = np.abs(self._angles(uppers)).sum(axis=-1) - (_TIE - _TIE_MARGIN)
        return ambiguous

    def distance(self, uppers: Matrix) -> Vector:
        """How far (…) from the place the limb's end is when both bones have stopped at their limits."""
        _, _, bend = self._bends()
        lowers = uppers @ matrix_from_euler(np.array((bend, 0.0, 0.0)), self.lower.order)
        upper_angles = self.upper.clamped(self._angles(uppers))
        stopped = self.reference @ matrix_from_euler(upper_angles, self.upper.order)
        lower_angles = self.lower.clamped(euler_angles(np.swapaxes(stopped, -1, -2) @ lowers, self.lower.order))
        lowers = stopped @ matrix_from_euler(lower_angles, self.lower.order)
        end = self.root + stopped[..., :, 1] * self.upper_length + lowers[..., :, 1] * self.lower_length
        missed: Vector = np.linalg.norm(end - self.goal, axis=-1)
        return missed

    def _angles(self, uppers: Matrix) -> Vector:
        """The angles (…, 3) of the upper bone that are limited."""
        return euler_angles(np.swapaxes(self.reference, -1, -2) @ uppers, self.upper.order)

    def _bends(self) -> tuple[float, float, float]:
        """Cosine and sine of the angle between axis and upper bone, and the bend between the bones, of the limb as it reaches."""
        a, b = self.upper_length, self.lower_length
        d = min(max(float(np.linalg.norm(self.goal - self.root)), abs(a - b) + 1e-9), a + b)
        cosine = min(max((a * a + d * d - b * b) / (2 * a * d), -1.0), 1.0)
        inner = min(max((a * a + b * b - d * d) / (2 * a * b), -1.0), 1.0)
        return cosine, math.sqrt(1.0 - cosine * cosine), math.pi - math.acos(inner)


def side_within(reach: Reach, outward: Vector) -> Vector | None:
    """The side to which an elbow must point for the upper bone to be within its limits: the nearest to ``outward`` (3,) there is.

    Where there is none, the one that brings the limb's end nearest to its place. None where the elbow can stay as it is.
    """
    if float(np.linalg.norm(reach.goal - reach.root)) < 1e-6:
        return None
    across = rot.perpendicular(outward, reach.axis)
    if float(np.linalg.norm(across)) < 1e-9:
        return None
    start = rot.unit(across)
    if float(reach.excess(reach.uppers(start))) <= _TOLERANCE:
        return None
    beside = np.cross(reach.axis, start)

    def sides(angles: Vector) -> Vector:
        return np.cos(angles)[:, None] * start + np.sin(angles)[:, None] * beside

    def excess(angles: Vector) -> Vector:
        return reach.excess(reach.uppers(sides(angles)), _MARGIN)

    angles = np.arange(-math.pi, math.pi, _STEP)
    beyond = excess(angles)
    centre = angles[np.argmin(np.where(beyond <= 0.0, np.abs(angles), math.pi + beyond))]
    fine = centre + np.linspace(-_STEP, _STEP, _FINE)
    free = fine[excess(fine) <= 0.0]
    if len(free):
        best = free[np.argmin(np.abs(free))]
    else:
        uppers = reach.uppers(sides(angles))
        cost = reach.distance(uppers) + _RELUCTANCE * np.abs(angles)
        best = angles[np.argmin(np.where(reach.ambiguity(uppers) > 0.0, np.inf, cost))]
    found: Vector = sides(np.array([best]))[0]
    return found
