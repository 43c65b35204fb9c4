# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the user's own outfits: saving what a figure wears, and deleting it from the menu."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, StringProperty

from ..dressing.wearing import is_dressed, noted_outfit
from ..translations import translated
from ..wardrobe.catalogue import write_examples
from ..wardrobe.outfit_files import delete_outfit, read_outfits, save_outfit
from .figure import require_mannequin, the_mannequin
from .folders import open_folder
from .own_files import Saves
from .reporting import Reporting, report


class P2A_OT_save_outfit(Saves, Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.save_outfit"
    bl_label = "Save Outfit"
    bl_description = "Keep what the figure wears as an outfit of your own, for every file"
    bl_options = {"REGISTER"}  # files are no part of undo

    name: StringProperty(name="Name", maxlen=60, options={"SKIP_SAVE"})
    replace: BoolProperty(name="Replace", description="Write over an outfit of your own of this name", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        figure = the_mannequin(context)
        if figure is not None and is_dressed(figure):
            return True
        cls.poll_message_set(translated("Dress a figure first"))
        return False

    def run(self, context: bpy.types.Context) -> None:
        save_outfit(self.name, noted_outfit(require_mannequin(context, "")), replace_own=self.replace)
        report(self, {"INFO"}, f"Saved the outfit “{self.name}”")


class P2A_OT_delete_outfit(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.delete_outfit"
    bl_label = "Delete Outfit"
    bl_description = "Delete this outfit of your own. Figures that wear it keep it"
    bl_options = {"REGISTER"}

    outfit: StringProperty(name="Outfit")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def run(self, context: bpy.types.Context) -> None:
        if self.outfit in read_outfits().own:
            delete_outfit(self.outfit)


class P2A_OT_own_styles(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.own_styles"
    bl_label = "Hair and Clothes of My Own"
    bl_description = (
        "Open the folder in which hair and clothes of your own lie: take a copy of a file from the examples there, change it, "
        "and it is in the menus"
    )
    bl_options = {"REGISTER"}

    def run(self, context: bpy.types.Context) -> None:
        folder = write_examples()
        open_folder(folder)
        report(self, {"INFO"}, f"Your own hair and clothes lie in {folder}")


CLASSES: tuple[type, ...] = (P2A_OT_save_outfit, P2A_OT_delete_outfit, P2A_OT_own_styles)
