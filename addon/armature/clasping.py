# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hands that hold each other: their palms come together until they touch, then the fingers of each close on the other."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector

from ..pose.hands import HandShape, load_hand
from ..pose.moved import moved
from .hand_goals import arm_of, bring_hand
from .hands import change_hand, read_hand
from .joint_map import joint_map
from .posing import humanoid_rest_of
from .props.hand_model import MEETS, Hand, Solid, close_on, hand_of, touch
from .props.shapes import Floats, Shape
from .seen_skin import seen_skin

End = tuple[bpy.types.Object, str]
"""A figure and a side, ``"L"`` or ``"R"``."""

_SIDES = {"L": "left", "R": "right"}
_FARTHEST = 0.05
"""Hand lengths by which hands are brought together or apart: they lie palm to palm already, and the balls of thumbs give way."""


def clasp(first: End, second: End) -> None:
    """Have two hands that lie palm to palm hold each other. Raises UserError as ``change_hand`` does."""
    ends = (first, second)
    shapes = [read_hand(*end) for end in ends]
    for obj, side in ends:
        change_hand(obj, side, lambda _present: load_hand("flat"))
    _together(first, second, shapes[0])
    for end, other, shape in ((first, second, shapes[0]), (second, first, shapes[1])):
        hand, solid = _hand(end), _solid(end, other)
        closed = close_on(hand, shape, solid, np.eye(3), np.zeros(3))
        change_hand(*end, lambda _present, closed=closed: closed)


def _together(first: End, second: End, shape: HandShape) -> None:
    """Both palms to where they touch, each by half of the way."""
    hand = _hand(first)
    way = float(touch(hand, shape, _solid(first, second), np.eye(3), np.zeros(3)) @ hand.palm)
    way = max(-_FARTHEST * hand.length, min(_FARTHEST * hand.length, way))
    step = _to_world(first)[:3, :3] @ hand.palm * (way / 2.0)
    for (obj, side), part in ((first, -step), (second, step)):
        bone = obj.pose.bones[arm_of(side).end]
        goal = np.array(bone.matrix @ bone.bone.matrix_local.inverted())
        goal[:3, 3] += np.array(obj.matrix_world.inverted().to_3x3() @ Vector(part))
        bring_hand(obj, side, goal)


def _hand(end: End) -> Hand:
    obj, side = end
    return hand_of(obj, humanoid_rest_of(obj), joint_map("mannequin"), _SIDES[side])


def _to_world(end: End) -> Floats:
    """(4, 4) from the armature's axes, with the hand where it rests, to the world, with the hand where it is."""
    obj, side = end
    bone = obj.pose.bones[arm_of(side).end]
    return np.array(obj.matrix_world @ bone.matrix @ bone.bone.matrix_local.inverted())


def _solid(end: End, other: End) -> Solid:
    """The skin of the other figure as the hand meets it, in the axes of the hand at rest."""
    hand = _hand(end)
    to_rest = np.linalg.inv(_to_world(end))
    points, faces = seen_skin(other[0])
    points = moved(points, to_rest)
    place, reach = hand.wrist + hand.fingers * hand.length, MEETS * hand.length
    near = (np.linalg.norm(points - place, axis=1) < 1.5 * reach)[faces].any(axis=1)
    shape = Shape(points, tuple(map(tuple, faces[near].tolist())))
    return Solid(shape, place, reach, one_skin=True)
