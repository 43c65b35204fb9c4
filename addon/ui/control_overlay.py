# SPDX-License-Identifier: GPL-3.0-or-later
"""The control image over what the camera sees, where the 3D view looks through the picture's camera."""

from __future__ import annotations

from typing import Any

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ..framing.camera import picture_camera, scene_size
from ..framing.sizes import SizeError
from ..framing.viewport import picture_rectangle
from ..generate import live_preview

_BLACK = 0.25
"""How much black covers, of what colours cover: the scene is seen through it, and yet which part is the picture."""

_handles: list[Any] = []


class _Shown:
    """The texture of the image with this number."""

    number = -1
    texture: Any = None


def _draw() -> None:
    context = bpy.context
    scene, space = context.scene, context.space_data
    settings = getattr(scene, "pose_to_anime", None)
    if settings is None or not settings.passes.overlay or not space.overlay.show_overlays or context.region_data is None:
        return
    camera = picture_camera(scene)
    if camera is None or context.region_data.view_perspective != "CAMERA" or space.camera != camera:
        return
    found = live_preview.preview()
    if found.image is None or found.kind != settings.passes.preview_kind:
        if not found.problem:
            live_preview.ask(scene)
        return
    try:
        size = scene_size(scene)
    except SizeError:
        return  # the panel says what is wrong with the ratio
    sides = picture_rectangle(context.region, context.region_data, camera, context.evaluated_depsgraph_get(), size)
    left, bottom, right, top = (round(side) for side in sides)
    shader = gpu.shader.from_builtin("IMAGE_COLOR")
    corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
    batch = batch_for_shader(shader, "TRI_FAN", {"pos": corners, "texCoord": [(0, 0), (1, 0), (1, 1), (0, 1)]})
    gpu.state.blend_set("ALPHA")
    try:
        shader.uniform_sampler("image", _texture(found))
        shader.uniform_float("color", (1.0, 1.0, 1.0, settings.passes.overlay_opacity))
        batch.draw(shader)
    finally:
        gpu.state.blend_set("NONE")


def _texture(found: live_preview.Preview) -> Any:
    """The image on the GPU, with black nearly clear."""
    if _Shown.number != found.number or _Shown.texture is None:
        image = found.image
        assert image is not None
        height, width = image.shape[:2]
        pixels = np.empty((height, width, 4), np.float32)
        pixels[..., :3] = image[::-1] / np.float32(255.0)
        pixels[..., 3] = np.where(image[::-1].any(axis=2), np.float32(1.0), np.float32(_BLACK))
        data = gpu.types.Buffer("FLOAT", width * height * 4, pixels.reshape(-1))
        _Shown.texture = gpu.types.GPUTexture((width, height), format="RGBA16F", data=data)
        _Shown.number = found.number
    return _Shown.texture


CLASSES: tuple[type, ...] = ()


def register() -> None:
    _handles.append(bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    while _handles:
        bpy.types.SpaceView3D.draw_handler_remove(_handles.pop(), "WINDOW")
    _Shown.number, _Shown.texture = -1, None
