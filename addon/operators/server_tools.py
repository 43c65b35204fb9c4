# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the server on this computer: stop, start again, its log, what a helper needs to know."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty, StringProperty

from ...generation_server.endings import without_secrets
from ...generation_server.protocol import user_data_dir
from ..errors import UserError
from ..generate import diagnostics, environment
from ..generate.connection import server_dir
from .folders import open_folder
from .reporting import InPanel, Reporting, report


class P2A_OT_stop_server(InPanel, bpy.types.Operator):
    bl_idname = "pose_to_anime.stop_server"
    bl_label = "Stop the Server"
    bl_description = "End the generation server of this computer; pictures that wait are made when it runs again"

    restart: BoolProperty(name="Restart", description="Start it again afterwards", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        if properties.restart:
            return tip_("End the generation server of this computer and start it again")
        return tip_(cls.bl_description)

    def run(self, _context: bpy.types.Context) -> None:
        environment.stop_server(self.restart)


class P2A_OT_open_folder(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.open_folder"
    bl_label = "Open Folder"
    bl_description = "Show your folder of the extension: models, history, the server and its environment"
    bl_options = {"INTERNAL"}

    def run(self, _context: bpy.types.Context) -> None:
        open_folder(user_data_dir())


class P2A_OT_open_log(bpy.types.Operator):
    bl_idname = "pose_to_anime.open_log"
    bl_label = "Open Log"
    bl_description = "Show what the server, or its set-up, has written down, in Blender's text editor"
    bl_options = {"INTERNAL"}

    of_set_up: BoolProperty(name="Set-Up", description="That of the set-up", options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        logs = [environment.set_up().log] if self.of_set_up else diagnostics.server_logs(server_dir())
        path = next((path for path in logs if path.is_file() and path.stat().st_size), None)
        if path is None:
            report(self, {"INFO"}, "Nothing has been written down yet")
            return {"CANCELLED"}
        show_text(context, path.name, "\n".join(without_secrets(line) for line in diagnostics.tail(path, 2000)))
        return {"FINISHED"}


class P2A_OT_models_folder(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.models_folder"
    bl_label = "Folder of Models"
    bl_description = "Use the models of ComfyUI, A1111 or Forge, or of any folder, from where they are; nothing is copied"
    bl_options = {"INTERNAL"}

    directory: StringProperty(name="Folder", subtype="DIR_PATH", options={"SKIP_SAVE"})
    remove: BoolProperty(name="Remove", description="Use it no longer; its models stay", options={"HIDDEN", "SKIP_SAVE"})
    show: BoolProperty(name="Show", description="Only list those that are used", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        if properties.show:
            return tip_("List the folders whose models are used, and look for programs on this computer that have some")
        if properties.remove:
            return tip_("Use the models of this folder no longer; they stay where they are")
        return tip_(cls.bl_description)

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return environment.is_there() and not environment.folders.is_asking

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if self.directory or self.show:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, _context: bpy.types.Context) -> None:
        folder = Path(bpy.path.abspath(self.directory)) if self.directory else None
        try:
            environment.ask_folders(add=None if self.remove else folder, remove=folder if self.remove else None)
        except OSError as error:
            raise UserError(f"The server's environment cannot be used ({error.strerror or error}): press Repair.") from error


class P2A_OT_diagnostics(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.diagnostics"
    bl_label = "Collect Diagnostics"
    bl_description = (
        "Write what helps to find a fault into a text that you can read and send: versions, GPU, settings, the ends of the logs. "
        "Tokens, prompts, names and paths of yours are left out"
    )

    bl_options = {"REGISTER"}

    filepath: StringProperty(
        name="File", description="Where it is written; empty shows it in Blender", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )

    def run(self, context: bpy.types.Context) -> None:
        text = diagnostics.collect(context.scene)
        if not self.filepath:
            show_text(context, "Pose to Anime diagnostics", text)
            context.window_manager.clipboard = text
            return
        try:
            Path(bpy.path.abspath(self.filepath)).write_text(text, "utf-8")
        except OSError as error:
            raise UserError(f"{self.filepath} cannot be written ({error.strerror or error}): choose another place.") from error


def show_text(context: bpy.types.Context, name: str, text: str) -> None:
    """A text in an editor of its own, and as one of Blender's texts."""
    shown = bpy.data.texts.get(name) or bpy.data.texts.new(name)
    shown.from_string(text)
    if bpy.app.background or context.window is None:
        return
    bpy.ops.wm.window_new()
    area = context.window_manager.windows[-1].screen.areas[0]
    area.type = "TEXT_EDITOR"
    area.spaces.active.text = shown
    area.spaces.active.show_word_wrap = True


CLASSES: tuple[type, ...] = (P2A_OT_stop_server, P2A_OT_open_folder, P2A_OT_open_log, P2A_OT_models_folder, P2A_OT_diagnostics)
