# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera and a picture size as matrices: what all passes of one picture share."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

from ..errors import UserError

Array = NDArray[np.float64]

NEAREST = 1e-6
"""Metres in front of the camera at which a point counts as being in front of it."""


@dataclass(frozen=True, eq=False)
class View:
    """``to_camera`` (4, 4) takes world points to the camera's axes (x right, y up, looking along −z, metres); ``projection`` (4, 4)
    takes those to clip space. ``width`` and ``height`` are pixels."""

    width: int
    height: int
    to_camera: Array
    projection: Array
    perspective: bool

    @property
    def camera_position(self) -> Array:
        """(3,) in the world."""
        rotation = self.to_camera[:3, :3]
        return -rotation.T @ self.to_camera[:3, 3]

    @property
    def backward(self) -> Array:
        """(3,) in the world: the direction from the picture towards the viewer."""
        return self.to_camera[2, :3]

    def depth(self, points: Array) -> Array:
        """World points (n, 3) → metres (n,) in front of the camera's plane, negative behind it."""
        return -(points @ self.to_camera[2, :3] + self.to_camera[2, 3])

    def project(self, points: Array) -> tuple[Array, Array]:
        """World points (n, 3) → pixels (n, 2), origin at the top left corner of the picture and y down, and depth (n,) in metres.

        A point on the camera's plane or behind it has no place in the picture: its pixels are NaN.
        """
        matrix = self.projection @ self.to_camera
        clip = points @ matrix[:, :3].T + matrix[:, 3]
        depth = self.depth(points)
        weight = np.where(depth > NEAREST, clip[:, 3], np.nan)
        x = (clip[:, 0] / weight + 1.0) / 2.0 * self.width
        y = (1.0 - clip[:, 1] / weight) / 2.0 * self.height
        return np.stack((x, y), axis=1), depth

    def contains(self, pixels: Array) -> NDArray[np.bool_]:
        """Which pixels (n, 2) are inside the picture; NaN is not."""
        return (pixels >= 0.0).all(axis=1) & (pixels < (self.width, self.height)).all(axis=1)


def view_of(camera: bpy.types.Object | None, depsgraph: bpy.types.Depsgraph, width: int, height: int) -> View:
    """What ``camera`` sees in a picture of ``width`` × ``height`` pixels, lens, shift and orthographic scale included.

    Raises UserError where there is no camera, or one that no matrix describes.
    """
    if camera is None or camera.type != "CAMERA":
        raise UserError("There is no camera to look through: add a pose camera or choose a scene camera.")
    if camera.data.type not in ("PERSP", "ORTHO"):
        raise UserError(f"The camera “{camera.name}” is panoramic: switch it to perspective or orthographic.")
    evaluated = camera.evaluated_get(depsgraph)
    # A render ignores the scale that a camera has from its parents, as this does.
    to_world = np.array(evaluated.matrix_world.normalized(), dtype=np.float64)
    try:
        to_camera = np.linalg.inv(to_world)
    except np.linalg.LinAlgError:
        raise UserError(f"The camera “{camera.name}” is scaled to nothing: give it a scale of 1.") from None
    projection = np.array(evaluated.calc_matrix_camera(depsgraph, x=width, y=height), dtype=np.float64)
    if not (np.isfinite(to_camera).all() and np.isfinite(projection).all()):
        raise UserError(f"The camera “{camera.name}” has no valid place or lens: reset the camera.")
    return View(width, height, to_camera, projection, camera.data.type == "PERSP")
