# SPDX-License-Identifier: GPL-3.0-or-later
"""Turning joints by rings: one turn from its beginning to its end, by the mouse or by a script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import bpy
from mathutils import Quaternion, Vector

from ..compat import is_pose_bone_selected
from ..errors import UserError
from .auto_keys import insert_auto_keys
from .controls import bring_up_to_date
from .limbs import LIMBS
from .limits import within_limits
from .mannequin import require_posable
from .matching import RigState, is_ik, paused, set_ik
from .ring_axes import COLOURS, RED, VIEW, axes_at_rest, carried_frame, joint_for, ring_joints, seen_rotation
from .ring_stops import Stops


def selected_ring_joints(obj: bpy.types.Object) -> list[str]:
    """The joints that a mannequin's selected bones mean, each once."""
    selected = (bone.bone for bone in obj.pose.bones if is_pose_bone_selected(bone))
    return list(dict.fromkeys(joint for bone in selected if (joint := joint_for(bone)) is not None))


def active_ring_joint(obj: bpy.types.Object) -> str | None:
    """The joint whose rings are shown: that of the active bone, while it is selected."""
    active = obj.data.bones.active
    return joint_for(active) if active is not None and is_pose_bone_selected(obj.pose.bones[active.name]) else None


def named_joint(obj: bpy.types.Object, name: str) -> str:
    """The joint that a name means: its own, or that of a dot. A name that means none comes back as it is."""
    bone = obj.data.bones.get(name)
    return (joint_for(bone) if bone is not None else None) or name


@dataclass(frozen=True)
class _Part:
    """One joint that is turned: the own rotation of its bone at the beginning, and the axis against the part above."""

    joint: str
    start: Quaternion
    axis: Vector
    stops: Stops

    def turned(self, angle: float) -> Quaternion:
        return Quaternion(self.axis, angle) @ self.start


class RingTurn:
    """A turn of one figure's joints by the same angle, each about its own axis.

    ``turn`` may be called with ever other angles, which count from the beginning; ``end`` or ``cancel`` closes it. Limbs whose
    upper joints are turned go over to FK; a foot that stands in IK keeps standing. With X-mirror on, the other side's joints
    follow as they do with Blender's own tools."""

    def __init__(self, obj: bpy.types.Object, joints: Sequence[str], axis: str, view: Sequence[float] = (0.0, 0.0, 0.0)) -> None:
        """``axis``: RED, BLUE, GREEN or VIEW, which needs ``view``, the direction to the viewer in world axes.

        Raises UserError for what is no joint, for an unknown axis, for a view without a direction and for a hidden figure."""
        require_posable(obj)
        if unknown := [joint for joint in joints if joint not in ring_joints() or joint not in obj.pose.bones]:
            raise UserError(f"'{unknown[0]}' is no joint of '{obj.name}' that a ring turns, such as upper_arm.L, hips or head.")
        if axis not in (*COLOURS, VIEW):
            raise UserError(f"There is no ring '{axis}': choose one of {', '.join((*COLOURS, VIEW))}.")
        toward = Vector([float(c) for c in view])
        if axis == VIEW and not 1e-6 < toward.length < 1e6:  # also refuses NaN
            raise UserError("The white ring needs the direction to the viewer: three finite numbers that are not all zero.")
        self._name = obj.name
        with paused():
            bring_up_to_date(obj)
        toward = obj.matrix_world.to_3x3().normalized().inverted() @ toward
        self._parts = [_part(obj, joint, axis, toward) for joint in dict.fromkeys(joints)]
        if obj.pose.use_mirror_x:
            self._parts += _mirrored(obj, self._parts, axis)
        turned = {part.joint for part in self._parts}
        self._freed = [limb for limb in LIMBS if turned & {limb.upper, limb.lower}]
        self._standing = {
            limb.end: limb
            for limb in LIMBS
            if limb.end in turned and limb.end_keeps_orientation and limb not in self._freed and is_ik(obj, limb)
        }
        self._before = RigState(obj)

    def turn(self, angle: float) -> float:
        """Bring the joints where they are after a turn by ``angle`` radians from the beginning, or where their limits stop them.

        The angle that the joint reached which went farthest."""
        obj = self._object()
        reached = {part.joint: part.stops.within(angle) for part in self._parts}
        with paused():
            for limb in self._freed:
                set_ik(obj, limb, False)
            for part in self._parts:
                name = self._bone_of(part.joint)
                rotation = part.turned(reached[part.joint])
                if name != part.joint:  # the dot that holds a foot turns it
                    wanted = carried_frame(obj.pose.bones[part.joint]) @ rotation.to_matrix()
                    rotation = (carried_frame(obj.pose.bones[name]).inverted() @ wanted).to_quaternion()
                obj.pose.bones[name].rotation_quaternion = rotation
        return max(reached.values(), key=abs, default=0.0)

    def end(self) -> None:
        """Let go: what is seen is what is kept, dots go onto their joints, keys are set where Blender's Rotate would set them."""
        obj = self._object()
        with paused():
            bring_up_to_date(obj)
        insert_auto_keys(bpy.context, [obj.pose.bones[self._bone_of(part.joint)] for part in self._parts])

    def cancel(self) -> None:
        """Bring everything back as it was at the beginning."""
        self._before.restore(self._object())

    def _object(self) -> bpy.types.Object:
        return bpy.data.objects[self._name]  # by name: while the mouse turns, Blender may replace the object

    def _bone_of(self, joint: str) -> str:
        """The bone that is written to."""
        return self._standing[joint].target if joint in self._standing else joint


def _part(obj: bpy.types.Object, joint: str, axis: str, toward: Vector) -> _Part:
    bone = obj.pose.bones[joint]
    start = seen_rotation(bone)
    if axis == VIEW:
        about = carried_frame(bone).inverted() @ toward
    else:
        about = axes_at_rest(joint, start).col[COLOURS.index(axis)].copy()
    return _Part(joint, start, about, _stops(obj, joint, start, about))


def _stops(obj: bpy.types.Object, joint: str, start: Quaternion, about: Vector) -> Stops:
    name = obj.name

    def excess(angle: float) -> float:
        rotation = Quaternion(about, angle) @ start
        clamped = within_limits(bpy.data.objects[name].pose.bones[joint], rotation)
        turn = rotation.rotation_difference(clamped)
        return 2.0 * math.asin(min(1.0, math.hypot(turn.x, turn.y, turn.z)))

    return Stops(excess)


def _mirrored(obj: bpy.types.Object, parts: Sequence[_Part], axis: str) -> list[_Part]:
    """The same turns on the other side, where they are not made already."""
    mirrored = []
    for part in parts:
        other = bpy.utils.flip_name(part.joint)
        if other == part.joint or any(other == each.joint for each in parts):
            continue
        # A mirror keeps what is about x and reverses the rest; the bones of both sides are mirror images.
        start = Quaternion((part.start.w, part.start.x, -part.start.y, -part.start.z))
        about = Vector((part.axis.x, -part.axis.y, -part.axis.z))
        if obj.pose.use_mirror_relative:
            start = seen_rotation(obj.pose.bones[other])
            if axis != VIEW:
                about = axes_at_rest(other, start).col[COLOURS.index(axis)] * (1.0 if axis == RED else -1.0)
        mirrored.append(_Part(other, start, about, _stops(obj, other, start, about)))
    return mirrored
