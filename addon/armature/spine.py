# SPDX-License-Identifier: GPL-3.0-or-later
"""How the trunk bends: one bow of spine, neck and head, solved for where a point of it should go.

All bones of a bow turn about the same axis, each by its own share, so that the trunk can neither buckle nor twist, and a place
that is out of reach gives the bow that comes nearest to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import bpy
from mathutils import Matrix, Quaternion, Vector

from .limits import ranges_on, within_limits

TRUNK = ("spine", "chest", "upper_chest", "neck", "head")

_ITERATIONS = 40
_CLOSE = 1e-5
"""Metres: nearer to the goal than this, or to the nearest place that can be reached, the search ends."""
_PROBE = 1e-4
"""Radians by which a bow is changed to see where that moves its end."""


class Trunk:
    """The bones of the trunk in one state of their own rotations, in armature axes; nothing of it is written to the figure."""

    def __init__(self, obj: bpy.types.Object, rotations: Mapping[str, Quaternion]) -> None:
        """``rotations``: each bone's own, as its ``rotation_quaternion`` holds it. The hips are taken as they are seen."""
        self._pose_bones = {name: obj.pose.bones[name] for name in TRUNK}
        self._bones = {name: obj.data.bones[name] for name in TRUNK}
        self._hips = obj.pose.bones["hips"].matrix.copy()
        self.rotations = {name: rotations[name].copy() for name in TRUNK}
        self.matrices: dict[str, Matrix] = {}
        for name in TRUNK:
            self._place(name)

    def point(self, bone: str, rest: Vector) -> Vector:
        """Where a point is now that rests at ``rest`` and is carried by a bone."""
        return self.matrices[bone] @ (self._bones[bone].matrix_local.inverted() @ rest)

    def turned(self, bone: str) -> Quaternion:
        """By which rotation a bone differs from its rest, in armature axes."""
        return self.matrices[bone].to_quaternion() @ self._bones[bone].matrix_local.to_quaternion().inverted()

    def is_free(self, bone: str) -> bool:
        """Whether the limits of a bone are lifted."""
        return ranges_on(self._pose_bones[bone]) is None

    def turn(self, turns: Mapping[str, Quaternion]) -> None:
        """Turn bones by rotations in armature axes, each from where it is now; the others keep their own rotations."""
        self.turn_to({name: turn @ self.turned(name) for name, turn in turns.items()})

    def turn_to(self, turned: Mapping[str, Quaternion]) -> None:
        """Give bones these rotations from their rest, in armature axes, as far as limits let them; the others keep theirs."""
        for name in TRUNK:
            if name in turned:
                wanted = turned[name] @ self._bones[name].matrix_local.to_quaternion()
                own = (self._carried(name).to_quaternion().inverted() @ wanted).normalized()
                own = within_limits(self._pose_bones[name], own)
                # Of the two quaternions the one near the former, so that keys between them take the short way.
                self.rotations[name] = own if own.dot(self.rotations[name]) >= 0.0 else -own
            self._place(name)

    def bend(self, shares: Mapping[str, float], bone: str, rest: Vector, goal: Vector, most: float) -> None:
        """Bow the trunk so that the point of ``bone`` that rests at ``rest`` comes as near as it can to ``goal``.

        ``shares``: by how much of the bow each bone turns in the end, from the lowest bone up; bones above the last one ride
        along. ``most``: radians that a share of 1 turns at most.
        """
        names = [name for name in TRUNK if name in shares]
        last = TRUNK.index(bone)
        base = self.matrices[names[0]].translation.copy()
        ends = [self.matrices[name].translation.copy() for name in TRUNK[1 : last + 1]] + [self.point(bone, rest)]
        starts = [self.matrices[name].translation.copy() for name in TRUNK[: last + 1]]
        carried, share = [], 0.0
        for name, start, end in zip(TRUNK, starts, ends, strict=False):
            share = shares.get(name, share)
            if TRUNK.index(name) >= TRUNK.index(names[0]):
                carried.append((share, end - start))
        along = sum((part for _, part in carried), Vector()).normalized()
        x = along.orthogonal().normalized()
        bow = _nearest(base, carried, goal, (x, along.cross(x)), most)
        self.turn({name: _rotation(bow * value) for name, value in shares.items()})

    def _carried(self, name: str) -> Matrix:
        """A bone as it would be without a rotation of its own."""
        bone = self._bones[name]
        above = self._hips if name == TRUNK[0] else self.matrices[bone.parent.name]
        return above @ bone.parent.matrix_local.inverted() @ bone.matrix_local

    def _place(self, name: str) -> None:
        self.matrices[name] = self._carried(name) @ self.rotations[name].to_matrix().to_4x4()


def _nearest(base: Vector, carried: list[tuple[float, Vector]], goal: Vector, axes: tuple[Vector, Vector], most: float) -> Vector:
    """The bow (a rotation vector in the plane of ``axes``) whose end comes nearest to ``goal``: damped least squares."""

    def end(bow: Vector) -> Vector:
        return sum((_rotation(bow * share) @ part for share, part in carried), base.copy())

    bow, damping = Vector(), 1e-4
    miss = goal - end(bow)
    for _ in range(_ITERATIONS):
        reached = goal - miss
        slopes = [(end(bow + axis * _PROBE) - reached) / _PROBE for axis in axes]
        a, b, d = (slopes[i].dot(slopes[j]) for i, j in ((0, 0), (0, 1), (1, 1)))
        p, q = (slope.dot(miss) for slope in slopes)
        a, d = a + damping, d + damping
        scale = 1.0 / (a * d - b * b)
        trial = bow + axes[0] * ((d * p - b * q) * scale) + axes[1] * ((a * q - b * p) * scale)
        if trial.length > most:
            trial *= most / trial.length
        left = goal - end(trial)
        if left.length < miss.length:
            gain = miss.length - left.length
            bow, miss, damping = trial, left, damping * 0.2
            if gain < _CLOSE:
                break
        else:
            damping *= 10.0
            if damping > 1e8:
                break
    return bow


def _rotation(vector: Vector) -> Quaternion:
    """The rotation about a vector's direction by its length in radians."""
    return Quaternion(vector, vector.length) if vector.length > 0.0 else Quaternion()


def partial(rotation: Quaternion, share: float) -> Quaternion:
    """A part of a rotation about the same axis."""
    axis, angle = rotation.to_axis_angle()
    return Quaternion(axis, (angle - 2 * math.pi if angle > math.pi else angle) * share)
