# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints of the whole figure and the axes of its bones, worked out from a body file."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .body_file import FINGERS, Form
from .cage import Vector, across, unit

FRONT = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True)
class Frame:
    """Axes of a bone at rest: along it, out of its upper side (back of the hand, nail), and across (thumb side, outer side)."""

    origin: Vector
    along: Vector
    up: Vector
    side: Vector
    length: float

    def point(self, along: float, up: float = 0.0, side: float = 0.0) -> Vector:
        """A point given in metres along these axes."""
        return self.origin + self.along * along + self.up * up + self.side * side

    def matrix(self) -> np.ndarray:
        """(3, 3): rows are the axes, so that ``(p - origin) @ matrix.T`` gives (along, up, side)."""
        return np.array([self.along, self.up, self.side])


def arm_frames(joints: dict[str, Vector]) -> dict[str, Frame]:
    """Frames of upper arm, forearm and hand: up is the back of the hand, side the thumb."""
    frames = {}
    for bone, child in (("upper_arm", "forearm"), ("forearm", "hand")):
        span = joints[child] - joints[bone]
        along = unit(span)
        side = across(FRONT, along)
        frames[bone] = Frame(joints[bone], along, unit(np.cross(side, along)), side, float(np.linalg.norm(span)))
    # The hand goes on straight from the forearm; its length is that of the palm and set by the knuckles.
    frames["hand"] = Frame(joints["hand"], frames["forearm"].along, frames["forearm"].up, frames["forearm"].side, 0.0)
    return frames


def _turned(along: Vector, up: Vector, degrees: float) -> tuple[Vector, Vector]:
    """A bone's axes after bending towards the palm."""
    angle = math.radians(degrees)
    return along * math.cos(angle) - up * math.sin(angle), up * math.cos(angle) + along * math.sin(angle)


def finger_frames(form: Form, hand: Frame) -> dict[str, Frame]:
    """Frames of the fifteen finger bones, each with its length."""
    frames = {}
    for finger in FINGERS:
        spec = form.fingers[finger]
        along = unit(hand.matrix().T @ spec.direction)
        up = across(hand.matrix().T @ spec.nail, along)
        origin = hand.point(*spec.knuckle)
        for number, (length, bend) in enumerate(zip(spec.lengths, spec.bends, strict=True), start=1):
            along, up = _turned(along, up, bend)
            # Along × up: across the finger towards the thumb's side, as in the hand's own frame.
            frames[f"{finger}_{number}"] = Frame(origin, along, up, unit(np.cross(along, up)), length)
            origin = origin + along * length
    return frames


def leg_frames(joints: dict[str, Vector]) -> dict[str, Frame]:
    """Frames of thigh, shin, foot and toe: up is the front of the leg and the back of the foot, side is outward."""
    frames = {}
    for bone, child, up in (
        ("thigh", "shin", FRONT),
        ("shin", "foot", FRONT),
        ("foot", "toe", np.array([0.0, 0.0, 1.0])),
        ("toe", "toe:tail", np.array([0.0, 0.0, 1.0])),
    ):
        span = joints[child] - joints[bone]
        along = unit(span)
        upward = across(up, along)
        frames[bone] = Frame(joints[bone], along, upward, unit(np.cross(upward, along)), float(np.linalg.norm(span)))
    return frames


def all_frames(form: Form) -> dict[str, Frame]:
    """Frames of the left side's limbs, by deform bone name without ``.L``."""
    frames = arm_frames(form.joints)
    knuckle = form.fingers["middle"].knuckle
    hand = frames["hand"]
    frames["hand"] = Frame(hand.origin, hand.along, hand.up, hand.side, float(knuckle[0]))
    frames.update(finger_frames(form, hand))
    frames.update(leg_frames(form.joints))
    return frames


def left_joints(form: Form, frames: dict[str, Frame]) -> dict[str, Vector]:
    """Heads of the middle's and the left side's deform bones, without ``.L``, and ``<bone>:tail`` where no next joint gives it.

    Bones that run in a chain end where their only child begins; hips, upper_chest and hand, which have several children, and
    the ends of the chains have a tail of their own.
    """
    left = dict(form.joints)
    for finger in FINGERS:
        for number in (1, 2, 3):
            left[f"{finger}_{number}"] = frames[f"{finger}_{number}"].origin
        tip = frames[f"{finger}_3"]
        left[f"{finger}_3:tail"] = tip.point(tip.length)
    left["hand:tail"] = left["middle_1"]
    left["hips:tail"] = left["spine"]
    left["upper_chest:tail"] = left["neck"]
    return left


MIDDLE_BONES = ("hips", "spine", "chest", "upper_chest", "neck", "head")
SIDE_BONES = (
    "shoulder", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe",
    *(f"{finger}_{number}" for finger in FINGERS for number in (1, 2, 3)),
)  # fmt: skip
