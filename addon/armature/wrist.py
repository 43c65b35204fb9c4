# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a hand to where it should face: what its wrist cannot do about the hand's length, the forearm does."""

from __future__ import annotations

import math

import bpy
import numpy as np
from mathutils import Matrix, Quaternion

from ..pose.limits import euler_angles
from .limbs import Limb
from .limits import measured_from, ranges_on

_ITERATIONS = 8
"""The forearm's turn is the wrist's to within the wrist's own bend; each round takes most of what is left."""
_Y = 1


def turn_hand(obj: bpy.types.Object, limb: Limb, wanted: Matrix, forearm: Quaternion | None, in_ik: bool) -> None:
    """Give a hand the rotation ``wanted`` (3 × 3, armature space); the evaluated pose must be up to date.

    ``forearm`` is the forearm's own rotation from which its turn counts: when the hand comes back, so does the forearm. None:
    from where it is. The hand's own rotation may be beyond its limits afterwards, where both together do not get there.
    """
    hand, lower = obj.pose.bones[limb.end], obj.pose.bones[limb.lower]
    carried = lower.matrix.to_3x3() @ lower.bone.matrix_local.to_3x3().transposed() @ hand.bone.matrix_local.to_3x3()
    own = carried.transposed() @ wanted
    of_hand, of_lower = ranges_on(hand), ranges_on(lower)
    if of_hand is not None and of_lower is not None:
        to_lower, to_hand = measured_from(lower), measured_from(hand)
        seen = (lower.parent.matrix @ lower.parent.bone.matrix_local.inverted() @ lower.bone.matrix_local).to_3x3().transposed()
        turned = float(euler_angles(np.array(to_lower @ seen @ lower.matrix.to_3x3()), of_lower.order)[_Y])
        before = turned
        if forearm is not None:
            before = float(euler_angles(np.array(to_lower @ forearm.to_matrix()), of_lower.order)[_Y])
        between = lower.bone.matrix_local.to_3x3().transposed() @ hand.bone.matrix_local.to_3x3()

        def own_after(turn: float) -> Matrix:
            return between.transposed() @ Matrix.Rotation(-turn, 3, "Y") @ between @ own

        turn = before - turned
        for _ in range(_ITERATIONS):
            angle = euler_angles(np.array(to_hand @ own_after(turn)), of_hand.order)
            beyond = float((angle - of_hand.clamped(angle))[_Y])
            turn = min(max(turn + beyond, float(of_lower.low[_Y]) - turned), float(of_lower.high[_Y]) - turned)
        if abs(turn) > math.radians(0.01):
            bone = obj.pose.bones[limb.out(limb.lower)] if in_ik else lower
            bone.rotation_quaternion = bone.rotation_quaternion @ Quaternion((0.0, 1.0, 0.0), turn)
            own = own_after(turn)
    rotation = own.to_quaternion()
    hand.rotation_quaternion = rotation if rotation.dot(hand.rotation_quaternion) >= 0.0 else -rotation
