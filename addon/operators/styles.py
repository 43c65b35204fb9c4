# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of styles: choose one, save the settings as one, duplicate, delete, open the folder of one's own."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty, StringProperty

from ..errors import UserError
from ..generate import style_shelf, styling
from ..prompting import own_styles
from ..prompting.dialects import PROMPT
from ..prompting.styles import Style, own_folder
from ..translations import translated
from . import reporting
from .folders import open_folder
from .own_files import Deletes, OnFiles, OnKept, Saves
from .reporting import Reporting


class P2A_OT_choose_style(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.choose_style"
    bl_label = "Choose Style"
    bl_description = "Give the pictures this look. Your prompt stays as it is: the style is put round it when you generate"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    style: StringProperty(name="Style", description="Name of a style; empty for none")

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        if not properties.style:
            return tip_("Paint what the prompt says and nothing more; the numbers that were there before the style come back")
        shown = style_shelf.shown()
        found = shown.entries.get(properties.style) if shown else None
        return tip_(found.description) if found and found.description else cls.bl_description

    def run(self, context: bpy.types.Context) -> None:
        for sentence in styling.choose(context.scene, self.style):
            reporting.report(self, {"INFO"}, sentence)
        if name := context.scene.pose_to_anime.styles.style:
            style_shelf.chosen(name)


class _OnStyles:
    refresh = staticmethod(style_shelf.refresh)


class _OnStyle(_OnStyles, OnKept):
    """Acts on one style: that of ``style``, else that of the scene."""

    kept_in = "style"

    style: StringProperty(name="Style", description="Its name; the chosen one when empty", options={"HIDDEN", "SKIP_SAVE"})

    def entry(self, context: bpy.types.Context) -> Any:
        name = self.style or context.scene.pose_to_anime.styles.style
        if not name:
            raise UserError("No style is chosen: choose one first.")
        return _Entry(style_shelf.styles().called(name))


class _Entry:
    """A style as lists of the user's own files have it."""

    def __init__(self, style: Style) -> None:
        self.key, self.title, self.style = style.name, style.title, style


class P2A_OT_save_style(Saves, _OnStyles, OnFiles, bpy.types.Operator):
    bl_idname = "pose_to_anime.save_style"
    bl_label = "Save as My Style"
    bl_description = "Keep model, sampler, steps and guidance, with words of your own round the prompt, as a style for every file"
    bl_options = {"REGISTER", "UNDO"}  # it is the chosen one from then on

    name: StringProperty(name="Name", description="What the style is called", maxlen=60, options={"SKIP_SAVE"})
    description_text: StringProperty(
        name="Description", description="What the style looks like, in a sentence", maxlen=300, options={"SKIP_SAVE"}
    )
    prompt: StringProperty(
        name="Prompt", description="What is painted: {prompt} stands for what the prompt says", options={"SKIP_SAVE"}
    )
    negative: StringProperty(
        name="Negative", description="What its pictures must not show, beside the negative prompt", options={"SKIP_SAVE"}
    )
    replace: BoolProperty(name="Replace", description="Write over a style of your own of this name", options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        try:
            base = styling.chosen(context.scene)
        except UserError as error:
            return self.refuse(error)
        look = base.look(styling.dialect(context.scene.pose_to_anime.generation)) if base else None
        if base is not None and base.own:
            self.name = base.title
        self.description_text = base.description if base else ""
        self.prompt, self.negative = (look.prompt, look.negative) if look else (PROMPT, "nsfw")
        return super().invoke(context, event)

    def draw(self, _context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.prop(self, "name")
        column.prop(self, "description_text")
        column.prop(self, "prompt")
        column.prop(self, "negative")
        column.prop(self, "replace")

    def run(self, context: bpy.types.Context) -> None:
        made = styling.from_settings(
            context.scene,
            self.name,
            description=self.description_text,
            prompt=self.prompt or PROMPT,
            negative=self.negative,
        )
        saved = own_styles.save_style(made, replace_own=self.replace)
        style_shelf.refresh()
        styling.choose(context.scene, saved.name, keep_model=True)
        reporting.report(self, {"INFO"}, f"Saved the style “{saved.title}”")


class P2A_OT_write_style(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.write_style"
    bl_label = "Write Style into Prompt"
    bl_description = (
        "Show what the style says: its words go into both prompts, to be changed there, and the pictures stay as they are"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return has_style(cls, context)

    def run(self, context: bpy.types.Context) -> None:
        styling.write_out(context.scene)


class P2A_OT_duplicate_style(_OnStyle, bpy.types.Operator):
    bl_idname = "pose_to_anime.duplicate_style"
    bl_label = "Duplicate Style"
    bl_description = "Make a style of your own that is as this one, and choose it"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return has_style(cls, context)

    def run(self, context: bpy.types.Context) -> None:
        made = own_styles.duplicate_style(self.entry(context).style)
        style_shelf.refresh()
        styling.choose(context.scene, made.name, keep_model=True)
        reporting.report(self, {"INFO"}, f"“{made.title}” is a style of your own")


class P2A_OT_delete_style(Deletes, _OnStyle, bpy.types.Operator):
    bl_idname = "pose_to_anime.delete_style"
    bl_label = "Delete My Style"
    bl_description = "Delete this style of your own"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not has_style(cls, context):
            return False
        shown = style_shelf.shown()
        found = shown.entries.get(context.scene.pose_to_anime.styles.style) if shown else None
        if found is None or found.own:
            return True
        cls.poll_message_set(translated("This style came with Pose to Anime and stays"))
        return False

    def run(self, context: bpy.types.Context) -> None:
        name = self.entry(context).key
        own_styles.delete_style(name)
        style_shelf.refresh()
        if context.scene.pose_to_anime.styles.style == name:
            styling.choose(context.scene, "")


class P2A_OT_open_styles(_OnStyles, OnFiles, bpy.types.Operator):
    bl_idname = "pose_to_anime.open_styles"
    bl_label = "Open Folder of My Styles"
    bl_description = "Open the folder in which your own styles lie as JSON files, and read them again"

    def run(self, _context: bpy.types.Context) -> None:
        folder = own_folder()
        open_folder(folder)
        reporting.tell_problems(self, style_shelf.refresh().problems)
        reporting.report(self, {"INFO"}, f"Your own styles lie in {folder}")


def has_style(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """For polls: whether the scene has a style."""
    if context.scene is not None and context.scene.pose_to_anime.styles.style:
        return True
    operator.poll_message_set(translated("Choose a style first"))
    return False


CLASSES: tuple[type, ...] = (
    P2A_OT_choose_style,
    P2A_OT_save_style,
    P2A_OT_write_style,
    P2A_OT_duplicate_style,
    P2A_OT_delete_style,
    P2A_OT_open_styles,
)
