# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of whole prompts: copy, paste, empty, take one that is ready."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import EnumProperty, StringProperty


class P2A_OT_negative_preset(bpy.types.Operator):
    bl_idname = "pose_to_anime.negative_preset"
    bl_label = "Negative Prompt"
    bl_description = "Write this in the place of the negative prompt"
    bl_options = {"REGISTER", "UNDO"}

    text: StringProperty(options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.pose_to_anime.generation.negative_prompt = self.text
        return {"FINISHED"}


PROMPTS = (("prompt", "Prompt", ""), ("negative_prompt", "Negative Prompt", ""))
"""The prompts of the generation settings: property, title."""


class P2A_OT_edit_prompt(bpy.types.Operator):
    bl_idname = "pose_to_anime.edit_prompt"
    bl_label = "Edit Prompt"
    bl_description = "Copy, paste or empty a whole prompt at once"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    prompt: EnumProperty(items=PROMPTS, options={"HIDDEN"})
    action: EnumProperty(
        items=(("COPY", "Copy", ""), ("PASTE", "Paste", ""), ("CLEAR", "Clear", ""), ("RESET", "Reset", "")), options={"HIDDEN"}
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return {
            "COPY": tip_("Copy the whole prompt"),
            "PASTE": tip_("Replace the whole prompt by the clipboard"),
            "CLEAR": tip_("Empty the prompt"),
            "RESET": tip_("Back to the prompt of a new scene"),
        }[properties.action]

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.pose_to_anime.generation
        if self.action == "COPY":
            context.window_manager.clipboard = getattr(settings, self.prompt)
        elif self.action == "PASTE":
            setattr(settings, self.prompt, " ".join(context.window_manager.clipboard.split()))
        elif self.action == "CLEAR":
            setattr(settings, self.prompt, "")
        else:
            settings.property_unset(self.prompt)
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (P2A_OT_negative_preset, P2A_OT_edit_prompt)
