# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu of presets in the head of Generate."""

from __future__ import annotations

import bpy
from bl_ui.utils import PresetPanel

from ..operators.presets import SUBDIR, P2A_OT_add_preset, P2A_OT_use_preset


class P2A_PT_presets(PresetPanel, bpy.types.Panel):
    bl_idname = "P2A_PT_presets"
    bl_label = "Presets"
    bl_space_type = "VIEW_3D"
    preset_subdir = SUBDIR
    preset_operator = P2A_OT_use_preset.bl_idname
    preset_add_operator = P2A_OT_add_preset.bl_idname

    def draw(self, context: bpy.types.Context) -> None:
        """Blender says “Missing Paths” as long as nothing was saved: say what to do."""
        if bpy.utils.preset_paths(SUBDIR):
            super().draw(context)
            return
        self.layout.label(text="Keep the settings as")
        row = self.layout.row(align=True)
        row.operator_context = "EXEC_DEFAULT"
        row.prop(context.window_manager, "preset_name", text="")
        row.operator(P2A_OT_add_preset.bl_idname, text="", icon="ADD").name = context.window_manager.preset_name


CLASSES: tuple[type, ...] = (P2A_PT_presets,)
