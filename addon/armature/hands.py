# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand shapes onto mannequins, and off them. Only the fingers turn: the arm and the wrist keep their place."""

from __future__ import annotations

from collections.abc import Callable

import bpy
import numpy as np
from mathutils import Quaternion

from ..errors import UserError
from ..pose import rotations as rot
from ..pose.hands import JOINTS, HandShape, blend
from ..pose.humanoid import SIDES
from ..pose.rest import HumanoidRest
from .joint_map import joint_map
from .mannequin import require_posable
from .matching import paused, settle
from .posing import humanoid_rest_of

BOTH = "BOTH"
_SIDES = {"L": SIDES[:1], "R": SIDES[1:], BOTH: SIDES}


def apply_hand(obj: bpy.types.Object, side: str, shape: HandShape, factor: float = 1.0) -> None:
    """Bring the fingers of a mannequin's hand (``"L"``, ``"R"`` or ``"BOTH"``) from their present shape (factor 0) into a shape
    (factor 1); a shape of the left hand is mirrored on the right one. Raises UserError and HandError."""
    change_hand(obj, side, lambda present: blend(present, shape, factor))


def change_hand(obj: bpy.types.Object, side: str, change: Callable[[HandShape], HandShape]) -> None:
    """Replace the present shape of one hand or both by what ``change`` makes of it. Raises UserError."""
    require_posable(obj)
    rest = humanoid_rest_of(obj)
    shapes = [change(_read(obj, rest, one)).for_side(one) for one in _sides(side)]
    bones = joint_map("mannequin")
    with paused():
        for shape in shapes:
            for name in JOINTS:
                joint = shape.side + name
                if joint not in rest.heads:
                    continue
                bone = obj.pose.bones[bones[joint]]
                own = np.array(bone.bone.matrix_local.to_3x3())
                above = rest.to_t_pose[_above(rest, joint)]
                turn = above.T @ rot.matrix_from_quaternion(shape.rotation(name)) @ rest.to_t_pose[joint]
                bone.rotation_quaternion = Quaternion(rot.quaternion_from_matrix(own.T @ turn @ own))
        bpy.context.view_layer.update()
        if settle(obj):  # a finger stops at its limit
            bpy.context.view_layer.update()


def read_hand(obj: bpy.types.Object, side: str, name: str = "Hand") -> HandShape:
    """The shape that the fingers of the hand ``"L"`` or ``"R"`` are seen in. Raises UserError."""
    sides = _sides(side)
    if len(sides) != 1:
        raise UserError("Say which hand to read: L or R.")
    return _read(obj, humanoid_rest_of(obj), sides[0], name)


def _read(obj: bpy.types.Object, rest: HumanoidRest, side: str, name: str = "Hand") -> HandShape:
    bpy.context.view_layer.update()
    bones = joint_map("mannequin")
    rotations = {}
    for joint in (side + name for name in JOINTS):
        if joint not in rest.heads:
            continue
        above = _above(rest, joint)
        turn = _turn(obj.pose.bones[bones[above]]).T @ _turn(obj.pose.bones[bones[joint]])
        local = rest.to_t_pose[above] @ turn @ rest.to_t_pose[joint].T
        w, x, y, z = (float(c) for c in rot.quaternion_from_matrix(local))
        rotations[joint.removeprefix(side)] = (w, x, y, z)
    return HandShape(name, rotations, side)


def _turn(bone: bpy.types.PoseBone) -> np.ndarray:
    """The rotation (3, 3) of a bone from its rest to where it is seen, in armature axes."""
    return np.array(bone.matrix.to_3x3().normalized()) @ np.array(bone.bone.matrix_local.to_3x3()).T


def _above(rest: HumanoidRest, joint: str) -> str:
    above = rest.parent(joint)
    assert above is not None, "only the hips have nothing above them"
    return above


def _sides(side: str) -> tuple[str, ...]:
    if side not in _SIDES:
        raise UserError(f"A hand is L, R or BOTH, not '{side}'.")
    return _SIDES[side]
