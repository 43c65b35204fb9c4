# SPDX-License-Identifier: GPL-3.0-or-later
"""What the four rings of a joint turn about, so that they mean the same on every joint of both sides.

Red, blue and green are right-handed axes. Let the figure stand with its arms at its sides and the palms forward. Then a positive
turn moves the far end of any part, that of the left side and that of the right,

    red      forward: bows the trunk and nods the head, swings arms and thighs forward, bends elbows, straightens knees, curls
             hands and fingers, and lifts feet and toes
    blue     toward the figure's left: bends trunk and head to the left; spreads the left arm and leg, brings in the right ones
    green    about its own length, so that its front goes toward the figure's left: turns trunk and head to the left, left limbs
             outward and right ones inward
and white turns it in the plane of the view, counter-clockwise as the artist sees it. So the mirror image of a turn is the same
turn about red, and the opposite one about blue and green.

The axes go along with the part that they turn: nodding is the same for a head that looks aside, an arm that was lifted is moved
forward by the same ring, and a ring does not move while it is dragged. No order of angles is hidden in them, so there is no
gimbal lock, wherever a limb points. Elbows and knees are the exception: they are hinges of the part above, so twisting the
forearm leaves the red ring in the plane in which the elbow bends.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import bpy
from mathutils import Matrix, Quaternion, Vector

from .joint_map import joint_map
from .limbs import LIMBS, ROOT

RED, BLUE, GREEN, VIEW = "RED", "BLUE", "GREEN", "VIEW"
COLOURS = (RED, BLUE, GREEN)

_X, _Y, _Z = (Vector(axis) for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))

# Red, blue and green in a bone's own axes: y along it, x the axis about which it flexes (HumanoidRest.bone_frame, which the rig's
# bones are made of). The trunk stands on its joints and limbs hang on theirs; knees flex backward, all other joints forward.
_TRUNK = (_X, -_Z, _Y)
_ARM = (_X, _Z, -_Y)
_LEG = (-_X, -_Z, -_Y)
_GROUND = (_X, _Y, _Z)

_HINGES = frozenset(limb.lower for limb in LIMBS)
_LEG_BONES = ("thigh", "shin", "foot", "toe")
_TRUNK_BONES = ("hips", "spine", "chest", "upper_chest", "neck", "head")


@cache
def ring_joints() -> Mapping[str, tuple[Vector, Vector, Vector]]:
    """The bones that rings turn, all joints of the figure and the whole figure by its root, each with red, blue and green."""
    axes = {ROOT: _GROUND}
    for bone in joint_map("mannequin").values():
        axes[bone] = _TRUNK if bone in _TRUNK_BONES else _LEG if bone.startswith(_LEG_BONES) else _ARM
    return axes


def joint_for(bone: bpy.types.Bone) -> str | None:
    """The joint that a click on a bone means: a joint itself, the wrist for the hand's dot, the elbow for its dot. Any other dot
    means the joint that it hangs on; what hangs on none means None."""
    if bone.name in ring_joints():
        return bone.name
    for limb in LIMBS:
        if bone.name in (limb.target, limb.hinge):
            return limb.end if bone.name == limb.target else limb.lower
    return bone.parent.name if bone.parent is not None and bone.parent.name in ring_joints() else None


def axes_at_rest(joint: str, rotation: Quaternion) -> Matrix:
    """Red, blue and green as columns, in the axes that the joint's bone has when it is not turned against the part above.

    ``rotation``: the bone's own, as its ``rotation_quaternion`` holds it."""
    own = ring_joints()[joint]
    red, blue, green = (rotation @ axis for axis in own)
    if joint in _HINGES:
        red = own[0]
        red = (red - green * red.dot(green)).normalized()
        blue = green.cross(red)
    return Matrix((red, blue, green)).transposed()


def carried_frame(bone: bpy.types.PoseBone) -> Matrix:
    """The axes that a bone has when it is not turned against the part above, (3, 3), in armature axes."""
    if bone.parent is None:
        return bone.bone.matrix_local.to_3x3()
    rest = bone.parent.bone.matrix_local.inverted() @ bone.bone.matrix_local
    return bone.parent.matrix.to_3x3().normalized() @ rest.to_3x3()


def seen_rotation(bone: bpy.types.PoseBone) -> Quaternion:
    """How a bone is seen turned against the part above, in the form of its ``rotation_quaternion``."""
    return (carried_frame(bone).inverted() @ bone.matrix.to_3x3().normalized()).to_quaternion()


def ring_axes(bone: bpy.types.PoseBone) -> Matrix:
    """Red, blue and green of a joint as it is seen now, as columns, in world axes."""
    carried = bone.id_data.matrix_world.to_3x3().normalized() @ carried_frame(bone)
    return carried @ axes_at_rest(bone.name, seen_rotation(bone))
