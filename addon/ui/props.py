# SPDX-License-Identifier: GPL-3.0-or-later
"""The props, below the figure: where the next one goes, what there is, and what the figure has."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..armature.held import LEFT, RIGHT, hold_of, props_of
from ..operators.figure import the_mannequin
from ..operators.props import (
    P2A_OT_add_prop,
    P2A_OT_refit_props,
    P2A_OT_release_prop,
    P2A_OT_remove_prop,
    P2A_OT_sit_on,
    P2A_OT_swap_props,
    known_props,
    seats_meant,
    what_it_is,
)
from ..package import RIGS
from .icons import Icons
from .sidebar import OfFigure

_COLUMN_WIDTH = 74
"""Pixels at a scale of 1 that a picture with its name needs."""

_icons = Icons(lambda name: RIGS / "previews" / "props" / f"{name}.png")


class P2A_PT_props(OfFigure, bpy.types.Panel):
    bl_idname = "P2A_PT_props"
    bl_label = "Props"
    bl_order = 45

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        figure = the_mannequin(context)
        layout.row(align=True).prop(context.window_manager, "pose_to_anime_prop_hand", expand=True)
        width = context.region.width / context.preferences.system.ui_scale
        grid = layout.grid_flow(row_major=True, columns=max(1, int(width // _COLUMN_WIDTH)), even_columns=True, align=True)
        for name, label, _description in known_props() or ():
            cell = grid.column(align=True)
            if icon := _icons.icon(name):
                cell.template_icon(icon_value=icon, scale=3.0)
            button = cell.operator(P2A_OT_add_prop.bl_idname, text=label)
            button.prop, button.hand = name, context.window_manager.pose_to_anime_prop_hand
        seats = seats_meant(context, figure)
        row = layout.row()
        row.enabled = bool(seats)
        on_one = iface_("Sit on {seat}").format(seat=seats[0].name) if len(seats) == 1 else ""
        row.operator(P2A_OT_sit_on.bl_idname, text=on_one or iface_("Sit on Selected"))
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


CLASSES: tuple[type, ...] = (P2A_PT_props,)

register, unregister = _icons.open, _icons.close
