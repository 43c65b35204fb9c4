# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins of hands and feet as constraints of Blender's own, so that they hold wherever the figure is evaluated: while an animation
plays, in renders, and in files that are opened without the extension.

Limit Location and Limit Rotation, with nothing between their lowest and highest values, hold the dot in the axes of the world or
of what it is pinned to. The bones of a pinned limb follow by copies of their own, beside those that IK always has: an animation
that turns the joints keys the latter off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import bpy
from mathutils import Quaternion, Vector

from .limbs import Limb
from .limits import LIMIT

PLACE, TURN, FOLLOW = "Pin Place", "Pin Rotation", "Follow Pin"

_AXES = ("x", "y", "z")
_ORDER = "XYZ"
_ROUNDING = 1e-6
"""Metres and radians: Blender keeps single precision, and each write makes it evaluate the figure anew."""


def put_on(
    obj: bpy.types.Object, limb: Limb, carrier: bpy.types.Object | None, bone: str, place: Vector, rotation: Quaternion
) -> None:
    """Say where a limb's dot is to be held: in the axes of an object or of one of its bones, or, without a carrier, of the world.

    Constraints that are missing are made; they hold nothing before ``hold_dot`` and ``follow_dot``.
    """
    dot = obj.pose.bones[limb.target]
    where, turn = _made(dot, "LIMIT_LOCATION", PLACE), _made(dot, "LIMIT_ROTATION", TURN)
    for constraint in (where, turn):
        _set(constraint, "owner_space", "WORLD" if carrier is None else "CUSTOM")
        _set(constraint, "space_object", carrier)
        _set(constraint, "space_subtarget", bone)
    _set(turn, "euler_order", _ORDER)
    for axis, metres, radians in zip(_AXES, place, rotation.to_euler(_ORDER), strict=True):
        _set(turn, f"use_limit_{axis}", True)
        for end in ("min", "max"):
            _set(where, f"use_{end}_{axis}", True)
            _set(where, f"{end}_{axis}", metres)
            _set(turn, f"{end}_{axis}", radians)
    for name in (limb.upper, limb.lower, limb.end):
        copy = _made(obj.pose.bones[name], "COPY_ROTATION", FOLLOW)
        _set(copy, "target", obj)
        _set(copy, "subtarget", limb.target if name == limb.end else limb.out(name))


def take_off(obj: bpy.types.Object, limb: Limb) -> None:
    """Remove all that holds a limb's dot."""
    for name, constraint in [*_holding(obj, limb), *_following(obj, limb)]:
        obj.pose.bones[name].constraints.remove(constraint)


def hold_dot(obj: bpy.types.Object, limb: Limb, value: bool) -> bool:
    """Let a pinned dot be held where its pin is, and a hand turned as it is, or let both go. True when something changed."""
    return _switch(_holding(obj, limb), value)


def follow_dot(obj: bpy.types.Object, limb: Limb, value: bool) -> bool:
    """Let the bones of a pinned limb follow its mechanism, whatever is keyed on them, or not. True when something changed."""
    return _switch(_following(obj, limb), value)


def follows_dot(obj: bpy.types.Object, limb: Limb) -> bool:
    """Whether the bones of a pinned limb follow its mechanism now."""
    copy = obj.pose.bones[limb.upper].constraints.get(FOLLOW)
    return copy is not None and bool(copy.influence > 0.5)


def _holding(obj: bpy.types.Object, limb: Limb) -> Iterator[tuple[str, bpy.types.Constraint]]:
    names = [(limb.target, PLACE), (limb.target, TURN)]
    if limb.end not in limb.turned_by_hand:  # a hand that is turned by itself takes the pin along, and the arm stays in IK
        names.append((limb.end, FOLLOW))
    yield from _found(obj, names)


def _following(obj: bpy.types.Object, limb: Limb) -> Iterator[tuple[str, bpy.types.Constraint]]:
    yield from _found(obj, [(name, FOLLOW) for name in limb.turned_by_hand])


def _found(obj: bpy.types.Object, names: Iterable[tuple[str, str]]) -> Iterator[tuple[str, bpy.types.Constraint]]:
    for bone, name in names:
        owner = obj.pose.bones.get(bone)  # a bone that was deleted by hand is no reason not to take a pin off
        constraint = owner.constraints.get(name) if owner is not None else None
        if constraint is not None:
            yield bone, constraint


def _made(bone: bpy.types.PoseBone, kind: str, name: str) -> bpy.types.Constraint:
    found = bone.constraints.get(name)
    if found is not None:
        return found
    constraint = bone.constraints.new(kind)
    constraint.name, constraint.influence = name, 0.0
    limit = bone.constraints.find(LIMIT)
    if limit >= 0:  # nothing may turn a bone after its limit
        bone.constraints.move(len(bone.constraints) - 1, limit)
    return bone.constraints[name]


def _switch(constraints: Iterable[tuple[str, bpy.types.Constraint]], value: bool) -> bool:
    changed = [constraint for _, constraint in constraints if (constraint.influence > 0.5) != value]
    for constraint in changed:
        constraint.influence = 1.0 if value else 0.0
    return bool(changed)


def _set(constraint: bpy.types.Constraint, name: str, value: object) -> None:
    present = getattr(constraint, name)
    if isinstance(value, float) and abs(present - value) < _ROUNDING:
        return
    if present != value:
        setattr(constraint, name, value)
