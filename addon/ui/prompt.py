# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar of the 3D view: what the picture shows, and what it must not."""

from __future__ import annotations

import bpy

from ...generation_server.families.catalogue import families
from ..operators.prompt import P2A_OT_negative_preset
from . import parts, prompt_help, styles
from .sidebar import InSidebar, is_narrow


class P2A_PT_prompt(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_prompt"
    bl_label = "Prompt"
    bl_order = 30

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        parts.prompt_tools(self.layout, "prompt")

    def draw(self, context: bpy.types.Context) -> None:
        styles.draw(self.layout, context)
        parts.prompt(self.layout, context, "prompt", 3)
        prompt_help.draw_add(self.layout, context, "prompt")


class P2A_MT_negative_presets(bpy.types.Menu):
    bl_idname = "P2A_MT_negative_presets"
    bl_label = "Presets"

    def draw(self, context: bpy.types.Context) -> None:
        family = families().get(context.scene.pose_to_anime.generation.family)
        if family is None:
            return
        for name, text in {"Usual": family.negative_prompt, **family.negative_presets}.items():
            self.layout.operator(P2A_OT_negative_preset.bl_idname, text=name).text = text


class P2A_PT_negative_prompt(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_negative_prompt"
    bl_label = "Negative Prompt"
    bl_parent_id = "P2A_PT_prompt"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        if not is_narrow(context):  # there they would lie over the panel's name
            parts.prompt_tools(self.layout, "negative_prompt")

    def draw(self, context: bpy.types.Context) -> None:
        if is_narrow(context):
            parts.prompt_tools(self.layout, "negative_prompt")
        parts.prompt(self.layout, context, "negative_prompt", 2)
        prompt_help.draw_add(self.layout, context, "negative_prompt")
        self.layout.menu(P2A_MT_negative_presets.bl_idname, icon="PRESET")


CLASSES: tuple[type, ...] = (P2A_PT_prompt, P2A_MT_negative_presets, P2A_PT_negative_prompt)
