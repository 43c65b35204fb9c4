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


CLASSES: tuple[type, ...] = (P2A_PT_presets,)
