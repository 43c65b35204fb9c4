# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the list of models: download, cancel, import from disk."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, CollectionProperty, StringProperty

from ..errors import UserError
from ..generate import errands, model_list, session
from .reporting import Redrawing

OFFLINE = "Downloads need the internet: switch on Preferences ▸ System ▸ Allow Online Access."
OFFLINE_FOR_GOOD = "Blender was started offline: start it without --offline-mode to download."


class _OnModels(Redrawing):
    bl_options = {"REGISTER", "INTERNAL"}


class _OfModel(_OnModels):
    model: StringProperty(name="Model", description="Its name on the server", options={"SKIP_SAVE"})


class P2A_OT_refresh_models(_OnModels, bpy.types.Operator):
    bl_idname = "pose_to_anime.refresh_models"
    bl_label = "Look Again"
    bl_description = "Ask the server what is there now"

    def run(self, _context: bpy.types.Context) -> None:
        model_list.refresh()


class P2A_OT_ask_download(_OfModel, bpy.types.Operator):
    bl_idname = "pose_to_anime.ask_download"
    bl_label = "Download…"
    bl_description = "Ask how large the download is; nothing is downloaded before you have seen it"

    def run(self, _context: bpy.types.Context) -> None:
        _require_online()
        model_list.ask_size(self.model)


class P2A_OT_download_model(_OfModel, bpy.types.Operator):
    bl_idname = "pose_to_anime.download_model"
    bl_label = "Download"
    bl_description = "Download it to the server, with what it needs; a download that was cut goes on where it was"

    def run(self, _context: bpy.types.Context) -> None:
        _require_online()
        model_list.download(self.model)


class P2A_OT_forget_download(_OfModel, bpy.types.Operator):
    bl_idname = "pose_to_anime.forget_download"
    bl_label = "Do Not Download"
    bl_description = "Leave it where it is"

    def run(self, _context: bpy.types.Context) -> None:
        model_list.forget_plan(self.model)
        errands.forget(model_list.DOWNLOAD + self.model)


class P2A_OT_import_model(_OnModels, bpy.types.Operator):
    bl_idname = "pose_to_anime.import_model"
    bl_label = "Import from Disk…"
    bl_description = (
        "Put a model, LoRA, VAE or ControlNet (.safetensors) where the server finds it; Blender stays usable meanwhile"
    )

    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filepath: StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: StringProperty(default="*.safetensors", options={"HIDDEN"})
    link: BoolProperty(
        name="Link, Do Not Copy",
        description="The file stays where it is and takes no more room; where it goes, the model goes too",
        default=False,
    )

    layout: bpy.types.UILayout  # of bpy.types.Operator

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        manager = context.window_manager
        if self.paths():  # dropped on the window
            return manager.invoke_props_dialog(self, width=420, confirm_text="Import")
        manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, _context: bpy.types.Context) -> None:
        for path in self.paths():
            self.layout.label(text=path.name, icon="FILE")
        self.layout.prop(self, "link")

    def paths(self) -> list[Path]:
        folder = Path(bpy.path.abspath(self.directory)) if self.directory else None
        if folder is not None and any(file.name for file in self.files):
            return [folder / file.name for file in self.files if file.name]
        path = Path(bpy.path.abspath(self.filepath)) if self.filepath else None
        return [path] if path is not None and path.is_file() else []

    def run(self, _context: bpy.types.Context) -> None:
        paths = self.paths()
        if not paths:
            raise UserError("Choose a .safetensors file.")
        session.session.error = session.session.notice = ""
        for path in paths:
            model_list.bring(path, self.link)


def _require_online() -> None:
    """The model hub is another computer. Raises UserError where the user does not let Blender reach any."""
    if not bpy.app.online_access:
        raise UserError(OFFLINE_FOR_GOOD if bpy.app.online_access_override else OFFLINE)


CLASSES: tuple[type, ...] = (
    P2A_OT_refresh_models,
    P2A_OT_ask_download,
    P2A_OT_download_model,
    P2A_OT_forget_download,
    P2A_OT_import_model,
)
