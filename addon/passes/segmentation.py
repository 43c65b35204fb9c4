# SPDX-License-Identifier: GPL-3.0-or-later
"""What is where, in the colours of ADE20K that segmentation ControlNets know. No bpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .buffers import Buffers, bands
from .view import View

PERSON = (150, 5, 61)
FLOOR = (80, 50, 50)
WALL = (120, 120, 120)
OBJECT = (0, 255, 20)
"""ADE20K's colours of "person", "floor", "wall" and "box", which stands for the objects that the user ticked."""

_LEVEL = 1e-6
"""A sine: an orthographic camera that looks less down than this sees the floor from the side."""


def segmentation_image(buffers: Buffers, view: View) -> NDArray[np.uint8]:
    """(height, width, 3) uint8. Behind figures and objects: floor where the camera sees the ground at z = 0, and else a wall."""
    height, width = buffers.depth.shape
    image = np.empty((height, width, 3), dtype=np.uint8)
    across, down, start = (np.float32(number) for number in floor_line(view))
    columns = across * (np.arange(width, dtype=np.float32) + np.float32(0.5)) + start
    for rows in bands(height):
        lines = down * (np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + np.float32(0.5))
        floor, drawn, person = columns + lines < 0.0, buffers.depth[rows] < np.inf, buffers.figures[rows] > 0
        for channel in range(3):
            value = np.full(floor.shape, WALL[channel], dtype=np.uint8)
            for where, colour in ((floor, FLOOR), (drawn, OBJECT), (person, PERSON)):
                np.copyto(value, np.uint8(colour[channel]), where=where)
            image[rows, :, channel] = value
    return image


def floor_line(view: View) -> tuple[float, float, float]:
    """(a, b, c): the camera sees the ground in front of it at a pixel (x, y) where a · x + b · y + c < 0.

    In perspective that is below the horizon, and nowhere from under the ground. To an orthographic camera the ground has no
    horizon: looking down it sees it everywhere, and looking level from its edge on downwards.
    """
    to_camera, projection = view.to_camera, view.projection
    up = to_camera[:3, 2]  # the world's z in the camera's axes
    height = float(view.position[2])
    if view.perspective:
        if height <= 0.0:
            return 0.0, 0.0, 1.0
        # The ray of a pixel at (u, v) in clip space is ((u + shift) / scale, (v + shift) / scale, −1).
        per_u, per_v = up[0] / projection[0, 0], up[1] / projection[1, 1]
        rest = per_u * projection[0, 2] + per_v * projection[1, 2] - up[2]
    else:
        if abs(up[2]) > _LEVEL:
            return 0.0, 0.0, -1.0 if up[2] > 0.0 else 1.0
        per_u, per_v = up[0] / projection[0, 0], up[1] / projection[1, 1]
        rest = height - per_u * projection[0, 3] - per_v * projection[1, 3]
    across, down = per_u * 2.0 / view.width, -per_v * 2.0 / view.height
    return float(across), float(down), float(rest - per_u + per_v)
