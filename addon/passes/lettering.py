# SPDX-License-Identifier: GPL-3.0-or-later
"""Words as pixels, in Blender's own font: for the names on contact sheets. Needs no graphics card."""

from __future__ import annotations

import math

import bpy
import numpy as np
from numpy.typing import NDArray

_FINER = 4
"""Samples a pixel along each axis. Each lies inside a letter or outside; their mean is the pixel's coverage."""
_LINE = 1.35
"""Height of a line for letters of size 1: Blender's font reaches from about 0.3 below the baseline to 0.85 above it."""
_BASELINE = 0.32


def lettering(text: str, height: int) -> NDArray[np.float32]:
    """One line of text as coverage (height, W) from 0 to 1, row 0 at the top; W follows from the text.

    Blender's font has the letters of most languages; what it lacks shows as a box.
    """
    corners = _triangles(text)
    size = height / _LINE * _FINER
    points = corners[..., :2] * size + np.array((_FINER, _BASELINE * size))
    width = math.ceil(float(points[..., 0].max()) / _FINER) + 1 if len(points) else 1
    inside = np.zeros((height * _FINER, width * _FINER), bool)
    for triangle in points:
        _fill(inside, triangle)
    coverage: NDArray[np.float32] = inside[::-1].reshape(height, _FINER, width, _FINER).mean(axis=(1, 3), dtype=np.float32)
    return coverage


def _triangles(text: str) -> NDArray[np.float64]:
    """(n, 3, 3): what Blender makes of a text object with letters of size 1, the line's beginning at the origin."""
    curve = bpy.data.curves.new(".pose_to_anime", "FONT")
    letters = bpy.data.objects.new(".pose_to_anime", curve)
    try:
        curve.body = text
        curve.resolution_u = 3
        mesh = letters.to_mesh()
        mesh.calc_loop_triangles()
        places = np.empty(3 * len(mesh.vertices))
        mesh.vertices.foreach_get("co", places)
        corners = np.empty(3 * len(mesh.loop_triangles), np.int32)
        mesh.loop_triangles.foreach_get("vertices", corners)
        letters.to_mesh_clear()
    finally:
        bpy.data.objects.remove(letters)
        bpy.data.curves.remove(curve)
    return places.reshape(-1, 3)[corners].reshape(-1, 3, 3)


def _fill(inside: NDArray[np.bool_], triangle: NDArray[np.float64]) -> None:
    """Mark the samples whose centre a triangle (3, 2) covers; row 0 at the bottom."""
    rows, columns = inside.shape
    left, bottom = np.maximum(np.floor(triangle.min(axis=0)).astype(int), 0)
    right, top = np.minimum(np.ceil(triangle.max(axis=0)).astype(int), (columns, rows))
    if right <= left or top <= bottom:
        return
    x = np.arange(left, right) + 0.5
    y = np.arange(bottom, top)[:, None] + 0.5
    (ax, ay), (bx, by), (cx, cy) = triangle
    sides = (
        (bx - ax) * (y - ay) - (by - ay) * (x - ax),
        (cx - bx) * (y - by) - (cy - by) * (x - bx),
        (ax - cx) * (y - cy) - (ay - cy) * (x - cx),
    )
    covered = (sides[0] >= 0) & (sides[1] >= 0) & (sides[2] >= 0)
    covered |= (sides[0] <= 0) & (sides[1] <= 0) & (sides[2] <= 0)  # whichever way round the triangle goes
    inside[bottom:top, left:right] |= covered
