# SPDX-License-Identifier: GPL-3.0-or-later
"""A figure's skin as it is seen: what others meet of it. Clothes do not change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np

from ..pose.moved import moved
from .mannequin import skins_of

BARE = "pose_to_anime_bare"
"""Attribute of an evaluated mesh some of whose vertices are drawn in under clothes: where they are on the bare body."""


def bare_places(mesh: bpy.types.Mesh) -> np.ndarray:
    """(n, 3) float32: where the vertices of an evaluated mesh are, in its own axes; of a dressed figure's skin, as if it were
    bare."""
    places = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.attributes[BARE if BARE in mesh.attributes else "position"].data.foreach_get("vector", places)
    return places.reshape(-1, 3)


@contextmanager
def seen_mesh(skin: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Iterator[tuple[bpy.types.Mesh, np.ndarray]]:
    """The evaluated mesh of a skin, there until the block ends, and the places (n, 3) of its vertices in world metres."""
    evaluated = skin.evaluated_get(depsgraph)
    mesh = evaluated.to_mesh()
    try:
        yield mesh, moved(bare_places(mesh), np.array(evaluated.matrix_world))
    finally:
        evaluated.to_mesh_clear()


def seen_skin(obj: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) of a figure's skin in world metres, and triangles (t, 3)."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    points, faces = [np.empty((0, 3))], [np.empty((0, 3), dtype=np.int32)]
    for skin in skins_of(obj):
        with seen_mesh(skin, depsgraph) as (mesh, places):
            mesh.calc_loop_triangles()
            corners = np.empty(3 * len(mesh.loop_triangles), np.int32)
            mesh.loop_triangles.foreach_get("vertices", corners)
        faces.append(corners.reshape(-1, 3) + sum(map(len, points)))
        points.append(places)
    return np.concatenate(points), np.concatenate(faces)
