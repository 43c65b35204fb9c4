# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of recipes: paste one, or take the one in a picture."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from ..errors import UserError
from ..generate import recipe_filling, restore, session
from ..prompting.recipes import Recipe
from .reporting import Redrawing, tell_problems

_PARTS = (
    ("FIELDS", "Prompt and Numbers", "Prompt, model, sampler, steps, guidance, seed, LoRAs and controls"),
    ("POSE", "Pose", "Bring the figures and what they wear back to how they were for this picture"),
    ("CAMERA", "Camera", "Bring the pose camera and the ratio back to how they were for this picture"),
)


class _Fills(Redrawing):
    """Fills the settings from a recipe, all in one step of undo."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def recipe(self, context: bpy.types.Context) -> Recipe:
        """Raises UserError where there is none."""
        raise NotImplementedError

    def run(self, context: bpy.types.Context) -> None:
        self.tell(recipe_filling.fill(context.scene, self.recipe(context)))

    def tell(self, problems: list[str]) -> None:
        """Say what could not be taken over, in the panel too: the line below the window is gone before it is read."""
        if problems:
            session.session.notice = " ".join(problems)
        tell_problems(self, problems)


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
    parts: EnumProperty(
        name="Recipe",
        description="What of the recipe is taken over; pictures of other programs have no pose and no camera",
        items=_PARTS,
        options={"ENUM_FLAG", "SKIP_SAVE"},
        default={"FIELDS"},
    )

    layout: bpy.types.UILayout  # of bpy.types.Operator

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        manager = context.window_manager
        if not self.filepath:
            manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        try:  # it was dropped
            scene = self.recipe(context).scene
        except UserError as error:
            return self.refuse(error)
        if not scene.get("figures") and not scene.get("camera"):
            return self.execute(context)
        self.parts = {"FIELDS", "POSE", "CAMERA"}
        return manager.invoke_props_dialog(self, confirm_text="Restore")

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.column().prop(self, "parts")

    def recipe(self, _context: bpy.types.Context) -> Recipe:
        if not self.filepath:
            raise UserError("Say which picture.")
        return recipe_filling.recipe_of_picture(Path(bpy.path.abspath(self.filepath)))

    def run(self, context: bpy.types.Context) -> None:
        recipe = self.recipe(context)
        scene_parts = self.parts & {"POSE", "CAMERA"}
        problems = restore.restore_scene(context.scene, recipe.scene, scene_parts) if scene_parts else []
        if "FIELDS" in self.parts:
            problems += recipe_filling.fill(context.scene, recipe)
        self.tell(problems)


CLASSES: tuple[type, ...] = (P2A_OT_paste_recipe, P2A_OT_open_recipe)
