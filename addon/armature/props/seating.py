# SPDX-License-Identifier: GPL-3.0-or-later
"""Props under figures: a seat comes under the hips, turned with the figure and made as high as it sits, or stands behind one
that does not sit.

How it goes the other way, from a figure to a seat that stands, is in ``sitting``."""

from __future__ import annotations

import math

import bpy
import numpy as np
from mathutils import Matrix

from ...errors import UserError
from ...pose.moved import moved
from ..carried import carrying_bones
from ..held import BEHIND, UNDER, props_of, set_hold
from ..joint_map import joint_map
from ..limbs import ROOT
from ..mannequin import require_posable, skins_of
from ..seen_skin import seen_mesh, seen_skin
from .holding import attach
from .objects import add_prop_object, collection_for, remove_props
from .prop_file import Prop, Seat, load_prop
from .shapes import Floats

_ADULT_THIGH = 0.43
"""Metres: half way between our woman's and our man's."""
_ADULT_HIPS = 0.36
"""Metres across the hips' skin of a grown-up."""
_LIKE_ADULT = (0.8, 1.25)

_SITTING = math.radians(35.0)
"""A thigh that is lifted farther than this from straight down belongs to someone who sits."""
_SEATED = ("hips", "leftUpperLeg", "rightUpperLeg")
_LEANING = ("hips", "spine", "chest", "upperChest")
_NO_SEAT = "'{}' has no skin at its hips that a seat could come under: place the seat by hand."
_CALVES = ("leftLowerLeg", "rightLowerLeg")
_SOLES = ("leftFoot", "leftToes", "rightFoot", "rightToes")
SINK = 0.004
"""Metres by which one sinks into a seat: flesh gives way, and nothing is left between."""
AHEAD = 0.13
"""Metres before the hips' joint to which a seat without a rest goes: the legs that hang down stay clear of it."""
_SPARE = 0.012
"""Metres between the back of a figure and the rest of a chair, and between its calves and the edge of the seat."""
_BEHIND = 0.03
"""Metres between a seat that an adult could sit down on and whatever of the figure is nearest before it."""
_UNDER_KNEE = 0.95
"""Of the height of the knees: a seat that a figure is given while it stands is no higher, so that its feet stay on the ground."""
_EDGE = 0.06
"""Metres below a seat in which its edge is: legs that hang down may be under it farther below."""


def is_sitting(obj: bpy.types.Object) -> bool:
    """Whether both thighs of a figure are lifted, with the hips above the knees or nearly: on a seat, or on the ground."""
    bones, names = obj.pose.bones, joint_map("mannequin")
    up = np.array(bones[ROOT].matrix.to_3x3().normalized())[:, 2]
    for side in ("left", "right"):
        thigh = bones[names[f"{side}UpperLeg"]]
        along = np.array(thigh.tail - thigh.head)
        if math.acos(max(-1.0, min(1.0, float(-along @ up / np.linalg.norm(along))))) < _SITTING:
            return False
    return True


def put_under(obj: bpy.types.Object, name: str) -> bpy.types.Object:
    """Put a prop with a seat under a sitting figure, instead of what it sits on: under its hips, facing as it does, its seat
    where the figure is lowest. Returns the prop's object, a child of the figure.

    Raises UserError for a figure that does not sit, or whose seat is lower or higher than the prop can be made; PropError.
    """
    prop = load_prop(name)
    seat = require_seat(prop)
    require_posable(obj)
    bpy.context.view_layer.update()
    if not is_sitting(obj):
        raise UserError(f"'{obj.name}' does not sit: choose a sitting pose first.")
    body = Sitter(obj, owned_vertices(obj))
    scale = body.scale
    place = body.frame.copy()
    place[:2, 3] += place[:2, 1] * back_to_front(seat, scale, body)
    height = body.lowest_over(place, seat, scale) + SINK
    low, high = (limit * scale for limit in seat.heights)
    if not low <= height <= high:
        where = "on the ground" if height < low else "too high"
        raise UserError(f"'{obj.name}' sits {where} for a {prop.title.lower()}: choose another sitting pose.")
    _remove_seats(obj)
    added = add_prop_object(collection_for(obj), prop, scale, height)
    attach(obj, added, ROOT, place)  # it was measured in the axes of the root, and goes along when that is moved
    set_hold(added, UNDER)
    return added


def put_behind(obj: bpy.types.Object, name: str) -> bpy.types.Object:
    """Stand a prop with a seat on the ground right behind a figure that does not sit, clear of it, facing as it does, instead of
    the seat that it has. Returns the prop's object, a child of the figure.

    Raises UserError for a prop without a seat and for what is no mannequin, hidden or without a skin; PropError."""
    prop = load_prop(name)
    seat = require_seat(prop)
    require_posable(obj)
    bpy.context.view_layer.update()
    body = Sitter(obj, owned_vertices(obj))
    low, high = (limit * body.scale for limit in seat.heights)
    knee = obj.data.bones[joint_map("mannequin")["leftLowerLeg"]].head_local.z
    height = max(low, min(high, seat.height * body.scale, _UNDER_KNEE * knee))
    _remove_seats(obj)
    added = add_prop_object(collection_for(obj), prop, body.scale, height)
    corners = np.array([corner.co for corner in added.data.vertices])
    lowest, highest = corners.min(axis=0), corners.max(axis=0)
    to_place: Floats = np.linalg.inv(np.array(root_frame(obj)) @ body.frame).astype(np.float64)
    skin = moved(seen_skin(obj)[0], to_place)
    spare = _BEHIND * body.scale
    near = (skin[:, 0] > lowest[0] - spare) & (skin[:, 0] < highest[0] + spare) & (skin[:, 2] < highest[2] + spare)
    behind = float(skin[near, 1].max(initial=0.0)) + spare - float(lowest[1])
    place = body.frame.copy()
    place[:2, 3] += place[:2, 1] * behind
    attach(obj, added, ROOT, place)
    set_hold(added, BEHIND)
    return added


def root_frame(obj: bpy.types.Object) -> Matrix:
    """From the axes of a figure's root, as it is now, to the world."""
    bone = obj.pose.bones[ROOT]
    return obj.matrix_world @ bone.matrix @ bone.bone.matrix_local.inverted()


def _remove_seats(obj: bpy.types.Object) -> None:
    remove_props([*props_of(obj, UNDER), *props_of(obj, BEHIND)])


def require_seat(prop: Prop) -> Seat:
    """The seat of a prop. Raises UserError where it has none."""
    if prop.seat is None:
        raise UserError(f"A {prop.title.lower()} is no seat: put it into a hand instead.")
    return prop.seat


def stand_alone(context: bpy.types.Context, name: str) -> bpy.types.Object:
    """A prop on the ground at the 3D cursor, for itself. Raises PropError."""
    prop = load_prop(name)
    added = add_prop_object(context.collection, prop)
    cursor = context.scene.cursor.location
    lowest = float(prop.shape().vertices[:, 2].min())
    added.location = (cursor.x, cursor.y, 0.0 if prop.seat is not None else -lowest)
    return added


class Sitter:
    """A sitting figure in the axes of its root: metres, z up from the ground on which it stands."""

    def __init__(self, obj: bpy.types.Object, owned: Owned) -> None:
        names = joint_map("mannequin")
        to_root = np.linalg.inv(np.array(obj.pose.bones[ROOT].matrix @ obj.pose.bones[ROOT].bone.matrix_local.inverted()))
        self._points = {joint: moved(points, to_root) for joint, points in _skin(obj, owned).items()}
        hips = obj.pose.bones[names["hips"]]
        turned = to_root @ np.array(hips.matrix @ hips.bone.matrix_local.inverted())
        ahead = -turned[:2, 1] if np.linalg.norm(turned[:2, 1]) > 0.3 else -turned[:2, 2]
        ahead = ahead / np.linalg.norm(ahead)
        self.frame = np.eye(4)
        self.frame[:2, 0], self.frame[:2, 1] = (-ahead[1], ahead[0]), -ahead  # x to the figure's left, y behind it
        self.frame[:2, 3] = (to_root @ np.append(np.array(hips.head), 1.0))[:2]
        seated = np.concatenate([np.empty((0, 3)), *(self._points[joint] for joint in _SEATED if joint in self._points)])
        # What is under the hips: a knee that is raised or hangs lower than the seat is not sat on.
        near = np.linalg.norm(seated[:, :2] - self.frame[:2, 3], axis=1) < 0.5 * _length(obj, names["leftUpperLeg"])
        if not near.any():
            raise UserError(_NO_SEAT.format(obj.name))
        self.lowest = float(seated[near, 2].min())
        rest = obj.data.bones
        across = 2.0 * abs(rest[names["leftUpperLeg"]].head_local.x)
        wide = max(_length(obj, names["leftUpperLeg"]) / _ADULT_THIGH, across / (0.5 * _ADULT_HIPS))
        self.scale = 1.0 if _LIKE_ADULT[0] <= wide <= _LIKE_ADULT[1] else wide

    def lowest_over(self, place: Floats, seat: Seat, scale: float) -> float:
        """The height of the lowest skin over a seat that is placed so, (4, 4) from its axes to the root's, and so many times as
        large as it says."""
        points = np.concatenate([self._points[joint] for joint in _SEATED if joint in self._points])
        x, y = ((points[:, :2] - place[:2, 3]) @ place[:2, :2]).T / scale
        over = points[(np.abs(x) < seat.width / 2) & (y > seat.front) & (y < seat.back)]
        return float(over[:, 2].min()) if len(over) else self.lowest

    def rearmost(self, low: float, high: float) -> float:
        """How far behind the hips' joint the back reaches between two heights above the seat."""
        points = np.concatenate([self._points[joint] for joint in _LEANING if joint in self._points])
        heights = points[:, 2] - self.lowest
        inside = points[(heights >= low) & (heights <= high)]
        return float(((inside[:, :2] - self.frame[:2, 3]) @ self.frame[:2, 1]).max(initial=0.0))

    def calves(self) -> float:
        """How far before the hips' joint the calves begin where they pass the edge of a seat."""
        points = np.concatenate([self._points[joint] for joint in _CALVES if joint in self._points])
        heights = points[:, 2] - self.lowest
        passing = points[(heights < 0.0) & (heights > -_EDGE)]
        return float(-((passing[:, :2] - self.frame[:2, 3]) @ self.frame[:2, 1]).max()) - _SPARE if len(passing) else math.inf

    def sole(self, side: str) -> float:
        """How high above the ground the foot ``"left"`` or ``"right"`` begins; negative below it."""
        points = [self._points[joint] for joint in _SOLES if joint.startswith(side) and joint in self._points]
        return float(np.concatenate(points)[:, 2].min()) if points else 0.0


def back_to_front(seat: Seat, scale: float, body: Sitter) -> float:
    """How far behind the hips' joint the middle of the prop belongs."""
    if not seat.rest:
        return (-seat.front - AHEAD) * scale
    return body.rearmost(0.0, 0.5 * scale) + _SPARE - seat.back * scale


Owned = list[tuple[bpy.types.Object, dict[str, np.ndarray]]]
"""For each skin of a figure: joint → the vertices that it carries for the most part. Poses do not change it."""


def owned_vertices(obj: bpy.types.Object) -> Owned:
    """What ``Sitter`` measures of a figure. Raises UserError for one without a skin."""
    names = joint_map("mannequin")
    wanted = {names[joint]: joint for joint in (*_SEATED, *_LEANING, *_CALVES, *_SOLES)}
    found: Owned = []
    depsgraph = bpy.context.evaluated_depsgraph_get()
    for skin in skins_of(obj):
        own: dict[str, list[int]] = {}
        with seen_mesh(skin, depsgraph) as (mesh, _):
            for index, bone in enumerate(carrying_bones(obj, skin, mesh)):
                if bone in wanted:
                    own.setdefault(wanted[bone], []).append(index)
        found.append((skin, {joint: np.array(indices) for joint, indices in own.items()}))
    if not any(own for _, own in found):
        raise UserError(f"'{obj.name}' has lost its skin: undo its removal, or add a new mannequin.")
    if not any(joint in own for _, own in found for joint in _SEATED):
        raise UserError(_NO_SEAT.format(obj.name))
    return found


def _skin(obj: bpy.types.Object, owned: Owned) -> dict[str, Floats]:
    """Joint → points (n, 3) of the skin as it is seen, in armature axes."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    to_armature = np.linalg.inv(np.array(obj.matrix_world))
    found: dict[str, list[Floats]] = {}
    for skin, own in owned:
        with seen_mesh(skin, depsgraph) as (_, seen):
            places = moved(seen, to_armature)
        for joint, indices in own.items():
            found.setdefault(joint, []).append(places[indices])
    return {joint: np.concatenate(parts) for joint, parts in found.items()}


def _length(obj: bpy.types.Object, bone: str) -> float:
    return float(obj.data.bones[bone].length)
