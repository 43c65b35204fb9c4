# SPDX-License-Identifier: GPL-3.0-or-later
"""Below the controls: a picture of the user's own for each of them."""

from __future__ import annotations

import bpy

from ..generate.asked import offered
from ..operators.own_controls import P2A_OT_open_own_control
from ..passes.kinds import KINDS
from ..settings.controls import word_of
from .sidebar import InSidebar


class P2A_PT_own_controls(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_own_controls"
    bl_label = "Own Images"
    bl_parent_id = "P2A_PT_controls"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings, own = context.scene.pose_to_anime.generation, context.scene.pose_to_anime.own_controls
        for kind in offered(settings):
            if not getattr(settings, f"use_{word_of(kind)}"):
                continue
            column = self.layout.column(align=True)
            column.label(text=KINDS[kind].title)
            row = column.row(align=True)
            row.prop(own, kind, text="")
            row.operator(P2A_OT_open_own_control.bl_idname, text="", icon="FILEBROWSER").kind = kind


CLASSES: tuple[type, ...] = (P2A_PT_own_controls,)
