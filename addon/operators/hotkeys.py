# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys for the verbs of a generation, in the 3D view: to be changed or removed in Blender's Preferences, as any other."""

from __future__ import annotations

import bpy

from .generation import P2A_OT_cancel, P2A_OT_generate

_KEYS = ((P2A_OT_generate.bl_idname, "RET"), (P2A_OT_cancel.bl_idname, "BACK_SPACE"))
"""Each with Ctrl and Shift, which Blender has given to nothing else in the 3D view."""

_items: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []

CLASSES: tuple[type, ...] = ()


def register() -> None:
    """Where there is a window; without one there are no keys."""
    config = bpy.context.window_manager.keyconfigs.addon
    if config is None:
        return
    keymap = config.keymaps.new(name="3D View", space_type="VIEW_3D")
    for verb, key in _KEYS:
        _items.append((keymap, keymap.keymap_items.new(verb, key, "PRESS", ctrl=True, shift=True)))


def unregister() -> None:
    for keymap, item in _items:
        keymap.keymap_items.remove(item)
    _items.clear()
