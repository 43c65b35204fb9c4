# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving dots and turning joints from Python: what a drag with the mouse does, in one call."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
from mathutils import Matrix, Quaternion, Vector

from ..errors import UserError
from .follow import come_to_rest, follow
from .limbs import CONTROLS, control_for, limb_of
from .mannequin import require_posable
from .matching import paused, set_ik


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
        bone.rotation_quaternion = _local(bone, matrix.to_4x4()).to_quaternion()
        limb = limb_of(name)
        if limb is not None and name in limb.turned_by_hand:
            set_ik(obj, limb, False)
        bring_up_to_date(obj)


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
