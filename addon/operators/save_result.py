# SPDX-License-Identifier: GPL-3.0-or-later
"""Saving results as files: pictures in the format that the user chooses, comparisons, the recipe as text."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from .. import png
from ..errors import UserError
from ..generate import pictures
from ..generate.picture_files import ENDINGS, encoded, recipe_text
from ..generate.records import Record, write_file
from .reporting import report
from .results import OnResult, comparison, shown_job


class _SaveResult(OnResult):
    """Asks for a file, then writes it."""

    bl_options = {"REGISTER"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})

    suffix = ""

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        try:
            name = pictures.title(self.record(context)) + self.suffix
        except UserError as error:
            report(self, {"ERROR"}, str(error))
            return {"CANCELLED"}
        folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
        self.job_id = self.job_id or shown_job(context)  # the file browser takes the editor's place
        self.filepath = str(pictures.free_name(folder, name, self.ending()))
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def ending(self) -> str:
        return ".png"

    def target(self) -> Path:
        if not self.filepath:
            raise UserError("Say where to save it.")
        return _with_ending(Path(bpy.path.abspath(self.filepath)), self.ending())


class P2A_OT_save_result(_SaveResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.save_result"
    bl_label = "Save As"
    bl_description = "Save the picture as PNG, JPEG or WebP, with its recipe inside or without"

    filter_glob: StringProperty(default="*.png;*.jpg;*.jpeg;*.webp", options={"HIDDEN"})
    file_format: EnumProperty(
        name="Format",
        description="What kind of file is written",
        items=(
            ("PNG", "PNG", "Exact; its recipe brings pose and camera back too"),
            ("JPEG", "JPEG", "Small, for the web; its recipe is the text that other programs read"),
            ("WEBP", "WebP", "Smaller still; its recipe is the text that other programs read"),
        ),
        default="PNG",
    )
    quality: IntProperty(
        name="Quality",
        description="Of JPEG and WebP: more is larger; a WebP of 100 is exact",
        min=1,
        max=100,
        default=90,
        subtype="PERCENTAGE",
    )
    with_recipe: BoolProperty(
        name="With Recipe", description="Write how it was made into the file: prompt, model, seed and all numbers", default=True
    )

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "file_format")
        row = layout.row()
        row.enabled = self.file_format != "PNG"
        row.prop(self, "quality")
        layout.prop(self, "with_recipe")

    def check(self, _context: bpy.types.Context) -> bool:
        """The name follows the format that is chosen in the file browser."""
        named = str(_with_ending(Path(self.filepath), self.ending())) if self.filepath else ""
        changed = named != self.filepath
        self.filepath = named
        return changed

    def ending(self) -> str:
        return ENDINGS[self.file_format]

    def act(self, _context: bpy.types.Context, record: Record) -> None:
        target = self.target()
        write_file(target, encoded(record, self.file_format, self.quality, self.with_recipe))
        report(self, {"INFO"}, f"Saved {target}")


class P2A_OT_save_comparison(_SaveResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.save_comparison"
    bl_label = "Save Sheet as PNG"
    bl_description = "Save the 3D figure and the picture side by side as one PNG"

    filter_glob: StringProperty(default="*.png", options={"HIDDEN"})

    suffix = " sheet"

    def act(self, _context: bpy.types.Context, record: Record) -> None:
        target = self.target()
        write_file(target, png.encode(comparison(record)))
        report(self, {"INFO"}, f"Saved {target}")


class P2A_OT_copy_recipe(OnResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.copy_recipe"
    bl_label = "Copy Recipe"
    bl_description = "Copy prompt, negative prompt and all numbers as text, as other programs read and write it"
    bl_options = {"REGISTER"}

    def act(self, context: bpy.types.Context, record: Record) -> None:
        context.window_manager.clipboard = recipe_text(record)
        report(self, {"INFO"}, "The recipe is in the clipboard")


def _with_ending(path: Path, ending: str) -> Path:
    """``path`` with the ending of its format in place of another format's."""
    endings = {*ENDINGS.values(), ".jpeg"}
    if path.suffix.lower() == ending or (ending == ".jpg" and path.suffix.lower() == ".jpeg"):
        return path
    return path.with_suffix(ending) if path.suffix.lower() in endings else path.with_name(path.name + ending)


CLASSES: tuple[type, ...] = (P2A_OT_save_result, P2A_OT_save_comparison, P2A_OT_copy_recipe)
