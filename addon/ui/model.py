# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar of the 3D view: which model paints, and with how many steps."""

from __future__ import annotations

import bpy

from ...generation_server.families.catalogue import families
from ..errors import UserError
from ..generate import models
from ..operators.model import P2A_OT_choose_model, P2A_OT_model_defaults
from . import parts
from .sidebar import InSidebar


class P2A_MT_models(bpy.types.Menu):
    bl_idname = "P2A_MT_models"
    bl_label = "Model"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        chosen = context.scene.pose_to_anime.generation.model
        for item in models.models():
            row = layout.row()
            row.enabled = item.present is not False
            suffix = "  (not on the server)" if item.present is False else ""
            icon = "CHECKMARK" if item.name == chosen else "BLANK1"
            row.operator(P2A_OT_choose_model.bl_idname, text=item.title + suffix, icon=icon).model = item.name
        if not models.models():
            layout.label(text="No models are known: start the server")


class P2A_PT_model(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_model"
    bl_label = "Model"
    bl_order = 40
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        """The model's name stays in sight while the panel is closed."""
        model = _chosen(context.scene.pose_to_anime.generation)
        name = self.layout.row()
        name.active = False
        name.label(text=model.title if model else "not chosen", icon="ERROR" if model is None or model.reason else "NONE")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.pose_to_anime.generation
        model = _chosen(settings)
        row = layout.row(align=True)
        row.menu(P2A_MT_models.bl_idname, text=model.title if model else settings.model or "Choose a model")
        row.operator(P2A_OT_model_defaults.bl_idname, text="", icon="LOOP_BACK")
        if model is None:
            parts.text(layout, context, f"There is no model “{settings.model}”: choose another.", "ERROR")
        elif model.reason:
            parts.text(layout, context, model.reason, "ERROR")
        elif model.note and not model.advised:
            parts.text(layout, context, model.note, "INFO")
        family = families().get(settings.family)
        column = layout.column(align=True)
        column.prop(settings, f"steps_{family.name}" if family else "steps", slider=True)
        column.prop(settings, f"guidance_scale_{family.name}" if family else "guidance_scale", slider=True)
        if family:
            low, high = family.steps.advised
            least, most = family.guidance_scale.advised
            hint = layout.row()
            hint.enabled = False
            hint.label(text=f"Advised: {low:g}–{high:g} steps, guidance {least:g}–{most:g}")


def _chosen(settings: bpy.types.PropertyGroup) -> models.Model | None:
    try:
        return models.model_of(settings)
    except UserError:
        return None


CLASSES: tuple[type, ...] = (P2A_MT_models, P2A_PT_model)
