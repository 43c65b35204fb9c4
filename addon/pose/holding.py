# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pose's hands hold on to, and someone who stands at ease, whose hands hold nothing. No bpy."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from . import rotations as rot
from .humanoid import base_name, mirrored
from .kinematics import ARMS, hips_place, joint_ends, joint_places, world_rotations
from .normalised import Pose, Quaternion
from .rest import HumanoidRest
from .rotations import Vector


def _at_ease() -> dict[str, Quaternion]:
    """The joints of someone who stands at ease that are not as in the T-pose."""
    turns = {
        "leftShoulder": ((0.0, 1.0, 0.0), 4.0),
        "leftUpperArm": ((0.0, 1.0, 0.0), 72.0),
        "leftLowerArm": ((0.0, 0.0, 1.0), -14.0),
        "leftUpperLeg": ((0.0, 1.0, 0.0), -2.0),
    }
    found: dict[str, Quaternion] = {}
    for joint, (axis, degrees) in turns.items():
        w, x, y, z = (float(c) for c in rot.quaternion_from_matrix(rot.about_axis(axis, math.radians(degrees))))
        found[joint], found[mirrored(joint)] = (w, x, y, z), (w, x, -y, -z)
    return found


AT_EASE: Mapping[str, Quaternion] = _at_ease()

_NEAR_THE_BODY = 0.045
"""Of the hip height (4 cm on an adult): a hand no farther from the body's surface holds on to it."""
_THICKNESS = {
    "hips": 0.155, "spine": 0.135, "chest": 0.15, "upperChest": 0.14, "neck": 0.06, "head": 0.115, "Shoulder": 0.07,
    "UpperArm": 0.05, "LowerArm": 0.042, "Hand": 0.035, "UpperLeg": 0.085, "LowerLeg": 0.06, "Foot": 0.04,
}  # fmt: skip
"""Radius of each part of the body round its bone, in hip heights."""
_HANGING = math.radians(32.0)
"""An arm that differs by less from one at ease hangs, and does not hold on to the thigh beside it."""


def held_hands(pose: Pose, rest: HumanoidRest) -> dict[str, str]:
    """Which hands hold on to the body, and the joint of the part that they hold: ``leftHand`` → ``hips``, for instance."""
    world = world_rotations(pose)
    places = joint_places(rest, world, hips_place(rest, pose))
    ends = joint_ends(rest, world, places)
    found = {}
    for arm in ARMS:
        own = (arm.upper, arm.lower, arm.end, arm.upper.replace("UpperArm", "Shoulder"))
        if all(_difference(pose, joint) < _HANGING for joint in (arm.upper, arm.lower)):
            continue
        palm = (places[arm.end] + ends[arm.end]) / 2.0
        gaps = {
            joint: _distance(palm, places[joint], ends[joint]) - (_thickness(joint) + _THICKNESS["Hand"]) * rest.hip_height
            for joint in rest.heads
            if joint not in own and _thickness(joint) > 0.0
        }
        nearest = min(gaps, key=lambda joint: gaps[joint])
        if gaps[nearest] < _NEAR_THE_BODY * rest.hip_height:
            found[arm.end] = nearest
    return found


def _difference(pose: Pose, joint: str) -> float:
    return rot.angle_between(AT_EASE.get(joint, rot.IDENTITY), pose.rotation(joint))


def _distance(point: Vector, start: Vector, end: Vector) -> float:
    along = end - start
    share = float(np.clip((point - start) @ along / max(float(along @ along), 1e-12), 0.0, 1.0))
    return float(np.linalg.norm(point - start - share * along))


def _thickness(joint: str) -> float:
    return _THICKNESS.get(joint, _THICKNESS.get(base_name(joint), 0.0))
