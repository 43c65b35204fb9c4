# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar of the 3D view: the LoRAs that a picture is painted with, below its model."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ...generation_server.families.catalogue import families
from ..generate import models
from ..generate.asked import why_no_lora
from ..operators.loras import P2A_OT_add_lora, P2A_OT_lora_words, P2A_OT_remove_lora
from . import parts
from .sidebar import InSidebar


class P2A_MT_loras(bpy.types.Menu):
    bl_idname = "P2A_MT_loras"
    bl_label = "Add LoRA"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.pose_to_anime.generation
        family = families().get(settings.family)
        known = models.loras(settings.family)
        for item in known:
            row = layout.row()
            reason = why_no_lora(item.name, family)
            row.enabled = not reason
            icon = "CHECKMARK" if settings.loras.find(item.name) >= 0 else "BLANK1"
            text = iface_("{name}  (not on the server)").format(name=item.title) if reason else item.title
            row.operator(P2A_OT_add_lora.bl_idname, text=text, icon=icon, translate=False).name = item.name
        if not known:
            layout.label(text="No LoRA is known for this model: put one into models/Lora of your folder")


class P2A_PT_loras(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_loras"
    bl_label = "LoRAs"
    bl_parent_id = "P2A_PT_model"
    bl_order = 10
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        used = sum(lora.use for lora in context.scene.pose_to_anime.generation.loras)
        row = self.layout.row()
        row.active = False
        row.label(text=str(used) if used else iface_("None"))

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.pose_to_anime.generation
        family = families().get(settings.family)
        column = layout.column(align=True)
        for lora in settings.loras:
            known, reason = models.lora(lora.name), why_no_lora(lora.name, family)
            row = column.row(align=True)
            row.prop(lora, "use", text="")
            weight = row.row(align=True)
            weight.active = lora.use and not reason
            weight.prop(lora, "weight", text=known.title if known else lora.name, slider=True, translate=False)
            if known is not None and known.trigger_words:
                row.operator(P2A_OT_lora_words.bl_idname, text="", icon="TEXT").name = lora.name
            row.operator(P2A_OT_remove_lora.bl_idname, text="", icon="X").name = lora.name
            if lora.use and reason:
                parts.text(column, context, reason, "ERROR")
        layout.menu(P2A_MT_loras.bl_idname, icon="ADD")


CLASSES: tuple[type, ...] = (P2A_MT_loras, P2A_PT_loras)
