# SPDX-License-Identifier: GPL-3.0-or-later
"""The vertices of a character's meshes at rest, and which bones move them by how much."""

from __future__ import annotations

from dataclasses import dataclass, replace

import bpy
import numpy as np
from numpy.typing import NDArray

from ...pose.moved import moved
from .link import hangs_on_bone, meshes_of, rest_matrix

_MOST = 60_000
"""Vertices of all meshes that are looked at; of denser ones every second, third, … A quarter of a second for Python."""
_FAR = 100.0
"""In sizes of the skeleton: what is farther from it is no part of the body."""


@dataclass(frozen=True)
class Bound:
    """N vertices at rest in the axes of the character's armature. ``quads`` (M, 4): a triangle has its last corner twice."""

    points: NDArray[np.float64]
    """(N, 3)"""
    quads: NDArray[np.int32]
    shares: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]
    """Bone → vertices and their weights, as they are painted."""
    mesh: NDArray[np.int64]
    """(N,): of which mesh, by number, each is."""
    is_round: NDArray[np.bool_]
    """(N,): whether dual quaternions move it."""

    def weights(self, bones: list[str]) -> NDArray[np.float64]:
        """(N,): how much of each vertex some bones have."""
        total = np.zeros(len(self.points))
        for bone in bones:
            if bone in self.shares:
                rows, values = self.shares[bone]
                np.add.at(total, rows, values)
        return total


def bound_meshes(character: bpy.types.Object) -> Bound:
    """What a character's armature moves."""
    points, quads, mesh_of, is_round = (
        [np.empty((0, 3))],
        [np.empty((0, 4), np.int32)],
        [np.empty(0, np.int64)],
        [np.empty(0, bool)],
    )
    shares: dict[str, tuple[list[int], list[float]]] = {}
    start = 0
    for number, obj in enumerate(meshes_of(character)):
        mesh = obj.data
        places = np.empty(3 * len(mesh.vertices), np.float32)
        mesh.vertices.foreach_get("co", places)
        matrix = rest_matrix(character, obj)
        own = moved(places.reshape(-1, 3), matrix)
        mesh.calc_loop_triangles()
        corners = np.empty(3 * len(mesh.loop_triangles), np.int32)
        mesh.loop_triangles.foreach_get("vertices", corners)
        _collect(character, obj, start, shares)
        points.append(own)
        triangles = corners.reshape(-1, 3)
        quads.append(np.concatenate((triangles, triangles[:, 2:]), axis=1) + start)
        mesh_of.append(np.full(len(own), number))
        is_round.append(np.full(len(own), any(m.type == "ARMATURE" and m.use_deform_preserve_volume for m in obj.modifiers)))
        start += len(own)
    packed = {bone: (np.array(rows, np.int64), np.array(values)) for bone, (rows, values) in shares.items()}
    bound = Bound(np.concatenate(points), np.concatenate(quads), packed, np.concatenate(mesh_of), np.concatenate(is_round))
    return _without_lost(character, bound)


def _without_lost(character: bpy.types.Object, bound: Bound) -> Bound:
    """Vertices that something broken threw away, or that are no number, say nothing about a body: no bone moves them, and no face
    has them."""
    heads = np.array([bone.head_local for bone in character.data.bones], np.float64)
    near = np.abs(bound.points - heads.mean(axis=0)).max(axis=1, initial=0.0) < _FAR * float(np.ptp(heads, axis=0).max())
    if near.all():  # NaN compares false
        return bound
    kept = {bone: near[rows] for bone, (rows, _) in bound.shares.items()}
    return replace(
        bound,
        points=np.where(near[:, None], bound.points, 0.0),
        quads=bound.quads[near[bound.quads].all(axis=1)],
        shares={bone: (rows[kept[bone]], values[kept[bone]]) for bone, (rows, values) in bound.shares.items()},
    )


def _collect(
    character: bpy.types.Object, obj: bpy.types.Object, start: int, shares: dict[str, tuple[list[int], list[float]]]
) -> None:
    count = len(obj.data.vertices)
    step = max(1, -(-count // _MOST))
    names = {group.index: group.name for group in obj.vertex_groups if group.name in character.data.bones}
    if hangs_on_bone(character, obj) and obj.find_armature() != character:
        rows, values = shares.setdefault(obj.parent_bone, ([], []))
        rows.extend(range(start, start + count, step))
        values.extend([1.0] * len(range(0, count, step)))
        return
    by_group = {index: shares.setdefault(name, ([], [])) for index, name in names.items()}
    vertices = obj.data.vertices
    for index in range(0, count, step):
        for share in vertices[index].groups:
            if share.weight > 0.0 and share.group in by_group:
                rows, values = by_group[share.group]
                rows.append(start + index)
                values.append(share.weight)
