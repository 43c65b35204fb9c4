# SPDX-License-Identifier: GPL-3.0-or-later
"""How far joints turn: the limits of ``rigs/joint_limits.toml`` on the joints of one figure.

A joint's turn is described by three angles about the axes that its bone has in the T-pose (the file says which). A rotation is
within the limits where all three lie in their ranges; one that is not is brought to the nearest end of each range. Blender's
Limit Rotation constraint does the same with the same numbers, so that what is computed here is what a figure in a scene does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from . import rotations as rot
from .humanoid import base_name, side_of
from .limit_ranges import Overrides, Range, overridden, shipped_ranges
from .normalised import Pose, Quaternion
from .rest import HumanoidRest
from .rotations import Matrix, Vector

_ODD_ORDERS = ("XZY", "YXZ", "ZYX")
"""Orders in which Blender counts angles the other way round inside its formula."""
_SINGULAR = 16 * float(np.finfo(np.float32).eps)
"""Blender's bound for the cosine of the middle angle below which the other two cannot be told apart."""
_ROUNDING = 2e-6
"""Radians beyond a limit that are none: what single precision, in which Blender keeps rotations, leaves of an angle."""
_MIRRORED = np.array([1.0, -1.0, -1.0])
"""On the right side a turn about x keeps its sign; those about y and z change theirs."""


@dataclass(frozen=True)
class JointLimit:
    """The limits of one joint of one figure.

    ``frame`` (3, 3) is the bone in the T-pose, ``reference`` (3, 3) the same turned to its centre, both in armature axes.
    ``low`` and ``high`` (3,) are the ends of the ranges about x, y, z in radians.
    """

    order: str
    frame: Matrix
    reference: Matrix
    low: Vector
    high: Vector

    def angles(self, quaternion: Quaternion) -> Vector:
        """(3,) angles about x, y, z in radians of a normalised local rotation."""
        return _euler_angles_of_one(self.reference.T @ rot.matrix_from_quaternion(quaternion) @ self.frame, self.order)

    def rotation(self, angles: Vector) -> Quaternion:
        """The normalised local rotation that has these angles."""
        return _quaternion(self.reference @ matrix_from_euler(angles, self.order) @ self.frame.T)

    def clamped(self, angles: Vector) -> Vector:
        """Angles (…, 3) with each that is outside its range at the nearer end of it, the shorter way round."""
        middle = (self.low + self.high) / 2.0
        wrapped = middle + np.remainder(angles - middle + math.pi, 2.0 * math.pi) - math.pi
        return np.minimum(np.maximum(wrapped, self.low), self.high)

    def clamped_one(self, angles: Vector) -> list[float]:
        """``clamped`` of one triple, in plain numbers: every joint of every pose is asked for it."""
        found = []
        for angle, low, high in zip(angles.tolist(), self.low.tolist(), self.high.tolist(), strict=True):
            middle = (low + high) / 2.0
            found.append(min(max(middle + (angle - middle + math.pi) % (2.0 * math.pi) - math.pi, low), high))
        return found


@dataclass(frozen=True)
class JointLimits:
    """The limits of all joints of one figure, but its hips, which turn freely."""

    joints: Mapping[str, JointLimit]

    def clamp(self, joint: str, quaternion: Quaternion) -> Quaternion:
        """A normalised local rotation brought within the limits; as it is where it lies within them, or ``joint`` has none."""
        limit = self.joints.get(joint)
        if limit is None:
            return quaternion
        angles = limit.angles(quaternion)
        clamped = limit.clamped_one(angles)
        if max(abs(new - old) for new, old in zip(clamped, angles.tolist(), strict=True)) < _ROUNDING:
            return quaternion
        return limit.rotation(np.array(clamped))

    def excess(self, joint: str, quaternion: Quaternion) -> float:
        """By how many radians a rotation must turn to be within the limits; 0 inside."""
        clamped = self.clamp(joint, quaternion)
        return 0.0 if clamped is quaternion else rot.angle_between(quaternion, clamped)

    def clamp_pose(self, pose: Pose) -> Pose:
        """The pose with every joint within its limits. Joints that are already keep their rotations to the last bit."""
        return replace(pose, rotations={joint: self.clamp(joint, q) for joint, q in pose.rotations.items()})


def joint_limits(rest: HumanoidRest, overrides: Overrides | None = None) -> JointLimits:
    """The limits of a figure's joints; ``overrides`` are those of its body (``checked_overrides``). Raises LimitsError."""
    ranges = overridden(shipped_ranges(), overrides or {})
    return JointLimits({joint: _on(rest, joint, ranges[base_name(joint)]) for joint in rest.heads if base_name(joint) in ranges})


def euler_angles(matrices: Matrix, order: str) -> Vector:
    """Angles (…, 3) about x, y, z in radians of rotations (…, 3, 3): of the two triples that give the same rotation the one with
    the smaller sum of absolute values, which is what Blender's ``to_euler`` gives."""
    i, j, k = ("XYZ".index(axis) for axis in order)
    m = np.asarray(matrices, dtype=np.float64)
    across = np.hypot(m[..., i, i], m[..., j, i])
    is_singular = across < _SINGULAR
    one, other = np.empty(m.shape[:-1]), np.empty(m.shape[:-1])
    one[..., i] = np.arctan2(m[..., k, j], m[..., k, k])
    one[..., j] = np.arctan2(-m[..., k, i], across)
    one[..., k] = np.arctan2(m[..., j, i], m[..., i, i])
    other[..., i] = np.arctan2(-m[..., k, j], -m[..., k, k])
    other[..., j] = np.arctan2(-m[..., k, i], -across)
    other[..., k] = np.arctan2(-m[..., j, i], -m[..., i, i])
    is_longer = np.abs(one).sum(axis=-1) > np.abs(other).sum(axis=-1)
    best = np.where(is_longer[..., None], other, one)
    if is_singular.any():  # the first and the last axis coincide: all of the turn is the first's
        best[..., i] = np.where(is_singular, np.arctan2(-m[..., j, k], m[..., j, j]), best[..., i])
        best[..., j] = np.where(is_singular, one[..., j], best[..., j])
        best[..., k] = np.where(is_singular, 0.0, best[..., k])
    return -best if order in _ODD_ORDERS else best


def _euler_angles_of_one(matrix: Matrix, order: str) -> Vector:
    """``euler_angles`` of one rotation (3, 3), five times as fast: every joint of every pose is asked for its angles."""
    i, j, k = ("XYZ".index(axis) for axis in order)
    m = matrix.tolist()
    across = math.hypot(m[i][i], m[j][i])
    if across < _SINGULAR:
        return euler_angles(matrix, order)
    one, other = [0.0] * 3, [0.0] * 3
    one[i], other[i] = math.atan2(m[k][j], m[k][k]), math.atan2(-m[k][j], -m[k][k])
    one[j], other[j] = math.atan2(-m[k][i], across), math.atan2(-m[k][i], -across)
    one[k], other[k] = math.atan2(m[j][i], m[i][i]), math.atan2(-m[j][i], -m[i][i])
    best = other if sum(map(abs, one)) > sum(map(abs, other)) else one
    return np.array([-angle for angle in best] if order in _ODD_ORDERS else best)


def matrix_from_euler(angles: Vector, order: str) -> Matrix:
    """Rotations (…, 3, 3) by angles (…, 3) about x, y, z in radians, in an order."""
    angles = np.asarray(angles, dtype=np.float64)
    cosines, sines = np.cos(angles), np.sin(angles)
    result = np.eye(3)
    for axis in order:
        index = "XYZ".index(axis)
        j, k = (index + 1) % 3, (index + 2) % 3
        turn = np.zeros((*angles.shape, 3))
        turn[..., index, index] = 1.0
        turn[..., j, j] = turn[..., k, k] = cosines[..., index]
        turn[..., k, j], turn[..., j, k] = sines[..., index], -sines[..., index]
        result = turn @ result
    return result


def _on(rest: HumanoidRest, joint: str, limits: Range) -> JointLimit:
    frame = rest.to_t_pose[joint] @ rest.bone_frame(joint)
    centre, low, high = np.radians(limits.centre), np.radians(limits.low), np.radians(limits.high)
    if side_of(joint) == "right":
        low, high = np.minimum(low * _MIRRORED, high * _MIRRORED), np.maximum(low * _MIRRORED, high * _MIRRORED)
        centre = centre * _MIRRORED
    turned = matrix_from_euler(centre, "ZYX")  # about its own x first: the outermost
    return JointLimit(limits.order, frame, frame @ turned, low, high)


def _quaternion(matrix: Matrix) -> Quaternion:
    w, x, y, z = (float(c) for c in rot.quaternion_from_matrix(matrix))
    return (w, x, y, z)
