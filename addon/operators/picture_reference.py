# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture to pose after: behind the camera's view, or as the skeleton of its people over it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from ..errors import UserError
from ..framing.camera import picture_camera, scene_size
from ..framing.sizes import SizeError
from ..framing.startup import is_startup_camera
from ..framing.viewport import look_through
from ..generate import errands, session, timer
from ..generate.request import ensure_camera
from ..openpose.pose_json import PoseJsonError, dumps, loads
from ..passes.backdrop import backdrop_of, fitted, remove_backdrop, show_backdrop
from .reporting import Reporting

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
ERRAND = "find_poses"


class OfPicture(Reporting):
    """Asks for a picture file, unless one was dropped."""

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default=";".join(f"*{ending}" for ending in ENDINGS), options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None and context.view_layer is not None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def path(self) -> str:
        path = bpy.path.abspath(self.filepath)
        if not self.filepath or not Path(path).is_file():
            raise UserError("Say which picture to open: a PNG, JPEG or WebP.")
        return path


def load_picture(path: Path) -> bpy.types.Image:
    """A picture file as an image of Blender's. Raises UserError."""
    try:
        image = bpy.data.images.load(str(path))
    except RuntimeError as error:
        raise UserError(f"{path.name} is no picture that Blender can read.") from error
    if not image.size[0]:
        bpy.data.images.remove(image)
        raise UserError(f"{path.name} is no picture that Blender can read.")
    return image


class P2A_OT_open_backdrop(OfPicture, bpy.types.Operator):
    bl_idname = "pose_to_anime.open_backdrop"
    bl_label = "Picture behind the View"
    bl_description = (
        "Show a picture behind what the camera sees, whole within the frame, to pose after; it is never in the result"
    )

    def run(self, context: bpy.types.Context) -> None:
        image = load_picture(Path(self.path()))
        show_backdrop(ensure_camera(context.scene, context.view_layer), image)
        _look(context)


class P2A_OT_remove_backdrop(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.remove_backdrop"
    bl_label = "Remove Picture"
    bl_description = "Take the picture away from behind the camera's view"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        camera = picture_camera(context.scene) if context.scene is not None else None
        return camera is not None and backdrop_of(camera) is not None

    def run(self, context: bpy.types.Context) -> None:
        remove_backdrop(picture_camera(context.scene))


class P2A_OT_find_skeleton(OfPicture, bpy.types.Operator):
    bl_idname = "pose_to_anime.find_skeleton"
    bl_label = "Skeleton of a Picture"
    bl_description = (
        "Have the server find the people in a picture, and show their skeletons over the camera's view, to pose after"
    )
    bl_options = {"REGISTER"}

    def run(self, context: bpy.types.Context) -> None:
        errands.begin(ERRAND, partial(_found, context.scene.session_uid), path=self.path())
        _look(context)


class P2A_OT_stop_finding(bpy.types.Operator):
    bl_idname = "pose_to_anime.stop_finding"
    bl_label = "Stop"
    bl_description = "Do not wait for the skeleton any more"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        errands.stop(ERRAND)
        errands.forget(ERRAND)
        timer.redraw()
        return {"FINISHED"}


def _look(context: bpy.types.Context) -> None:
    """Through the camera, in the 3D view in which a picture was asked for: nowhere else can it be seen."""
    camera, area = context.scene.camera, context.area
    if area is None or area.type != "VIEW_3D" or camera is None or is_startup_camera(context.scene, camera):
        return
    look_through(context.window, area)


def _found(scene_uid: int, people: Any) -> None:
    """The server has looked: what it found becomes the reference over the camera's view of the scene from which it was asked, by
    the verb that opens files. ``scene_uid`` is that scene's ``session_uid``, which no scene of another file has."""
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == scene_uid), None)
    if scene is None:
        session.session.notice = "The skeleton was for a scene that is not open any more: ask for it again from there."
        return
    try:
        size = scene_size(scene)
        document = fitted(loads(json.dumps(people)), size)
    except (PoseJsonError, SizeError) as error:
        session.fail(str(error))
        return
    path = Path(bpy.app.tempdir) / "found_people.json"
    path.write_text(dumps(document.people, *size), "utf-8")
    try:
        with bpy.context.temp_override(**_within(scene)):
            bpy.ops.pose_to_anime.open_pose_reference("EXEC_DEFAULT", True, filepath=str(path))
    except RuntimeError as error:
        session.fail(str(error).removeprefix("Error: ").strip())


def _within(scene: bpy.types.Scene) -> dict[str, Any]:
    """What a verb has to be told to work in ``scene``, which need not be the one that is shown."""
    return {} if scene == bpy.context.scene else {"scene": scene, "view_layer": scene.view_layers[0]}


CLASSES: tuple[type, ...] = (P2A_OT_open_backdrop, P2A_OT_remove_backdrop, P2A_OT_find_skeleton, P2A_OT_stop_finding)
