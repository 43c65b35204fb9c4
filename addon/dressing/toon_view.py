# SPDX-License-Identifier: GPL-3.0-or-later
"""How 3D views are shaded for the toon look: flat, with the far sides of shells alone, and afterwards as they were before."""

from __future__ import annotations

import json

import bpy

from .toon import is_on

_BEFORE = "pose_to_anime_shading"
"""Custom property of a screen: how its 3D views were shaded, by their place among its areas."""
FLAT = {
    "light": "FLAT",
    "color_type": "MATERIAL",
    "show_backface_culling": True,
    "show_cavity": False,
    "show_object_outline": False,
}
"""Shading of the toon look, of 3D views and of Workbench renders."""


def follow_look(context: bpy.types.Context) -> None:
    """Shade the 3D views of this window as its scene is looked at. Without a window there is nothing to do."""
    screen = context.screen
    if screen is None or bpy.app.background:
        return
    views = {str(index): area.spaces.active.shading for index, area in enumerate(screen.areas) if area.type == "VIEW_3D"}
    before = json.loads(screen.get(_BEFORE, "{}"))
    if is_on(context.scene):
        for index, shading in views.items():
            before.setdefault(index, {name: getattr(shading, name) for name in FLAT})
            _shade(shading, FLAT)
        screen[_BEFORE] = json.dumps(before)
        return
    for index, shading in views.items():
        _shade(shading, before.get(index, {}))
    if _BEFORE in screen:
        del screen[_BEFORE]


def _shade(shading: bpy.types.View3DShading, values: dict[str, object]) -> None:
    for name, value in values.items():
        setattr(shading, name, value)
