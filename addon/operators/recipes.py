# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of recipes: paste one, or take the one in a picture."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ..errors import UserError
from ..generate import recipe_filling
from ..prompting.recipes import Recipe
from .reporting import Reporting, tell_problems


class _Fills(Reporting):
    """Fills the settings from a recipe, all in one step of undo."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def recipe(self, context: bpy.types.Context) -> Recipe:
        """Raises UserError where there is none."""
        raise NotImplementedError

    def run(self, context: bpy.types.Context) -> None:
        tell_problems(self, recipe_filling.fill(context.scene, self.recipe(context)))


class P2A_OT_paste_recipe(_Fills, bpy.types.Operator):
    bl_idname = "pose_to_anime.paste_recipe"
    bl_label = "Paste Recipe"
    bl_description = (
        "Fill prompt, model, sampler, steps, guidance, seed, ratio, LoRAs and controls from the recipe in the clipboard: that of "
        "A1111 and Civitai, of ComfyUI, or of Pose to Anime"
    )
    bl_options = {"REGISTER", "UNDO"}

    def recipe(self, context: bpy.types.Context) -> Recipe:
        return recipe_filling.from_clipboard(context)


class P2A_OT_open_recipe(_Fills, bpy.types.Operator):
    bl_idname = "pose_to_anime.open_recipe"
    bl_label = "Recipe of a Picture"
    bl_description = "Fill the fields from the recipe inside a PNG, JPEG or WebP, of Pose to Anime, A1111 or ComfyUI"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.png;*.jpg;*.jpeg;*.webp", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if self.filepath:  # dropped
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def recipe(self, _context: bpy.types.Context) -> Recipe:
        if not self.filepath:
            raise UserError("Say which picture.")
        return recipe_filling.recipe_of_picture(Path(bpy.path.abspath(self.filepath)))


CLASSES: tuple[type, ...] = (P2A_OT_paste_recipe, P2A_OT_open_recipe)
