# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar of the 3D view: which model paints, and with how many steps."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ...generation_server.families.catalogue import families
from ..generate import models
from ..generate.asked import draft_of, few_steps_loras, sampler_of, sampler_title, why_no_lora
from ..operators.loras import P2A_OT_choose_sampler, P2A_OT_few_steps
from ..operators.model import P2A_OT_choose_model, P2A_OT_model_defaults
from . import parts
from .controls import model_or_none
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
            text = iface_("{name}  (not on the server)").format(name=item.title) if item.present is False else item.title
            icon = "CHECKMARK" if item.name == chosen else "BLANK1"
            row.operator(P2A_OT_choose_model.bl_idname, text=text, icon=icon, translate=False).model = item.name
        if not models.models():
            layout.label(text="No models are known: start the server")


class P2A_PT_model(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_model"
    bl_label = "Model"
    bl_order = 50
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        """The model's name stays in sight while the panel is closed."""
        model = model_or_none(context.scene.pose_to_anime.generation)
        name = self.layout.row()
        name.active = False
        name.label(text=model.title if model else "not chosen", icon="ERROR" if model is None or model.reason else "NONE")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.pose_to_anime.generation
        model = model_or_none(settings)
        row = layout.row(align=True)
        row.menu(P2A_MT_models.bl_idname, text=model.title if model else settings.model or "Choose a model")
        row.operator(P2A_OT_model_defaults.bl_idname, text="", icon="LOOP_BACK")
        row.popover("P2A_PT_models", text="", icon="ASSET_MANAGER")
        if model is None:
            parts.text(layout, context, f"There is no model “{settings.model}”: choose another.", "ERROR")
        elif model.reason:
            parts.text(layout, context, model.reason, "ERROR")
        elif model.note and not model.advised:
            parts.text(layout, context, model.note, "INFO")
        family = families().get(settings.family)
        column = layout.column(align=True)
        drafted = draft_of(settings, family) if family else None
        column.active = drafted is None
        column.prop(settings, f"steps_{family.name}" if family else "steps", slider=True)
        column.prop(settings, f"guidance_scale_{family.name}" if family else "guidance_scale", slider=True)
        if family is None:
            return
        row = column.row(align=True)
        row.menu(P2A_MT_samplers.bl_idname, text=sampler_title(sampler_of(settings, family)))
        if family.few_steps:
            row.menu(P2A_MT_few_steps.bl_idname, icon="SORTTIME")
        low, high = family.steps.advised
        least, most = family.guidance_scale.advised
        if drafted is not None:
            told = iface_("Draft: {steps} steps, guidance {guidance:g}, {sampler}")
            title = sampler_title(drafted.sampler)
            told = told.format(steps=drafted.steps, guidance=drafted.guidance_scale, sampler=title)
        elif few_steps_loras(settings, family):
            told = iface_("Few steps, by a LoRA")
        else:
            told = iface_("Advised: {low:g}–{high:g} steps, guidance {least:g}–{most:g}")
            told = told.format(low=low, high=high, least=least, most=most)
        hint = layout.column()
        hint.enabled = False
        parts.text(hint, context, told)


class P2A_MT_samplers(bpy.types.Menu):
    bl_idname = "P2A_MT_samplers"
    bl_label = "Sampler"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.pose_to_anime.generation
        family = models.family_of(settings)
        chosen = sampler_of(settings, family)
        for name in family.samplers:
            icon = "CHECKMARK" if name == chosen else "BLANK1"
            text = sampler_title(name)
            if name == family.default_sampler:
                text = iface_("{sampler}  (usual)").format(sampler=text)
            self.layout.operator(P2A_OT_choose_sampler.bl_idname, text=text, icon=icon).sampler = name


class P2A_MT_few_steps(bpy.types.Menu):
    bl_idname = "P2A_MT_few_steps"
    bl_label = "Few Steps"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.pose_to_anime.generation
        family = models.family_of(settings)
        used = few_steps_loras(settings, family)
        layout.operator(P2A_OT_few_steps.bl_idname, text="Usual Steps", icon="BLANK1" if used else "CHECKMARK").lora = ""
        for preset in family.few_steps:
            row = layout.row()
            missing = bool(why_no_lora(preset.lora, family))
            row.enabled = not missing
            text = iface_("{preset}  (its LoRA is not on the server)").format(preset=preset.title) if missing else preset.title
            icon = "CHECKMARK" if preset.lora in used else "BLANK1"
            row.operator(P2A_OT_few_steps.bl_idname, text=text, icon=icon).lora = preset.lora


CLASSES: tuple[type, ...] = (P2A_MT_models, P2A_PT_model, P2A_MT_samplers, P2A_MT_few_steps)
