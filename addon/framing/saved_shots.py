# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots that a scene keeps by name: where a camera was, through which lens, and the ratio of its picture."""

from __future__ import annotations

import bpy
from mathutils import Matrix

from ..errors import UserError
from .camera import picture_camera, scene_size, sync_render_size, use_pose_camera

LONGEST_NAME = 60

_LENS = ("lens", "sensor_fit", "sensor_width", "sensor_height", "shift_x", "shift_y", "ortho_scale", "clip_start", "clip_end")
"""What of a camera's data a shot keeps, by the same names there and here, besides its type."""
_RATIO = ("ratio", "custom_width", "custom_height")


def shot_names(scene: bpy.types.Scene) -> list[str]:
    """The saved shots in the order in which they were saved."""
    return [shot.name for shot in scene.pose_to_anime.shots.saved]


def save_shot(scene: bpy.types.Scene, name: str, replace: bool = False) -> None:
    """Keep the scene's camera and ratio under a name; with ``replace`` in the place of the shot of that name.

    Raises UserError where there is no camera, or the name is empty, too long or taken.
    """
    camera = picture_camera(scene)
    if camera is None:
        raise UserError("There is no camera to save: choose a shot first, or add a pose camera.")
    shots = scene.pose_to_anime.shots
    name = _checked(name)
    if name in shots.saved and not replace:
        raise UserError(f"There is a shot '{name}' already: choose another name, or tick Replace.")
    shot = shots.saved[name] if name in shots.saved else shots.saved.add()
    shot.name = name
    shot.matrix = [value for row in camera.matrix_world for value in row]
    shot.kind = camera.data.type
    for key in _LENS:
        setattr(shot, key, getattr(camera.data, key))
    for key in _RATIO:
        setattr(shot, key, getattr(scene.pose_to_anime.framing, key))
    shots.current = shots.saved.find(name)


def use_shot(scene: bpy.types.Scene, name: str) -> None:
    """Move the pose camera to a saved shot, with its lens and ratio.

    Raises:
        UserError: there is no such shot.
        SizeError: the shot's ratio is too long for the model that is chosen now; everything then stays as it was.
    """
    index = _index(scene, name)
    shots, framing = scene.pose_to_anime.shots, scene.pose_to_anime.framing
    shot = shots.saved[index]
    before = {key: getattr(framing, key) for key in _RATIO}
    try:
        _set(framing, {key: getattr(shot, key) for key in _RATIO})
        scene_size(scene)
    except Exception:
        _set(framing, before)
        raise
    camera = use_pose_camera(scene)
    camera.data.type = shot.kind
    camera.data.lens_unit = "MILLIMETERS"
    _set(camera.data, {key: getattr(shot, key) for key in _LENS})
    camera.matrix_world = Matrix([shot.matrix[row : row + 4] for row in range(0, 16, 4)])
    shots.current = index
    sync_render_size(scene)


def step_shot(scene: bpy.types.Scene, step: int) -> str:
    """Use the saved shot ``step`` places after the one that was used last, round and round. Its name. Raises as ``use_shot``."""
    shots = scene.pose_to_anime.shots
    if not len(shots.saved):
        raise UserError("No shot is saved yet: choose one and press Save Shot.")
    last = shots.current if 0 <= shots.current < len(shots.saved) else (-1 if step > 0 else 0)
    name = str(shots.saved[(last + step) % len(shots.saved)].name)
    use_shot(scene, name)
    return name


def rename_shot(scene: bpy.types.Scene, name: str, new_name: str) -> None:
    """Raises UserError where there is no such shot, or the new name is empty, too long or taken."""
    index = _index(scene, name)
    new_name = _checked(new_name)
    if new_name != name and new_name in scene.pose_to_anime.shots.saved:
        raise UserError(f"There is a shot '{new_name}' already: choose another name.")
    scene.pose_to_anime.shots.saved[index].name = new_name


def delete_shot(scene: bpy.types.Scene, name: str) -> None:
    """Forget a saved shot; the camera stays. Raises UserError where there is none of this name."""
    index = _index(scene, name)
    shots = scene.pose_to_anime.shots
    shots.saved.remove(index)
    if shots.current == index:
        shots.current = -1
    elif shots.current > index:
        shots.current -= 1


def _index(scene: bpy.types.Scene, name: str) -> int:
    index = int(scene.pose_to_anime.shots.saved.find(name))
    if index < 0:
        known = ", ".join(shot_names(scene))
        raise UserError(f"There is no saved shot '{name}'" + (f". Saved shots: {known}." if known else ": save one first."))
    return index


def _checked(name: str) -> str:
    name = name.strip()
    if not name:
        raise UserError("Give the shot a name.")
    if len(name) > LONGEST_NAME:
        raise UserError(f"The name of a shot has at most {LONGEST_NAME} letters.")
    return name


def _set(owner: bpy.types.bpy_struct, values: dict[str, object]) -> None:
    for key, value in values.items():
        setattr(owner, key, value)
