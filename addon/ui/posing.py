# SPDX-License-Identifier: GPL-3.0-or-later
"""How the figure is posed by hand, below the figure: drag or rotate, and what of the rig is shown."""

from __future__ import annotations

import bpy

from ..armature.limits import are_lifted
from ..operators.figure import the_mannequin
from ..operators.posing import P2A_OT_toggle_limits
from .sidebar import OfFigure, is_narrow


class P2A_PT_posing(OfFigure, bpy.types.Panel):
    bl_idname = "P2A_PT_posing"
    bl_label = "Posing"
    bl_parent_id = "P2A_PT_figure"
    bl_order = 5

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        icons = is_narrow(context)  # with words they would lie over the panel's name
        self.layout.row(align=True).prop(context.scene.pose_to_anime.posing, "mode", expand=True, icon_only=icons)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        posing = context.scene.pose_to_anime.posing
        row = layout.row(align=True)
        row.prop(posing, "dots_only")
        figure = the_mannequin(context)
        if figure is None:
            return
        row.operator(P2A_OT_toggle_limits.bl_idname, icon="CON_ROTLIMIT", depress=not are_lifted(figure))
        column = layout.column(align=True)
        column.label(text="Foot Roll, Heel to Toes")
        row = column.row(align=True)
        row.prop(figure.pose_to_anime_feet, "left", slider=True)
        row.prop(figure.pose_to_anime_feet, "right", slider=True)


CLASSES: tuple[type, ...] = (P2A_PT_posing,)
