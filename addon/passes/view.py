# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera and a picture size as matrices: what all passes of one picture share. No bpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEAREST = 1e-6
"""Metres in front of the camera at which a point counts as being in front of it."""


def transform(matrix: Array, points: NDArray[np.floating]) -> Array:
    """Rows (k, 4) of a matrix times points (n, 3) with a 1 appended → (n, k).

    Column by column: a matrix product would wake a thread for every core, which costs more than the few thousand multiplications.
    """
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    result = np.empty((len(points), len(matrix)))
    for column, (a, b, c, d) in enumerate(matrix):
        result[:, column] = a * x + b * y + c * z + d
    return result


@dataclass(frozen=True, eq=False)
class View:
    """``to_camera`` (4, 4) takes world points to the camera's axes (x right, y up, looking along −z, metres); ``projection``
    (4, 4) takes those to clip space. ``position`` (3,) is the camera's place in the world; ``width`` and ``height`` are pixels.
    """

    width: int
    height: int
    to_camera: Array
    projection: Array
    position: Array
    perspective: bool

    @property
    def backward(self) -> Array:
        """(3,) in the world: the direction from the picture towards the viewer."""
        return self.to_camera[2, :3]

    def depth(self, points: Array) -> Array:
        """World points (n, 3) → metres (n,) in front of the camera's plane, negative behind it."""
        return -transform(self.to_camera[2:3], points)[:, 0]

    def project(self, points: Array) -> tuple[Array, Array]:
        """World points (n, 3) → pixels (n, 2), origin at the top left corner of the picture and y down, and depth (n,) in metres.

        A point on the camera's plane or behind it has no place in the picture: its pixels are NaN.
        """
        to_clip = self.projection @ self.to_camera
        x, y, weight, behind = transform(np.stack((*to_clip[[0, 1, 3]], self.to_camera[2])), points).T
        weight = np.where(behind < -NEAREST, weight, np.nan)
        pixels = np.empty((len(points), 2))
        with np.errstate(invalid="ignore", over="ignore"):  # of a lens without end
            pixels[:, 0] = (x / weight + 1.0) * (self.width / 2.0)
            pixels[:, 1] = (1.0 - y / weight) * (self.height / 2.0)
        return pixels, -behind

    def contains(self, pixels: Array) -> NDArray[np.bool_]:
        """Which pixels (n, 2) are inside the picture; NaN is not."""
        x, y = pixels[:, 0], pixels[:, 1]
        return (x >= 0.0) & (x < self.width) & (y >= 0.0) & (y < self.height)
