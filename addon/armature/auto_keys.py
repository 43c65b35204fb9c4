# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys on what was moved and turned while Blender's auto-keying is on, as its own Move and Rotate set them."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

import bpy

from ..keys import key_of
from .limbs import LIMBS
from .mannequin import is_mannequin, is_own
from .settled import differs, own_rotation

_Places = dict[str, tuple[list[float], list[float]]]
"""Bone → its own location and rotation."""
_BENT_BY_DRIVERS = {limb.solve(limb.lower) for limb in LIMBS}
"""See ``solving``: keys on them would do nothing."""


@contextmanager
def changes_keyed(context: bpy.types.Context) -> Generator[None, None, None]:
    """Meanwhile all that changes on the bones of figures is keyed, if the user lets Blender do so: the pose of another frame
    would take its place otherwise as soon as the frame changes."""
    if not context.scene.tool_settings.use_keyframe_insert_auto:
        yield
        return
    before = {key_of(obj): _places(obj) for obj in _figures(context)}
    yield
    for obj in _figures(context):
        if (known := before.get(key_of(obj))) is not None:
            _key_changes(context, obj, known)


def _figures(context: bpy.types.Context) -> list[bpy.types.Object]:
    return [obj for obj in context.view_layer.objects if is_mannequin(obj) and is_own(obj)]


def _places(obj: bpy.types.Object) -> _Places:
    return {
        bone.name: (list(bone.location), list(own_rotation(bone))) for bone in obj.pose.bones if bone.name not in _BENT_BY_DRIVERS
    }


def _key_changes(context: bpy.types.Context, obj: bpy.types.Object, before: _Places) -> None:
    changed: dict[str, list[bpy.types.PoseBone]] = {}
    for name, (place, rotation) in _places(obj).items():
        bone, (was_at, was_turned) = obj.pose.bones[name], before.get(name, (place, rotation))
        if differs(place, was_at):
            changed.setdefault("location", []).append(bone)
        if differs(rotation, was_turned):
            changed.setdefault("rotation_quaternion" if bone.rotation_mode == "QUATERNION" else "rotation_euler", []).append(bone)
    for path, bones in changed.items():
        insert_auto_keys(context, bones, path)


def insert_auto_keys(context: bpy.types.Context, bones: Iterable[bpy.types.PoseBone], path: str = "rotation_quaternion") -> None:
    """Key the rotations of pose bones, or what else ``path`` names, at the current frame, if the user lets Blender do so, and as
    the preferences say."""
    settings, preferences = context.scene.tool_settings, context.preferences.edit
    if not settings.use_keyframe_insert_auto:
        return
    if settings.use_keyframe_insert_keyingset and context.scene.keying_sets_all.active is not None:
        if bpy.ops.anim.keyframe_insert.poll():  # what the active keying set holds of the selected bones
            bpy.ops.anim.keyframe_insert()
        return
    options = set()
    if preferences.use_auto_keyframe_insert_needed:
        options.add("INSERTKEY_NEEDED")
    if preferences.use_keyframe_insert_available:
        options.add("INSERTKEY_AVAILABLE")
    if settings.auto_keying_mode == "REPLACE_KEYS":
        options.add("INSERTKEY_REPLACE")
    for bone in bones:
        bone.keyframe_insert(path, group=bone.name, options=options, keytype=settings.keyframe_type)
