# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures onto seats that stand somewhere: a prop with a seat, or any other mesh that has something level on top.

The figure goes to the seat, never the seat to it; how a seat comes under a figure that sits already is in ``seating``.
"""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np
from mathutils import Matrix, Vector
from mathutils.bvhtree import BVHTree

from ...errors import UserError
from ...pose.library import load_pose
from ...pose.moved import moved
from ..controls import move_control
from ..held import BEHIND, BOTH, LEFT, RIGHT, UNDER, hold_of, is_prop, set_hold
from ..limbs import ROOT
from ..mannequin import is_mannequin, require_posable
from ..posing import apply_pose, humanoid_rest_of, read_pose
from .holding import attach
from .objects import let_go, prop_of, scale_of
from .prop_file import Seat
from .seating import AHEAD, SINK, Owned, Sitter, back_to_front, is_sitting, owned_vertices, root_frame
from .shapes import Floats

_POSE, _POSE_WITHOUT_REST = "sitting_upright", "sitting"
_LOWEST = 0.12
"""Of the height of the hips. A seat lower than this is the ground."""
_STRETCH = 0.1
"""Of the length of a thigh: so far above the ground feet still go down to it; from a higher seat they hang."""
_ROUNDS = 4
_EXACT = 5e-4
"""Metres; where the skin is lowest changes a little as the thighs follow."""
_ROOM = 0.25
"""Metres of a bench or sofa that an adult takes to either side of the hips' middle."""
_LEAST_ROOM = 0.6
"""Times that: small figures are wide for their height."""
_FOR_ONE = 0.8
"""Metres. A seat that is not as wide has its place in the middle."""
_ADULT_HIPS = 0.87
"""Metres from the ground to the hips' joint of a grown-up, to which the lengths above belong."""
_BELOW = tuple(np.linspace(-0.08, 0.08, 5).tolist())
"""Metres of an adult, round the hips' joint, at which the height of a seat is looked for."""


def can_be_seat(obj: bpy.types.Object) -> bool:
    """Whether a figure could be asked to sit on an object: a mesh that no figure wears or holds."""
    if obj.type != "MESH" or hold_of(obj) in (LEFT, RIGHT, BOTH):
        return False
    return is_prop(obj) or not is_mannequin(obj.parent)


def sit_on(obj: bpy.types.Object, seat: bpy.types.Object) -> None:
    """Have a mannequin sit on an object where that stands, facing its front (−y, as all props). One that sits already keeps its
    pose. Its feet are on the ground where they reach it, and hang where they do not; on a bench it takes the place nearest to it.
    A seat that stood behind it is under it from then on.

    Raises UserError for what is no mannequin or hidden, and for an object that cannot be sat upon, is too low, or is under this
    figure already; then nothing is changed.
    """
    require_posable(obj)
    if not can_be_seat(seat):
        raise UserError(f"'{seat.name}' cannot be sat upon: select a chair, a box, or another mesh.")
    if hold_of(seat) == UNDER and seat.parent == obj:
        raise UserError(f"'{obj.name}' sits on '{seat.name}' already: release the seat first, then move it.")
    bpy.context.view_layer.update()
    there = _Standing(seat, humanoid_rest_of(obj).hip_height * obj.matrix_world.median_scale)
    there.take_place(obj)
    owned = owned_vertices(obj)
    is_own = hold_of(seat) == BEHIND and seat.parent == obj
    if is_own:
        let_go(seat)  # it stays while the figure goes to it
    if not is_sitting(obj):
        apply_pose(obj, load_pose(_POSE if there.seat.rest else _POSE_WITHOUT_REST))
    for _ in range(_ROUNDS):
        if _settle(obj, there, owned) < _EXACT:
            break
    if is_own:
        attach(obj, seat, ROOT, np.array(root_frame(obj).inverted() @ seat.matrix_world))
        set_hold(seat, UNDER)


class _Standing:
    """An object that is sat upon, in world metres. ``frame`` (4, 4) stands on the ground, its y towards the object's back;
    ``seat`` times ``scale`` says in it where one sits, ``beside`` how far from the middle, ``height`` how high."""

    def __init__(self, obj: bpy.types.Object, hips: float) -> None:
        self._name, self._hips, self._size = obj.name, hips, hips / _ADULT_HIPS
        points, faces = _mesh(obj)
        self._tree = BVHTree.FromPolygons(points.tolist(), faces)
        self._low, self._top = float(points[:, 2].min()), float(points[:, 2].max())
        self.frame = np.eye(4)
        back = np.array(obj.matrix_world)[:2, 1]
        back = back / np.linalg.norm(back) if np.linalg.norm(back) > 1e-6 else np.array((0.0, 1.0))
        self.frame[:2, 0], self.frame[:2, 1] = (back[1], -back[0]), back
        prop = prop_of(obj) if is_prop(obj) else None
        if prop is not None and prop.seat is not None:
            *self.frame[:2, 3], self._low = obj.matrix_world.translation  # the tips of slanting legs are a little lower
            self.seat, self.scale = prop.seat, scale_of(obj) * obj.matrix_world.median_scale
        else:
            places = points[:, :2] @ self.frame[:2, :2]
            low, high = places.min(axis=0), places.max(axis=0)
            self.frame[:2, 3] = self.frame[:2, :2] @ ((low + high) / 2.0)
            wide, deep = (high - low).tolist()
            self.seat, self.scale = Seat(0.0, (0.0, 0.0), deep / 2.0, -deep / 2.0, wide), 1.0
        self.beside = self.height = 0.0

    def take_place(self, obj: bpy.types.Object) -> None:
        """Choose the place nearest to a figure. Raises UserError where there is nothing to sit on."""
        root = obj.matrix_world @ obj.pose.bones[ROOT].matrix
        hips = np.array((obj.matrix_world @ obj.pose.bones["hips"].head)[:2]) - self.frame[:2, 3]
        wide = self.seat.width * self.scale
        spare = max(0.0, wide / 2.0 - _ROOM * max(self._size, _LEAST_ROOM)) if wide > _FOR_ONE * self.scale else 0.0
        self.beside = float(np.clip(hips @ self.frame[:2, 0], -spare, spare))
        found = self.height_at(-self.to_middle())
        if found is None:
            raise UserError(f"'{self._name}' has nothing to sit on near its front: select a chair, a box, or another mesh.")
        # An object that goes into the floor, or is a part of it, does not say where the floor is: the figure does.
        floor = float(root.translation.z)
        self.frame[2, 3] = floor if self._low < floor < found - _LOWEST * self._hips else self._low
        if found - self.frame[2, 3] < _LOWEST * self._hips:
            raise UserError(f"'{self._name}' is too low to sit on: choose a pose that sits on the ground.")
        self.height = found

    def to_middle(self) -> float:
        """Metres from the hips of one who sits near the front edge back to the middle."""
        front, deep = -self.seat.front * self.scale, (self.seat.back - self.seat.front) * self.scale
        return front - min(AHEAD * self._size, deep / 2.0)

    def height_at(self, behind: float) -> float | None:
        """How high it is where the hips are, so many metres behind the middle; None where there is nothing."""
        found = []
        for x in _BELOW:
            for y in _BELOW[:3]:  # what is behind the hips may be a back to lean against
                start = self.frame @ np.array((self.beside + x * self._size, behind + y * self._size, 0.0, 1.0))
                hit = self._tree.ray_cast(Vector((start[0], start[1], self._top + 1.0)), Vector((0.0, 0.0, -1.0)))[0]
                if hit is not None:
                    found.append(hit.z)
        return max(found, default=None)


def _settle(obj: bpy.types.Object, there: _Standing, owned: Owned) -> float:
    """Bring a sitting figure to its place and its height, and its feet to the ground. Returns how far up or down it had to go."""
    unit = obj.matrix_world.median_scale
    body = Sitter(obj, owned)
    seat, scale = there.seat, there.scale / unit
    to_middle = back_to_front(seat, scale, body) if seat.rest else there.to_middle() / unit
    to_middle = max(to_middle, -seat.front * scale - body.calves())
    place = body.frame.copy()
    place[:2, 3] += place[:2, 1] * to_middle - place[:2, 0] * (there.beside / unit)
    _stand(obj, there.frame @ np.diag((unit, unit, unit, 1.0)) @ np.linalg.inv(place), unit)
    height = there.height_at(-to_middle * unit)
    height = (there.height if height is None else height) - there.frame[2, 3]
    rise = height / unit - SINK - body.lowest_over(place, seat, scale)
    pose = read_pose(obj)
    x, y, z = pose.hips_translation
    apply_pose(obj, replace(pose, hips_translation=(x, y, z + rise / humanoid_rest_of(obj).hip_height)))
    _bring_feet(obj, unit, owned)
    return abs(rise) * unit


def _stand(obj: bpy.types.Object, goal: Floats, unit: float) -> None:
    """Move a figure so that the axes of its root come to ``goal`` (4, 4)."""
    root = obj.pose.bones[ROOT]
    moved = Matrix(goal) @ (root.matrix @ root.bone.matrix_local.inverted()).inverted()
    size = obj.matrix_world.to_scale()
    obj.matrix_world = Matrix.LocRotScale(moved.to_translation(), moved.to_quaternion(), size)
    bpy.context.view_layer.update()


def _bring_feet(obj: bpy.types.Object, unit: float, owned: Owned) -> None:
    """Feet that are below the ground or a little above it come onto it."""
    body = Sitter(obj, owned)
    for side, suffix in (("left", "L"), ("right", "R")):
        gap = body.sole(side)
        if abs(gap) > _EXACT and gap < _STRETCH * obj.data.bones[f"thigh.{suffix}"].length:
            foot = obj.matrix_world @ obj.pose.bones[f"foot.{suffix}"].head
            move_control(obj, f"foot.{suffix}", foot - Vector((0.0, 0.0, gap * unit)))


def _mesh(obj: bpy.types.Object) -> tuple[Floats, list[tuple[int, ...]]]:
    """Points (n, 3) in world metres and faces of an object as it is seen. Raises UserError for one without faces."""
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    places = np.empty(3 * len(mesh.vertices), dtype=np.float32)
    mesh.vertices.foreach_get("co", places)
    faces = [tuple(polygon.vertices) for polygon in mesh.polygons]
    evaluated.to_mesh_clear()
    if not faces:
        raise UserError(f"'{obj.name}' has no faces to sit on: select another object.")
    return moved(places.reshape(-1, 3), np.array(obj.matrix_world)), faces
