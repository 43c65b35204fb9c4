# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a hand to where it should face: what its wrist cannot do about the hand's length, the forearm does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix, Quaternion

from ..pose.limits import JointLimit, euler_angles
from .limbs import Limb
from .limits import measured_from, ranges_on
from .settled import differs

_ITERATIONS = 8
"""The forearm's turn is the wrist's to within the wrist's own bend; each round takes most of what is left."""
_Y = 1


@dataclass(frozen=True)
class Wrist:
    """A wrist and its forearm as they are seen, within their limits. Rotations are (3, 3), angles radians.

    ``between`` is how the hand rests against the forearm, ``to_hand`` and ``to_lower`` bring their own rotations to those whose
    angles are limited, and ``turned`` is how far the forearm is turned about its length."""

    hand: JointLimit
    lower: JointLimit
    to_hand: Matrix
    to_lower: Matrix
    between: Matrix
    turned: float

    def forearms_turn(self, rotation: Quaternion) -> float:
        """From where the forearm is to one of its own rotations, about its length."""
        return float(euler_angles(np.array(self.to_lower @ rotation.to_matrix()), self.lower.order)[_Y]) - self.turned

    def share(self, own: Matrix, turn: float = 0.0) -> float:
        """By how much the forearm must be turned about its length, on from ``turn``, for the hand that has this rotation against
        the forearm as it is: as little as the limits of the wrist let it, and not beyond its own."""
        least, most = float(self.lower.low[_Y]) - self.turned, float(self.lower.high[_Y]) - self.turned
        for _ in range(_ITERATIONS):
            angles = euler_angles(np.array(self.to_hand @ self.own_after(own, turn)), self.hand.order)
            turn = min(max(turn + float((angles - self.hand.clamped(angles))[_Y]), least), most)
        return turn

    def own_after(self, own: Matrix, turn: float) -> Matrix:
        """The hand's own rotation that leaves it where it is while the forearm turns."""
        return self.between.transposed() @ Matrix.Rotation(-turn, 3, "Y") @ self.between @ own


def wrist_of(obj: bpy.types.Object, limb: Limb) -> Wrist | None:
    """A wrist as it is seen; the evaluated pose must be up to date. None while limits of its are lifted."""
    hand, lower = obj.pose.bones[limb.end], obj.pose.bones[limb.lower]
    of_hand, of_lower = ranges_on(hand), ranges_on(lower)
    if of_hand is None or of_lower is None:
        return None
    to_lower = measured_from(lower)
    carrier = (lower.parent.matrix @ lower.parent.bone.matrix_local.inverted() @ lower.bone.matrix_local).to_3x3()
    seen = np.array(to_lower @ carrier.transposed() @ lower.matrix.to_3x3())
    turned = float(euler_angles(seen, of_lower.order)[_Y])
    return Wrist(of_hand, of_lower, measured_from(hand), to_lower, _between(obj, limb), turned)


def turn_hand(obj: bpy.types.Object, limb: Limb, wanted: Matrix, forearm: Quaternion | None, in_ik: bool) -> bool:
    """Give a hand the rotation ``wanted`` (3 × 3, armature space); the evaluated pose must be up to date. True when something
    was written.

    ``forearm`` is the forearm's own rotation from which its turn counts: when the hand comes back, so does the forearm. None:
    from where it is. The hand's own rotation may be beyond its limits afterwards, where both together do not get there.
    """
    own = (obj.pose.bones[limb.lower].matrix.to_3x3() @ _between(obj, limb)).transposed() @ wanted
    wrist = wrist_of(obj, limb)
    if wrist is None:
        return _write(obj, limb, own.to_quaternion(), 0.0, in_ik)
    turn = wrist.share(own, wrist.forearms_turn(forearm) if forearm is not None else 0.0)
    return _write(obj, limb, wrist.own_after(own, turn).to_quaternion(), turn, in_ik)


def share_turn(obj: bpy.types.Object, limb: Limb, wish: Quaternion, forearm: Quaternion, in_ik: bool) -> bool:
    """Turn a hand as its own rotation ``wish`` would while the forearm has its rotation ``forearm``; else as ``turn_hand``."""
    wrist = wrist_of(obj, limb)
    back = wrist.forearms_turn(forearm) if wrist is not None else 0.0
    carried = obj.pose.bones[limb.lower].matrix.to_3x3() @ Matrix.Rotation(back, 3, "Y") @ _between(obj, limb)
    return turn_hand(obj, limb, carried @ wish.to_matrix(), forearm, in_ik)


def _between(obj: bpy.types.Object, limb: Limb) -> Matrix:
    lower, hand = obj.data.bones[limb.lower], obj.data.bones[limb.end]
    return lower.matrix_local.to_3x3().transposed() @ hand.matrix_local.to_3x3()


def _write(obj: bpy.types.Object, limb: Limb, own: Quaternion, turn: float, in_ik: bool) -> bool:
    """Only what changed: every write makes Blender evaluate the rig again."""
    hand = obj.pose.bones[limb.end]
    is_turned = abs(turn) > math.radians(0.01)
    if is_turned:
        bone = obj.pose.bones[limb.out(limb.lower) if in_ik else limb.lower]
        bone.rotation_quaternion = bone.rotation_quaternion @ Quaternion((0.0, 1.0, 0.0), turn)
    own = own if own.dot(hand.rotation_quaternion) >= 0.0 else -own
    if not differs(list(own), list(hand.rotation_quaternion)):
        return is_turned
    hand.rotation_quaternion = own
    return True
