# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of saved prompts: save, use, rename, delete."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..generate import prompt_shelf
from ..prompting import saved_prompts, tags
from .own_files import Deletes, OnFiles, OnKept, Renames, Saves
from .reporting import Reporting, report


class _OnPrompt(OnKept):
    """Acts on one saved prompt."""

    refresh = staticmethod(prompt_shelf.refresh)
    kept_in = "saved"

    saved: StringProperty(name="Saved Prompt", description="Name of its file", options={"HIDDEN", "SKIP_SAVE"})

    def entry(self, _context: bpy.types.Context) -> saved_prompts.SavedPrompt:
        return prompt_shelf.prompts().called(self.saved)


class P2A_OT_save_prompt(Saves, OnFiles, bpy.types.Operator):
    bl_idname = "pose_to_anime.save_prompt"
    bl_label = "Save Prompt"
    bl_description = "Keep prompt and negative prompt under a name, for every file"
    refresh = staticmethod(prompt_shelf.refresh)

    name: StringProperty(name="Name", description="What the prompt is called", maxlen=60, options={"SKIP_SAVE"})
    negative: BoolProperty(
        name="With the Negative Prompt", description="Keep the negative prompt too", default=True, options={"SKIP_SAVE"}
    )
    replace: BoolProperty(name="Replace", description="Write over the prompt of this name", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def run(self, context: bpy.types.Context) -> None:
        settings = context.scene.pose_to_anime.generation
        negative = settings.negative_prompt if self.negative else ""
        saved_prompts.save_prompt(self.name, settings.prompt, negative, replace=self.replace)
        report(self, {"INFO"}, f"Saved the prompt “{self.name.strip()}”")


class P2A_OT_apply_prompt(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.apply_prompt"
    bl_label = "Use Saved Prompt"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    saved: StringProperty(name="Saved Prompt", description="Name of its file", options={"SKIP_SAVE"})
    how: EnumProperty(
        name="How",
        description="What becomes of the prompt that is there",
        items=(
            ("REPLACE", "Replace", "In the place of what is written"),
            ("APPEND", "Append", "Behind what is written, without what that says already"),
        ),
        default="REPLACE",
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        shown = prompt_shelf.shown()
        entries = shown.entries if shown else ()
        return next((entry.prompt for entry in entries if entry.key == properties.saved), "") or tip_("Use this prompt")

    def run(self, context: bpy.types.Context) -> None:
        entry = prompt_shelf.prompts().called(self.saved)
        settings = context.scene.pose_to_anime.generation
        for name in ("prompt", "negative_prompt"):
            kept = getattr(entry, name)
            if self.how == "APPEND":
                setattr(settings, name, tags.joined(getattr(settings, name), kept))
            elif kept.strip():  # one that was saved without a negative prompt leaves that which is there
                setattr(settings, name, kept)


class P2A_OT_rename_prompt(Renames, _OnPrompt, bpy.types.Operator):
    bl_idname = "pose_to_anime.rename_prompt"
    bl_label = "Rename Saved Prompt"
    bl_description = "Give this saved prompt another name"

    def run(self, context: bpy.types.Context) -> None:
        saved_prompts.rename_prompt(self.entry(context).key, self.name)


class P2A_OT_delete_prompt(Deletes, _OnPrompt, bpy.types.Operator):
    bl_idname = "pose_to_anime.delete_prompt"
    bl_label = "Delete Saved Prompt"
    bl_description = "Delete this saved prompt. What is written in the panel stays"

    def run(self, context: bpy.types.Context) -> None:
        saved_prompts.delete_prompt(self.entry(context).key)


CLASSES: tuple[type, ...] = (P2A_OT_save_prompt, P2A_OT_apply_prompt, P2A_OT_rename_prompt, P2A_OT_delete_prompt)
