# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps IK and FK of each limb in agreement, so that no one who poses needs to know which of the two is at work.

Two rules hold between the user's actions ("settled"):

    a limb in IK:  its deform bones' own rotations are what is seen, so turning one of them starts from there
    a limb in FK:  its dots lie on its joints and its mechanism gives the same pose, so dragging a dot starts from there

``follow_edits`` sees which control was changed since then and puts the limb into IK or FK; ``settle`` makes the rules true again.
What was last settled is kept in a custom property of the object, because a file's undo and reload carry that along; a Python
variable would keep the future after an undo."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

import bpy
from mathutils import Matrix, Quaternion, Vector

from .handles import HANDLE_NAMES
from .limbs import COPY, LIMBS, ROOT, Limb
from .spine import TRUNK

_SETTLED = "pose_to_anime_settled"
_BODY = (ROOT, "hips", *TRUNK, "shoulder.L", "shoulder.R", "toe.L", "toe.R", *HANDLE_NAMES)
"""The bones that carry limbs, and those that ``follow`` moves or is moved by."""

_MOVED = 1e-5
"""Metres, and components of unit quaternions: a change below this is rounding."""
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
        self._settled = list(obj[_SETTLED]) if _SETTLED in obj else None

    def restore(self, obj: bpy.types.Object) -> None:
        with paused():
            for name, location, rotation, angles, scale in self._bones:
                bone = obj.pose.bones[name]
                bone.location, bone.scale = location, scale
                bone.rotation_quaternion, bone.rotation_euler = rotation, angles
            for limb, mode in zip(LIMBS, self._modes, strict=True):
                set_ik(obj, limb, mode)
            if self._settled is not None:
                obj[_SETTLED] = self._settled
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
    return bool(obj.pose.bones[limb.upper].constraints[COPY].influence > 0.5)


def set_ik(obj: bpy.types.Object, limb: Limb, value: bool) -> bool:
    """Put a limb into IK or FK. Without a jump only while it is settled. True when something changed."""
    if is_ik(obj, limb) == value:
        return False
    for bone in limb.turned_by_hand:
        obj.pose.bones[bone].constraints[COPY].influence = 1.0 if value else 0.0
    return True


def follow_edits(obj: bpy.types.Object) -> bool:
    """Put every limb into the mode of what was last changed on it: a joint was turned, FK; a dot was moved, IK.

    Where both changed (a pasted pose, all controls cleared) the joints win: they say everything. True when something was written.
    """
    settled = _settled(obj)
    if settled is None:
        return False
    wrote = False
    for limb, current, before in zip(LIMBS, _limb_states(obj), settled, strict=True):
        turned = _differs(current.joints, before.joints)
        moved = _differs(current.target_place, before.target_place) or _differs(current.hinge_place, before.hinge_place)
        rotated = _differs(current.target_rotation, before.target_rotation)
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
    if not force and not _is_changed(obj):
        return False
    for limb in LIMBS:
        if is_ik(obj, limb):
            _joints_follow_mechanism(obj, limb)
        _mechanism_follows_joints(obj, limb)
    remember(obj)
    return True


def refine(obj: bpy.types.Object) -> None:
    """Take the solver's own error (up to 0.1 mm) out of limbs that are settled and in FK; the evaluated pose must be up to
    date."""
    bones = obj.pose.bones
    for limb in LIMBS:
        for name in (limb.upper, limb.lower):
            offset = bones[limb.solve(name)].matrix.to_3x3().inverted() @ bones[name].matrix.to_3x3()
            _set_rotation(bones[limb.out(name)], offset.to_quaternion())


def remember(obj: bpy.types.Object) -> None:
    """Take the present state of all controls as settled."""
    obj[_SETTLED] = _signature(obj)


def forget(obj: bpy.types.Object) -> None:
    """Nothing counts as settled any more: the bones rest elsewhere, so that the same numbers mean other places."""
    if _SETTLED in obj:
        del obj[_SETTLED]


class _LimbState(NamedTuple):
    """What a user can change on a limb. The order is that of the stored numbers."""

    target_place: list[float]
    hinge_place: list[float]
    target_rotation: list[float]
    joints: list[float]  # rotations of the bones that take the limb out of IK
    end: list[float]  # rotation of the hand or foot


def _limb_states(obj: bpy.types.Object) -> list[_LimbState]:
    bones = obj.pose.bones
    return [
        _LimbState(
            list(bones[limb.target].location),
            list(bones[limb.hinge].location),
            list(_canonical(bones[limb.target].rotation_quaternion)),
            [c for name in limb.turned_by_hand for c in _canonical(bones[name].rotation_quaternion)],
            list(_canonical(bones[limb.end].rotation_quaternion)),
        )
        for limb in LIMBS
    ]


def _signature(obj: bpy.types.Object) -> list[float]:
    """All that decides where limbs are, as numbers: their own controls and those of the body that carries them."""
    values = [c for state in _limb_states(obj) for part in state for c in part]
    for name in _BODY:
        bone = obj.pose.bones[name]
        values.extend((*bone.location, *_canonical(own_rotation(bone))))
    return values


def settled_body(obj: bpy.types.Object) -> dict[str, tuple[Vector, Quaternion]] | None:
    """Where the bones of the body were when the rig was last settled, by their own transforms. None before the first time."""
    stored = obj.get(_SETTLED)
    start = sum(len(part) for state in _limb_states(obj) for part in state)
    if stored is None or len(stored) < start + 7 * len(_BODY):
        return None
    values = list(stored)[start:]
    parts = (values[7 * index : 7 * index + 7] for index in range(len(_BODY)))
    return {name: (Vector(part[:3]), Quaternion(part[3:])) for name, part in zip(_BODY, parts, strict=True)}


def settled_dot(obj: bpy.types.Object, limb: Limb) -> list[float] | None:
    """A limb's dot as it was last settled, see ``dot_state``. None before the first time."""
    states = _settled(obj)
    if states is None:
        return None
    state = states[LIMBS.index(limb)]
    return [*state.target_place, *state.target_rotation, *state.end]


def dot_state(obj: bpy.types.Object, limb: Limb) -> list[float]:
    """The place and rotation of a limb's dot and the rotation of its hand or foot, all by their own transforms: 11 numbers."""
    dot, end = obj.pose.bones[limb.target], obj.pose.bones[limb.end]
    return [*dot.location, *_canonical(dot.rotation_quaternion), *_canonical(end.rotation_quaternion)]


def own_rotation(bone: bpy.types.PoseBone) -> Quaternion:
    """A bone's own rotation, in whichever way it is stored: the dots of the foot roll have angles."""
    return bone.rotation_quaternion if bone.rotation_mode == "QUATERNION" else bone.rotation_euler.to_quaternion()


def _settled(obj: bpy.types.Object) -> list[_LimbState] | None:
    """The limbs' states as they were settled, or None for a figure that has none yet."""
    stored = obj.get(_SETTLED)
    if stored is None:
        return None
    values = iter(stored)
    states = [_LimbState(*([next(values) for _ in part] for part in state)) for state in _limb_states(obj)]
    return states


def _is_changed(obj: bpy.types.Object) -> bool:
    stored, current = obj.get(_SETTLED), _signature(obj)
    return stored is None or len(stored) != len(current) or _differs(current, list(stored))


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


def _joints_follow_mechanism(obj: bpy.types.Object, limb: Limb) -> None:
    for name in limb.turned_by_hand:
        bone = obj.pose.bones[name]
        _set_rotation(bone, _basis(bone, bone.matrix, bone.parent.matrix).to_quaternion())


def _mechanism_follows_joints(obj: bpy.types.Object, limb: Limb) -> None:
    bones = obj.pose.bones
    upper, lower, end = bones[limb.upper].matrix, bones[limb.lower].matrix, bones[limb.end].matrix
    shoulder, elbow, wrist = upper.translation, lower.translation, end.translation
    in_ik = is_ik(obj, limb)

    target = bones[limb.target]
    place = target.matrix.translation
    is_off = (place - wrist).length > (_SNAP if in_ik else _MOVED)
    if is_off:
        place = wrist
    basis = _basis(target, Matrix.Translation(place) @ end.to_3x3().to_4x4(), target.parent.matrix)
    if is_off:
        target.location = basis.translation
    _set_rotation(target, basis.to_quaternion())

    axis = (place - shoulder).normalized()
    outward = _outward(elbow - shoulder, axis)
    if outward is None:
        # Too straight to see: in IK the pole knows, in FK the upper bone's own flexion axis does.
        flexing = -upper.col[2].to_3d()
        outward = _outward(bones[limb.pole].matrix.translation - shoulder if in_ik else flexing, axis) or flexing
    flexion = outward.cross(axis).normalized()

    # The swing bone as it will be, not as it is: it turns with the dot that was just moved.
    hinge, swing = bones[limb.hinge], bones[limb.swing]
    carried = swing.parent.matrix @ swing.parent.bone.matrix_local.inverted() @ swing.bone.matrix_local
    swung = carried.col[1].to_3d().rotation_difference(axis).to_matrix() @ carried.to_3x3()
    hinge_pose = Matrix.Translation(elbow) @ _axes(flexion, outward).to_4x4()
    basis = _basis(hinge, hinge_pose, Matrix.Translation(shoulder) @ swung.to_4x4())
    hinge.location = basis.translation
    _set_rotation(hinge, basis.to_quaternion())

    if not in_ik:
        for name, along in ((limb.upper, elbow - shoulder), (limb.lower, wrist - elbow)):
            # Only the twist: what is left is rounding, and would later keep the hand off its dot.
            twist = (_axes(flexion, along.normalized()).inverted() @ bones[name].matrix.to_3x3()).to_quaternion()
            twist.x = twist.z = 0.0
            _set_rotation(bones[limb.out(name)], twist.normalized())


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
