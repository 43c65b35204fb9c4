# SPDX-License-Identifier: GPL-3.0-or-later
"""The dot under the mouse is lit and named, so that one sees what a press would take hold of."""

from __future__ import annotations

import math
from typing import Any

import bpy
import gpu
from bpy_extras.view3d_utils import location_3d_to_region_2d
from gpu_extras.batch import batch_for_shader

from ..armature.dots import Dot, dot_at, dot_name, place_of
from ..armature.mannequin import is_mannequin
from ..armature.modes import mode_in
from ..translations import translated
from . import labels
from .rings import is_ring_lit

_RADIUS = 10.0
_COLOUR = (1.0, 1.0, 1.0, 0.9)


class _State:
    under_mouse: Dot | None = None
    region: int = 0
    """Which region the mouse is in, by its address: there may be several 3D views."""


def dot_under_mouse() -> Dot | None:
    """The dot that is lit now."""
    return _State.under_mouse


class P2A_GT_dot_hover(bpy.types.Gizmo):
    """Is asked wherever the mouse goes, and never says that it is meant: presses go on to who is to have them."""

    bl_idname = "P2A_GT_dot_hover"

    def draw(self, _context: bpy.types.Context) -> None:
        pass

    def test_select(self, context: bpy.types.Context, location: tuple[int, int]) -> int:
        found = dot_at(context, location)
        region = context.region.as_pointer()
        if (found, region) != (_State.under_mouse, _State.region):
            _State.under_mouse, _State.region = found, region
            context.region.tag_redraw()
        return -1


class P2A_GGT_dot_hover(bpy.types.GizmoGroup):
    bl_idname = "P2A_GGT_dot_hover"
    bl_label = "Dot under the Mouse"
    bl_space_type = "VIEW_3D"
    bl_region_type = "WINDOW"
    bl_options = {"PERSISTENT"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if mode_in(context) in {"OBJECT", "POSE"} and any(map(is_mannequin, getattr(context, "visible_objects", ()))):
            return True
        _State.under_mouse = None
        return False

    def setup(self, _context: bpy.types.Context) -> None:
        self.gizmos.new(P2A_GT_dot_hover.bl_idname)


def _draw() -> None:
    context, dot = bpy.context, _State.under_mouse
    if dot is None or context.region_data is None or context.region.as_pointer() != _State.region or is_ring_lit():
        return
    obj = bpy.data.objects.get(dot.armature)
    if obj is None or not is_mannequin(obj) or dot.bone not in obj.pose.bones or not context.space_data.overlay.show_overlays:
        return
    at = location_3d_to_region_2d(context.region, context.region_data, place_of(obj, obj.pose.bones[dot.bone]))
    if at is None:
        return
    scale = context.preferences.system.ui_scale
    ring = [
        (at.x + _RADIUS * scale * math.cos(angle), at.y + _RADIUS * scale * math.sin(angle), 0.0)
        for angle in (math.tau * step / 32 for step in range(33))
    ]
    gpu.state.blend_set("ALPHA")
    try:
        shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
        shader.uniform_float("viewportSize", (context.region.width, context.region.height))
        shader.uniform_float("lineWidth", 1.5 * context.preferences.system.pixel_size)
        shader.uniform_float("color", _COLOUR)
        batch_for_shader(shader, "LINE_STRIP", {"pos": ring}).draw(shader)
    finally:
        gpu.state.blend_set("NONE")
    labels.write(context, translated(dot_name(dot.bone)), at.x + (_RADIUS + 5.0) * scale, at.y + (_RADIUS + 2.0) * scale)


CLASSES: tuple[type, ...] = (P2A_GT_dot_hover, P2A_GGT_dot_hover)

_handles: list[Any] = []


def register() -> None:
    _handles.append(bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    _State.under_mouse = None
    while _handles:
        bpy.types.SpaceView3D.draw_handler_remove(_handles.pop(), "WINDOW")
