# SPDX-License-Identifier: GPL-3.0-or-later
"""A mannequin's hand as it takes hold of something: its frame, the points of its skin, and its fingers closing until they touch.

All of it happens at rest: armature axes, metres, the hand where it rests. What is held there goes along with the hand's bone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from ...pose import rotations as rot
from ...pose.hands import HandShape, closed_hand, rotation_from_angles
from ...pose.humanoid import FINGERS, phalanges
from ...pose.normalised import Quaternion
from ...pose.rest import HumanoidRest
from ..carried import carrying_bones
from ..control_rig.link import at_rest
from ..mannequin import skins_of
from .shapes import Floats, Shape

_MOST_POINTS = 28
"""Points of the skin that stand for one bone of a finger."""
_MOST_PALM_POINTS = 140
_DENT = 0.0012
"""Metres by which flesh gives way where it is pressed against something."""
_SQUARE = 0.95
"""Cosine of the angle from a face's normal beyond which a point is not straight above the face."""
_SAME = 2e-5
"""Metres by which two distances may differ and count as the same."""
_SOMEWHERE = Vector((0.267, 0.534, 0.802)).normalized()
"""A direction along which no edge of a thing runs, in which the ways in and out of it are counted."""
_MOST_CROSSINGS = 64
MEETS = 2.6
"""Hand lengths from the place in the palm within which a hand can meet what it holds."""
_REACH = 1.6
"""Hand lengths round the wrist in which the skin of a hand is looked for."""
_WRIST = 0.6
"""Hand lengths from the wrist within which the skin of the forearm is that of the wrist."""
_STRETCHED = (0.0, 8.0, 16.0, 24.0, 32.0)
"""Degrees by which an open finger may be bent back at its knuckle: about 30 is what most hands do by themselves."""
_BENT = 0.5
"""Cosine of the bend from which on a finger's spread is not looked for."""
_COARSE, _FINE = 16, 6
"""Steps from open to closed, and halvings of the step in which a finger first touches."""


class Solid:
    """What a hand meets of a shape: the faces within ``reach`` metres of a place (3,), which can be asked how far points are
    outside them. What is farther off, such as an umbrella's cloth, is never held, and would only be in the way of the asking.
    With ``one_skin`` no face of it lies within another part."""

    def __init__(self, shape: Shape, place: Floats, reach: float, one_skin: bool = False) -> None:
        whole = BVHTree.FromPolygons(shape.vertices.tolist(), [list(face) for face in shape.faces])
        faces = []
        for face in shape.faces:
            corners = shape.vertices[list(face)]
            beyond = np.maximum(corners.min(axis=0) - place, 0.0) + np.maximum(place - corners.max(axis=0), 0.0)
            if np.linalg.norm(beyond) < reach and (one_skin or not _is_buried(whole, corners)):
                faces.append(list(face))
        self._tree = BVHTree.FromPolygons(shape.vertices.tolist(), faces)

    def nearest(self, points: Floats) -> float:
        """The least distance in metres of points (n, 3) from the surface; negative inside."""
        least = np.inf
        for point in map(Vector, points):
            place, normal, _, distance = self._tree.find_nearest(point)
            if place is None:
                continue
            height = (point - place).dot(normal)
            if abs(height) < _SQUARE * distance:
                # Nearest to an edge: of the faces that meet in it, the one that the point is most in front of, or behind, knows.
                near = self._tree.find_nearest_range(point, distance + _SAME)
                height = max(((point - at).dot(across) for at, across, _, _ in near), key=abs, default=height)
            least = min(least, distance if height >= 0.0 else -distance)
        return float(least)


def _is_buried(whole: BVHTree, corners: Floats) -> bool:
    """Whether a face lies within another part: what is nearest to such a face is inside, though it is before the face."""
    a, b, c = corners[0], corners[len(corners) // 3], corners[2 * len(corners) // 3]
    normal = np.cross(b - a, c - a)
    length = float(np.linalg.norm(normal))
    if length < 1e-12:
        return False
    place = Vector(corners.mean(axis=0) + normal / length * _SAME)
    inside = 0
    for _ in range(_MOST_CROSSINGS):
        hit, across, _, _ = whole.ray_cast(place, _SOMEWHERE)
        if hit is None:
            break
        inside += 1 if across.dot(_SOMEWHERE) > 0.0 else -1
        place = hit + _SOMEWHERE * 1e-6
    return inside > 0


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand at rest. ``thumb``, ``fingers`` and ``palm`` are its axes: from the little finger's knuckle to the index', from
    the wrist to the knuckles, and out of the palm; ``length`` is from the wrist to the knuckles, ``breadth`` across these."""

    side: str
    rest: HumanoidRest
    wrist: Floats
    thumb: Floats
    fingers: Floats
    palm: Floats
    length: float
    breadth: float
    skin: Mapping[str, Floats]  # joint → points that it carries

    def rotation(self, thumb: Floats, palm: Floats, tilt: float = 0.0) -> Floats:
        """The rotation (3, 3) that turns two directions of a thing to the hand's own; ``tilt`` (radians) about the palm's."""
        along = np.cross(palm, thumb) if self.side == "right" else np.cross(thumb, palm)
        hand = np.column_stack((
            np.cos(tilt) * self.thumb + np.sin(tilt) * self.fingers,
            np.cos(tilt) * self.fingers - np.sin(tilt) * self.thumb,
            self.palm,
        ))  # fmt: skip
        return hand @ np.column_stack((thumb, along, palm)).T

    def places(self, rotations: Mapping[str, Quaternion]) -> dict[str, tuple[Floats, Floats]]:
        """Joint → how a point of it moves from the rest under rotations of the fingers: (3, 3) and (3,)."""
        hand = f"{self.side}Hand"
        turns = {hand: np.eye(3), f"{self.side}LowerArm": np.eye(3)}
        heads = {joint: self.rest.heads[joint] for joint in turns}
        for finger in FINGERS:
            for joint in (self.side + finger + phalanx for phalanx in phalanges(finger)):
                if joint not in self.rest.heads:
                    continue
                above = self.rest.parent(joint)
                assert above is not None
                local = rot.matrix_from_quaternion(rotations.get(joint.removeprefix(self.side), rot.IDENTITY))
                turns[joint] = turns[above] @ self.rest.to_t_pose[above].T @ local @ self.rest.to_t_pose[joint]
                heads[joint] = heads[above] + turns[above] @ (self.rest.heads[joint] - self.rest.heads[above])
        return {joint: (turn, heads[joint] - turn @ self.rest.heads[joint]) for joint, turn in turns.items()}

    def points(self, joints: Sequence[str], rotations: Mapping[str, Quaternion]) -> Floats:
        """The skin of some joints (n, 3) under rotations of the fingers."""
        places = self.places(rotations)
        found = [self.skin[joint] @ places[joint][0].T + places[joint][1] for joint in joints if joint in self.skin]
        return np.concatenate(found) if found else np.empty((0, 3))


def hand_of(obj: bpy.types.Object, rest: HumanoidRest, bones: Mapping[str, str], side: str) -> Hand:
    """The hand ``"left"`` or ``"right"`` of a mannequin."""
    wrist = rest.heads[f"{side}Hand"]
    index, little = rest.heads[f"{side}IndexProximal"], rest.heads[f"{side}LittleProximal"]
    middle = (index + little) / 2
    fingers = rot.unit(middle - wrist)
    thumb = rot.unit(rot.perpendicular(index - little, fingers))
    palm = np.cross(thumb, fingers) if side == "right" else np.cross(fingers, thumb)
    length = float(np.linalg.norm(middle - wrist))
    joints = {bones[f"{side}Hand"]: f"{side}Hand"}
    joints[bones[f"{side}LowerArm"]] = f"{side}LowerArm"
    joints |= {
        bone: joint for joint, bone in bones.items() if joint.startswith(side) and joint.removeprefix(side)[:4] in _FINGERS
    }
    breadth = float(np.linalg.norm(index - little))
    skin = _skin(obj, joints, wrist, length * _REACH * 2)
    arm = skin.get(f"{side}LowerArm", np.empty((0, 3)))
    skin[f"{side}LowerArm"] = arm[np.linalg.norm(arm - wrist, axis=1) < _WRIST * length]  # the rest does not lie on what is held
    return Hand(side, rest, wrist, thumb, fingers, palm, length, breadth, skin)


def touch(hand: Hand, shape: HandShape, solid: Solid, turn: Floats, start: Floats) -> Floats:
    """Where the origin of a solid, turned by ``turn``, comes to lie when it is brought to the palm from where ``start`` + far
    out is: (3,)."""
    joints = [f"{hand.side}LowerArm", f"{hand.side}Hand"]
    joints += [f"{hand.side}{finger}Proximal" for finger in FINGERS[1:]]
    open_hand = {joint: q for joint, q in shape.rotations.items() if joint == "ThumbMetacarpal"}
    points = _thinned(hand.points(joints, open_hand), _MOST_PALM_POINTS)
    away = MEETS * hand.length
    for _ in range(40):  # each step is as long as nothing can be hit on the way
        gap = solid.nearest((points - start - hand.palm * away) @ turn) + _DENT
        away -= gap
        if abs(gap) < 1e-4 or away < -MEETS * hand.length:
            break
    return start + hand.palm * away


def close_on(hand: Hand, shape: HandShape, solid: Solid, turn: Floats, origin: Floats) -> HandShape:
    """The shape with each finger closed until it touches the solid: first as a whole, then its outer joints. A finger that
    meets nothing keeps its shape."""
    closed = closed_hand().for_side(hand.side)
    rotations: dict[str, Quaternion] = {}
    for finger in FINGERS:
        names = [finger + phalanx for phalanx in phalanges(finger)]
        ways = {name: (rot.IDENTITY, shape.rotation(name), closed.rotation(name)) for name in names}
        ways[names[0]] = (_opened(hand, names, shape, solid, turn, origin), *ways[names[0]][1:])

        def gap(amounts: Mapping[str, float], links: Sequence[str]) -> float:
            turned = {name: _on_way(way, amounts[name]) for name, way in ways.items()}  # noqa: B023  # used in this round only
            points = hand.points([hand.side + name for name in links], turned)
            return solid.nearest((points - origin) @ turn) + _DENT

        amounts = _closing(gap, names, _opposition(gap, names) if finger == "Thumb" else None)
        rotations |= {name: _on_way(ways[name], amounts[name]) for name in names}
    return HandShape(shape.name, rotations, hand.side, shape.group)


_Gap = Callable[[Mapping[str, float], Sequence[str]], float]
"""How far some links of a finger are outside, when its joints are on their ways by these amounts."""


def _closing(gap: _Gap, names: Sequence[str], thumb: float | None) -> dict[str, float]:
    """Joint → amount of a finger that begins straight. ``thumb``: where the thumb's first joint stays."""
    amounts = dict.fromkeys(names, 0.0)
    if thumb is not None:
        amounts[names[0]] = thumb
    met = False
    for first in range(0 if thumb is None else 1, len(names)):
        moving = names[first:]

        def room(amount: float) -> float:
            return gap({**amounts, **dict.fromkeys(moving, amount)}, moving)  # noqa: B023  # used in this round only

        if not met:
            amounts |= dict.fromkeys(moving, _freed(room))
        reached = _touched(room, amounts[moving[0]])
        if reached is None:
            amounts |= dict.fromkeys(moving, max(amounts[moving[0]], 1.0) if met else 1.0)
            break
        met = True
        amounts |= dict.fromkeys(moving, reached)
    return amounts


def _opposition(gap: _Gap, names: Sequence[str]) -> float:
    """How far the thumb goes from beside the hand (0) to where its shape has it (1): less, and to the back of the hand, where
    the straight thumb would stand in the thing."""
    best, widest = 1.0, -np.inf
    for amount in np.linspace(1.0, -1.0, _COARSE + 1).tolist():
        space = gap({name: amount if name == names[0] else 0.0 for name in names}, names)
        if space >= -_DENT:
            return amount
        if space > widest:
            best, widest = amount, space
    return best


def _freed(room: Callable[[float], float]) -> float:
    """The amount from which on a finger closes: 0, or where it has got past what is in the way of the open finger alone, as a
    guard is beside a handle. One that never gets past goes where least is in the way."""
    best, widest = 0.0, -np.inf
    for amount in np.linspace(0.0, 1.0, _COARSE + 1).tolist():
        space = room(amount)
        if space >= -_DENT:
            return amount
        if space > widest:
            best, widest = amount, space
    return best


def _touched(room: Callable[[float], float], start: float) -> float | None:
    """The amount from ``start`` to 2 at which something is touched first; None where nothing is."""
    if room(start) < 0.0:
        return start
    low, step = start, (2.0 - start) / _COARSE
    for number in range(1, _COARSE + 1):
        high = start + number * step
        if room(high) < 0.0:
            for _ in range(_FINE):
                middle = (low + high) / 2
                low, high = (low, middle) if room(middle) < 0.0 else (middle, high)
            return low
        low = high
    return None


def _opened(hand: Hand, names: Sequence[str], shape: HandShape, solid: Solid, turn: Floats, origin: Floats) -> Quaternion:
    """The knuckle of a straight finger, spread as it is in the shape (what bends far shows no spread), and bent back as far as
    it must be to keep out of the solid. A thumb starts beside the hand."""
    knuckle = names[0]
    if knuckle == "ThumbMetacarpal":
        return rot.IDENTITY
    x, y, _ = rot.matrix_from_quaternion(shape.for_side("left").rotation(knuckle)) @ (1.0, 0.0, 0.0)
    spread = float(np.degrees(np.arctan2(y, x))) if x > _BENT else 0.0
    opened: Quaternion = rot.IDENTITY
    for stretched in _STRETCHED:
        straight = HandShape(shape.name, {knuckle: rotation_from_angles(knuckle, -stretched, spread, 0.0)})
        opened = straight.for_side(shape.side).rotation(knuckle)
        points = hand.points([hand.side + name for name in names], {knuckle: opened})
        if solid.nearest((points - origin) @ turn) >= -2.0 * _DENT:
            break
    return opened


def _on_way(way: _Way, amount: float) -> Quaternion:
    """From open (0) by way of a shape (1) to the fist (2)."""
    opened, shaped, closed = way
    w, x, y, z = (
        float(c) for c in (rot.slerp(opened, shaped, amount) if amount <= 1.0 else rot.slerp(shaped, closed, amount - 1.0))
    )
    return (w, x, y, z)


_Way = tuple[Quaternion, Quaternion, Quaternion]
"""A joint's rotation open, as in the shape that is taken, and in the fist."""

_FINGERS = {finger[:4] for finger in FINGERS}


def _skin(obj: bpy.types.Object, joints: Mapping[str, str], wrist: Floats, reach: float) -> dict[str, Floats]:
    """Joint → points of the skin that it, more than any other, carries."""
    found: dict[str, list[Floats]] = {joint: [] for joint in joints.values()}
    for skin in skins_of(obj):
        mesh = skin.data
        points = np.empty(3 * len(mesh.vertices), dtype=np.float32)
        mesh.vertices.foreach_get("co", points)
        places = at_rest(obj, skin, points.reshape(-1, 3).astype(np.float64))
        near = np.flatnonzero(np.linalg.norm(places - wrist, axis=1) < reach).tolist()
        for index, bone in zip(near, carrying_bones(obj, skin, mesh, near), strict=True):
            if bone in joints:
                found[joints[bone]].append(places[index])
    return {
        joint: _thinned(np.array(own), _MOST_PALM_POINTS if joint.endswith("Hand") else _MOST_POINTS)
        for joint, own in found.items()
        if own
    }


def _thinned(points: Floats, most: int) -> Floats:
    """At most so many of the points, spread over all of them: each is the farthest from those before it."""
    if len(points) <= most:
        return points
    chosen = [0]
    distance = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < most:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return points[chosen]
