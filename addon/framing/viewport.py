# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture as a 3D view shows it: where its frame is on the screen, and looking through the camera."""

from __future__ import annotations

import math

import bpy
import numpy as np
from mathutils import Vector

from .camera import camera_matrix, picture_camera, projection, scene_size
from .sizes import SizeError
from .solve import Array

_PADDING = 10.0
"""Pixels at an interface scale of 1 that stay free around the frame, and twice as many below for its label."""

_LARGE_ENOUGH = 0.4
"""Of a view's height: where a figure stands higher than this, its smallest dots can be told from each other."""

_ZOOM_RANGE = (-30.0, 600.0)  # of RegionView3D.view_camera_zoom


def frame_corners(camera: bpy.types.Object, depsgraph: bpy.types.Depsgraph, size: tuple[int, int], distance: float) -> Array:
    """(4, 3) world positions of the picture's corners ``distance`` metres in front of the camera: counter-clockwise as the camera
    sees them, from the lower left."""
    matrix = projection(camera, depsgraph, size)
    depth = distance if camera.data.type != "ORTHO" else 1.0  # what clip space is divided by
    corners = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    offset = matrix[:2, 3] - distance * matrix[:2, 2]
    across = (corners * depth - offset) / matrix[(0, 1), (0, 1)]
    view = camera_matrix(camera, depsgraph)
    return np.c_[across, np.full(4, -distance)] @ view[:3, :3].T + view[:3, 3]


def to_region(points: Array, perspective: Array, width: int, height: int) -> tuple[Array, Array]:
    """Where world positions (N, 3) are drawn: (N, 2) pixels of a region from its lower left, and (N,) how far in front (> 0)."""
    clip = np.c_[points, np.ones(len(points))] @ perspective.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return (clip[:, :2] / clip[:, 3:] + 1.0) / 2.0 * (width, height), clip[:, 3]


def picture_rectangle(
    region: bpy.types.Region,
    region_3d: bpy.types.RegionView3D,
    camera: bpy.types.Object,
    depsgraph: bpy.types.Depsgraph,
    size: tuple[int, int],
) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of the picture in a region that looks through ``camera``, pixels from its lower left."""
    corners = frame_corners(camera, depsgraph, size, 1.0)
    pixels, _ = to_region(corners, np.array(region_3d.perspective_matrix, np.float64), region.width, region.height)
    (left, bottom), (right, top) = pixels.min(axis=0), pixels.max(axis=0)
    return float(left), float(bottom), float(right), float(top)


def view_areas(window: bpy.types.Window) -> list[bpy.types.Area]:
    """The 3D views of a window, largest first."""
    areas = [area for area in window.screen.areas if area.type == "VIEW_3D"]
    return sorted(areas, key=lambda area: area.width * area.height, reverse=True)


def is_looking_through(area: bpy.types.Area) -> bool:
    """Whether a 3D view shows what the scene's camera sees."""
    space = area.spaces.active
    return space.region_3d.view_perspective == "CAMERA" and not space.use_local_camera


def look_through(window: bpy.types.Window, area: bpy.types.Area, on: bool = True) -> None:
    """Show what the scene's camera sees in a 3D view, its frame as large as the view allows; or leave that view."""
    if on == is_looking_through(area):
        return
    if on:
        area.spaces.active.use_local_camera = False
    # Blender's own operator remembers the view that it leaves and goes back to it; called from a script it does not animate.
    with bpy.context.temp_override(window=window, area=area, region=_window_region(area)):
        bpy.ops.view3d.view_camera()
    if on:
        fit_frame(window, area)


def bring_near(context: bpy.types.Context, obj: bpy.types.Object) -> None:
    """Move the 3D view that ``context`` is in onto the selected ``obj``, where it is seen small or not wholly.

    Blender's own operator moves it, which glides where the user lets views glide. A view through the camera stays.
    """
    area, region = context.area, None
    if area is not None and area.type == "VIEW_3D" and area.spaces.active.region_3d.view_perspective != "CAMERA":
        region = _window_region(area)
    if region is None or min(region.width, region.height) < 2:
        return
    corners = np.array([obj.matrix_world @ Vector(corner) for corner in obj.bound_box])
    places, depths = to_region(corners, np.array(area.spaces.active.region_3d.perspective_matrix), region.width, region.height)
    is_seen = bool((depths > 0.0).all() and (places >= 0.0).all() and (places <= (region.width, region.height)).all())
    if is_seen and np.ptp(places[:, 1]) > _LARGE_ENOUGH * region.height:
        return
    with context.temp_override(region=region):
        bpy.ops.view3d.view_selected("INVOKE_DEFAULT")


def fit_frames(scene: bpy.types.Scene) -> None:
    """``fit_frame`` for every view that looks through the scene's camera: its picture has another shape now."""
    for window in bpy.context.window_manager.windows:
        if window.scene == scene:
            for area in view_areas(window):
                if is_looking_through(area):
                    fit_frame(window, area)


def fit_frame(window: bpy.types.Window, area: bpy.types.Area) -> None:
    """Zoom and shift a view through the camera until the whole frame and its label lie beside headers and sidebars.

    Blender's own "Frame Camera Bounds" puts the frame under them, with the head room behind the header.
    """
    camera, region, region_3d = picture_camera(window.scene), _window_region(area), area.spaces.active.region_3d
    if camera is None or bpy.app.background or region.width < 2 or region.height < 2:
        return  # without anything drawn yet, Blender crashes when asked for the view's matrices
    try:
        size = scene_size(window.scene)
    except SizeError:
        return  # the panel says what is wrong with the ratio
    window.view_layer.update()
    depsgraph = window.view_layer.depsgraph

    def frame() -> np.ndarray:
        region_3d.update()
        return np.array(picture_rectangle(region, region_3d, camera, depsgraph, size))

    scale = bpy.context.preferences.system.ui_scale
    free = np.array(_free_rectangle(area, region)) + np.array((1.0, 2.0, -1.0, -1.0)) * _PADDING * scale
    room = np.maximum(free[2:] - free[:2], 32.0)
    region_3d.view_camera_offset = (0.0, 0.0)
    now = frame()
    growth = float((room / (now[2:] - now[:2])).min())
    # Blender's zoom property is not the factor: factor = (zoom / 50 + √2)² / 4.
    root = (region_3d.view_camera_zoom / 50.0 + math.sqrt(2.0)) * math.sqrt(growth)
    region_3d.view_camera_zoom = min(max((root - math.sqrt(2.0)) * 50.0, _ZOOM_RANGE[0]), _ZOOM_RANGE[1])
    # What an offset moves depends on the zoom and on the region's shape: measured rather than known.
    probe = 0.1
    still = frame()
    region_3d.view_camera_offset = (probe, probe)
    moved = frame() - still
    wish = (free[:2] + free[2:] - still[:2] - still[2:]) / 2.0
    region_3d.view_camera_offset = np.clip(wish / moved[:2] * probe, -1.0, 1.0).tolist()
    region_3d.update()
    area.tag_redraw()


def _window_region(area: bpy.types.Area) -> bpy.types.Region:
    return next(region for region in area.regions if region.type == "WINDOW")


def _free_rectangle(area: bpy.types.Area, region: bpy.types.Region) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of what other regions leave free of the main one, in its own pixels."""
    left, bottom, right, top = 0, 0, region.width, region.height
    for other in area.regions:
        x, y = other.x - region.x, other.y - region.y
        is_beside = x >= region.width or y >= region.height or x + other.width <= 0 or y + other.height <= 0
        if other.type == "WINDOW" or other.width < 2 or other.height < 2 or is_beside:
            continue
        if other.type in ("TOOLS", "UI"):
            if x < region.width / 2:
                left = max(left, x + other.width)
            else:
                right = min(right, x)
        elif y < region.height / 2:
            bottom = max(bottom, y + other.height)
        else:
            top = min(top, y)
    return float(left), float(bottom), float(right), float(top)
