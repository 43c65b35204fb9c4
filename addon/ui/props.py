# SPDX-License-Identifier: GPL-3.0-or-later
"""The props, below the figure: where the next one goes, what there is, and what the figure has."""

from __future__ import annotations

import bpy
import bpy.utils.previews

from ..armature.held import LEFT, RIGHT, hold_of, props_of
from ..operators.figure import the_mannequin
from ..operators.props import (
    P2A_OT_add_prop,
    P2A_OT_refit_props,
    P2A_OT_release_prop,
    P2A_OT_remove_prop,
    P2A_OT_swap_props,
    prop_items,
    what_it_is,
)
from ..package import RIGS
from . import parts

_COLUMN_WIDTH = 74
"""Pixels at a scale of 1 that a picture with its name needs."""

_icons: bpy.utils.previews.ImagePreviewCollection | None = None


class P2A_PT_props(bpy.types.Panel):
    bl_idname = "P2A_PT_props"
    bl_label = "Props"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = parts.TAB
    bl_parent_id = "P2A_PT_figure"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 40

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return the_mannequin(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        figure = the_mannequin(context)
        layout.row(align=True).prop(context.window_manager, "pose_to_anime_prop_hand", expand=True)
        width = context.region.width / context.preferences.system.ui_scale
        grid = layout.grid_flow(row_major=True, columns=max(1, int(width // _COLUMN_WIDTH)), even_columns=True, align=True)
        for name, label, _description in prop_items(None, context):
            cell = grid.column(align=True)
            if icon := _icon(name):
                cell.template_icon(icon_value=icon, scale=3.0)
            button = cell.operator(P2A_OT_add_prop.bl_idname, text=label)
            button.prop, button.hand = name, context.window_manager.pose_to_anime_prop_hand
        held = props_of(figure) if figure is not None else []
        for obj in held:
            row = layout.row(align=True)
            row.label(text=what_it_is(obj))
            row.operator(P2A_OT_release_prop.bl_idname, text="", icon="UNLINKED").prop = obj.name
            row.operator(P2A_OT_remove_prop.bl_idname, text="", icon="X").prop = obj.name
        if any(hold_of(obj) in (LEFT, RIGHT) for obj in held):
            row = layout.row(align=True)
            row.operator(P2A_OT_swap_props.bl_idname, icon="ARROW_LEFTRIGHT")
            row.operator(P2A_OT_refit_props.bl_idname, icon="FILE_REFRESH")


def _icon(name: str) -> int:
    """The icon of a prop, read on first use; 0 for a prop without a picture."""
    if _icons is None:
        return 0
    if name not in _icons:
        path = RIGS / "previews" / "props" / f"{name}.png"
        if not path.is_file():
            return 0
        _icons.load(name, str(path), "IMAGE")
    return _icons[name].icon_id


CLASSES: tuple[type, ...] = (P2A_PT_props,)


def register() -> None:
    global _icons
    _icons = bpy.utils.previews.new()


def unregister() -> None:
    global _icons
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
    _icons = None
