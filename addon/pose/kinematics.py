# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the joints of a posed figure are, and limbs brought to a place: forward and inverse kinematics of the humanoid. No bpy.

Rotations here are *normalised world* ones: (3, 3), the identity in the T-pose, in armature axes (x left, y back, z up). Places
are (3,) metres in the same axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from . import rotations as rot
from .humanoid import JOINTS, PARENT
from .normalised import Pose, Quaternion
from .rest import HumanoidRest
from .rotations import Matrix, Vector

T_DIRECTION = {"leg": (0.0, 0.0, -1.0), "leftArm": (1.0, 0.0, 0.0), "rightArm": (-1.0, 0.0, 0.0)}
T_FLEXION = {"leg": (1.0, 0.0, 0.0), "leftArm": (0.0, 0.0, -1.0), "rightArm": (0.0, 0.0, 1.0)}
"""Where a limb points in the T-pose, and the axis about which its middle joint flexes there."""


@dataclass(frozen=True)
class Limb:
    """An arm or a leg of the humanoid."""

    upper: str
    lower: str
    end: str

    @property
    def kind(self) -> str:
        return "leg" if self.upper.endswith("Leg") else self.upper.replace("UpperArm", "Arm")


LEGS: tuple[Limb, ...] = tuple(Limb(f"{side}UpperLeg", f"{side}LowerLeg", f"{side}Foot") for side in ("left", "right"))
ARMS: tuple[Limb, ...] = tuple(Limb(f"{side}UpperArm", f"{side}LowerArm", f"{side}Hand") for side in ("left", "right"))


def world_rotations(pose: Pose, joints: Sequence[str] = JOINTS) -> dict[str, Matrix]:
    """Every joint of the humanoid → its normalised world rotation; or each of ``joints``, the upper ones first."""
    world: dict[str, Matrix] = {}
    for joint in joints:
        above = PARENT[joint]
        local = rot.matrix_from_quaternion(pose.rotation(joint))
        world[joint] = local if above is None else world[above] @ local
    return world


def local_rotations(world: Mapping[str, Matrix], joints: Sequence[str] = JOINTS) -> dict[str, Quaternion]:
    """The other way, for ``joints``."""
    result: dict[str, Quaternion] = {}
    for joint in joints:
        above = PARENT[joint]
        local = world[joint] if above is None else world[above].T @ world[joint]
        w, x, y, z = (float(c) for c in rot.quaternion_from_matrix(local))
        result[joint] = (w, x, y, z)
    return result


def joint_places(rest: HumanoidRest, world: Mapping[str, Matrix], hips: Vector) -> dict[str, Vector]:
    """Where each joint of a figure is when its hips are at ``hips``; of the joints that ``world`` tells of."""
    places: dict[str, Vector] = {}
    for joint in (joint for joint in JOINTS if joint in rest.heads and joint in world):
        above = rest.parent(joint)
        if above is None:
            places[joint] = np.asarray(hips, dtype=np.float64)
        else:
            places[joint] = places[above] + world[above] @ rest.offsets[joint]
    return places


def joint_ends(
    rest: HumanoidRest, world: Mapping[str, Matrix], places: Mapping[str, Vector], joints: Iterable[str] | None = None
) -> dict[str, Vector]:
    """Where each bone ends; or each of ``joints``."""
    return {
        joint: places[joint] + world[joint] @ rest.to_t_pose[joint] @ (rest.tails[joint] - rest.heads[joint])
        for joint in (rest.heads if joints is None else joints)
    }


def hips_place(rest: HumanoidRest, pose: Pose) -> Vector:
    """Where a pose puts the hips, before its contacts are restored."""
    place: Vector = rest.heads["hips"] + np.asarray(pose.hips_translation) * rest.hip_height
    return place


@cache
def below(joint: str) -> tuple[str, ...]:
    """A joint and all that hang on it, the upper ones first."""
    found = [joint]
    for child in JOINTS:  # parents come before their children
        if PARENT[child] in found:
            found.append(child)
    return tuple(found)


def reach_of(rest: HumanoidRest, limb: Limb) -> float:
    """The length of a straight limb in metres, from its root to the joint at its end."""
    upper, lower = _lengths(rest, limb)
    return upper + lower


def reach_for(rest: HumanoidRest, world: dict[str, Matrix], limb: Limb, root: Vector, target: Vector) -> float:
    """Turn the two bones of a limb in ``world`` so that its end comes to ``target``, or as near as it reaches.

    The limb stays in the plane in which it bends now, and keeps its lower bone's twist; its end is left as it is in the world.
    Returns by how many metres the target is missed.
    """
    first, second = _lengths(rest, limb)
    direction, flexion = np.array(T_DIRECTION[limb.kind]), np.array(T_FLEXION[limb.kind])
    towards = target - root
    distance = float(np.linalg.norm(towards))
    if distance < 1e-6:
        return first + second
    axis = towards / distance
    reached = min(max(distance, abs(first - second) * 1.0001), (first + second) * 0.9999)
    # The middle joint lies on the side that is opposite to where the lower bone flexes to.
    pole = world[limb.upper] @ rot.cross(direction, flexion)
    outward = rot.perpendicular(pole, axis)
    if np.linalg.norm(outward) < 1e-6:
        outward = rot.perpendicular(world[limb.upper] @ direction, axis)
    if np.linalg.norm(outward) < 1e-6:
        return abs(reached - distance)
    outward = rot.unit(outward)
    along = (reached**2 + first**2 - second**2) / (2.0 * reached)
    middle = axis * along + outward * math.sqrt(max(first**2 - along**2, 0.0))
    hinge = rot.cross(outward, axis)
    twist = twist_about(world[limb.upper].T @ world[limb.lower], direction)
    basis = _frame(direction, flexion)
    world[limb.upper] = _frame(rot.unit(middle), hinge) @ basis.T
    world[limb.lower] = _frame(rot.unit(axis * reached - middle), hinge) @ basis.T @ twist
    return abs(reached - distance)


def _lengths(rest: HumanoidRest, limb: Limb) -> tuple[float, float]:
    upper, lower, end = (rest.heads[name] for name in (limb.upper, limb.lower, limb.end))
    return float(np.linalg.norm(lower - upper)), float(np.linalg.norm(end - lower))


def _frame(along: Vector, across: Vector) -> Matrix:
    """Axes (columns): a direction, the part of another that is square to it, and their product."""
    x = rot.unit(rot.perpendicular(across, along))
    return np.column_stack([along, x, rot.cross(along, x)])


def twist_about(turn: Matrix, axis: Vector) -> Matrix:
    """The part of a rotation that is about an axis: the rotation is a swing after this."""
    w, x, y, z = rot.quaternion_from_matrix(turn)
    about = float(np.dot((x, y, z), axis))
    if w * w + about * about < 1e-12:
        return np.eye(3)
    return rot.matrix_from_quaternion(rot.unit((w, *(about * axis))))
