# SPDX-License-Identifier: GPL-3.0-or-later
"""Which face points a figure's own head hides: a detector reports nose, eyes and ears only where it sees them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import bpy
import numpy as np
from numpy.typing import NDArray

from ..armature.figures import Figure
from ..keys import ObjectKey, object_in
from ..openpose.layout import BODY_INDEX, FACE_POINTS_OF_BODY
from .geometry import Surface, TopologyKey
from .view import View

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int32]

BURIED = 0.1
"""How deep under the skin a face point may lie and still be seen, as a part of the distance between the ears: 1.5 cm on an adult.
Eyes and ears are meant by their centres."""
RIM = 0.08
"""How far an ear stands out from its centre, in the same measure: an ear of which only the rim can be seen is seen."""
_REACH = 1.25
"""Radius of the sphere that holds a head whose mesh has no weights, in distances between the ears."""

_EARS = (BODY_INDEX["right_ear"], BODY_INDEX["left_ear"])
_BELOW = ("neck", "upperChest", "chest", "leftShoulder", "rightShoulder")
_REMEMBERED = 16
_heads: OrderedDict[tuple[ObjectKey, ObjectKey, TopologyKey], Bools] = OrderedDict()


def visible_face_points(
    scene: bpy.types.Scene, figure: Figure, surfaces: Sequence[Surface], view: View, positions: Floats, present: Bools
) -> Bools:
    """For the 18 body points in the world (18, 3), of which ``present`` (18,) exist: which are seen past the figure's own head.

    A ray runs from each face point towards the camera; it is blocked where it meets a triangle of the head, or of what it stands
    on, farther from its start than what the skin itself covers. Points that are no face points count as seen.
    """
    seen = np.ones(len(positions), dtype=bool)
    points = [index for index in FACE_POINTS_OF_BODY if present[index]]
    ears = positions[list(_EARS)]
    width = float(np.linalg.norm(ears[1] - ears[0])) if np.isfinite(ears).all() else 0.0
    if not points or width <= 0.0:
        return seen
    outward = (ears - ears[::-1]) * RIM
    origins = np.concatenate((positions[points], ears + outward))
    free = np.ones(len(origins), dtype=bool)
    targets, _depth = view.project(origins)
    for surface in surfaces:
        triangles, inside = _head_triangles(scene, figure, surface, ears.mean(axis=0), width)
        pixels = np.empty((2, len(inside)))
        pixels[:, inside] = view.project(surface.world[inside])[0].T
        a, b, c = (pixels[:, triangles[:, corner]] for corner in range(3))
        lowest, highest = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
        for index, (origin, target) in enumerate(zip(origins, targets, strict=True)):
            # All rays end in the camera: only triangles around the point in the picture can be met.
            around = (lowest <= target[:, None]) & (target[:, None] <= highest)
            near = np.flatnonzero(around[0] & around[1])
            if len(near):
                ray = view.position - origin if view.perspective else view.backward
                length = float(np.linalg.norm(ray)) if view.perspective else np.inf
                free[index] &= not _meets(origin, ray, surface.world[triangles[near]], BURIED * width, length)
    seen[points] = free[: len(points)]
    seen[list(_EARS)] |= free[len(points) :]
    return seen


def forget() -> None:
    """Drop what is remembered of heads."""
    _heads.clear()


def _head_triangles(scene: bpy.types.Scene, figure: Figure, surface: Surface, centre: Floats, width: float) -> tuple[Ints, Bools]:
    """(t, 3) the triangles that belong to the head, as indices of vertices, and which vertices those are."""
    inside = _head_vertices(scene, figure, surface)
    if inside is None:
        inside = ((surface.world - centre) ** 2).sum(axis=1) < (_REACH * width) ** 2
    a, b, c = inside[surface.triangles].T
    return surface.triangles[a & b & c], inside


def _head_vertices(scene: bpy.types.Scene, figure: Figure, surface: Surface) -> Bools | None:
    """Which vertices follow the head, or what it stands on, more than anything else; None where the mesh does not say.

    Neck and chest close the head from below: without them a camera behind and below looks through the hole at the face. Arms do
    not count: a detector still finds the eyes behind a hand.
    """
    source, armature = object_in(scene, surface.source), object_in(scene, figure.armature)
    if source is None or armature is None:
        return None
    bones = armature.data.bones
    head = bones.get(figure.joint_map.get("head", ""))
    if head is None:
        return None
    names = {head.name, *(child.name for child in head.children_recursive)}
    if source.parent_type == "BONE" and source.parent_bone in names:  # hair, hats, glasses
        return np.ones(len(surface.vertices), dtype=bool)
    names |= {figure.joint_map[joint] for joint in _BELOW if joint in figure.joint_map}
    key = (surface.source, figure.armature, surface.key)
    if key not in _heads:
        groups = {group.index for group in source.vertex_groups if group.name in names}
        if not groups or source.type != "MESH" or len(source.data.vertices) != len(surface.vertices):
            return None
        _heads[key] = np.fromiter(
            (
                2.0 * sum(g.weight for g in v.groups if g.group in groups) > sum(g.weight for g in v.groups)
                for v in source.data.vertices
            ),
            dtype=bool,
            count=len(surface.vertices),
        )
        while len(_heads) > _REMEMBERED:
            _heads.popitem(last=False)
    return _heads[key]


def _meets(origin: Floats, ray: Floats, triangles: Floats, start: float, end: float) -> bool:
    """Whether a ray (3,), from ``start`` to ``end`` metres from its origin (3,), meets one of the triangles (t, 3, 3).

    The test of Möller and Trumbore.
    """
    ray = ray / max(float(np.linalg.norm(ray)), 1e-9)
    corner = triangles[:, 0]
    first, second = triangles[:, 1] - corner, triangles[:, 2] - corner
    across = np.cross(ray, second)
    determinant = (first * across).sum(axis=1)
    facing = determinant != 0.0
    inverse = 1.0 / np.where(facing, determinant, 1.0)
    offset = origin - corner
    u = (offset * across).sum(axis=1) * inverse
    around = np.cross(offset, first)
    v = (around @ ray) * inverse
    distance = (second * around).sum(axis=1) * inverse
    return bool((facing & (u >= 0.0) & (v >= 0.0) & (u + v <= 1.0) & (distance > start) & (distance < end)).any())
