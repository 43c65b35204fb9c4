# SPDX-License-Identifier: GPL-3.0-or-later
"""The hands, below the figure: which hand, its shapes as small pictures, and the sliders."""

from __future__ import annotations

import bpy

from ..armature.dots_only import shows_fingers
from ..operators.figure import the_mannequin
from ..operators.hands import P2A_OT_adjust_hand, P2A_OT_apply_hand, known_shapes
from ..operators.posing import P2A_OT_show_fingers
from ..package import RIGS
from .icons import Icons
from .sidebar import OfFigure

_COLUMN_WIDTH = 88
"""Pixels at a scale of 1 that a name such as "Finger heart" needs."""

_icons = Icons(lambda name: RIGS / "previews" / "hands" / f"{name}.png")


class P2A_PT_hands(OfFigure, bpy.types.Panel):
    bl_idname = "P2A_PT_hands"
    bl_label = "Hands"
    bl_order = 30

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        side = context.window_manager.pose_to_anime_hand
        layout.row(align=True).prop(context.window_manager, "pose_to_anime_hand", expand=True)
        layout.operator(P2A_OT_adjust_hand.bl_idname, text="Spread, Grasp, Curl…", icon="OPTIONS").side = side
        row = layout.row()
        row.enabled = not context.scene.pose_to_anime.posing.dots_only
        row.operator(P2A_OT_show_fingers.bl_idname, icon="BONE_DATA", depress=shows_fingers(the_mannequin(context)))
        width = context.region.width / context.preferences.system.ui_scale
        grid = layout.grid_flow(row_major=True, columns=max(1, int(width // _COLUMN_WIDTH)), even_columns=True, align=True)
        for name, label, _description in known_shapes() or ():
            cell = grid.column(align=True)
            if icon := _icons.icon(name):
                cell.template_icon(icon_value=icon, scale=3.0)
            button = cell.operator(P2A_OT_apply_hand.bl_idname, text=label)
            button.shape, button.side = name, side


CLASSES: tuple[type, ...] = (P2A_PT_hands,)

register, unregister = _icons.open, _icons.close
