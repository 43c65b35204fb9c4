# SPDX-License-Identifier: GPL-3.0-or-later
"""Keypoints of a figure in the world, from its deform bones in the evaluated pose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from ..keys import object_in
from ..openpose.layout import HAND_POINT_COUNT
from ..pose.body_points import BODY_JOINTS, BODY_LANDMARKS
from ..pose.humanoid import FINGERS, phalanges
from ..pose.moved import moved
from .figures import Figure
from .head_points import head_landmarks
from .mannequin import is_mannequin, landmarks

_ENDS = {"Hand": "LowerArm", "Foot": "LowerLeg"}
"""Where a rig has no bone for a joint, the bone before it ends there."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Places in world metres, NaN where there is none: ``body`` (18, 3), hands (21, 3), ``face`` (70, 3); a whole part that the
    figure does not have is None."""

    body: Floats
    left_hand: Floats | None = None
    right_hand: Floats | None = None
    face: Floats | None = None


def figure_keypoints(figure: Figure, depsgraph: bpy.types.Depsgraph, face: Floats | None = None) -> Keypoints:
    """All points of a figure. ``face`` (70, 3) is where those of its face lie at rest, in armature space.

    Raises KeyError when the figure's armature is not in the depsgraph's scene."""
    obj = _evaluated(figure, depsgraph)
    head = _head_carry(figure, obj)
    return Keypoints(
        body=body_keypoints(figure, depsgraph)[0],
        left_hand=_hand(figure, obj, "left"),
        right_hand=_hand(figure, obj, "right"),
        face=None if face is None or head is None else face @ head[:3, :3].T + head[:3, 3],
    )


def body_keypoints(figure: Figure, depsgraph: bpy.types.Depsgraph) -> tuple[Floats, NDArray[np.bool_]]:
    """Positions (18, 3) in world metres, and which of them exist (18,).

    The neck (1) is NaN and absent: OpenPose's neck is the middle between the projected shoulders, which only a camera knows.
    Raises KeyError when the figure's armature is not in the depsgraph's scene."""
    obj = _evaluated(figure, depsgraph)
    positions = np.full((18, 3), np.nan)
    bones = obj.pose.bones
    for index, joint in enumerate(BODY_JOINTS):
        place = _place(bones, figure.joint_map, joint) if joint else None
        if place is not None:
            positions[index] = obj.matrix_world @ place
    carry = _head_carry(figure, obj)
    if carry is not None:
        points: Mapping[str, Vector | Floats] = landmarks(obj) if is_mannequin(obj) else head_landmarks(figure, depsgraph)
        for index, name in BODY_LANDMARKS.items():
            if name in points:
                positions[index] = carry[:3, :3] @ np.array(points[name]) + carry[:3, 3]
    return positions, np.isfinite(positions).all(axis=1)


def _place(bones: bpy.types.bpy_prop_collection, joints: Mapping[str, str], joint: str) -> Vector | None:
    """Where a joint is in armature space; None where no bone says it."""
    bone = bones.get(joints.get(joint, ""))
    if bone is not None:
        return bone.head
    for part, before in _ENDS.items():
        if joint.endswith(part):
            bone = bones.get(joints.get(joint.removesuffix(part) + before, ""))
            return bone.tail if bone is not None else None
    return None


def _evaluated(figure: Figure, depsgraph: bpy.types.Depsgraph) -> bpy.types.Object:
    source = object_in(depsgraph.scene, figure.armature)
    if source is None:
        raise KeyError(figure.name)
    return source.evaluated_get(depsgraph)


def _head_carry(figure: Figure, obj: bpy.types.Object) -> Floats | None:
    """(4, 4) from places at rest in armature space to where the head has them in the world."""
    head = obj.pose.bones.get(figure.joint_map.get("head", ""))
    if head is None:
        return None
    return np.array(obj.matrix_world @ head.matrix @ head.bone.matrix_local.inverted(), dtype=np.float64)


def _hand(figure: Figure, obj: bpy.types.Object, side: str) -> Floats | None:
    """(21, 3): the wrist, then of each finger where its three bones begin and the last one ends. None where one is missing: a
    hand of fewer fingers is nothing that a ControlNet has seen."""
    bones = obj.pose.bones
    wrist = bones.get(figure.joint_map.get(f"{side}Hand", ""))
    chains = [[bones.get(figure.joint_map.get(f"{side}{f}{p}", "")) for p in phalanges(f)] for f in FINGERS]
    if wrist is None or any(bone is None for chain in chains for bone in chain):
        return None
    places = [wrist.head]
    for chain in chains:
        places += [bone.head for bone in chain]
        places.append(chain[-1].tail)
    to_world = np.array(obj.matrix_world, dtype=np.float64)
    points: Floats = np.array(places, dtype=np.float64)
    assert points.shape == (HAND_POINT_COUNT, 3)
    return moved(points, to_world)
