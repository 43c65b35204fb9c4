# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands to where they are wanted: the arm follows by IK, and the hand then turns as it should."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np
from mathutils import Matrix, Vector

from .controls import move_control, turn_joint
from .limbs import LIMBS, Limb


def arm_of(suffix: str) -> Limb:
    """The arm ``"L"`` or ``"R"``."""
    return next(limb for limb in LIMBS if limb.kind == "arm" and limb.suffix == f".{suffix}")


def arm_reach(obj: bpy.types.Object, suffix: str) -> float:
    """Metres from the shoulder to the wrist of a straight arm, in armature axes."""
    limb = arm_of(suffix)
    return float(sum(obj.data.bones[name].length for name in (limb.upper, limb.lower)))


def bring_hand(obj: bpy.types.Object, suffix: str, goal: np.ndarray, elbow: Sequence[float] | None = None) -> None:
    """Move a hand so that what of it is at rest in armature axes comes to ``goal`` (4, 4) of it; its elbow first to ``elbow``
    (3,), both in armature axes. A hand that does not reach it stays on the way."""
    limb = arm_of(suffix)
    bone = obj.pose.bones[limb.end]
    wanted = Matrix(goal) @ bone.bone.matrix_local
    move_control(obj, limb.end, obj.matrix_world @ wanted.translation)
    if elbow is not None:
        move_control(obj, limb.hinge, obj.matrix_world @ Vector(elbow))
        move_control(obj, limb.end, obj.matrix_world @ wanted.translation)
    turn = wanted.to_3x3().normalized() @ bone.matrix.to_3x3().normalized().inverted()
    turn_joint(obj, limb.end, turn.to_quaternion())
