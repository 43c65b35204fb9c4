# SPDX-License-Identifier: GPL-3.0-or-later
"""What a camera of Blender's sees, as matrices."""

from __future__ import annotations

import bpy
import numpy as np

from ..errors import UserError
from .view import View


def view_of(camera: bpy.types.Object | None, depsgraph: bpy.types.Depsgraph, width: int, height: int) -> View:
    """What ``camera`` sees in a picture of ``width`` × ``height`` pixels, lens, shift and orthographic scale included.

    Raises UserError where there is no camera, or one that no matrix describes.
    """
    if camera is None or camera.type != "CAMERA":
        raise UserError("There is no camera to look through: add a pose camera or choose a scene camera.")
    if camera.data.type not in ("PERSP", "ORTHO"):
        kind = "panoramic" if camera.data.type == "PANO" else "of a custom type"  # Blender 5 knows these
        raise UserError(f"The camera “{camera.name}” is {kind}: switch it to perspective or orthographic.")
    evaluated = camera.evaluated_get(depsgraph)
    # A render ignores the scale that a camera has from its parents, as this does.
    to_world = np.array(evaluated.matrix_world.normalized(), dtype=np.float64)
    x, y, z, position = to_world[:3].T
    volume = float(x @ np.cross(y, z))
    if not abs(volume) > 1e-9:  # also where it is no number
        raise UserError(f"The camera “{camera.name}” is scaled to nothing: give it a scale of 1.")
    to_camera = np.eye(4)
    to_camera[:3, :3] = np.stack((np.cross(y, z), np.cross(z, x), np.cross(x, y))) / volume
    to_camera[:3, 3] = -to_camera[:3, :3] @ position
    projection = np.array(evaluated.calc_matrix_camera(depsgraph, x=width, y=height), dtype=np.float64)
    if not (np.isfinite(to_camera).all() and np.isfinite(projection).all()):
        raise UserError(f"The camera “{camera.name}” has no valid place or lens: reset the camera.")
    return View(width, height, to_camera, projection, position, camera.data.type == "PERSP")
