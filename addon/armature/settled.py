# SPDX-License-Identifier: GPL-3.0-or-later
"""What a figure's controls were when its rig was last settled (see ``matching``), and what has changed since.

It is kept in a custom property of the object, because a file's undo and reload carry that along; a Python variable would keep the
future after an undo."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import bpy
from mathutils import Quaternion, Vector

from ..pose.humanoid import FINGER_JOINTS
from .handles import HANDLE_NAMES
from .joint_map import joint_map
from .limbs import LIMBS, ROOT, Limb
from .spine import TRUNK

SETTLED = "pose_to_anime_settled"
_BODY = (ROOT, "hips", *TRUNK, "shoulder.L", "shoulder.R", "toe.L", "toe.R", *HANDLE_NAMES)
"""The bones that carry limbs, and those that ``follow`` moves or is moved by."""

MOVED = 1e-5
"""Metres, and components of unit quaternions: a change below this is rounding."""


def remember(obj: bpy.types.Object) -> None:
    """Take the present state of all controls as settled."""
    obj[SETTLED] = _signature(obj)


def forget(obj: bpy.types.Object) -> None:
    """Nothing counts as settled any more: the bones rest elsewhere, so that the same numbers mean other places."""
    if SETTLED in obj:
        del obj[SETTLED]


class Hinge(NamedTuple):
    """Where an elbow's or knee's dot is, as its own location and rotation."""

    place: Vector
    rotation: Quaternion

    def numbers(self) -> list[float]:
        return [*self.place, *canonical(self.rotation)]


def hinge_of(obj: bpy.types.Object, limb: Limb) -> Hinge:
    """Where a limb's elbow or knee is led now."""
    bone = obj.pose.bones[limb.hinge]
    return Hinge(bone.location.copy(), bone.rotation_quaternion.copy())


def settled_hinge(obj: bpy.types.Object, limb: Limb) -> Hinge | None:
    """Where it was when the rig was last settled; None for a figure that never was."""
    states = settled_limbs(obj)
    if states is None:
        return None
    state = states[LIMBS.index(limb)]
    return Hinge(Vector(state.hinge_place), Quaternion(state.hinge_rotation))


class LimbState(NamedTuple):
    """What a user can change on a limb. The order is that of the stored numbers."""

    target_place: list[float]
    hinge_place: list[float]
    target_rotation: list[float]
    joints: list[float]  # rotations of the bones that take the limb out of IK
    end: list[float]  # rotation of the hand or foot
    hinge_rotation: list[float]


def limb_states(obj: bpy.types.Object) -> list[LimbState]:
    bones = obj.pose.bones
    return [
        LimbState(
            list(bones[limb.target].location),
            list(bones[limb.hinge].location),
            list(canonical(bones[limb.target].rotation_quaternion)),
            [c for name in limb.turned_by_hand for c in canonical(bones[name].rotation_quaternion)],
            list(canonical(bones[limb.end].rotation_quaternion)),
            list(canonical(bones[limb.hinge].rotation_quaternion)),
        )
        for limb in LIMBS
    ]


def _signature(obj: bpy.types.Object) -> list[float]:
    """All that is settled, as numbers: the limbs' own controls, the body that carries them, and the fingers."""
    return [*(c for state in limb_states(obj) for part in state for c in part), *_body(obj), *_fingers(obj)]


def _fingers(obj: bpy.types.Object) -> list[float]:
    return [c for name in _finger_bones() for c in canonical(obj.pose.bones[name].rotation_quaternion)]


def _body(obj: bpy.types.Object) -> list[float]:
    bones = (obj.pose.bones[name] for name in _BODY)
    return [c for bone in bones for c in (*bone.location, *canonical(own_rotation(bone)))]


@cache
def _finger_bones() -> tuple[str, ...]:
    return tuple(bone for joint, bone in joint_map("mannequin").items() if joint in FINGER_JOINTS)


def is_body_changed(obj: bpy.types.Object) -> bool:
    """Whether more than the fingers was moved since the rig was last settled: only then is there anything to do for the limbs."""
    stored, current = list(obj.get(SETTLED, ())), _signature(obj)
    fingers = len(current) - 4 * len(_finger_bones())
    return len(stored) != len(current) or differs(current[:fingers], stored[:fingers])


def settled_body(obj: bpy.types.Object) -> dict[str, tuple[Vector, Quaternion]] | None:
    """Where the bones of the body were when the rig was last settled, by their own transforms. None before the first time."""
    stored = obj.get(SETTLED)
    start = sum(len(part) for state in limb_states(obj) for part in state)
    if stored is None or len(stored) < start + 7 * len(_BODY):
        return None
    values = list(stored)[start:]
    parts = (values[7 * index : 7 * index + 7] for index in range(len(_BODY)))
    return {name: (Vector(part[:3]), Quaternion(part[3:])) for name, part in zip(_BODY, parts, strict=True)}


def settled_dot(obj: bpy.types.Object, limb: Limb) -> list[float] | None:
    """A limb's dot as it was last settled, see ``dot_state``. None before the first time."""
    states = settled_limbs(obj)
    if states is None:
        return None
    state = states[LIMBS.index(limb)]
    return [*state.target_place, *state.target_rotation, *state.end]


def settled_forearm(obj: bpy.types.Object, limb: Limb) -> Quaternion | None:
    """The lower bone's own rotation as it was last settled. None before the first time."""
    states = settled_limbs(obj)
    return Quaternion(states[LIMBS.index(limb)].joints[4:8]) if states is not None else None


def dot_state(obj: bpy.types.Object, limb: Limb) -> list[float]:
    """The place and rotation of a limb's dot and the rotation of its hand or foot, all by their own transforms: 11 numbers."""
    dot, end = obj.pose.bones[limb.target], obj.pose.bones[limb.end]
    return [*dot.location, *canonical(dot.rotation_quaternion), *canonical(end.rotation_quaternion)]


def own_rotation(bone: bpy.types.PoseBone) -> Quaternion:
    """A bone's own rotation, in whichever way it is stored: the dots of the foot roll have angles."""
    return bone.rotation_quaternion if bone.rotation_mode == "QUATERNION" else bone.rotation_euler.to_quaternion()


def settled_limbs(obj: bpy.types.Object) -> list[LimbState] | None:
    """The limbs' states as they were settled, or None for a figure that has none yet."""
    stored = obj.get(SETTLED)
    if stored is None:
        return None
    values = iter(stored)
    states = [LimbState(*([next(values) for _ in part] for part in state)) for state in limb_states(obj)]
    return states


def is_changed(obj: bpy.types.Object) -> bool:
    """Whether any control was moved or turned since the rig was last settled."""
    stored, current = obj.get(SETTLED), _signature(obj)
    return stored is None or len(stored) != len(current) or differs(current, list(stored))


def canonical(quaternion: Quaternion) -> Quaternion:
    """One of the two quaternions that mean the same rotation, at length one: tools leave other lengths and signs behind."""
    q = quaternion.normalized()
    return -q if q.w < 0 else q


def differs(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two rows of metres or components of quaternions differ by more than rounding."""
    return any(abs(p - q) > MOVED for p, q in zip(a, b, strict=False))
