# SPDX-License-Identifier: GPL-3.0-or-later
"""The figure's body, below the figure: which it is, and the sliders that change it."""

from __future__ import annotations

import bpy

from ..armature.mannequin import mannequin_name, slider_values
from ..armature.reshape import require_figure
from ..armature.skin.sliders import GROUPS, SLIDERS
from ..errors import UserError
from ..generate import body_shelf
from ..operators.body import P2A_OT_change_body, P2A_OT_reset_body
from ..operators.figure import the_mannequin
from ..operators.own_bodies import (
    P2A_OT_delete_body,
    P2A_OT_export_body,
    P2A_OT_import_body,
    P2A_OT_read_bodies,
    P2A_OT_rename_body,
    P2A_OT_save_body,
)
from ..translations import CONTEXT, translated
from . import parts
from .sidebar import OfFigure


class P2A_PT_body(OfFigure, bpy.types.Panel):
    bl_idname = "P2A_PT_body"
    bl_label = "Body"
    bl_order = 25

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        figure = the_mannequin(context)
        try:
            require_figure(figure)
        except UserError as error:
            parts.text(layout, context, str(error), "INFO")
            return
        shown = body_shelf.shown()
        entry = shown.entry(mannequin_name(figure)) if shown else None
        row = layout.row(align=True)
        row.operator_menu_enum(
            P2A_OT_change_body.bl_idname, "mannequin", text=entry.title if entry else "Choose a Body", icon="COMMUNITY"
        )
        row.operator(P2A_OT_save_body.bl_idname, text="", icon="FILE_TICK")
        row.menu(P2A_MT_bodies.bl_idname, text="", icon="DOWNARROW_HLT")
        if shown is not None and entry is None:
            parts.text(layout, context, f"The file of its body, '{mannequin_name(figure)}', is gone: choose another.", "ERROR")
            return
        _draw_sliders(layout, figure)


class P2A_MT_bodies(bpy.types.Menu):
    bl_idname = "P2A_MT_bodies"
    bl_label = "Bodies"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        shown, figure = body_shelf.shown(), the_mannequin(context)
        entry = shown.entry(mannequin_name(figure)) if shown and figure else None
        layout.operator(P2A_OT_save_body.bl_idname, text="Save Body…", icon="FILE_TICK")
        own = layout.column()
        own.enabled = entry is not None and entry.own
        own.operator(P2A_OT_rename_body.bl_idname, text="Rename…", icon="GREASEPENCIL")
        own.operator(P2A_OT_delete_body.bl_idname, text="Delete", icon="TRASH").body = entry.key if entry else ""
        layout.separator()
        layout.operator(P2A_OT_import_body.bl_idname, text="Import…", icon="IMPORT")
        layout.operator(P2A_OT_export_body.bl_idname, text="Export…", icon="EXPORT")
        layout.operator(P2A_OT_read_bodies.bl_idname, text="Read Again", icon="FILE_REFRESH")
        for problem in shown.problems if shown else ():
            layout.label(text=translated(problem), icon="ERROR")


def _draw_sliders(layout: bpy.types.UILayout, figure: bpy.types.Object) -> None:
    moved = {SLIDERS[name].group for name in slider_values(figure) if name in SLIDERS}
    for group in GROUPS:
        column = layout.column(align=True)
        head = column.row(align=True)
        head.label(text=group, text_ctxt=CONTEXT)
        reset = head.row(align=True)
        reset.enabled = group in moved
        reset.operator(P2A_OT_reset_body.bl_idname, text="", icon="LOOP_BACK", emboss=False).group = group.upper()
        for name, slider in SLIDERS.items():
            if slider.group == group:
                column.prop(figure.pose_to_anime_body, name, slider=True)
    row = layout.row()
    row.enabled = bool(moved)
    row.operator(P2A_OT_reset_body.bl_idname, text="Reset All", icon="LOOP_BACK").group = "ALL"


CLASSES: tuple[type, ...] = (P2A_MT_bodies, P2A_PT_body)
