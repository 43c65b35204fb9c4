# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the pose in which a character is seen into its own rig: into the bones that followed our controls, or, where its rig
moves these itself, into the controls from which it does."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
from mathutils import Matrix

from ...compat import action_curves
from ...errors import UserError
from ..matching import paused
from .link import carriers_of, character_of, constraints_of, is_control_rig
from .own_controls import SWITCH, OwnControls, own_controls, places_of
from .use import let_go

_AWAY = 0.002
"""Metres of the body in its own size: a joint that a rig's own controls leave farther from where it was seen was not baked."""
_ROUNDS = 3
"""Some of a rig's mechanism hangs on controls that come later in the rig; one round does for all of it that is Rigify's own."""


def bake(controls: bpy.types.Object, key: bool) -> bpy.types.Object:
    """Write the pose in which a character is seen into its own rig, and take our controls away. ``key``: with keyframes.

    Raises UserError as ``require_bakeable`` does, and with nothing changed where a rig does not come into the pose."""
    character = require_bakeable(controls)
    bpy.context.view_layer.update()
    bones = _following(character)
    seen = {bone.name: bone.matrix.copy() for bone in character.pose.bones}
    if _held(character) is None:
        for bone in bones:
            above = bone.parent
            _write(bone, seen[bone.name], seen[above.name] if above is not None else None)
        written = bones
    else:
        own = _own_controls(controls, character)
        assert own is not None
        written = _write_on_controls(controls, character, own, seen)
        if key or _has_keys(character, "pose."):
            for name in own.switches:
                character.pose.bones[name].keyframe_insert(f'["{SWITCH}"]', group=name)
    for bone in written:
        if key or _has_keys(character, bone.path_from_id()):
            _key(bone)
    let_go(controls)
    return character


def require_bakeable(controls: bpy.types.Object) -> bpy.types.Object:
    """The character that a control rig drives. Raises UserError for controls that drive none, and for a rig whose own constraints
    would move its bones back, unless its own controls are known."""
    character = character_of(controls)
    if character is None:
        raise UserError(f"'{controls.name}' drives no character.")
    held = _held(character)
    if held is not None and _own_controls(controls, character) is None:
        raise _moved_back(character, held)
    return character


def _moved_back(character: bpy.types.Object, bone: str) -> UserError:
    return UserError(
        f"The rig of '{character.name}' moves its bone '{bone}' itself and would move it back: "
        "keep the controls, or mute the constraints of its deform bones first."
    )


def _following(character: bpy.types.Object) -> list[bpy.types.PoseBone]:
    """The bones that follow our controls, parents first."""
    following = {bone.name for bone, _ in constraints_of(character)}
    return [bone for bone in character.pose.bones if bone.name in following]


def _held(character: bpy.types.Object) -> str | None:
    """The first of them that its rig moves itself."""
    for bone in _following(character):
        for each in bone.constraints:
            if each.type.startswith(("COPY", "CHILD", "ARMATURE", "IK", "STRETCH", "DAMPED", "TRACK")) and not each.mute:
                ours = is_control_rig(getattr(each, "target", None))
                if not ours and each.influence > 0.0:
                    return str(bone.name)
    return None


def _own_controls(controls: bpy.types.Object, character: bpy.types.Object) -> OwnControls | None:
    carriers = carriers_of(controls)
    return own_controls(character, {bone.name: carriers[bone.name] for bone in _following(character)})


def _write_on_controls(
    controls: bpy.types.Object, character: bpy.types.Object, own: OwnControls, seen: Mapping[str, Matrix]
) -> list[bpy.types.PoseBone]:
    """Bring a rig by its own controls into the pose in which it is ``seen``. Returns those that were written."""
    bones, layer = character.pose.bones, bpy.context.view_layer
    places = places_of(character, own, seen)
    written = sorted((bones[name] for name in places), key=_depth)
    before = [(bone, bone.location.copy(), bone.matrix_basis.copy()) for bone in written]
    switched = {name: bones[name][SWITCH] for name in own.switches}
    ours = [constraint for _, constraint in constraints_of(character)]
    near = _AWAY * controls.matrix_basis.to_scale().x
    with paused():
        for constraint in ours:
            constraint.mute = True
        for name in switched:
            bones[name][SWITCH] = 1.0
        for _ in range(_ROUNDS):
            depth = -1
            for bone in written:
                if _depth(bone) > depth:  # what it hangs on has just been written
                    depth = _depth(bone)
                    character.update_tag()
                    layer.update()
                _write(bone, places[bone.name], bone.parent.matrix if bone.parent is not None else None)
            character.update_tag()
            layer.update()
            away = {bone.name: (bone.matrix.translation - seen[bone.name].translation).length for bone in _following(character)}
            worst = max(away, key=lambda name: away[name])
            if away[worst] < near:
                return written
        for bone, location, basis in before:
            _write_basis(bone, basis)
            bone.location = location
        for name, value in switched.items():
            bones[name][SWITCH] = value
        for constraint in ours:
            constraint.mute = False
        character.update_tag()
        layer.update()
    raise _moved_back(character, worst)


def _depth(bone: bpy.types.PoseBone) -> int:
    return len(bone.parent_recursive)


def _write(bone: bpy.types.PoseBone, place: Matrix, above: Matrix | None) -> None:
    """Let a bone come to a place (4, 4) under a parent that is at another, both in the armature's axes."""
    parent = {} if above is None else {"parent_matrix": above, "parent_matrix_local": bone.parent.bone.matrix_local}
    _write_basis(bone, bone.bone.convert_local_to_pose(place, bone.bone.matrix_local, invert=True, **parent))


def _write_basis(bone: bpy.types.PoseBone, basis: Matrix) -> None:
    location, rotation, _ = basis.decompose()
    if not bone.bone.use_connect:
        bone.location = location
    if bone.rotation_mode == "QUATERNION":
        bone.rotation_quaternion = rotation
    elif bone.rotation_mode == "AXIS_ANGLE":
        axis, angle = rotation.to_axis_angle()
        bone.rotation_axis_angle = (angle, *axis)
    else:
        bone.rotation_euler = rotation.to_euler(bone.rotation_mode, bone.rotation_euler)


def _rotation_path(bone: bpy.types.PoseBone) -> str:
    return {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}.get(bone.rotation_mode, "rotation_euler")


def _has_keys(character: bpy.types.Object, path: str) -> bool:
    """Whether anything whose path begins so is animated."""
    return any(curve.data_path.startswith(path) for curves in action_curves(character) for curve in curves)


def _key(bone: bpy.types.PoseBone) -> None:
    if not bone.bone.use_connect:
        bone.keyframe_insert("location", group=bone.name)
    bone.keyframe_insert(_rotation_path(bone), group=bone.name)
