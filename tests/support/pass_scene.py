# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests of the passes: the factory scene's camera around a figure, and its passes at one size. Runs inside Blender."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector
from pose_to_anime.addon.armature.figures import Figure, figures_in
from pose_to_anime.addon.passes.render import PassSet, render_passes

SIZE = (416, 608)


def look_from(yaw: float, distance: float = 6.0, pitch: float = 0.0, at: tuple[float, float, float] = (0.0, 0.0, 0.9)) -> None:
    """The scene's camera around a figure that faces −y: 0 sees its face, 90 its left side, 180 its back. Degrees, metres."""
    camera = bpy.context.scene.camera
    a, p = math.radians(yaw), math.radians(pitch)
    back = Vector((math.sin(a) * math.cos(p), -math.cos(a) * math.cos(p), math.sin(p)))
    camera.data.lens = 85.0
    camera.location = Vector(at) + back * distance
    camera.rotation_euler = back.to_track_quat("Z", "Y").to_euler()


def passes(**options: object) -> PassSet:
    scene = bpy.context.scene
    return render_passes(scene, bpy.context.view_layer, scene.camera, SIZE, **options)


def only_figure() -> Figure:
    (figure,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    return figure


def grey(result: PassSet) -> np.ndarray:
    image = result.images["depth"]
    assert image.shape == (SIZE[1], SIZE[0], 3)
    assert (image == image[..., :1]).all()
    return image[..., 0]


def workbench_mask(folder: Path) -> np.ndarray:
    """Where Blender's own render of the same frame shows anything, without anti-aliasing."""
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.display.render_aa = "OFF"
    scene.render.film_transparent = True
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.render.resolution_percentage = 100
    scene.render.filepath = str(folder / "render.png")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    pixels = np.array(image.pixels[:]).reshape(SIZE[1], SIZE[0], 4)[::-1]
    bpy.data.images.remove(image)
    return pixels[..., 3] > 0.5
