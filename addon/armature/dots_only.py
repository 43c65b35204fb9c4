# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the rig is drawn: a switch that hides all but the dots, and one that shows the fingers' joints.

The dots of a figure are gathered in a bone collection of their own, which is shown alone (Blender's *solo*): what the user has
shown and hidden of the other collections stays as it is and comes back with the switch. Solo is part of the armature, so undo,
copies and saved files carry it along."""

from __future__ import annotations

import bpy

from ..errors import UserError
from .limbs import ROOT

_DOTS = "Dots"
_CONTROLS = "Controls"
_FINGERS = "Fingers"


def show_only_dots(obj: bpy.types.Object, value: bool) -> None:
    """Hide everything of a mannequin's rig but its dots, or show again what was shown before."""
    collections = obj.data.collections_all
    dots = collections.get(_DOTS)
    if value:
        if dots is None:
            dots = obj.data.collections.new(_DOTS)
        for name in _dot_names(obj):
            dots.assign(obj.data.bones[name])
    if dots is not None:
        dots.is_solo = value


def shows_only_dots(obj: bpy.types.Object) -> bool:
    dots = obj.data.collections_all.get(_DOTS)
    return dots is not None and bool(dots.is_solo)


def show_fingers(obj: bpy.types.Object, value: bool) -> None:
    """Show the marks of the fingers' joints, or hide them as in a new figure, where they would crowd the hands."""
    fingers = obj.data.collections_all.get(_FINGERS)
    if fingers is None:
        raise UserError(f"'{obj.name}' has no bone collection '{_FINGERS}' any more: undo, or add a new mannequin.")
    fingers.is_visible = value


def shows_fingers(obj: bpy.types.Object) -> bool:
    fingers = obj.data.collections_all.get(_FINGERS)
    return fingers is not None and bool(fingers.is_visible)


def follow_switch(scene: bpy.types.Scene, obj: bpy.types.Object) -> None:
    """Show a figure as the scene's switch says."""
    settings = getattr(scene, "pose_to_anime", None)  # a script may add figures with the extension not registered
    if settings is not None and settings.posing.dots_only != shows_only_dots(obj):
        show_only_dots(obj, settings.posing.dots_only)


def _dot_names(obj: bpy.types.Object) -> list[str]:
    """The bones that are moved, without the ring on the ground."""
    controls = obj.data.collections_all.get(_CONTROLS)
    return [bone.name for bone in controls.bones if bone.name != ROOT] if controls is not None else []
