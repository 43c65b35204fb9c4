# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps IK and FK of each limb in agreement, so that no one who poses needs to know which of the two is at work.

Two rules hold between the user's actions ("settled"):

    a limb in IK:  its deform bones' own rotations are what is seen, so turning one of them starts from there
    a limb in FK:  its dots lie on its joints and its mechanism gives the same pose, so dragging a dot starts from there

``follow_edits`` sees which control was changed since then and puts the limb into IK or FK; ``settle`` makes the rules true again. What
was last settled is kept in a custom property of the object, because a file's undo and reload carry that along; a Python variable would
keep the future after an undo.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

import bpy
from mathutils import Matrix, Quaternion, Vector

from .limbs import COPY, LIMBS, Limb

_SETTLED = "pose_to_anime_settled"

_MOVED = 1e-5
"""Metres, and components of unit quaternions: a change below this is rounding."""
_SNAP = 1e-4
"""A dot farther from its joint than this (metres) was let go out of reach. Blender's solver stops within 0.1 mm."""
_STRAIGHT = 3e-4
"""Metres from the line shoulder–wrist to the elbow below which the elbow no longer shows the plane in which a limb bends."""


class _State:
    pauses = 0


@contextmanager
def paused() -> Generator[None, None, None]:
    """While our own code works on a rig in several steps, the watcher keeps out."""
    _State.pauses += 1
    try:
        yield
    finally:
        _State.pauses -= 1


def is_paused() -> bool:
    return _State.pauses > 0


def is_ik(obj: bpy.types.Object, limb: Limb) -> bool:
    return bool(obj.pose.bones[limb.upper].constraints[COPY].influence > 0.5)


def set_ik(obj: bpy.types.Object, limb: Limb, value: bool) -> bool:
    """Put a limb into IK or FK. Without a jump only while it is settled. True when something changed."""
    if is_ik(obj, limb) == value:
        return False
    for bone in _copying(limb):
        obj.pose.bones[bone].constraints[COPY].influence = 1.0 if value else 0.0
    return True


def follow_edits(obj: bpy.types.Object) -> bool:
    """Put every limb into the mode of what was last changed on it: a joint was turned, FK; a dot was moved, IK.

    Where both changed (a pasted pose, all controls cleared) the joints win: they say everything. True when something was written.
    """
    settled = obj.get(_SETTLED)
    if settled is None:
        return False
    stored = list(settled)
    wrote = False
    start = 0
    for limb in LIMBS:
        current = _signature(obj, limb)
        before = stored[start : start + len(current)]
        start += len(current)
        turned = _differs(current[10:], before[10:])
        moved = _differs(current[:3], before[:3]) or _differs(current[7:10], before[7:10])
        rotated = _differs(current[3:7], before[3:7])
        if turned:
            wrote |= set_ik(obj, limb, False)
        elif moved or (rotated and limb.end_keeps_orientation):
            wrote |= set_ik(obj, limb, True)
        if rotated and not limb.end_keeps_orientation and not turned:
            wrote |= _turn_end_like_target(obj, limb)
    return wrote


def settle(obj: bpy.types.Object, limbs: Iterable[Limb] = LIMBS) -> bool:
    """Make both rules true from the evaluated pose, which must be up to date. Nothing that is seen moves. True when something was written."""
    wrote = False
    for limb in limbs:
        if is_ik(obj, limb):
            wrote |= _joints_follow_mechanism(obj, limb)
        wrote |= _mechanism_follows_joints(obj, limb)
    return remember(obj) or wrote


def refine(obj: bpy.types.Object, limbs: Iterable[Limb] = LIMBS) -> None:
    """Take the solver's own error (up to 0.1 mm) out of limbs that are settled and in FK; the evaluated pose must be up to date."""
    bones = obj.pose.bones
    for limb in limbs:
        for name in (limb.upper, limb.lower):
            offset = bones[limb.solve(name)].matrix.to_3x3().inverted() @ bones[name].matrix.to_3x3()
            _set_rotation(bones[limb.out(name)], offset.to_quaternion())


def remember(obj: bpy.types.Object) -> bool:
    """Take the present state as settled. True when it differs from what was stored."""
    current = [value for limb in LIMBS for value in _signature(obj, limb)]
    settled = obj.get(_SETTLED)
    if settled is not None and len(settled) == len(current) and not _differs(current, list(settled)):
        return False
    obj[_SETTLED] = current
    return True


def _copying(limb: Limb) -> tuple[str, ...]:
    return (limb.upper, limb.lower, limb.end) if limb.end_keeps_orientation else (limb.upper, limb.lower)


def _signature(obj: bpy.types.Object, limb: Limb) -> list[float]:
    """What a user can change on a limb: the dot's place and rotation, the elbow's place, the joints' rotations."""
    bones = obj.pose.bones
    target, hinge = bones[limb.target], bones[limb.hinge]
    values = [*target.location, *_canonical(target.rotation_quaternion), *hinge.location]
    for name in limb.turned_by_hand:
        values.extend(_canonical(bones[name].rotation_quaternion))
    return values


def _canonical(quaternion: Quaternion) -> Quaternion:
    """One of the two quaternions that mean the same rotation, at length one: tools leave other lengths and signs behind."""
    q = quaternion.normalized()
    return -q if q.w < 0 else q


def _differs(a: list[float], b: list[float]) -> bool:
    return any(abs(p - q) > _MOVED for p, q in zip(a, b, strict=False))


def _turn_end_like_target(obj: bpy.types.Object, limb: Limb) -> bool:
    """A hand's dot was rotated: the hand, which otherwise goes along with the forearm, takes the dot's rotation."""
    end, target = obj.pose.bones[limb.end], obj.pose.bones[limb.target]
    carried = end.parent.matrix @ end.parent.bone.matrix_local.inverted() @ end.bone.matrix_local
    return _set_rotation(end, (carried.to_3x3().inverted() @ target.matrix.to_3x3()).to_quaternion())


def _joints_follow_mechanism(obj: bpy.types.Object, limb: Limb) -> bool:
    wrote = False
    for name in limb.turned_by_hand:
        bone = obj.pose.bones[name]
        wrote |= _set_rotation(bone, _basis(bone, bone.matrix, bone.parent.matrix).to_quaternion())
    return wrote


def _mechanism_follows_joints(obj: bpy.types.Object, limb: Limb) -> bool:
    bones = obj.pose.bones
    upper, lower, end = bones[limb.upper].matrix, bones[limb.lower].matrix, bones[limb.end].matrix
    target, hinge, swing = bones[limb.target], bones[limb.hinge], bones[limb.swing]
    shoulder, elbow, wrist = upper.translation, lower.translation, end.translation
    in_ik = is_ik(obj, limb)

    wrote = False
    place = target.matrix.translation
    if (place - wrist).length > (_SNAP if in_ik else _MOVED):
        place = wrist
    aimed = Matrix.Translation(place) @ end.to_3x3().to_4x4()
    basis = _basis(target, aimed, target.parent.matrix)
    if (place is wrist) and (basis.translation - target.location).length > _MOVED / 10:
        target.location = basis.translation
        wrote = True
    wrote |= _set_rotation(target, basis.to_quaternion())

    axis = (place - shoulder).normalized()
    outward = _outward(elbow - shoulder, axis)
    if outward is None:
        # Too straight to see: in IK the pole knows, in FK the upper bone's own flexion axis does.
        seen = bones[limb.pole].matrix.translation - shoulder if in_ik else -upper.col[2].to_3d()
        outward = _outward(seen, axis) or -upper.col[2].to_3d()
    carried = swing.parent.matrix @ swing.parent.bone.matrix_local.inverted() @ swing.bone.matrix_local
    swung = carried.col[1].to_3d().rotation_difference(axis).to_matrix() @ carried.to_3x3()
    swing_pose = Matrix.Translation(shoulder) @ swung.to_4x4()
    flexion = outward.cross(axis).normalized()
    hinge_pose = Matrix.Translation(elbow) @ _axes(flexion, outward).to_4x4()
    basis = _basis(hinge, hinge_pose, swing_pose)
    if (basis.translation - hinge.location).length > _MOVED:
        hinge.location = basis.translation
        wrote = True
    wrote |= _set_rotation(hinge, basis.to_quaternion())

    if not in_ik:
        solved = ((limb.upper, (elbow - shoulder).normalized()), (limb.lower, (wrist - elbow).normalized()))
        for name, along in solved:
            offset = _axes(flexion, along).inverted() @ bones[name].matrix.to_3x3()
            # Only the twist: what is left is rounding, and would later keep the hand off its dot.
            twist = offset.to_quaternion()
            twist.x = twist.z = 0.0
            wrote |= _set_rotation(bones[limb.out(name)], twist.normalized())
    return wrote


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
    rotation = _canonical(rotation)
    if not _differs(list(rotation), list(_canonical(bone.rotation_quaternion))):
        return False
    bone.rotation_quaternion = rotation
    return True
