# SPDX-License-Identifier: GPL-3.0-or-later
"""The triangles of a mesh, remembered by the content of its faces: a figure that is only posed differently keeps them."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]

TopologyKey = tuple[int, int, int, int, int]
_REMEMBERED = 64
_triangles: OrderedDict[TopologyKey, Ints] = OrderedDict()
_origins: OrderedDict[TopologyKey, Origins] = OrderedDict()


@dataclass(frozen=True, eq=False)
class Origins:
    """Where the triangles of a mesh come from: ``corners`` (t, 3) of its faces, and ``faces`` (t,)."""

    corners: Ints
    faces: Ints


def triangles_of(mesh: bpy.types.Mesh) -> tuple[TopologyKey, Ints]:
    """The triangles (t, 3) of an evaluated mesh as indices of its vertices, and a key that names them."""
    corners = np.empty(len(mesh.loops), dtype=np.int32)
    # An attribute is copied at once; `loops` are asked corner by corner, which takes longer than all the rest of this.
    mesh.attributes[".corner_vert"].data.foreach_get("value", corners)
    starts = np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    key = (len(mesh.vertices), len(corners), len(starts), zlib.crc32(corners.data), zlib.crc32(starts.data))
    if key not in _triangles:
        mesh.calc_loop_triangles()
        triangles = np.empty((len(mesh.loop_triangles), 3), dtype=np.int32)
        mesh.loop_triangles.foreach_get("vertices", triangles.reshape(-1))
        _triangles[key] = triangles
        while len(_triangles) > _REMEMBERED:
            _triangles.popitem(last=False)
    _triangles.move_to_end(key)
    return key, _triangles[key]


def origins_of(mesh: bpy.types.Mesh, key: TopologyKey) -> Origins:
    """Where the triangles that ``triangles_of`` gave come from."""
    if key not in _origins:
        mesh.calc_loop_triangles()
        corners = np.empty((len(mesh.loop_triangles), 3), dtype=np.int32)
        mesh.loop_triangles.foreach_get("loops", corners.reshape(-1))
        faces = np.empty(len(corners), dtype=np.int32)
        mesh.loop_triangles.foreach_get("polygon_index", faces)
        _origins[key] = Origins(corners, faces)
        while len(_origins) > _REMEMBERED:
            _origins.popitem(last=False)
    _origins.move_to_end(key)
    return _origins[key]


def forget() -> None:
    """Drop what is remembered."""
    _triangles.clear()
    _origins.clear()
