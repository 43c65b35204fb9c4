# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving dots and turning joints from Python: what a drag with the mouse does, in one call."""

from __future__ import annotations

import math
from collections.abc import Sequence

import bpy
from mathutils import Matrix, Quaternion, Vector

from ..errors import UserError
from .follow import come_to_rest, follow
from .limbs import CONTROLS, Limb, control_for, limb_of
from .limits import set_lifted
from .mannequin import require_posable
from .matching import paused, set_ik
from .roll import Roller, legs, roll_dot


def move_control(obj: bpy.types.Object, name: str, location: Sequence[float]) -> None:
    """Drag a dot to a place (world metres) and let go of it there.

    ``name`` is a control (``limbs.CONTROLS``), or ``hand.L``, ``foot.R``, … for the dots at wrists and ankles. A dot let go out
    of reach comes back onto its joint. Raises UserError for a name that is no dot and for a place that is not finite."""
    place = Vector([float(c) for c in location])
    if len(place) != 3 or not all(abs(c) < 1e6 for c in place):  # also refuses NaN
        raise UserError("A control can only be moved to three finite numbers of metres.")
    control = control_for(name)
    if control not in CONTROLS:
        raise UserError(f"'{name}' is turned, not moved. Dots that can be moved: {', '.join(CONTROLS)}.")
    bone = _bone(obj, control)
    with paused():
        bring_up_to_date(obj)
        matrix = bone.matrix.copy()
        matrix.translation = obj.matrix_world.inverted() @ place
        bone.location = _local(bone, matrix).translation
        limb = limb_of(control)
        if limb is not None:
            set_ik(obj, limb, True)
        bring_up_to_date(obj)


def turn_joint(obj: bpy.types.Object, name: str, rotation: Sequence[float]) -> None:
    """Turn a bone by a quaternion (w, x, y, z) in armature axes, from where it is now. Its limb goes over to FK without a jump.

    Raises UserError for an unknown bone and for a quaternion that is not finite or has length zero.
    """
    turn = Quaternion([float(c) for c in rotation])
    if not 1e-6 < turn.magnitude < 1e6:  # also refuses NaN
        raise UserError("A joint can only be turned by a quaternion of four finite numbers that are not all zero.")
    bone = _bone(obj, name)
    with paused():
        bring_up_to_date(obj)
        matrix = turn.normalized().to_matrix() @ bone.matrix.to_3x3()
        own = _local(bone, matrix.to_4x4()).to_quaternion()
        limb = limb_of(name)
        if bone.rotation_mode == "QUATERNION":
            bone.rotation_quaternion = own
        else:  # the dots of the foot roll
            bone.rotation_euler = own.to_euler()
        if limb is not None and name in limb.turned_by_hand:
            set_ik(obj, limb, False)
        bring_up_to_date(obj)


def roll_foot(obj: bpy.types.Object, side: str, angle: float) -> None:
    """Roll a foot (``"L"``, ``"R"`` or ``"BOTH"``) until its sole makes this angle with the ground, radians; positive lifts the
    heel. Raises UserError for an angle beyond a right angle or not finite, and for what is no figure that can be posed."""
    if not abs(angle) <= math.pi / 2 + 1e-6:  # also refuses NaN
        raise UserError("A foot can be rolled by at most 90 degrees to either side.")
    with paused():
        for limb in _legs_of(side):
            dot = _bone(obj, roll_dot(limb))
            bring_up_to_date(obj)
            roller = Roller(obj, limb)
            dot.rotation_euler.x = angle - roller.angle(roller.seen(obj))
            bring_up_to_date(obj)


def foot_roll(obj: bpy.types.Object, side: str) -> float:
    """How far a foot (``"L"`` or ``"R"``; of both, the left one) is rolled, radians, as it is seen."""
    limb = _legs_of(side)[0]
    _bone(obj, limb.end)
    roller = Roller(obj, limb)
    return roller.angle(roller.seen(obj))


def _legs_of(side: str) -> list[Limb]:
    return [limb for limb in legs() if side in ("BOTH", limb.suffix[1:])]


def lift_limits(obj: bpy.types.Object, value: bool) -> None:
    """Let a figure's joints turn without limits, or hold them to their limits again: what is beyond them comes within, and
    nothing else moves. Raises UserError for what is no mannequin or lacks a bone."""
    require_posable(obj)
    with paused():
        bring_up_to_date(obj)
        set_lifted(obj, value)
        _evaluate()
        if come_to_rest(obj, force=not value):
            _evaluate()


def bring_up_to_date(obj: bpy.types.Object) -> None:
    """Take account of changes that were made on the bones directly, by whatever tool or script: what was meant is done, dots go
    onto their joints, and IK and FK agree."""
    _evaluate()
    follow(obj)
    if come_to_rest(obj):
        _evaluate()


def _evaluate() -> None:
    bpy.context.view_layer.update()


def _bone(obj: bpy.types.Object, name: str) -> bpy.types.PoseBone:
    require_posable(obj)
    bone = obj.pose.bones.get(name)
    if bone is None:
        raise UserError(f"'{obj.name}' has no control '{name}'.")
    return bone


def _local(bone: bpy.types.PoseBone, pose: Matrix) -> Matrix:
    if bone.parent is None:
        return bone.bone.matrix_local.inverted() @ pose
    carried = bone.parent.matrix @ bone.parent.bone.matrix_local.inverted() @ bone.bone.matrix_local
    return carried.inverted() @ pose
