# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at control images while posing, and saving them for other programs."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from ..errors import UserError
from ..framing.camera import picture_camera, scene_size
from ..generate import live_preview, viewing
from ..generate.records import write_file
from ..generate.request import ensure_camera, skeleton_rules
from ..passes.export import write_passes
from ..passes.kinds import KINDS
from ..passes.render import render_passes
from ..translations import translated
from .reporting import Reporting, report, tell_problems


class P2A_OT_choose_control_image(bpy.types.Operator):
    bl_idname = "pose_to_anime.choose_control_image"
    bl_label = "Choose Control Image"
    bl_description = "Which control image is shown over the camera's view and in the Image Editor"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    kind: EnumProperty(name="Control Image", items=[(kind.name, kind.title, kind.use) for kind in KINDS.values()])

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.pose_to_anime.passes.preview_kind = self.kind
        live_preview.ask(context.scene)
        return {"FINISHED"}


class P2A_OT_show_control_image(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.show_control_image"
    bl_label = "Show in Image Editor"
    bl_description = "Show the control image in the Image Editor, up to date while you pose; once more to stop"
    bl_options = {"REGISTER"}  # what an editor shows is not part of undo

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.window is not None and not bpy.app.background:
            return True
        cls.poll_message_set(translated("There is no window"))
        return False

    def run(self, context: bpy.types.Context) -> None:
        if live_preview.is_in_editor():
            live_preview.leave_editors()
            return
        area = viewing.open_editor(context)
        if area is None:
            raise UserError("There is no Image Editor with room for the control image: press “Open Workspace”, or open one.")
        live_preview.show_in_editor(area, context.scene)


class P2A_OT_save_control_images(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.save_control_images"
    bl_label = "Save Control Images"
    bl_description = (
        "Save every control image as PNG into a folder, with the pose as OpenPose JSON and a file that says what each is for. "
        "Choose the preprocessor “none” where you use them"
    )
    bl_options = {"REGISTER"}  # files are not part of undo

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: bpy.types.Context) -> None:
        if not self.directory:
            raise UserError("Choose a folder for the control images.")
        scene = context.scene
        ensure_camera(scene, context.view_layer)
        size = scene_size(scene)
        rules = skeleton_rules(scene)
        rendered = render_passes(scene, context.view_layer, picture_camera(scene), size, kinds=tuple(KINDS), rules=rules)
        folder = Path(bpy.path.abspath(self.directory))
        count = write_passes(folder, rendered, write_file)
        tell_problems(self, rendered.warnings)
        report(self, {"INFO"}, f"Saved {count} control images in {folder}")


CLASSES: tuple[type, ...] = (P2A_OT_choose_control_image, P2A_OT_show_control_image, P2A_OT_save_control_images)
