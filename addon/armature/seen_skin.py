# SPDX-License-Identifier: GPL-3.0-or-later
"""A figure's skin as it is seen: what others meet of it."""

from __future__ import annotations

import bpy
import numpy as np

from .mannequin import skins_of


def seen_skin(obj: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) of a figure's skin in world metres, and triangles (t, 3)."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    points, faces = [np.empty((0, 3))], [np.empty((0, 3), dtype=np.int32)]
    for skin in skins_of(obj):
        evaluated = skin.evaluated_get(depsgraph)
        mesh = evaluated.to_mesh()
        mesh.calc_loop_triangles()
        places, corners = np.empty(3 * len(mesh.vertices), np.float32), np.empty(3 * len(mesh.loop_triangles), np.int32)
        mesh.vertices.foreach_get("co", places)
        mesh.loop_triangles.foreach_get("vertices", corners)
        evaluated.to_mesh_clear()
        to_world = np.array(skin.matrix_world)
        faces.append(corners.reshape(-1, 3) + sum(map(len, points)))
        points.append(places.reshape(-1, 3) @ to_world[:3, :3].T + to_world[:3, 3])
    return np.concatenate(points), np.concatenate(faces)
