# SPDX-License-Identifier: GPL-3.0-or-later
"""Results for other programs, and for other editors: their files to drag, and the picture in the clipboard."""

from __future__ import annotations

import bpy

from .. import compat
from ..errors import UserError
from ..generate import clipboard, pictures, shown_files
from ..generate.records import Record
from ..translations import translated
from .reporting import report
from .results import OnResult


class P2A_OT_show_in_folder(OnResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.show_in_folder"
    bl_label = "Show in Folder"
    bl_description = (
        "Show the picture's file, with its recipe inside, in the system's file manager: from there it can be dragged anywhere"
    )
    bl_options = {"REGISTER"}

    def act(self, _context: bpy.types.Context, record: Record) -> None:
        pictures.whole_png(record)
        shown_files.show_in_folder(record.result_path)


class P2A_OT_browse_results(OnResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.browse_results"
    bl_label = "Browse in Blender"
    bl_description = (
        "Show the picture's file and those beside it in a File Browser below: from there they can be dragged into other editors"
    )
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.window is not None and context.area is not None and super().poll(context)

    def act(self, context: bpy.types.Context, record: Record) -> None:
        pictures.whole_png(record)
        shown_files.browse(context, record.result_path)


class P2A_OT_copy_picture(OnResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.copy_picture"
    bl_label = "Copy Picture"
    bl_description = "Copy the picture to the system's clipboard, to paste it into other programs"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not compat.clipboard_takes_pictures() and not compat.runs_under_x11():
            cls.poll_message_set(
                translated("Blender cannot give pictures to this system's clipboard: press “Show in Folder” and drag the file")
            )
            return False
        return super().poll(context)

    def act(self, context: bpy.types.Context, record: Record) -> None:
        pictures.whole_png(record)
        if compat.clipboard_takes_pictures():
            with context.temp_override(edit_image=pictures.open_image(record)):
                is_taken = "FINISHED" in bpy.ops.image.clipboard_copy()
            if not is_taken:
                raise UserError(clipboard.NOT_TAKEN)
        else:
            try:
                clipboard.keep(record.result_path)
            except OSError as error:
                raise UserError(clipboard.NOT_TAKEN) from error
        report(self, {"INFO"}, "The picture is in the clipboard")


CLASSES: tuple[type, ...] = (P2A_OT_show_in_folder, P2A_OT_browse_results, P2A_OT_copy_picture)
