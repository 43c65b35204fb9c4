# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys on what was turned while Blender's auto-keying is on, as its own Rotate sets them."""

from __future__ import annotations

from collections.abc import Iterable

import bpy


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
