# SPDX-License-Identifier: GPL-3.0-or-later
"""A posed body as points, and the measures by which it is told what it does: lengths in its own legs and arms, angles in degrees.

Points are those of the OpenPose body (``openpose.layout``) in world metres, z up, of whatever rig; right and left are its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..openpose.layout import BODY_INDEX, BODY_POINTS
from ..pose.rotations import Vector

SIDES = ("left", "right")

_ANKLE = 0.1
"""How high an ankle is above the ground that its whole foot stands on, in legs: of our adult mannequins."""


@dataclass(frozen=True, eq=False)
class Body:
    """``points`` (18, 3) of which none but the neck and the face's may be NaN; hands (21, 3), where the figure has such.

    ``ground``: the height of what it stands on. ``gender``: "female", "male", or else. ``held``: side, or "both", → what that
    hand holds. ``sits_on_seat``: it was put on one.
    """

    points: Vector
    hands: Mapping[str, Vector] = field(default_factory=dict)
    ground: float = 0.0
    gender: str = "any"
    held: Mapping[str, str] = field(default_factory=dict)
    sits_on_seat: bool = False

    def at(self, name: str) -> Vector:
        place: Vector = self.points[BODY_INDEX[name]]
        return place

    @property
    def is_whole(self) -> bool:
        """Whether trunk, arms and legs are known: else nothing is said."""
        return bool(np.isfinite(self.points[2:14]).all())

    @property
    def has_face(self) -> bool:
        return all(np.isfinite(self.at(name)).all() for name in BODY_POINTS[14:18])

    @cached_property
    def leg(self) -> float:
        """Length of a straight leg."""
        return float(np.mean([_way(self.points, *limb) for limb in _limbs("hip", "knee", "ankle")]))

    @cached_property
    def arm(self) -> float:
        return float(np.mean([_way(self.points, *limb) for limb in _limbs("shoulder", "elbow", "wrist")]))

    @cached_property
    def shoulders(self) -> Vector:
        return self.middle("shoulder")

    @cached_property
    def hips(self) -> Vector:
        return self.middle("hip")

    @cached_property
    def up(self) -> Vector:
        """Along the trunk."""
        return unit(self.shoulders - self.hips)

    @cached_property
    def chest_left(self) -> Vector:
        across = self.at("left_shoulder") - self.at("right_shoulder")
        return unit(across - self.up * (across @ self.up))

    @cached_property
    def chest_front(self) -> Vector:
        return np.cross(self.chest_left, self.up)

    @cached_property
    def hips_left(self) -> Vector:
        return unit(self.at("left_hip") - self.at("right_hip"))

    @cached_property
    def hips_front(self) -> Vector:
        return unit(np.cross(self.hips_left, self.up))

    @cached_property
    def face_front(self) -> Vector:
        """Where the face looks. Only with ``has_face``."""
        return unit(self.middle("eye") - self.middle("ear"))

    @property
    def face_left(self) -> Vector:
        return unit(self.at("left_ear") - self.at("right_ear"))

    @property
    def rise(self) -> float:
        """How far the trunk is raised: 90 upright, 0 level."""
        return elevation(self.up)

    def middle(self, part: str) -> Vector:
        place: Vector = (self.at(f"left_{part}") + self.at(f"right_{part}")) / 2.0
        return place

    def height(self, place: Vector) -> float:
        """Above the ground, in legs; an ankle that stands is 0.1 high."""
        return float(place[2] - self.ground) / self.leg

    def bend(self, side: str, *joints: str) -> float:
        """The angle at the middle one of three joints: 180 is straight."""
        first, middle, last = (self.at(f"{side}_{joint}") for joint in joints)
        return angle(first - middle, last - middle)

    def knee(self, side: str) -> float:
        return self.bend(side, "hip", "knee", "ankle")

    def elbow(self, side: str) -> float:
        return self.bend(side, "shoulder", "elbow", "wrist")

    def thigh(self, side: str) -> float:
        """How far a thigh is raised: −90 hangs, 0 is level."""
        return elevation(self.at(f"{side}_knee") - self.at(f"{side}_hip"))

    def shin(self, side: str) -> float:
        return elevation(self.at(f"{side}_ankle") - self.at(f"{side}_knee"))

    def from_chest(self, side: str, joint: str) -> tuple[float, float, float]:
        """Where a joint of an arm is from the middle between the shoulders, in arms: outward to its own side, up along the trunk,
        forward."""
        way = (self.at(f"{side}_{joint}") - self.shoulders) / self.arm
        out = float(way @ self.chest_left)
        return (out if side == "left" else -out), float(way @ self.up), float(way @ self.chest_front)

    @cached_property
    def head_height(self) -> float:
        """How far the nose is above the shoulders along the trunk, in arms."""
        return float((self.at("nose") - self.shoulders) @ self.up) / self.arm if self.has_face else 0.35

    @cached_property
    def stride(self) -> float:
        """How far the left ankle is before the right one as the hips face, in legs; negative where it is behind."""
        front = level(self.hips_front)
        return float((self.at("left_ankle") - self.at("right_ankle")) @ front) / self.leg

    @cached_property
    def swing(self) -> float:
        """How far the right wrist is before the left one, in arms: walking, it goes with the left foot."""
        return self.from_chest("right", "wrist")[2] - self.from_chest("left", "wrist")[2]

    @cached_property
    def lowest(self) -> float:
        """How high the lowest joint is, in legs."""
        return min(self.height(self.at(name)) for name in BODY_POINTS[2:14])

    def stands_on(self, side: str) -> bool:
        """Whether a foot may touch the ground, with its tip at least."""
        return self.height(self.at(f"{side}_ankle")) < _ANKLE + 0.15


def unit(vector: Vector) -> Vector:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def level(vector: Vector) -> Vector:
    """The direction of a vector without its height."""
    return unit(vector * (1.0, 1.0, 0.0))


def elevation(vector: Vector) -> float:
    return math.degrees(math.asin(max(-1.0, min(1.0, float(unit(vector)[2])))))


def angle(a: Vector, b: Vector) -> float:
    return math.degrees(math.acos(max(-1.0, min(1.0, float(unit(a) @ unit(b))))))


def _limbs(*joints: str) -> list[tuple[str, ...]]:
    return [tuple(f"{side}_{joint}" for joint in joints) for side in SIDES]


def _way(points: Vector, *names: str) -> float:
    places = [points[BODY_INDEX[name]] for name in names]
    return float(sum(np.linalg.norm(b - a) for a, b in pairwise(places)))
