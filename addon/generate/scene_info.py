# SPDX-License-Identifier: GPL-3.0-or-later
"""What a picture was made of, as JSON: poses, outfits, camera, ratio. It decides nothing, and brings the scene back."""

from __future__ import annotations

from typing import Any

import bpy

from ..armature.figures import Figure, figures_in
from ..armature.mannequin import is_mannequin, mannequin_name
from ..armature.posing import read_pose
from ..armature.recorded_bones import recorded_bones
from ..dressing.face_points import face_info
from ..dressing.recorded import outfit_info
from ..framing.camera import picture_camera
from ..keys import object_in
from ..passes.render import PassSet
from ..pose import normalised
from . import own_controls, pose_tags, styling

NO_START = "NONE"
"""Of ``settings.generation.start_from``: the picture begins from noise."""

SCENE_VERSION = 1
"""Of the ``scene`` part of a job: poses, outfits, camera, ratio."""

_CAMERA = (
    "type",
    "lens",
    "sensor_width",
    "sensor_height",
    "sensor_fit",
    "ortho_scale",
    "shift_x",
    "shift_y",
    "clip_start",
    "clip_end",
)


def scene_info(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, passes: PassSet | None = None) -> dict[str, Any]:
    """Poses, outfits, camera and ratio as JSON: what brings the scene back to this picture. Decides nothing of it."""
    framing = scene.pose_to_anime.framing
    camera = picture_camera(scene)
    info: dict[str, Any] = {
        "version": SCENE_VERSION,
        "figures": [_figure_info(scene, figure) for figure in figures_in(scene, view_layer)],
        "camera": camera_info(camera, view_layer) if camera else None,
        "ratio": {"ratio": framing.ratio, "width": framing.custom_width, "height": framing.custom_height},
    }
    if scene.pose_to_anime.generation.start_from != NO_START:
        info["start_from"] = scene.pose_to_anime.generation.start_from
    if scene.pose_to_anime.generation.draft:
        info["draft"] = True
    info |= styling.info(scene) | pose_tags.info(scene, view_layer) | own_controls.info(scene)
    if passes is not None:
        info["openpose"] = passes.pose_json
    return info


def camera_info(camera: bpy.types.Object, view_layer: bpy.types.ViewLayer) -> dict[str, Any]:
    """A camera as JSON: its matrix in the world, row by row, and its lens."""
    evaluated = camera.evaluated_get(view_layer.depsgraph)
    return {
        "name": camera.name,
        "matrix_world": [list(row) for row in evaluated.matrix_world],
        **{name: getattr(camera.data, name) for name in _CAMERA},
    }


def _figure_info(scene: bpy.types.Scene, figure: Figure) -> dict[str, Any]:
    armature = object_in(scene, figure.armature)
    assert armature is not None, "figures_in has just found it"
    if not is_mannequin(armature):
        return {
            "armature": armature.name,
            "matrix_world": [list(row) for row in armature.matrix_world],
            "bones": recorded_bones(armature),
        }
    return {
        "armature": armature.name,
        "mannequin": mannequin_name(armature),
        "matrix_world": [list(row) for row in armature.matrix_world],
        "pose": normalised.to_json(read_pose(armature)),
        "worn": outfit_info(armature),
        "face": face_info(armature),
    }
