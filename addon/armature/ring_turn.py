# SPDX-License-Identifier: GPL-3.0-or-later
"""Turning joints by rings: one turn from its beginning to its end, by the mouse or by a script."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import bpy
from mathutils import Quaternion, Vector

from ..compat import is_pose_bone_selected
from ..errors import UserError
from .auto_keys import insert_auto_keys
from .controls import bring_up_to_date
from .limbs import LIMBS, limb_of
from .limits import within_limits
from .mannequin import require_posable
from .matching import RigState, is_ik, paused, set_ik
from .ring_axes import COLOURS, RED, VIEW, axes_at_rest, carried_frame, joint_for, ring_joints, seen_rotation
from .ring_stops import Stops
from .wrist import Wrist, wrist_of

_PERHAPS_WRISTS = math.radians(60.0)
"""Of a hand's turn about its length, what the wrist may do by itself: more than the limits of any body give it."""
_NOTHING = math.radians(1.0)
"""A joint that its limits let turn by less, to both sides, does not turn about an axis: a hinge across its own."""


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
class _Forearm:
    """What turns a hand about its length where the wrist does not: a bone, its own rotation at the beginning, the wrist then."""

    bone: str
    start: Quaternion
    wrist: Wrist


@dataclass(frozen=True)
class _Part:
    """One joint that is turned: the own rotation of its bone at the beginning, and the axis against the part above."""

    joint: str
    start: Quaternion
    axis: Vector
    forearm: _Forearm | None

    def turned(self, angle: float) -> tuple[Quaternion, float]:
        """The bone's own rotation after a turn, and by how much the forearm goes along."""
        rotation = Quaternion(self.axis, angle) @ self.start
        if self.forearm is None:
            return rotation, 0.0
        # Beyond half a turn a rotation does not tell how far it went: what is surely the forearm's is said.
        surely = math.copysign(max(abs(angle * self.axis.y) - _PERHAPS_WRISTS, 0.0), angle * self.axis.y)
        own = rotation.to_matrix()
        along = self.forearm.wrist.share(own, surely)
        return self.forearm.wrist.own_after(own, along).to_quaternion(), along


class RingTurn:
    """A turn of one figure's joints by the same angle, each about its own axis.

    ``turn`` may be called with ever other angles, which count from the beginning; ``end`` or ``cancel`` closes it. Limbs whose
    upper joints are turned go over to FK; a foot that stands in IK keeps standing. With X-mirror on, the other side's joints
    follow as they do with Blender's own tools. A hand takes its forearm along where its wrist does not turn."""

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
        turned = {*joints, *(map(bpy.utils.flip_name, joints) if obj.pose.use_mirror_x else ())}
        self._parts = [_part(obj, joint, axis, toward, turned) for joint in dict.fromkeys(joints)]
        if obj.pose.use_mirror_x:
            self._parts += _mirrored(obj, self._parts, axis, turned)
        self._stops = {part.joint: _stops(obj, part) for part in self._parts}
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
        reached = {part.joint: self._stops[part.joint].within(angle) for part in self._parts}
        with paused():
            for limb in self._freed:
                set_ik(obj, limb, False)
            for part in self._parts:
                name = self._bone_of(part.joint)
                rotation, along = part.turned(reached[part.joint])
                if part.forearm is not None:
                    rotation = within_limits(obj.pose.bones[part.joint], rotation)  # nothing is left for ``hand_turns``
                    lower = part.forearm.start @ Quaternion((0.0, 1.0, 0.0), along)
                    obj.pose.bones[part.forearm.bone].rotation_quaternion = lower
                if name != part.joint:  # the dot that holds a foot turns it
                    wanted = carried_frame(obj.pose.bones[part.joint]) @ rotation.to_matrix()
                    rotation = (carried_frame(obj.pose.bones[name]).inverted() @ wanted).to_quaternion()
                obj.pose.bones[name].rotation_quaternion = rotation
        return max(reached.values(), key=abs, default=0.0)

    def is_held(self) -> bool:
        """Whether the limits leave all of its joints nothing to turn, to either side."""
        return all(_holds(stops) for stops in self._stops.values())

    def end(self) -> None:
        """Let go: what is seen is what is kept, dots go onto their joints, keys are set where Blender's Rotate would set them."""
        obj = self._object()
        with paused():
            bring_up_to_date(obj)
        turned = [self._bone_of(part.joint) for part in self._parts]
        turned += [part.forearm.bone for part in self._parts if part.forearm is not None and part.forearm.bone in ring_joints()]
        insert_auto_keys(bpy.context, [obj.pose.bones[name] for name in turned])

    def cancel(self) -> None:
        """Bring everything back as it was at the beginning."""
        self._before.restore(self._object())

    def _object(self) -> bpy.types.Object:
        return bpy.data.objects[self._name]  # by name: while the mouse turns, Blender may replace the object

    def _bone_of(self, joint: str) -> str:
        """The bone that is written to."""
        return self._standing[joint].target if joint in self._standing else joint


def free_rings(obj: bpy.types.Object, joint: str) -> list[str]:
    """The coloured rings by which the limits of a joint let it turn from where it is: all of them while they are lifted."""
    return [axis for axis in COLOURS if not _holds(_stops(obj, _part(obj, joint, axis, Vector(), {joint})))]


def _holds(stops: Stops) -> bool:
    return all(abs(stops.within(angle)) < _NOTHING for angle in (_NOTHING, -_NOTHING))


def _part(obj: bpy.types.Object, joint: str, axis: str, toward: Vector, turned: Collection[str]) -> _Part:
    bone = obj.pose.bones[joint]
    start = seen_rotation(bone)
    if axis == VIEW:
        about = carried_frame(bone).inverted() @ toward
    else:
        about = axes_at_rest(joint, start).col[COLOURS.index(axis)].copy()
    return _Part(joint, start, about, _forearm(obj, joint, turned))


def _stops(obj: bpy.types.Object, part: _Part) -> Stops:
    name = obj.name

    def excess(angle: float) -> float:
        rotation, _ = part.turned(angle)
        clamped = within_limits(bpy.data.objects[name].pose.bones[part.joint], rotation)
        turn = rotation.rotation_difference(clamped)
        return 2.0 * math.asin(min(1.0, math.hypot(turn.x, turn.y, turn.z)))

    return Stops(excess)


def _forearm(obj: bpy.types.Object, joint: str, turned: Collection[str]) -> _Forearm | None:
    """What goes along with a hand; nothing with other joints, and with a hand whose forearm is among the ``turned`` ones."""
    limb = limb_of(joint)
    if limb is None or joint != limb.end or limb.end_keeps_orientation or limb.lower in turned:
        return None
    wrist = wrist_of(obj, limb)
    bone = limb.out(limb.lower) if is_ik(obj, limb) and limb.upper not in turned else limb.lower
    return _Forearm(bone, obj.pose.bones[bone].rotation_quaternion.copy(), wrist) if wrist is not None else None


def _mirrored(obj: bpy.types.Object, parts: Sequence[_Part], axis: str, turned: Collection[str]) -> list[_Part]:
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
        mirrored.append(_Part(other, start, about, _forearm(obj, other, turned)))
    return mirrored
