# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPose JSON as a reference over the camera's view."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ..errors import UserError
from ..framing.camera import picture_camera, scene_size
from ..generate.request import ensure_camera
from ..openpose.pose_json import PoseDocument, PoseJsonError, decoded, loads
from ..passes.reference import has_reference, remove_reference, show_reference
from ..translations import translated
from .reporting import Reporting, report

_LARGEST_FILE = 50_000_000


class P2A_OT_open_pose_reference(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.open_pose_reference"
    bl_label = "Open OpenPose JSON"
    bl_description = "Show the skeletons of an OpenPose JSON file over the camera's view, to pose after"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if self.filepath:  # dropped
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: bpy.types.Context) -> None:
        if not self.filepath:
            raise UserError("Say which JSON file to open.")
        size = scene_size(context.scene)
        document = _read(Path(bpy.path.abspath(self.filepath)), size)
        if all(person.empty for person in document.people):
            raise UserError("There is nobody in this JSON: choose another file.")
        camera = ensure_camera(context.scene, context.view_layer)
        show_reference(context.scene, camera, document, size)
        ours, theirs = size[0] / size[1], document.width / document.height
        if abs(ours / theirs - 1.0) > 0.02:
            report(self, {"WARNING"}, f"It was drawn at {document.width} × {document.height}, another ratio: it is stretched.")


class P2A_OT_remove_pose_reference(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.remove_pose_reference"
    bl_label = "Remove Reference"
    bl_description = "Take the reference skeleton away from over the camera's view"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        camera = picture_camera(context.scene) if context.scene is not None else None
        if camera is not None and has_reference(camera):
            return True
        cls.poll_message_set(translated("There is no reference over the camera's view"))
        return False

    def run(self, context: bpy.types.Context) -> None:
        remove_reference(picture_camera(context.scene))


def _read(path: Path, size: tuple[int, int]) -> PoseDocument:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UserError(f"{path.name} is too large for a pose: choose an OpenPose JSON file.")
        return loads(decoded(path.read_bytes()), size=size)
    except PoseJsonError as error:
        raise UserError(f"{path.name}: {error}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error


CLASSES: tuple[type, ...] = (P2A_OT_open_pose_reference, P2A_OT_remove_pose_reference)
