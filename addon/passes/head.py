# SPDX-License-Identifier: GPL-3.0-or-later
"""Which face points a figure's own head hides: a detector reports nose, eyes and ears only where it sees them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

from ..armature.control_rig.link import carriers_of
from ..armature.figures import Figure
from ..armature.weights import vertices_on
from ..keys import ObjectKey, object_in
from ..openpose.layout import FACE_POINTS_OF_BODY
from .geometry import Surface, TopologyKey
from .rays import Blocker
from .sight import EARS, seen_past
from .view import View

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int32]

_REACH = 1.25
"""Radius of the sphere that holds a head whose mesh has no weights, in distances between the ears."""

_BELOW = ("neck", "upperChest", "chest", "leftShoulder", "rightShoulder")
_REMEMBERED = 16
_triangles: OrderedDict[tuple[ObjectKey, ObjectKey, TopologyKey], Ints] = OrderedDict()


@dataclass(frozen=True, eq=False)
class Head:
    """A figure's head as it hides its own face: ``blockers``. ``width`` is the distance between the ears, metres."""

    blockers: tuple[Blocker, ...]
    surfaces: tuple[Surface, ...]
    width: float

    def rest(self) -> list[Blocker]:
        """The figure's other triangles."""
        found = []
        for surface, mine in zip(self.surfaces, self.blockers, strict=True):
            a, b, c = mine.used[surface.triangles].T
            found.append(Blocker.whole(surface.world, surface.triangles[~(a & b & c)]))
        return found


def head_of(scene: bpy.types.Scene, figure: Figure, surfaces: Sequence[Surface], positions: Floats) -> Head | None:
    """The head of a figure whose body points are in the world (18, 3) and whose own meshes are ``surfaces``; None where no ears
    say where it is."""
    ears = positions[list(EARS)]
    width = float(np.linalg.norm(ears[1] - ears[0]))  # NaN where an ear is missing
    if not width > 0.0:
        return None
    blockers = [_blocker(scene, figure, surface, ears.mean(axis=0), width) for surface in surfaces]
    return Head(tuple(blockers), tuple(surfaces), width)


def visible_face_points(head: Head | None, view: View, positions: Floats, present: Bools, face: Floats | None = None) -> Bools:
    """For the 18 body points in the world (18, 3), of which ``present`` (18,) exist, and those of the ``face`` (n, 3) after them:
    which are seen past the figure's own head.

    Points of the body below count as seen. ``sight.seen_past`` says how.
    """
    if head is None or not (face is not None or present[list(FACE_POINTS_OF_BODY)].any()):
        return np.ones(len(positions) + (0 if face is None else len(face)), dtype=bool)
    return seen_past(positions, present, head.blockers, view, face)


def forget() -> None:
    """Drop what is remembered of heads."""
    _triangles.clear()


def _blocker(scene: bpy.types.Scene, figure: Figure, surface: Surface, centre: Floats, width: float) -> Blocker:
    """The triangles that belong to the head."""
    inside = _head_vertices(scene, figure, surface)
    if inside is None:
        inside = ((surface.world - centre) ** 2).sum(axis=1) < (_REACH * width) ** 2
        return Blocker(surface.world, _within(surface.triangles, inside), inside)
    key = (surface.source, figure.armature, surface.key)
    if key not in _triangles:
        _triangles[key] = _within(surface.triangles, inside)
        while len(_triangles) > _REMEMBERED:
            _triangles.popitem(last=False)
    return Blocker(surface.world, _triangles[key], inside)


def _within(triangles: Ints, inside: Bools) -> Ints:
    a, b, c = inside[triangles].T
    return triangles[a & b & c]


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
    carriers = carriers_of(armature)
    if source.parent_type == "BONE" and carriers.get(source.parent_bone, source.parent_bone) in names:  # hair, hats, glasses
        return np.ones(len(surface.vertices), dtype=bool)
    names |= {figure.joint_map[joint] for joint in _BELOW if joint in figure.joint_map}
    if source.type != "MESH" or len(source.data.vertices) != len(surface.vertices):
        return None
    groups = {group.name for group in source.vertex_groups if carriers.get(group.name, group.name) in names}
    return vertices_on(source, source.data, groups, (surface.source, figure.armature, surface.key))
