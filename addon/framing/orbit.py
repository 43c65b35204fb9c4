# SPDX-License-Identifier: GPL-3.0-or-later
"""Orbiting that takes the pose camera along.

It is Blender's own: the camera view, and "Lock Camera to View" of the sidebar's View tab. This module switches both on in one 3D
view and gives that view back as it was.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import bpy
from bpy.app.handlers import persistent
from mathutils import Quaternion, Vector

from .. import handlers
from ..settings import framing as settings
from .camera import use_pose_camera
from .sizes import SizeError
from .subject import subject_distance
from .viewport import is_looking_through, look_through, view_areas


@dataclass(frozen=True)
class _View:
    """How a 3D view was before orbiting was switched on."""

    perspective: str
    rotation: Quaternion
    location: Vector
    distance: float
    lock_camera: bool
    use_local_camera: bool


_views: dict[int, _View] = {}
"""By the address of the area, which stays while the file is open. A file that was saved while orbiting was on has none of these
when it is loaded: its view then only loses the lock."""


def sync_orbit(scene: bpy.types.Scene) -> None:
    """Make the 3D views agree with the scene's ``orbit_camera``.

    On: in each window of the scene one view, the one that the user is in or else the largest, looks through the pose camera and
    takes it along. Off: those views are as they were before.
    """
    on = scene.pose_to_anime.framing.orbit_camera
    for window in bpy.context.window_manager.windows:
        if window.scene != scene:
            continue
        areas = view_areas(window)
        ours = [area for area in areas if area.as_pointer() in _views]
        if on and not ours and areas:
            here = bpy.context.area
            _start(window, here if here in areas else areas[0])
        elif not on:
            for area in ours:
                _restore(area)


def _start(window: bpy.types.Window, area: bpy.types.Area) -> None:
    with contextlib.suppress(SizeError):  # the camera is there all the same; the panel says what is wrong with the ratio
        use_pose_camera(window.scene)
    window.view_layer.update()
    space = area.spaces.active
    region_3d = space.region_3d
    _views[area.as_pointer()] = _View(
        region_3d.view_perspective,
        region_3d.view_rotation.copy(),
        region_3d.view_location.copy(),
        region_3d.view_distance,
        space.lock_camera,
        space.use_local_camera,
    )
    look_through(window, area)
    # Blender turns a locked camera about the point ahead of it that is as far as the view's own centre: put that on the figures.
    camera = window.scene.camera
    distance = subject_distance(window.view_layer, camera, window.view_layer.depsgraph)
    ahead = camera.matrix_world.to_3x3().normalized() @ Vector((0.0, 0.0, -distance))
    region_3d.view_location = camera.matrix_world.translation + ahead
    space.lock_camera = True


def _restore(area: bpy.types.Area) -> None:
    space = area.spaces.active
    before = _views.pop(area.as_pointer())
    space.lock_camera = before.lock_camera
    region_3d = space.region_3d
    if region_3d.view_perspective == "CAMERA":  # otherwise the user has left it for a view of their own
        region_3d.view_perspective = before.perspective
        if before.perspective != "CAMERA":
            region_3d.view_rotation = before.rotation
            region_3d.view_location = before.location
            region_3d.view_distance = before.distance
    space.use_local_camera = before.use_local_camera


def _unlock(scene: bpy.types.Scene) -> None:
    """A view that was saved with the lock on, and of which nothing is known."""
    for window in bpy.context.window_manager.windows:
        if window.scene == scene:
            for area in view_areas(window):
                if area.as_pointer() not in _views and is_looking_through(area):
                    area.spaces.active.lock_camera = False


def _orbit_changed(scene: bpy.types.Scene) -> None:
    if not scene.pose_to_anime.framing.orbit_camera and not _views:
        _unlock(scene)
    sync_orbit(scene)


@persistent
def _after_undo(_scene: bpy.types.Scene, _depsgraph: object = None) -> None:
    # Undo takes the setting back, but views are not part of undo.
    for window in bpy.context.window_manager.windows:
        sync_orbit(window.scene)


@persistent
def _after_load(_path: str, _depsgraph: object = None) -> None:
    _views.clear()  # the areas of the file before are gone, and their addresses may be given out again


CLASSES: tuple[type, ...] = ()
_HANDLERS = (("undo_post", _after_undo), ("redo_post", _after_undo), ("load_post", _after_load))


def register() -> None:
    settings.orbit_listeners.append(_orbit_changed)
    handlers.put_on(_HANDLERS)


def unregister() -> None:
    handlers.take_off(_HANDLERS)
    settings.orbit_listeners.remove(_orbit_changed)
    for window in bpy.context.window_manager.windows:
        for area in view_areas(window):
            if area.as_pointer() in _views:
                _restore(area)
    _views.clear()
