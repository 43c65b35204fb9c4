# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps IK and FK of each limb in agreement, so that no one who poses needs to know which of the two is at work.

Two rules hold between the user's actions ("settled"):

    a limb in IK:  its deform bones' own rotations are what is seen, so turning one of them starts from there
    a limb in FK:  its dots lie on its joints and its mechanism gives the same pose, so dragging a dot starts from there

Both hold of what is *seen*, that is within the joints' limits: a limb whose mechanism was led beyond them has it brought back,
and a joint that was turned beyond them takes the rotation at which it stopped.

``follow_edits`` sees which control was changed since then and puts the limb into IK or FK; ``settle`` makes the rules true again.
``settled`` keeps what was last settled."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import bpy
from mathutils import Matrix, Quaternion, Vector

from .limbs import COPY, LIMBS, Limb
from .limits import limited_bones
from .pin_constraints import follow_dot, follows_dot, hold_dot
from .settled import (
    MOVED,
    SETTLED,
    canonical,
    differs,
    is_body_changed,
    is_changed,
    limb_states,
    remember,
    settled_forearm,
    settled_limbs,
)
from .wrist import turn_hand

_SNAP = 5e-4
"""A dot farther from its joint than this (metres) was let go out of reach. Blender's solver stops within 0.2 mm: a smaller bound
would move dots that no one touched."""
_STRAIGHT = 3e-4
"""Metres from the line shoulder–wrist to the elbow below which the elbow no longer shows the plane in which a limb bends."""


class _State:
    pauses = 0


@contextmanager
def paused(is_watcher: bool = False) -> Generator[None, None, None]:
    """While our own code works on a rig in several steps, the watcher keeps out; it looks after pinned figures afterwards."""
    _State.pauses += 1
    try:
        yield
    finally:
        _State.pauses -= 1
        if not is_paused() and not is_watcher:
            for obj in bpy.context.view_layer.objects:
                settings = getattr(obj, "pose_to_anime", None)  # a script may use figures with the extension not registered
                if settings is not None and settings.pins:
                    obj.update_tag(refresh={"OBJECT"})


class RigState:
    """A figure's pose with all of its controls, to be brought back to the last bit."""

    def __init__(self, obj: bpy.types.Object) -> None:
        self._bones = [
            (b.name, b.location.copy(), b.rotation_quaternion.copy(), b.rotation_euler.copy(), b.scale.copy())
            for b in obj.pose.bones
        ]
        self._modes = [is_ik(obj, limb) for limb in LIMBS]
        self._settled = list(obj[SETTLED]) if SETTLED in obj else None

    def restore(self, obj: bpy.types.Object) -> None:
        with paused():
            for name, location, rotation, angles, scale in self._bones:
                bone = obj.pose.bones[name]
                bone.location, bone.scale = location, scale
                bone.rotation_quaternion, bone.rotation_euler = rotation, angles
            for limb, mode in zip(LIMBS, self._modes, strict=True):
                set_ik(obj, limb, mode)
            if self._settled is not None:
                obj[SETTLED] = self._settled
            bpy.context.view_layer.update()


@contextmanager
def kept(obj: bpy.types.Object) -> Generator[None, None, None]:
    """Whatever is done to a figure's pose meanwhile is taken back afterwards."""
    state = RigState(obj)
    try:
        yield
    finally:
        state.restore(obj)


def is_paused() -> bool:
    return _State.pauses > 0


def is_ik(obj: bpy.types.Object, limb: Limb) -> bool:
    return bool(obj.pose.bones[limb.upper].constraints[COPY].influence > 0.5) or follows_dot(obj, limb)


def set_ik(obj: bpy.types.Object, limb: Limb, value: bool) -> bool:
    """Put a limb into IK or FK. Without a jump only while it is settled. True when something changed.

    In FK a pin lets go; in IK it takes hold again when ``pins.hold`` comes to it."""
    if is_ik(obj, limb) == value:
        return False
    for bone in limb.turned_by_hand:
        obj.pose.bones[bone].constraints[COPY].influence = 1.0 if value else 0.0
    follow_dot(obj, limb, value)
    if not value:
        hold_dot(obj, limb, False)
    return True


def follow_edits(obj: bpy.types.Object) -> bool:
    """Put every limb into the mode of what was last changed on it: a joint was turned, FK; a dot was moved, IK.

    Where both changed (a pasted pose, all controls cleared) the joints win: they say everything. True when something was written.
    """
    settled = settled_limbs(obj)
    if settled is None:
        return False
    wrote = False
    for limb, current, before in zip(LIMBS, limb_states(obj), settled, strict=True):
        turned = differs(current.joints, before.joints)
        moved = differs(current.target_place, before.target_place) or differs(current.hinge_place, before.hinge_place)
        rotated = differs(current.target_rotation, before.target_rotation)
        if turned:
            wrote |= set_ik(obj, limb, False)
        elif moved or (rotated and limb.end_keeps_orientation):
            wrote |= set_ik(obj, limb, True)
        if rotated and not limb.end_keeps_orientation and not turned:
            wrote |= _turn_end_like_target(obj, limb)
    return wrote


def settle(obj: bpy.types.Object, force: bool = False) -> bool:
    """Make both rules true from the evaluated pose, which must be up to date. Nothing that is seen moves.

    Does nothing when no control was changed since it last ran (unless ``force``): in a stretched limb, rounding would otherwise
    move it by a hair each time, and an undo would not bring back exactly what was. True when something was written."""
    if not force and not is_changed(obj):
        return False
    _joints_stop_at_limits(obj)
    if force or is_body_changed(obj):
        _settle_limbs(obj)
    remember(obj)
    return True


def _settle_limbs(obj: bpy.types.Object) -> None:
    led = [limb for limb in LIMBS if is_ik(obj, limb)]
    # At a limit the solver's own error would lead a hair beyond it, and the limb would creep each time it is settled. What was
    # refined is right for one pose only: it is taken out of a limb that has left it.
    refined = [limb for limb in led if _is_stopped(obj, limb) or _is_refined(obj, limb)]
    seen = {name: obj.pose.bones[name].matrix.to_3x3() for limb in refined for name in (limb.upper, limb.lower)}
    for limb in LIMBS:
        if limb in led:
            _joints_follow_mechanism(obj, limb)
        _mechanism_follows_joints(obj, limb, is_right=limb in led and limb not in refined)
    if refined:
        bpy.context.view_layer.update()
        for limb in refined:
            _refine(obj, limb, seen)


def refine(obj: bpy.types.Object) -> None:
    """Take the solver's own error (up to 0.1 mm) out of limbs that are settled and in FK; the evaluated pose must be up to
    date."""
    for limb in LIMBS:
        _refine(obj, limb, {name: obj.pose.bones[name].matrix.to_3x3() for name in (limb.upper, limb.lower)})


def _turn_end_like_target(obj: bpy.types.Object, limb: Limb) -> bool:
    """A hand's dot was rotated: the hand, which otherwise goes along with the forearm, takes the dot's rotation."""
    return turn_hand(obj, limb, obj.pose.bones[limb.target].matrix.to_3x3(), settled_forearm(obj, limb), is_ik(obj, limb))


def _joints_follow_mechanism(obj: bpy.types.Object, limb: Limb) -> None:
    for name in limb.turned_by_hand:
        bone = obj.pose.bones[name]
        _set_rotation(bone, _basis(bone, bone.matrix, bone.parent.matrix).to_quaternion())


def _joints_stop_at_limits(obj: bpy.types.Object) -> None:
    """Joints that are turned by their own rotations take those that are seen."""
    led = {name for limb in LIMBS if is_ik(obj, limb) for name in limb.turned_by_hand}
    for bone in limited_bones(obj):
        if bone.name not in led:
            _set_rotation(bone, _basis(bone, bone.matrix, bone.parent.matrix).to_quaternion())


def _is_stopped(obj: bpy.types.Object, limb: Limb) -> bool:
    """Whether a limb in IK is seen elsewhere than its mechanism is, because a limit is in its way."""
    bones = obj.pose.bones
    turns = (
        bones[limb.out(name)].matrix.to_quaternion().rotation_difference(bones[name].matrix.to_quaternion())
        for name in (limb.upper, limb.lower)
    )
    return any(abs(c) > MOVED for turn in turns for c in (turn.x, turn.y, turn.z))


def _is_refined(obj: bpy.types.Object, limb: Limb) -> bool:
    """Whether a limb's mechanism does more than to twist the bones that the solver leads."""
    turns = (obj.pose.bones[limb.out(name)].rotation_quaternion for name in (limb.upper, limb.lower))
    return any(abs(c) > MOVED for turn in turns for c in (turn.x, turn.z))


def _refine(obj: bpy.types.Object, limb: Limb, seen: Mapping[str, Matrix]) -> None:
    """Let the mechanism give exactly these rotations (3 × 3, armature space) of upper and lower bone."""
    for name in (limb.upper, limb.lower):
        offset = obj.pose.bones[limb.solve(name)].matrix.to_3x3().inverted() @ seen[name]
        _set_rotation(obj.pose.bones[limb.out(name)], offset.to_quaternion())


def _mechanism_follows_joints(obj: bpy.types.Object, limb: Limb, is_right: bool) -> None:
    """Bring dots and mechanism to what is seen of a limb; ``is_right`` says that it is the mechanism that is seen."""
    bones = obj.pose.bones
    upper, lower, end = bones[limb.upper].matrix, bones[limb.lower].matrix, bones[limb.end].matrix
    shoulder, elbow, wrist = upper.translation, lower.translation, end.translation

    target = bones[limb.target]
    place = target.matrix.translation
    is_off = (place - wrist).length > (_SNAP if is_right else MOVED)
    if is_off:
        place = wrist
    basis = _basis(target, Matrix.Translation(place) @ end.to_3x3().to_4x4(), target.parent.matrix)
    if is_off:
        target.location = basis.translation
    _set_rotation(target, basis.to_quaternion())

    axis = (place - shoulder).normalized()
    outward = _outward(elbow - shoulder, axis)
    if outward is None:
        # Too straight to see: the pole knows, or where it is not what is seen, the upper bone's own flexion axis.
        flexing = -upper.col[2].to_3d()
        outward = _outward(bones[limb.pole].matrix.translation - shoulder if is_right else flexing, axis) or flexing
    flexion = outward.cross(axis).normalized()

    # The swing bone as it will be, not as it is: it turns with the dot that was just moved.
    swing = bones[limb.swing]
    carried = swing.parent.matrix @ swing.parent.bone.matrix_local.inverted() @ swing.bone.matrix_local
    swung = carried.col[1].to_3d().rotation_difference(axis).to_matrix() @ carried.to_3x3()
    place_hinge(obj, limb, elbow, flexion, outward, Matrix.Translation(shoulder) @ swung.to_4x4())

    if not is_right:
        for name, along in ((limb.upper, elbow - shoulder), (limb.lower, wrist - elbow)):
            # Only the twist: what is left is rounding, and would later keep the hand off its dot.
            twist = (_axes(flexion, along.normalized()).inverted() @ bones[name].matrix.to_3x3()).to_quaternion()
            twist.x = twist.z = 0.0
            _set_rotation(bones[limb.out(name)], twist.normalized())


def place_hinge(obj: bpy.types.Object, limb: Limb, elbow: Vector, flexion: Vector, outward: Vector, swing: Matrix) -> None:
    """Put an elbow's dot on the elbow, its axes x and y along ``flexion`` and ``outward``, while the swing bone is at ``swing``;
    all in armature space."""
    hinge = obj.pose.bones[limb.hinge]
    basis = _basis(hinge, Matrix.Translation(elbow) @ _axes(flexion, outward).to_4x4(), swing)
    hinge.location = basis.translation
    _set_rotation(hinge, basis.to_quaternion())


def _outward(offset: Vector, axis: Vector) -> Vector | None:
    across = offset - axis * offset.dot(axis)
    return across.normalized() if across.length > _STRAIGHT else None


def _axes(x: Vector, y: Vector) -> Matrix:
    """A rotation matrix with the axes x and y (made exactly perpendicular to y) as columns."""
    x = (x - y * x.dot(y)).normalized()
    return Matrix((x, y, x.cross(y))).transposed()


def _basis(bone: bpy.types.PoseBone, pose: Matrix, parent_pose: Matrix) -> Matrix:
    """A bone's own transform that brings it to ``pose`` (armature space) under a parent at ``parent_pose``."""
    return (parent_pose @ bone.parent.bone.matrix_local.inverted() @ bone.bone.matrix_local).inverted() @ pose


def _set_rotation(bone: bpy.types.PoseBone, rotation: Quaternion) -> bool:
    """Write only what changed: every write makes Blender evaluate the rig again."""
    rotation = canonical(rotation)
    if not differs(list(rotation), list(canonical(bone.rotation_quaternion))):
        return False
    bone.rotation_quaternion = rotation
    return True
