# SPDX-License-Identifier: GPL-3.0-or-later
"""What images beside depth ask of a mesh: the normals that Blender shades it with, and the material of every triangle."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from ..armature.seen_skin import BARE
from .topology import TopologyKey, origins_of

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_MOST_SLOTS = 32767
"""Blender's limit; a broken file may say anything."""


def details_of(mesh: bpy.types.Mesh, key: TopologyKey, triangles: Ints, places: Floats) -> tuple[Floats, Ints]:
    """Normals, (n, 3) where faces meet smoothly everywhere and else (t, 3, 3), and the triangles' material slots (t,).

    ``places`` (n, 3) are where the vertices are drawn.
    """
    return _normals(mesh, key, triangles, places), _materials(mesh, key, len(triangles))


def _normals(mesh: bpy.types.Mesh, key: TopologyKey, triangles: Ints, places: Floats) -> Floats:
    smooth = mesh.normals_domain == "POINT"
    source = mesh.vertex_normals if smooth else mesh.corner_normals
    normals = np.empty((len(source), 3), dtype=np.float32)
    source.foreach_get("vector", normals.reshape(-1))
    normals[~np.isfinite(normals).all(axis=1)] = 0.0
    if not smooth:
        return normals[origins_of(mesh, key).corners]
    if BARE in mesh.attributes:
        _mend(normals, mesh, triangles, places)
    return normals


def _mend(normals: Floats, mesh: bpy.types.Mesh, triangles: Ints, places: Floats) -> None:
    """Under clothes the skin is drawn in, and the normals beside them bend into that step: those of the bare skin in place."""
    drawn_in = np.empty((len(normals), 3), dtype=np.float32)
    mesh.attributes["position"].data.foreach_get("vector", drawn_in.reshape(-1))
    moved = (drawn_in != places).any(axis=1)
    bent = np.zeros(len(normals), dtype=bool)
    bent[triangles[moved[triangles].any(axis=1)]] = True
    bent &= ~moved  # a vertex that is drawn in is not seen
    around = triangles[bent[triangles].any(axis=1)]
    a, b, c = (places[around[:, corner]] for corner in range(3))
    faces = np.cross(b - a, c - a)
    sums = np.stack(
        [np.bincount(around.reshape(-1), np.repeat(faces[:, axis], 3), minlength=len(normals)) for axis in range(3)], axis=1
    )
    lengths = np.sqrt((sums**2).sum(axis=1, keepdims=True))
    mended = bent & (lengths[:, 0] > 0.0)
    normals[mended] = sums[mended] / lengths[mended]


def _materials(mesh: bpy.types.Mesh, key: TopologyKey, count: int) -> Ints:
    attribute = mesh.attributes.get("material_index")
    if attribute is None:
        return np.zeros(count, dtype=np.int32)
    slots = np.empty(len(mesh.polygons), dtype=np.int32)
    attribute.data.foreach_get("value", slots)
    return np.clip(slots, 0, _MOST_SLOTS)[origins_of(mesh, key).faces]
