# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar of the 3D view: how strictly the picture follows what the camera sees."""

from __future__ import annotations

import bpy

from ..generate.scene_info import NO_START
from .sidebar import InSidebar


class P2A_PT_controls(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_controls"
    bl_label = "How Strictly It Follows"
    bl_parent_id = "P2A_PT_model"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.pose_to_anime.generation
        column = self.layout.column(align=True)
        column.prop(settings, "pose_strength", slider=True)
        column.prop(settings, "depth_strength", slider=True)
        column = self.layout.column(align=True)
        column.prop(settings, "start_from")
        if settings.start_from != NO_START:
            column.prop(settings, "denoising_strength", slider=True)


class P2A_PT_control_ranges(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_control_ranges"
    bl_label = "Start and End"
    bl_parent_id = "P2A_PT_controls"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.pose_to_anime.generation
        for word in ("pose", "depth"):
            row = self.layout.row(align=True)
            row.label(text=word.capitalize())
            row.prop(settings, f"{word}_start", text="")
            row.prop(settings, f"{word}_end", text="")


CLASSES: tuple[type, ...] = (P2A_PT_controls, P2A_PT_control_ranges)
