# SPDX-License-Identifier: GPL-3.0-or-later
"""Thumbnails of poses: the figure as a clay model, drawn by our own passes, as a small PNG with a clear ground."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Matrix, Vector
from numpy.typing import NDArray

from ..armature.figures import figures_in
from ..armature.limbs import ROOT
from ..armature.mannequin import require_skins
from ..armature.pose_tools import skin_points
from ..errors import UserError
from ..keys import key_of
from ..passes import geometry
from ..passes.camera_view import view_of
from ..passes.render import draw_buffers
from ..png import encode_indexed
from .clay import CLAY, shade

SIDE = 128
"""Pixels of a thumbnail."""

_FINER = 4  # times as many pixels are drawn, for smooth edges
_ROUND = math.radians(35.0)  # three-quarter view, from the figure's left
_ABOVE = math.radians(12.0)
_ABOVE_LYING = math.radians(38.0)
_LOW = 0.4
"""Height over length below which a figure lies, and is seen from higher up."""
_MARGIN = 0.05  # of the picture, on each side
_SHADES, _COVERS = 30, 8
"""Levels of light and of coverage in the palette: 30 · 8 + 1 colours fit one byte."""


def pose_preview(obj: bpy.types.Object) -> bytes:
    """The present pose of a mannequin as a PNG of ``SIDE`` × ``SIDE`` pixels. The scene stays as it was.

    Raises UserError where the figure is hidden or nothing can draw.
    """
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    view_layer.update()
    figure = next((found for found in figures_in(scene, view_layer) if found.armature == key_of(obj)), None)
    if figure is None:
        require_skins(obj)
        raise UserError(f"'{obj.name}' is hidden: show it before you save its pose.")
    root = (obj.matrix_world @ obj.pose.bones[ROOT].matrix).to_3x3().normalized()
    return preview(skin_points(obj), root, lambda depsgraph: geometry.figure_surfaces(scene, view_layer, depsgraph, [figure]))


def preview(
    points: NDArray[np.floating], axes: Matrix, surfaces: Callable[[bpy.types.Depsgraph], Sequence[geometry.Surface]]
) -> bytes:
    """A thumbnail of some surfaces of the present scene, framed on ``points`` (n, 3), seen from the front left of ``axes``.

    Raises UserError where nothing can draw.
    """
    with _camera(bpy.context.scene, points, axes) as camera:
        return preview_through(camera, surfaces)


def preview_through(camera: bpy.types.Object, surfaces: Callable[[bpy.types.Depsgraph], Sequence[geometry.Surface]]) -> bytes:
    """A thumbnail of some surfaces of the present scene as a camera sees them. Raises UserError where nothing can draw."""
    view_layer = bpy.context.view_layer
    view_layer.update()
    depsgraph = view_layer.depsgraph
    view = view_of(camera, depsgraph, SIDE * _FINER, SIDE * _FINER)
    depth = draw_buffers(surfaces(depsgraph), view, camera, depsgraph).depth
    return encode(shade(depth, view.projection, view.perspective), np.isfinite(depth))


def encode(picture: NDArray[np.uint8], there: NDArray[np.bool_]) -> bytes:
    """A clay picture (n, n, 3) and where it shows the figure (n, n), n = ``SIDE`` · 4, as a small PNG with a palette."""
    light = picture[..., 0] / (255.0 * CLAY[0]) * there
    blocks = (SIDE, _FINER, SIDE, _FINER)
    cover = there.reshape(blocks).mean(axis=(1, 3))
    light = light.reshape(blocks).mean(axis=(1, 3)) / np.maximum(cover, 1e-9)
    # A little lighter than beside a result: these lie on the dark grey of a panel.
    shades = np.rint(np.clip(light, 0.0, 1.0) ** 0.8 * (_SHADES - 1)).astype(int)
    covers = np.rint(cover * _COVERS).astype(int)
    indices = np.where(covers == 0, 0, 1 + (covers - 1) * _SHADES + shades).astype(np.uint8)
    palette = np.zeros((1 + _COVERS * _SHADES, 4), np.uint8)
    for number in range(_COVERS):
        rows = slice(1 + number * _SHADES, 1 + (number + 1) * _SHADES)
        palette[rows, :3] = np.rint(np.linspace(0.0, 1.0, _SHADES)[:, None] * CLAY * 255.0)
        palette[rows, 3] = round(255 * (number + 1) / _COVERS)
    return encode_indexed(indices, palette)


@contextmanager
def _camera(scene: bpy.types.Scene, points: NDArray[np.floating], axes: Matrix) -> Iterator[bpy.types.Object]:
    """A camera for one picture, framed on the points, and gone afterwards."""
    data = bpy.data.cameras.new(".pose_to_anime")
    camera = bpy.data.objects.new(".pose_to_anime", data)
    try:
        scene.collection.objects.link(camera)
        _frame(camera, points, axes)
        yield camera
    finally:
        bpy.data.objects.remove(camera)
        bpy.data.cameras.remove(data)


def _frame(camera: bpy.types.Object, points: NDArray[np.floating], root: Matrix) -> None:
    length, depth, height = np.ptp(points @ np.array(root), axis=0)
    above = _ABOVE_LYING if height < _LOW * max(length, depth) else _ABOVE
    across, up = math.cos(above), math.sin(above)
    towards = root @ Vector((math.sin(_ROUND) * across, -math.cos(_ROUND) * across, up))
    turned = towards.to_track_quat("Z", "Y").to_matrix()
    seen = points @ np.array(turned)
    low, high = seen.min(axis=0), seen.max(axis=0)
    size = float(max(high[0] - low[0], high[1] - low[1], 0.1))
    middle = turned @ Vector((low[0] + high[0], low[1] + high[1], 2.0 * (high[2] + 1.0))) / 2.0
    camera.matrix_world = Matrix.LocRotScale(middle, turned, None)
    camera.data.type = "ORTHO"
    camera.data.ortho_scale = size * (1.0 + 2.0 * _MARGIN)
    camera.data.clip_start, camera.data.clip_end = 0.01, float(high[2] - low[2]) + 10.0
