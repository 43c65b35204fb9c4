# SPDX-License-Identifier: GPL-3.0-or-later
"""Skins and pieces in a pose, without Blender: where bones are, where hanging bones fall, where vertices go."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from ..pose import rotations as rot
from ..pose.kinematics import hips_place, joint_places
from ..pose.normalised import Pose
from ..pose.rest import HumanoidRest
from .piece import Clearance, HangingBone

Matrices = dict[str, np.ndarray]
"""Bone → (3, 4): takes points at rest to where the bone carries them, armature axes, metres."""
Weights = Mapping[str, tuple[np.ndarray, np.ndarray]]

ROUNDS = 2
"""How often the end of a hanging bone is pushed out of what it stays out of."""

_DOWN = np.array([0.0, 0.0, -1.0])


def bone_matrices(rest: HumanoidRest, bones: Mapping[str, str], pose: Pose) -> Matrices:
    """Where a pose carries the deform bones; ``bones`` is joint → bone. Contacts are not restored: hips are where the pose puts
    them."""
    turns = rest.turns(pose)
    world = {joint: turn @ rest.to_t_pose[joint].T for joint, turn in turns.items()}
    places = joint_places(rest, world, hips_place(rest, pose))
    return {bones[joint]: _carrier(turns[joint], rest.heads[joint], places[joint]) for joint in places if joint in bones}


def with_hanging(matrices: Mapping[str, np.ndarray], bones: Iterable[HangingBone]) -> Matrices:
    """The matrices, with those of hanging bones, parents first, under gravity along −z."""
    result = dict(matrices)
    centres: dict[str, list[float]] = {}
    for bone in bones:
        parent = result[bone.parent]
        turn = parent[:, :3] @ _swing(bone, parent[:, :3].T @ _DOWN)
        head = parent[:, :3] @ bone.head + parent[:, 3]
        if bone.clearance is not None:
            head[2] = max(head[2], bone.clearance.floor)
            fallen = turn @ (bone.clearance.point - bone.head)
            turn = _turn_between(fallen, _cleared(bone.clearance, head, head + fallen, result, centres) - head) @ turn
        result[bone.name] = _carrier(turn, bone.head, head)
    return result


def skinned(vertices: np.ndarray, weights: Weights, matrices: Mapping[str, np.ndarray]) -> np.ndarray:
    """(N, 3) float32: vertices at rest, moved by linear blending."""
    mixed = np.zeros((len(vertices), 3, 4), dtype=np.float32)
    for bone, (rows, shares) in weights.items():
        if len(rows):
            mixed[rows] += shares[:, None, None] * matrices[bone].astype(np.float32)
    result: np.ndarray = np.einsum("nij,nj->ni", mixed[:, :, :3], vertices) + mixed[:, :, 3]
    return result


def _cleared(
    clearance: Clearance, head: np.ndarray, point: np.ndarray, matrices: Mapping[str, np.ndarray], centres: dict[str, list[float]]
) -> np.ndarray:
    """(3,): where a bone that begins at ``head`` ends, out of what it stays out of, as far from the head as ``point`` is: metres.

    A few rounds of projections, which Blender does with Limit Distance and Limit Location. They need not meet: where bumpers and
    ground leave no room, the length prevails. ``centres`` are those of bumpers that were there before.
    """
    own, end = head.tolist(), point.tolist()
    length = math.dist(own, end)
    depth = min(max(0.0, clearance.floor - end[2]), length)
    if depth > 0.0:
        end = (point + matrices[clearance.spread_bone][:, :3] @ clearance.spread * depth).tolist()
    balls = []
    for bumper, distance in zip(clearance.bumpers, clearance.distances, strict=True):
        if bumper.name not in centres:
            centres[bumper.name] = (matrices[bumper.bone][:, :3] @ bumper.centre + matrices[bumper.bone][:, 3]).tolist()
        balls.append((centres[bumper.name], distance))
    for _ in range(ROUNDS):
        for centre, distance in balls:
            away = math.dist(end, centre)
            if away < distance:
                end = [c + (p - c) * distance / away for p, c in zip(end, centre, strict=True)]
        end[2] = max(end[2], clearance.floor)
        scale = length / math.dist(end, own)
        end = [c + (p - c) * scale for p, c in zip(end, own, strict=True)]
    return np.array(end)


def _turn_between(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(3, 3): the least turn from one direction to another."""
    axis = rot.cross(before, after)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-12:
        return np.eye(3)
    return rot.about_axis(axis / sine, math.atan2(sine, float(before @ after)))


def _swing(bone: HangingBone, down: np.ndarray) -> np.ndarray:
    """(3, 3): the turn of a bone in its parent's rest axes towards ``down`` in the same axes, within the bone's limits.

    As Blender does it with a Damped Track and a Limit Rotation of order YZX: angles about x (outward) and z (sideways) of the
    bone's frame, y along the bone, z outward, and no twist.
    """
    y = rot.unit(bone.tail - bone.head)
    z = rot.unit(rot.perpendicular(bone.outward, y))
    frame = np.column_stack([rot.cross(y, z), y, z])
    aim = frame.T @ down
    axis = np.array([aim[2], 0.0, -aim[0]])  # y × aim
    sine = float(np.linalg.norm(axis))
    angle = math.atan2(sine, float(aim[1])) * bone.gravity
    direction = axis / sine if sine > 1e-9 else np.array([1.0, 0.0, 0.0])
    # Of the swung y axis: how far outward, and how far to the side.
    swung = np.array([-direction[2] * math.sin(angle), math.cos(angle), direction[0] * math.sin(angle)])
    side = math.asin(max(-1.0, min(1.0, float(swung[0]))))
    side = max(-bone.side_limit, min(bone.side_limit, side))
    out = math.atan2(float(swung[2]), float(swung[1]))
    out = max(-bone.inward_limit, min(bone.outward_limit, out))
    turn = rot.about_axis((1.0, 0.0, 0.0), out) @ rot.about_axis((0.0, 0.0, 1.0), -side)
    return frame @ turn @ frame.T


def _carrier(turn: np.ndarray, rest_place: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.column_stack([turn, place - turn @ rest_place])
