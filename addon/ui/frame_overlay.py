# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture's frame, drawn in the 3D view.

Through the camera it is the picture to the pixel: a line around it, everything outside darkened, its size written below. From
anywhere else it is a rectangle in the world, where the figures stand, so that one sees what is in the picture while posing.
"""

from __future__ import annotations

from typing import Any

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ..framing.camera import picture_camera, picture_ratio, scene_size
from ..framing.sizes import SizeError, ratio_text
from ..framing.solve import Array
from ..framing.startup import is_startup_camera
from ..framing.subject import subject_distance
from ..framing.viewport import frame_corners, picture_rectangle, to_region
from . import labels

_OUTSIDE = (0.0, 0.0, 0.0, 0.55)
_LINE = (1.0, 1.0, 1.0, 0.9)
_FAR_LINE = (1.0, 1.0, 1.0, 0.55)  # from elsewhere: a help, not the subject

_handles: list[Any] = []


def _draw() -> None:
    context = bpy.context
    scene, space = context.scene, context.space_data
    settings = getattr(scene, "pose_to_anime", None)
    if settings is None or not settings.framing.show_frame or not space.overlay.show_overlays or context.region_data is None:
        return
    camera = picture_camera(scene)
    if camera is None or camera.name not in context.view_layer.objects or camera.data.type not in ("PERSP", "ORTHO"):
        return
    try:
        size = scene_size(scene)
        ratio = picture_ratio(scene)
    except SizeError:
        return  # the panel says what is wrong with the ratio
    through = context.region_data.view_perspective == "CAMERA" and space.camera == camera
    gpu.state.blend_set("ALPHA")
    try:
        if through:
            _draw_picture(context, camera, size, ratio)
        elif not is_startup_camera(scene, camera):  # that one gives way to the pose camera, and its frame would only confuse
            _draw_in_world(context, camera, size)
    finally:
        gpu.state.blend_set("NONE")


def _draw_picture(
    context: bpy.types.Context, camera: bpy.types.Object, size: tuple[int, int], ratio: tuple[float, float]
) -> None:
    depsgraph = context.evaluated_depsgraph_get()
    sides = picture_rectangle(context.region, context.region_data, camera, depsgraph, size)
    # Whole pixels: the line must lie beside the picture's first pixels, not half across them.
    left, bottom, right, top = (round(side) for side in sides)
    width, height = context.region.width, context.region.height
    if not camera.data.show_passepartout:  # a user's own camera may darken the outside itself
        low, high = max(bottom, 0), min(top, height)
        _fill([(0, 0, width, bottom), (0, top, width, height), (0, low, left, high), (right, low, width, high)], _OUTSIDE)
    line = max(1, round(context.preferences.system.pixel_size))
    _fill(
        [
            (left - line, bottom - line, right + line, bottom),
            (left - line, top, right + line, top + line),
            (left - line, bottom, left, top),
            (right, bottom, right + line, top),
        ],
        _LINE,
    )
    label = f"{size[0]} × {size[1]}    {ratio_text(ratio)}"
    scale = context.preferences.system.ui_scale
    below = bottom - (labels.TEXT_SIZE + 6.0) * scale
    labels.write(context, label, max(left, 0) + 2.0 * scale, below if below > 2.0 else max(bottom, 0) + 8.0 * scale)


def _draw_in_world(context: bpy.types.Context, camera: bpy.types.Object, size: tuple[int, int]) -> None:
    depsgraph = context.evaluated_depsgraph_get()
    corners = frame_corners(camera, depsgraph, size, subject_distance(context.view_layer, camera, depsgraph))
    region = context.region
    perspective = np.array(context.region_data.perspective_matrix, np.float64)
    segments = [
        clipped for start in range(4) if (clipped := _in_front(corners[[start, (start + 1) % 4]], perspective)) is not None
    ]
    if not segments:
        return
    pixels, _ = to_region(np.concatenate(segments), perspective, region.width, region.height)
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    batch = batch_for_shader(shader, "LINES", {"pos": [(x, y, 0.0) for x, y in pixels.tolist()]})
    shader.uniform_float("viewportSize", (region.width, region.height))
    shader.uniform_float("lineWidth", 1.5 * context.preferences.system.pixel_size)
    shader.uniform_float("color", _FAR_LINE)
    batch.draw(shader)
    place, depths = to_region(corners, perspective, region.width, region.height)
    if (depths > 0.0).all():
        x, y = min(place.tolist(), key=lambda point: (round(point[1]), point[0]))
        labels.write(
            context, f"{size[0]} × {size[1]}", x, y - (labels.TEXT_SIZE + 5.0) * context.preferences.system.ui_scale, 0.7
        )


def _in_front(segment: Array, perspective: Array) -> Array | None:
    """The part of a segment (2, 3) that is in front of the viewer, or None: what is behind would come out mirrored."""
    depths = np.c_[segment, np.ones(2)] @ perspective[3]
    nearest = 1e-3
    if (depths < nearest).all():
        return None
    if (depths >= nearest).all():
        return segment
    behind = int(depths.argmin())
    part = (nearest - depths[behind]) / (depths[1 - behind] - depths[behind])
    clipped = segment.copy()
    clipped[behind] += part * (segment[1 - behind] - segment[behind])
    return clipped


def _fill(rectangles: list[tuple[float, float, float, float]], colour: tuple[float, float, float, float]) -> None:
    corners: list[tuple[float, float]] = []
    triangles: list[tuple[int, int, int]] = []
    for left, bottom, right, top in rectangles:
        if left < right and bottom < top:
            first = len(corners)
            corners += [(left, bottom), (right, bottom), (right, top), (left, top)]
            triangles += [(first, first + 1, first + 2), (first, first + 2, first + 3)]
    if not corners:
        return
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    batch = batch_for_shader(shader, "TRIS", {"pos": corners}, indices=triangles)
    shader.uniform_float("color", colour)
    batch.draw(shader)


CLASSES: tuple[type, ...] = ()


def register() -> None:
    _handles.append(bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    while _handles:
        bpy.types.SpaceView3D.draw_handler_remove(_handles.pop(), "WINDOW")
