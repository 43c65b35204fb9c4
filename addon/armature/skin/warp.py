# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries a finished form along with its bones when a body's proportions differ from the form's.

Each bone has an affine map: it stretches the bone along itself and in girth, and takes its joint to the joint's new place. Maps
of neighbouring bones agree at the joint between them. A vertex follows the maps of its bones by their shares, so the surface
changes as gently as the weights do (linear blending; A. Jacobson and others, "Skinning: Real-time Shape Deformation", 2014).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .body_file import FINGERS, Form
from .cage import Vector
from .frames import Frame

MIRROR = np.diag([-1.0, 1.0, 1.0])

CHIN_DROP = 0.036
"""Metres below the head's joint of the level about which a head grows: the chin's, so that a large head stands on its neck."""

GIRDLE_SHARE = 0.5
"""How much of the upper arm's girth the shoulder takes, which lies between it and the ribs."""


@dataclass(frozen=True)
class Map:
    """p → ``target`` + ``matrix`` (p - ``origin``)."""

    origin: Vector
    matrix: np.ndarray
    target: Vector

    def of(self, points: np.ndarray) -> np.ndarray:
        """The images of points (…, 3)."""
        return np.asarray((points - self.origin) @ self.matrix.T + self.target)

    def mirrored(self) -> Map:
        """The same for the figure's other side."""
        return Map(MIRROR @ self.origin, MIRROR @ self.matrix @ MIRROR, MIRROR @ self.target)

    def flat(self) -> np.ndarray:
        """(12,) the matrix by rows, then the shift."""
        return np.concatenate((self.matrix.ravel(), self.target - self.matrix @ self.origin))


def _along(frame: Frame, length: float, girth: float) -> np.ndarray:
    """(3, 3) stretches by ``length`` along a bone and by ``girth`` across it."""
    axis = np.outer(frame.along, frame.along)
    return girth * (np.eye(3) - axis) + length * axis


def bone_maps(form: Form, frames: Mapping[str, Frame], proportions: Mapping[str, float]) -> dict[str, Map]:
    """The maps of the middle's and the left side's deform bones, by their names without ``.L``; before height is set."""
    p, joints = proportions, form.joints
    maps: dict[str, Map] = {}

    def grow(bone: str, matrix: np.ndarray, parent: str | None) -> None:
        target = joints[bone] if parent is None else maps[parent].of(joints[bone])
        maps[bone] = Map(joints[bone], matrix, np.asarray(target))

    long = p["trunk_length"]
    grow("hips", np.diag([p["hips_width"], p["hips_depth"], long]), None)
    grow("spine", np.diag([p["waist_width"], p["waist_depth"], long]), "hips")
    grow("chest", np.diag([p["chest_width"], p["chest_depth"], long]), "spine")
    grow("upper_chest", np.diag([p["chest_width"], p["chest_depth"], long]), "chest")
    neck_girth = p["neck_girth"]
    grow("neck", np.diag([neck_girth, neck_girth**0.5, p["neck_length"]]), "upper_chest")
    head = p["head"]
    chin = joints["head"] - np.array([0.0, 0.0, CHIN_DROP])
    maps["head"] = Map(chin, np.diag([head * p["head_width"], head * p["head_depth"], head]), maps["neck"].of(chin))

    arm_girth = p["upper_arm_girth"]
    girdle = 1.0 + (arm_girth - 1.0) * GIRDLE_SHARE
    outer = maps["upper_chest"].of(joints["upper_arm"])
    outer = np.array([joints["upper_arm"][0] * p["shoulders"], outer[1], outer[2]])
    depth = 0.5 * (p["chest_depth"] + girdle)
    maps["shoulder"] = Map(joints["upper_arm"], np.diag([0.5 * (p["shoulders"] + girdle), depth, 0.5 * (long + girdle)]), outer)
    grow("upper_arm", _along(frames["upper_arm"], p["upper_arm_length"], arm_girth), "shoulder")
    grow("forearm", _along(frames["forearm"], p["forearm_length"], p["forearm_girth"]), "upper_arm")
    grow("hand", p["hand"] * np.eye(3), "forearm")

    grow("thigh", _along(frames["thigh"], p["thigh_length"], p["thigh_girth"]), "hips")
    grow("shin", _along(frames["shin"], p["shin_length"], p["shin_girth"]), "thigh")
    high = (p["foot_length"] * p["foot_girth"]) ** 0.5
    grow("foot", np.diag([p["foot_girth"], p["foot_length"], high]), "shin")
    maps["toe"] = maps["foot"]
    for finger in FINGERS:
        for number in (1, 2, 3):
            maps[f"{finger}_{number}"] = maps["hand"]
    return maps


def carried(points: np.ndarray, table: np.ndarray, columns: tuple[str, ...], maps: Mapping[str, Map]) -> np.ndarray:
    """(N, 3) points after each has followed the maps of its bones; ``table`` (N, len(columns)) holds their shares."""
    flat = []
    for name in columns:
        bone, _, side = name.partition(".")
        flat.append((maps[bone].mirrored() if side == "R" else maps[bone]).flat())
    each = table @ np.array(flat)
    moved = np.einsum("nij,nj->ni", each[:, :9].reshape(-1, 3, 3), points)
    return np.asarray(moved + each[:, 9:])


def joint_bone(joint: str) -> str:
    """The bone whose map takes a joint (or a tail, ``bone:tail``) to its new place."""
    if joint == "shoulder":
        return "upper_chest"  # the collar bone begins at the breastbone
    bone, _, end = joint.partition(":")
    return {"hips": "spine", "upper_chest": "neck"}.get(bone, bone) if end else bone
