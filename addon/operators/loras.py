# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of LoRAs: add one, remove one, put its words into the prompt; samplers and presets for few steps."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import StringProperty

from ..generate import models
from ..generate.asked import sampler_title, why_no_lora
from ..settings.loras import remove_lora, set_lora
from ..translations import translated
from .reporting import report


class _OnScene:
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None


class P2A_OT_add_lora(_OnScene, bpy.types.Operator):
    bl_idname = "pose_to_anime.add_lora"
    bl_label = "Add LoRA"
    bl_description = "Paint with this LoRA as well"

    name: StringProperty(name="LoRA", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        found = models.lora(properties.name)
        said = filter(None, (found.reason, found.note)) if found else ()
        return "\n".join(map(translated, said)) or tip_(cls.bl_description)

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self.name:
            report(self, {"ERROR"}, "No LoRA is named: choose one from the list.")
            return {"CANCELLED"}
        set_lora(context.scene.pose_to_anime.generation, self.name)
        return {"FINISHED"}


class P2A_OT_remove_lora(_OnScene, bpy.types.Operator):
    bl_idname = "pose_to_anime.remove_lora"
    bl_label = "Remove LoRA"
    bl_description = "Paint without this LoRA; it stays on the server"

    name: StringProperty(name="LoRA", options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        remove_lora(context.scene.pose_to_anime.generation, self.name)
        return {"FINISHED"}


class P2A_OT_lora_words(_OnScene, bpy.types.Operator):
    bl_idname = "pose_to_anime.lora_words"
    bl_label = "Put Its Words into the Prompt"
    bl_description = "Add the words with which this LoRA acts to the end of the prompt"

    name: StringProperty(name="LoRA", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        found = models.lora(properties.name)
        told = tip_(cls.bl_description)
        return f"{told}: {', '.join(found.trigger_words)}" if found else told

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.pose_to_anime.generation
        found = models.lora(self.name)
        there = {tag.strip().casefold() for tag in settings.prompt.split(",")}
        words = [word for word in (found.trigger_words if found else ()) if word.casefold() not in there]
        settings.prompt = ", ".join(filter(None, (settings.prompt.rstrip(", "), *words)))
        return {"FINISHED"}


class P2A_OT_choose_sampler(_OnScene, bpy.types.Operator):
    bl_idname = "pose_to_anime.choose_sampler"
    bl_label = "Choose Sampler"
    bl_description = "How noise becomes a picture, step by step"

    sampler: StringProperty(name="Sampler", options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.pose_to_anime.generation.sampler = self.sampler
        return {"FINISHED"}


class P2A_OT_few_steps(_OnScene, bpy.types.Operator):
    bl_idname = "pose_to_anime.few_steps"
    bl_label = "Few Steps"
    bl_description = "Back to the usual steps, guidance and sampler, without the LoRA for few steps"

    lora: StringProperty(
        name="LoRA", description="Whose steps, guidance and sampler to take; empty for the usual ones", options={"SKIP_SAVE"}
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        family = models.family_of(context.scene.pose_to_anime.generation)
        found = next((preset for preset in family.few_steps if preset.lora == properties.lora), None)
        if found is None:
            return tip_(cls.bl_description)
        numbers = tip_("{steps} steps, guidance {guidance:g}, {sampler}").format(
            steps=found.steps, guidance=found.guidance_scale, sampler=sampler_title(found.sampler)
        )
        return "\n".join(filter(None, (numbers, translated(why_no_lora(found.lora, family)))))

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.pose_to_anime.generation
        family = models.family_of(settings)
        chosen = next((preset for preset in family.few_steps if preset.lora == self.lora), None)
        if chosen is None and self.lora:
            report(self, {"ERROR"}, f"{family.title} has no preset with the LoRA '{self.lora}'.")
            return {"CANCELLED"}
        for preset in family.few_steps:
            remove_lora(settings, preset.lora)
        if chosen is None:
            settings.steps, settings.guidance_scale = int(family.steps.default), family.guidance_scale.default
            settings.sampler = ""
            return {"FINISHED"}
        settings.steps, settings.guidance_scale = chosen.steps, chosen.guidance_scale
        settings.sampler = chosen.sampler
        set_lora(settings, chosen.lora, chosen.weight)
        if reason := why_no_lora(chosen.lora, family):
            report(self, {"WARNING"}, reason)
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (
    P2A_OT_add_lora,
    P2A_OT_remove_lora,
    P2A_OT_lora_words,
    P2A_OT_choose_sampler,
    P2A_OT_few_steps,
)
