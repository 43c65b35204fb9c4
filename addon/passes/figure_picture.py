# SPDX-License-Identifier: GPL-3.0-or-later
"""The posed figure as the artist sees it: a quick shaded picture through the pose camera, on the same pixel grid as the passes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np

_RENDER = {
    "engine": "BLENDER_WORKBENCH",
    "resolution_percentage": 100,
    "pixel_aspect_x": 1.0,
    "pixel_aspect_y": 1.0,
    "film_transparent": False,
    "use_border": False,
    "use_compositing": False,
    "use_sequencer": False,
    "use_file_extension": True,
}
_SHADING = {"light": "STUDIO", "color_type": "OBJECT", "show_cavity": True, "cavity_type": "BOTH", "background_type": "VIEWPORT"}
_VIEW = {"view_transform": "Standard", "exposure": 0.0, "gamma": 1.0}


def render_figure(scene: bpy.types.Scene, camera: bpy.types.Object, size: tuple[int, int]) -> np.ndarray:
    """The scene in Blender's Workbench through ``camera``.

    Args:
        size: width and height in pixels.

    Returns:
        (height, width, 3) uint8 sRGB, row 0 at the top. The scene's own settings are as before.
    """
    width, height = size
    with tempfile.TemporaryDirectory(prefix="pose-to-anime-") as folder:
        path = Path(folder) / "figure.png"
        changes: list[tuple[Any, dict[str, Any]]] = [
            (scene, {"camera": camera}),
            (scene.render, {**_RENDER, "resolution_x": width, "resolution_y": height, "filepath": str(path)}),
            (scene.display.shading, _SHADING),
            (scene.view_settings, _VIEW),
            (scene.render.image_settings, {"file_format": "PNG", "color_mode": "RGB", "color_depth": "8"}),
        ]
        with _changed(changes):
            bpy.ops.render.render(write_still=True, scene=scene.name)
        image = bpy.data.images.load(str(path))
        try:
            pixels = np.empty(width * height * 4, np.float32)
            image.colorspace_settings.name = "Non-Color"
            image.pixels.foreach_get(pixels)
        finally:
            bpy.data.images.remove(image)
    rgb = pixels.reshape(height, width, 4)[::-1, :, :3]
    return np.rint(rgb * 255).astype(np.uint8)


@contextmanager
def _changed(changes: list[tuple[Any, dict[str, Any]]]) -> Iterator[None]:
    """Set attributes for a while; what this Blender does not know is left alone."""
    before: list[tuple[Any, str, Any]] = []
    try:
        for owner, values in changes:
            for name, value in values.items():
                if hasattr(owner, name):
                    before.append((owner, name, getattr(owner, name)))
                    setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)
