# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluated meshes of a scene as numpy arrays: the figures, and the objects that were ticked to join them.

Nothing of Blender is kept beyond a call. What the last calls found out about a mesh's faces is remembered by their content, so
that a figure that is only posed differently costs no more than its vertices.
"""

from __future__ import annotations

import functools
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np
from numpy.typing import NDArray

from ..armature.figures import Figure
from ..armature.seen_skin import bare_places
from ..armature.worn import is_worn
from ..dressing.covered import covered_rows
from ..keys import ObjectKey, key_of, object_in
from .view import transform

Floats = NDArray[np.float64]

TopologyKey = tuple[int, int, int, int, int]
_REMEMBERED = 64
_triangles: OrderedDict[TopologyKey, NDArray[np.int32]] = OrderedDict()
_HAS_SURFACE = ("MESH", "CURVE", "SURFACE", "FONT", "META")


@dataclass(frozen=True, eq=False)
class Surface:
    """One mesh to draw. ``vertices`` (n, 3) float32 in its own axes, ``triangles`` (t, 3) int32 indices into them, ``to_world``
    (4, 4). ``figure`` is 1 for the first figure, 2 for the second, …, and 0 for what is no figure. ``key`` names the triangles.
    """

    source: ObjectKey
    figure: int
    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]
    to_world: Floats
    key: TopologyKey

    @functools.cached_property
    def world(self) -> Floats:
        """The vertices (n, 3) in world metres."""
        return transform(self.to_world[:3], self.vertices.astype(np.float64))


def figure_surfaces(
    scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, depsgraph: bpy.types.Depsgraph, figures: Sequence[Figure]
) -> list[Surface]:
    """The visible evaluated skins of the figures, without what they wear, in world metres by their matrices."""
    return list(_surfaces(scene, view_layer, depsgraph, [figure.meshes for figure in figures]))


def worn_surfaces(
    scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, depsgraph: bpy.types.Depsgraph, figures: Sequence[Figure]
) -> list[Surface]:
    """What the figures wear, as far as it is visible and ticked. Depth shows it; keypoints are found on the bare body."""
    return list(_surfaces(scene, view_layer, depsgraph, [figure.worn for figure in figures]))


def without_covered(scene: bpy.types.Scene, surfaces: Sequence[Surface], figures: Sequence[Figure]) -> list[Surface]:
    """Skins without the faces that lie under clothes in every pose, as far as those are ticked: cloth may be as thin as it is
    drawn, and no skin comes through it."""
    return [_without(surface, _covered(scene, figures[surface.figure - 1])) for surface in surfaces]


def _covered(scene: bpy.types.Scene, figure: Figure) -> NDArray[np.int64]:
    pieces = (object_in(scene, key) for key in figure.worn)
    return np.concatenate([np.empty(0, dtype=np.int64), *(covered_rows(piece) for piece in pieces if piece is not None)])


def _without(surface: Surface, rows: NDArray[np.int64]) -> Surface:
    rows = rows[rows < len(surface.vertices)]
    if not len(rows):
        return surface
    hidden = np.zeros(len(surface.vertices), dtype=bool)
    hidden[rows] = True
    key = (*surface.key[:4], zlib.crc32(hidden.tobytes(), surface.key[4]))
    return replace(surface, triangles=surface.triangles[~hidden[surface.triangles].all(axis=1)], key=key)


def _surfaces(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    depsgraph: bpy.types.Depsgraph,
    meshes: Sequence[Sequence[ObjectKey]],
) -> Iterator[Surface]:
    """The visible ones of the meshes of each figure."""
    for number, keys in enumerate(meshes, 1):
        for key in keys:
            source = object_in(scene, key)
            if source is None or source.type not in _HAS_SURFACE or not source.visible_get(view_layer=view_layer):
                continue
            surface = _surface(source.evaluated_get(depsgraph), key, number)
            if surface is not None:
                yield surface


def ticked_surfaces(view_layer: bpy.types.ViewLayer, depsgraph: bpy.types.Depsgraph, figures: Sequence[Figure]) -> list[Surface]:
    """Other visible objects that the user ticked to be in depth, with all their instances."""
    if not any(_is_ticked(item) for item in view_layer.objects):
        return []
    skins = {key for figure in figures for key in figure.meshes}
    return list(_ticked_instances(depsgraph, skins))


def forget() -> None:
    """Drop what is remembered of meshes."""
    _triangles.clear()


def _is_ticked(item: bpy.types.Object) -> bool:
    if is_worn(item):  # goes with its figure
        return False
    settings = getattr(item, "pose_to_anime", None)
    return bool(getattr(settings, "in_depth", False))


def _ticked_instances(depsgraph: bpy.types.Depsgraph, skins: set[ObjectKey]) -> Iterator[Surface]:
    shared: dict[int, Surface | None] = {}
    for instance in depsgraph.object_instances:
        shape = instance.object
        if shape.type not in _HAS_SURFACE or not instance.show_self:
            continue
        source = shape.original
        if instance.is_instance:
            if not (_is_ticked(source) or (instance.parent is not None and _is_ticked(instance.parent.original))):
                continue
        elif key_of(source) in skins or not _is_ticked(source):
            continue
        data = shape.data.as_pointer()
        if data not in shared:
            shared[data] = _surface(shape, key_of(source), 0)
        surface = shared[data]
        if surface is not None:
            to_world = np.array(instance.matrix_world, dtype=np.float64)
            yield Surface(surface.source, 0, surface.vertices, surface.triangles, to_world, surface.key)


def _surface(evaluated: bpy.types.Object, source: ObjectKey, figure: int) -> Surface | None:
    """The mesh of an evaluated object; None where it has no faces."""
    try:
        mesh = evaluated.to_mesh()
    except RuntimeError:  # an object without geometry
        return None
    try:
        if mesh is None or not len(mesh.polygons):
            return None
        vertices = bare_places(mesh)
        key, triangles = _topology(mesh)
    finally:
        evaluated.to_mesh_clear()
    lost = np.logical_not(np.isfinite(vertices).all(axis=1))
    if lost.any():
        # One vertex that a broken modifier threw to infinity must not take the whole figure along.
        triangles = triangles[~lost[triangles].any(axis=1)]
        vertices[lost] = 0.0
        key = (*key[:4], zlib.crc32(triangles.tobytes(), key[4]))
        if not len(triangles):
            return None
    return Surface(source, figure, vertices, triangles, np.array(evaluated.matrix_world, dtype=np.float64), key)


def _topology(mesh: bpy.types.Mesh) -> tuple[TopologyKey, NDArray[np.int32]]:
    corners = np.empty(len(mesh.loops), dtype=np.int32)
    # An attribute is copied at once; `loops` are asked corner by corner, which takes longer than all the rest of this.
    mesh.attributes[".corner_vert"].data.foreach_get("value", corners)
    starts = np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    key = (len(mesh.vertices), len(corners), len(starts), zlib.crc32(corners.data), zlib.crc32(starts.data))
    if key in _triangles:
        _triangles.move_to_end(key)
        return key, _triangles[key]
    mesh.calc_loop_triangles()
    triangles = np.empty((len(mesh.loop_triangles), 3), dtype=np.int32)
    mesh.loop_triangles.foreach_get("vertices", triangles.reshape(-1))
    _triangles[key] = triangles
    while len(_triangles) > _REMEMBERED:
        _triangles.popitem(last=False)
    return key, triangles
