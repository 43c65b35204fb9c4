# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots and frame, below the camera: named shots, each a click, those that the scene keeps, and what is drawn over the view."""

from __future__ import annotations

import bpy

from ..armature.mannequin import is_mannequin
from ..operators.shots import (
    P2A_OT_delete_shot,
    P2A_OT_rename_shot,
    P2A_OT_save_shot,
    P2A_OT_set_shot,
    P2A_OT_step_shot,
    P2A_OT_use_shot,
)
from ..settings.shots import ANGLE_ITEMS, FRAMING_ITEMS, HEIGHT_ITEMS
from .sidebar import InSidebar

_ROWS = (("framing", FRAMING_ITEMS), ("angle", ANGLE_ITEMS), ("height", HEIGHT_ITEMS))


class P2A_PT_shots(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_shots"
    bl_label = "Shots and Frame"
    bl_parent_id = "P2A_PT_camera"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.pose_to_anime.shots
        column = layout.column(align=True)
        for kind, items in _ROWS:
            row = column.row(align=True)
            for name, label, _ in items:
                button = row.operator(P2A_OT_set_shot.bl_idname, text=label, depress=getattr(settings, kind) == name)
                for other, _ in _ROWS:
                    setattr(button, other, getattr(settings, other))
                setattr(button, kind, name)
                button.active_only = settings.active_only
        if sum(map(is_mannequin, context.view_layer.objects)) > 1:
            layout.prop(settings, "active_only")
        column = layout.column(align=True)
        for index, shot in enumerate(settings.saved):
            row = column.row(align=True)
            row.operator(P2A_OT_use_shot.bl_idname, text=shot.name, depress=index == settings.current).name = shot.name
            row.operator(P2A_OT_rename_shot.bl_idname, text="", icon="GREASEPENCIL").name = shot.name
            row.operator(P2A_OT_delete_shot.bl_idname, text="", icon="TRASH").name = shot.name
        row = column.row(align=True)
        row.operator(P2A_OT_save_shot.bl_idname, text="Save Shot…", icon="ADD")
        if len(settings.saved) > 1:
            row.operator(P2A_OT_step_shot.bl_idname, text="", icon="TRIA_LEFT").back = True
            row.operator(P2A_OT_step_shot.bl_idname, text="", icon="TRIA_RIGHT").back = False
        column = layout.column()
        column.prop(context.scene.pose_to_anime.framing, "head_room", slider=True)
        column.prop(context.scene.pose_to_anime.framing, "show_frame")
        column.prop(context.scene.pose_to_anime.keypoints, "show")


CLASSES: tuple[type, ...] = (P2A_PT_shots,)
