# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluated meshes of a scene as numpy arrays: the figures, and the objects that were ticked to join them.

Nothing of Blender is kept beyond a call. What the last calls found out about a mesh's faces is remembered by their content, so
that a figure that is only posed differently costs no more than its vertices.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np
from numpy.typing import NDArray

from ..armature.control_rig.link import HAS_SURFACE
from ..armature.figures import Figure
from ..armature.seen_skin import bare_places
from ..armature.worn import is_worn
from ..dressing.covered import covered_rows
from ..keys import ObjectKey, key_of, object_in
from . import topology
from .mesh_details import details_of
from .topology import TopologyKey
from .view import transform

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Surface:
    """One mesh to draw. ``vertices`` (n, 3) float32 in its own axes, ``triangles`` (t, 3) int32 indices into them, ``to_world``
    (4, 4). ``figure`` is 1 for the first figure, 2 for the second, …, and 0 for what is no figure. ``key`` names the triangles.

    Where details were asked for, ``normals`` are those that Blender shades with, in the mesh's own axes: (n, 3) float32 one for
    each vertex, or (t, 3, 3) one for each corner of each triangle; ``materials`` (t,) int32 are the triangles' material slots.
    """

    source: ObjectKey
    figure: int
    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]
    to_world: Floats
    key: TopologyKey
    normals: NDArray[np.float32] | None = None
    materials: NDArray[np.int32] | None = None

    def only(self, keep: NDArray[np.bool_]) -> Surface:
        """The same surface with those of its triangles that ``keep`` (t,) says."""
        per_corner = self.normals is not None and self.normals.ndim == 3
        return replace(
            self,
            triangles=self.triangles[keep],
            key=(*self.key[:4], zlib.crc32(keep.tobytes(), self.key[4])),
            normals=self.normals[keep] if self.normals is not None and per_corner else self.normals,
            materials=None if self.materials is None else self.materials[keep],
        )

    @functools.cached_property
    def world(self) -> Floats:
        """The vertices (n, 3) in world metres."""
        return transform(self.to_world[:3], self.vertices.astype(np.float64))

    @property
    def seen_places(self) -> Floats:
        """Those of ``world`` (m, 3) that a triangle has: what a broken modifier threw away is not among them."""
        used = np.zeros(len(self.vertices), dtype=bool)
        used[self.triangles] = True
        return self.world if used.all() else self.world[used]


def figure_surfaces(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    depsgraph: bpy.types.Depsgraph,
    figures: Sequence[Figure],
    detailed: bool = False,
) -> list[Surface]:
    """The visible evaluated skins of the figures, without what they wear, in world metres by their matrices; ``detailed`` with
    normals and materials."""
    return list(_surfaces(scene, view_layer, depsgraph, [figure.meshes for figure in figures], detailed))


def worn_surfaces(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    depsgraph: bpy.types.Depsgraph,
    figures: Sequence[Figure],
    detailed: bool = False,
) -> list[Surface]:
    """What the figures wear, as far as it is visible and ticked. Depth shows it; keypoints are found on the bare body."""
    return list(_surfaces(scene, view_layer, depsgraph, [figure.worn for figure in figures], detailed))


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
    return surface.only(np.logical_not(hidden[surface.triangles].all(axis=1)))


def _surfaces(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    depsgraph: bpy.types.Depsgraph,
    meshes: Sequence[Sequence[ObjectKey]],
    detailed: bool,
) -> Iterator[Surface]:
    """The visible ones of the meshes of each figure."""
    for number, keys in enumerate(meshes, 1):
        for key in keys:
            source = object_in(scene, key)
            if source is None or source.type not in HAS_SURFACE or not source.visible_get(view_layer=view_layer):
                continue
            surface = _surface(source.evaluated_get(depsgraph), key, number, detailed)
            if surface is not None:
                yield surface


def ticked_surfaces(
    view_layer: bpy.types.ViewLayer, depsgraph: bpy.types.Depsgraph, figures: Sequence[Figure], detailed: bool = False
) -> list[Surface]:
    """Other visible objects that the user ticked to be in depth, with all their instances."""
    if not any(_is_ticked(item) for item in view_layer.objects):
        return []
    skins = {key for figure in figures for key in figure.meshes}
    return list(_ticked_instances(depsgraph, skins, detailed))


def can_be_ticked(obj: bpy.types.Object, figures: Sequence[Figure]) -> bool:
    """Whether a tick decides if an object is in the images: it has a surface, or instances, and is no figure's skin, which always
    is."""
    if obj.type not in HAS_SURFACE and not obj.is_instancer:
        return False
    return all(key_of(obj) not in figure.meshes for figure in figures)


def forget() -> None:
    """Drop what is remembered of meshes."""
    topology.forget()


def _is_ticked(item: bpy.types.Object) -> bool:
    if is_worn(item):  # goes with its figure
        return False
    settings = getattr(item, "pose_to_anime", None)
    return bool(getattr(settings, "in_depth", False))


def _ticked_instances(depsgraph: bpy.types.Depsgraph, skins: set[ObjectKey], detailed: bool) -> Iterator[Surface]:
    shared: dict[int, Surface | None] = {}
    for instance in depsgraph.object_instances:
        shape = instance.object
        if shape.type not in HAS_SURFACE or not instance.show_self:
            continue
        source = shape.original
        if instance.is_instance:
            if not (_is_ticked(source) or (instance.parent is not None and _is_ticked(instance.parent.original))):
                continue
        elif key_of(source) in skins or not _is_ticked(source):
            continue
        data = shape.data.as_pointer()
        if data not in shared:
            shared[data] = _surface(shape, key_of(source), 0, detailed)
        surface = shared[data]
        to_world = np.array(instance.matrix_world, dtype=np.float64)
        if surface is not None and np.isfinite(to_world).all():
            yield replace(surface, to_world=to_world)


def _surface(evaluated: bpy.types.Object, source: ObjectKey, figure: int, detailed: bool) -> Surface | None:
    """The mesh of an evaluated object; None where it has no faces, or no place in the world."""
    try:
        mesh = evaluated.to_mesh()
    except RuntimeError:  # an object without geometry
        return None
    try:
        if mesh is None or not len(mesh.polygons):
            return None
        vertices = bare_places(mesh)
        key, triangles = topology.triangles_of(mesh)
        normals, materials = details_of(mesh, key, triangles, vertices) if detailed else (None, None)
    finally:
        evaluated.to_mesh_clear()
    to_world = np.array(evaluated.matrix_world, dtype=np.float64)
    if not np.isfinite(to_world).all():
        return None
    surface = Surface(source, figure, vertices, triangles, to_world, key, normals, materials)
    lost = np.logical_not(np.isfinite(vertices).all(axis=1))
    if lost.any():
        # One vertex that a broken modifier threw to infinity must not take the whole figure along.
        surface = surface.only(~lost[triangles].any(axis=1))
        vertices[lost] = 0.0
    return surface if len(surface.triangles) else None
