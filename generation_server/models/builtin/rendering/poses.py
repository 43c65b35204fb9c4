# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses by chance: those of the library, their mirror images, blends of two, and changed ones within the limits of joints.

Some poses of the library, and whatever is made from them, are held out: training never sees them, judging uses them.
"""

from __future__ import annotations

import functools
import math
import random
from dataclasses import dataclass, replace

from .....addon.package import RIGS
from .....addon.pose import rotations as rot
from .....addon.pose.hands import hand_files, load_hand
from .....addon.pose.hands import mirror as mirror_hand
from .....addon.pose.humanoid import FINGER_JOINTS, JOINTS
from .....addon.pose.limits import JointLimits
from .....addon.pose.normalised import Pose, blend, loads, mirror

HELD_OUT: frozenset[str] = frozenset(
    {
        "dancing_ballet_arabesque", "dancing_hip_hop", "fighting_front_kick", "fighting_sword_ready", "gesture_cheer",
        "gesture_point_forward", "jumping_star", "jumping_fist", "kneeling_one_knee", "lying_side", "running_sprint",
        "running_curve", "sitting_cross_legged", "sitting_legs_crossed", "standing_hands_on_hips", "standing_hand_behind_head",
        "walking_brisk",
    }
)  # fmt: skip
"""File names of poses that are kept for judging."""
HELD_OUT_SEEDS = 1_000_000_000
"""Seeds from here on are for judging: training, of whatever, uses smaller ones."""

_LIBRARY, _BLEND, _CHANGED = 0.45, 0.3, 0.25
"""How often a pose is one of the library as it is, a blend of two, or one that was changed by chance."""
_HAND_CHANCE = 0.5
_CHANGE = math.radians(28)
_STEADY = {"spine": 0.4, "chest": 0.4, "upperChest": 0.3, "neck": 0.7, "head": 0.9, "leftToes": 0.2, "rightToes": 0.2}
"""How far chance changes a joint, relative to limbs."""


@dataclass(frozen=True)
class PosedBy:
    """A pose, and from which of the library it came: itself, or the one of a blend's two that prevails, else none."""

    pose: Pose
    name: str
    title: str
    group: str


@functools.cache
def library(held_out: bool) -> dict[str, Pose]:
    """File name → pose, of those that are held out or of the others. Only what ships: the user's own are nobody's business."""
    names = sorted((RIGS / "poses").glob("*.json"))
    return {path.stem: loads(path.read_text("utf-8")) for path in names if (path.stem in HELD_OUT) == held_out}


@functools.cache
def _hands() -> tuple[str, ...]:
    return tuple(sorted(hand_files()))


def random_pose(chance: random.Random, limits: JointLimits, *, held_out: bool = False) -> PosedBy:
    """A pose by chance for a figure with these limits, which every joint keeps to."""
    poses = library(held_out)
    name, pose = _one(chance, poses)
    group, title = pose.group, pose.name
    kind = chance.random()
    changed = False
    if kind >= _LIBRARY:
        if kind < _LIBRARY + _BLEND:
            other_name, other = _one(chance, poses)
            share = chance.uniform(0.15, 0.85)
            if share > 0.5:
                name, title = other_name, other.name
            group = group if group == other.group else ""
            pose, changed = blend(pose, other, share), True
            if abs(share - 0.5) < 0.25:
                name, title = "", ""
        else:
            pose, changed = _changed(chance, pose), True
            name, title = "", ""
    if chance.random() < _HAND_CHANCE:
        pose = _with_hands(chance, pose)
    if chance.random() < 0.3:
        pose = _with_head(chance, pose)
        changed = True
    if changed:
        pose = limits.clamp_pose(pose)
    return PosedBy(pose, name, title, group)


def _one(chance: random.Random, poses: dict[str, Pose]) -> tuple[str, Pose]:
    groups: dict[str, list[str]] = {}
    for name, pose in poses.items():
        groups.setdefault(pose.group, []).append(name)
    # By group first, so that poses of small groups are seen as often; standing ones more, as artists use them.
    group = chance.choices(sorted(groups), [2.0 if each in ("standing", "gestures") else 1.0 for each in sorted(groups)])[0]
    name = chance.choice(groups[group])
    pose = poses[name]
    return (name, mirror(pose)) if chance.random() < 0.5 else (name, pose)


def _changed(chance: random.Random, pose: Pose) -> Pose:
    rotations = {}
    amount = chance.uniform(0.3, 1.0) * _CHANGE
    for joint in JOINTS:
        if joint == "hips" or joint in FINGER_JOINTS:
            rotations[joint] = pose.rotation(joint)
            continue
        angles = [chance.gauss(0.0, amount * _STEADY.get(joint, 1.0)) for _ in range(3)]
        length = math.sqrt(sum(angle * angle for angle in angles))
        half = math.sin(length / 2.0) / length if length > 1e-6 else 0.5
        turn = (math.cos(length / 2.0), angles[0] * half, angles[1] * half, angles[2] * half)
        w, x, y, z = (float(c) for c in rot.multiply(pose.rotation(joint), turn))
        rotations[joint] = (w, x, y, z)
    return replace(pose, rotations=rotations)


def _with_hands(chance: random.Random, pose: Pose) -> Pose:
    rotations = dict(pose.rotations)
    for side in ("left", "right"):
        if chance.random() < 0.7:
            shape = load_hand(chance.choice(_hands()))
            if side == "right":
                shape = mirror_hand(shape)
            rotations |= {joint: q for joint, q in shape.rotations.items() if joint.startswith(side)}
    return replace(pose, rotations=rotations)


def _with_head(chance: random.Random, pose: Pose) -> Pose:
    rotations = dict(pose.rotations)
    yaw, pitch = chance.gauss(0.0, 0.45), chance.gauss(0.0, 0.2)
    turn = rot.multiply((math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)), (math.cos(pitch / 2), math.sin(pitch / 2), 0.0, 0.0))
    w, x, y, z = (float(c) for c in rot.multiply(pose.rotation("head"), turn))
    rotations["head"] = (w, x, y, z)
    return replace(pose, rotations=rotations)
