# SPDX-License-Identifier: GPL-3.0-or-later
"""From a rig's rest to the T-pose, and from the normalised pose to rotations of that rig.

A rig may rest in any stance. For every joint there is one rotation that turns its bone from the rest to the T-pose; with it, one
normalised pose means the same on every rig. The T-pose is found by aligning bone directions: arms along x with the palms down and
straight fingers, legs along −z. Trunk, head, collar bones, feet and thumbs have no canonical direction: they keep their rest.
An elbow or a knee that is bent at rest shows how its limb is twisted: it is bent about the axis about which it flexes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from . import rotations as rot
from .humanoid import JOINTS, PARENT, side_of
from .normalised import Pose, Quaternion
from .rotations import Matrix, Vector

_UP = np.array([0.0, 0.0, 1.0])
_BACK = np.array([0.0, 1.0, 0.0])
_LEFT = np.array([1.0, 0.0, 0.0])

_HINGE_STEPS = 5
"""Rounds of bringing elbows and knees into their limbs' planes; each leaves less than a tenth of what the one before left."""
_BESIDE = 3e-4
"""Of a limb's length: an elbow or a knee that lies no farther beside its hinge's plane lies in it. Files round so much."""
_SHOWN = 6.0
"""A bend shows a twist of up to so many times itself: where a limb is nearly straight, its plane is chance."""


@dataclass(frozen=True)
class HumanoidRest:
    """A rig's rest pose as joints. Heads and tails are (3,) in metres, in armature axes (x left, y back, z up).

    ``to_t_pose`` holds, for each joint, the rotation (3, 3) that turns it from the rest to the T-pose.
    """

    heads: Mapping[str, Vector]
    tails: Mapping[str, Vector]
    to_t_pose: Mapping[str, Matrix]

    @classmethod
    def from_joints(cls, heads: Mapping[str, Vector], tails: Mapping[str, Vector], *, twist: bool = True) -> HumanoidRest:
        """Find the T-pose of a rest. Without ``twist`` limbs are not twisted for how their elbows and knees are bent."""
        return cls(heads, tails, _t_pose(heads, tails, twist))

    @property
    def hip_height(self) -> float:
        """Height of the hips above the ground (z = 0) in metres: the unit of a pose's translation."""
        return float(self.heads["hips"][2])

    @cached_property
    def offsets(self) -> Mapping[str, Vector]:
        """Each joint but the hips → the way (3,) in metres to it from the joint above, in the T-pose."""
        above = {joint: self.parent(joint) for joint in self.heads}
        return {j: self.to_t_pose[a] @ (self.heads[j] - self.heads[a]) for j, a in above.items() if a is not None}

    def parent(self, joint: str) -> str | None:
        """The nearest joint above that this rig has: not every rig has an upper chest or toes."""
        above = PARENT[joint]
        while above is not None and above not in self.heads:
            above = PARENT[above]
        return above

    def bone_frame(self, joint: str) -> Matrix:
        """Axes (columns) for a bone at rest: y along the bone, x the axis about which the joint flexes.

        Turning by a positive angle about x flexes on both sides, and frames are mirror images in Blender's sense.
        """
        to_t = self.to_t_pose[joint]
        y = rot.unit(self.tails[joint] - self.heads[joint])
        x = rot.unit(rot.perpendicular(to_t.T @ _flexion_axis(joint, to_t @ y), y))
        return np.column_stack([x, y, rot.cross(x, y)])

    def turns(self, pose: Pose) -> dict[str, Matrix]:
        """For each joint of this rig the rotation (3, 3) from its rest to the pose, in armature axes."""
        world: dict[str, Matrix] = {}
        for joint in JOINTS:  # all of them: a joint that the rig lacks hands its rotation to its children
            above = PARENT[joint]
            local = rot.matrix_from_quaternion(pose.rotation(joint))
            world[joint] = local if above is None else world[above] @ local
        return {joint: world[joint] @ self.to_t_pose[joint] for joint in self.heads}

    def rotations(self, turns: Mapping[str, Matrix]) -> dict[str, Quaternion]:
        """The other way: normalised local rotations from rotations rest → pose."""
        world = {joint: turns[joint] @ self.to_t_pose[joint].T for joint in self.heads}
        result: dict[str, Quaternion] = {}
        for joint in JOINTS:
            if joint in world:
                above = self.parent(joint)
                local = world[joint] if above is None else world[above].T @ world[joint]
                w, x, y, z = (float(c) for c in rot.quaternion_from_matrix(local))
                result[joint] = (w, x, y, z)
        return result


def humanoid_rest(joints: Mapping[str, Vector], bones: Mapping[str, str], *, twist: bool = False) -> HumanoidRest:
    """The rest of a body from its joint table: ``bone`` is where a bone begins, ``bone:tail`` where it ends; (3,) metres.

    ``bones`` says which bone is which joint. A bone without an end of its own ends where its only child begins. Elbows and knees
    are moved, by a millimetre or two, so that they are bent about the axes about which they flex: they are hinges. With ``twist``
    those whose bend shows how their limb is twisted stay where they are: in a body that is not ours to change, a hinge that was
    moved leads the hand astray by as much.
    """
    heads = {joint: np.asarray(joints[bone], dtype=np.float64) for joint, bone in bones.items()}
    following = {above: joint for joint, above in PARENT.items() if above is not None and joint in heads}
    ends = {joint: np.asarray(joints[f"{bone}:tail"]) for joint, bone in bones.items() if f"{bone}:tail" in joints}
    for _ in range(_HINGE_STEPS):
        tails = {joint: ends[joint] if joint in ends else heads[following[joint]] for joint in heads}
        rest = HumanoidRest.from_joints(heads, tails, twist=twist)
        heads = {joint: head + _beside_hinge_plane(rest, joint) for joint, head in heads.items()}
    return rest


def _beside_hinge_plane(rest: HumanoidRest, joint: str) -> Vector:
    """How far an elbow or a knee must move for its limb to be bent about its flexion axis; zero for any other joint."""
    above = rest.parent(joint)
    if not joint.endswith(("LowerArm", "LowerLeg")) or above is None:
        return np.zeros(3)
    upper, lower = rest.tails[above] - rest.heads[above], rest.tails[joint] - rest.heads[joint]
    to_t = rest.to_t_pose[above]
    axis = to_t.T @ _flexion_axis(joint, to_t @ upper)
    return axis * _beside(axis, upper, lower)


def _beside(axis: Vector, upper: Vector, lower: Vector) -> float:
    """How far along its hinge's axis a joint between two bones (3,) must move for the limb to lie in the hinge's plane."""
    # The end of the limb lies this far from the plane; moving the joint tilts the upper bone's line by its share of the length.
    share = np.linalg.norm(upper) / (np.linalg.norm(upper) + np.linalg.norm(lower))
    return float(axis @ lower) * float(share)


def _t_pose(heads: Mapping[str, Vector], tails: Mapping[str, Vector], twist: bool) -> dict[str, Matrix]:
    turns: dict[str, Matrix] = {joint: np.eye(3) for joint in heads}

    def align(joint: str, start: Matrix, direction: Vector) -> None:
        """Continue from the turn of the joint above by the smallest further turn, so that no twist comes in."""
        if joint in heads:
            along = start @ (tails[joint] - heads[joint])
            turns[joint] = rot.shortest_arc(along, direction) @ start

    def align_limb(upper: str, lower: str, direction: Vector) -> None:
        align(upper, np.eye(3), direction)
        if twist and upper in heads and lower in heads:
            ends = (turns[upper] @ (tails[joint] - heads[joint]) for joint in (upper, lower))
            turns[upper] = _twist_of_bend(_flexion_axis(lower, direction), direction, *ends) @ turns[upper]
        align(lower, turns[upper], direction)

    for side, outward in (("left", _LEFT), ("right", -_LEFT)):
        align_limb(f"{side}UpperLeg", f"{side}LowerLeg", -_UP)
        align_limb(f"{side}UpperArm", f"{side}LowerArm", outward)
        align(f"{side}Hand", turns[f"{side}LowerArm"], outward)
        _turn_palm_down(side, outward, heads, turns)
        _straighten_fingers(side, heads, tails, turns)
    return turns


def _twist_of_bend(axis: Vector, direction: Vector, upper: Vector, lower: Vector) -> Matrix:
    """The twist (3, 3) about ``direction``, along which the upper bone (3,) of a limb lies, after which the lower one (3,) lies
    in the plane of the hinge with this axis; none where the limb is too straight to show it."""
    if abs(_beside(axis, upper, lower)) < _BESIDE * (np.linalg.norm(upper) + np.linalg.norm(lower)):
        return np.eye(3)
    across = rot.perpendicular(lower, direction)
    flexed = np.cross(axis, direction)
    flexed = flexed if across @ flexed >= 0.0 else -flexed  # one that is bent the wrong way a little lies in the same plane
    tilt = np.arctan2(abs(float(across @ axis)), float(across @ flexed))
    bend = np.arctan2(float(np.linalg.norm(across)), float(lower @ direction))
    return rot.shortest_arc(across, flexed) if tilt < _SHOWN * bend else np.eye(3)


def _turn_palm_down(side: str, outward: Vector, heads: Mapping[str, Vector], turns: dict[str, Matrix]) -> None:
    """Twist the hand until its knuckles, from the little finger to the index, point forward."""
    index, little = f"{side}IndexProximal", f"{side}LittleProximal"
    if index not in heads or little not in heads:
        return
    knuckles = rot.perpendicular(turns[f"{side}Hand"] @ (heads[index] - heads[little]), outward)
    turns[f"{side}Hand"] = rot.shortest_arc(knuckles, -_BACK) @ turns[f"{side}Hand"]


def _straighten_fingers(side: str, heads: Mapping[str, Vector], tails: Mapping[str, Vector], turns: dict[str, Matrix]) -> None:
    """Take the curl of the rest out of the fingers and keep their spread; thumbs keep their place at the hand."""
    for joint in heads:
        if joint.startswith(side) and (joint.endswith(("Metacarpal", "Proximal", "Intermediate", "Distal"))):
            turns[joint] = turns[f"{side}Hand"]
    for finger in ("Index", "Middle", "Ring", "Little"):
        start = turns.get(f"{side}Hand", np.eye(3))
        direction: Vector | None = None
        for phalanx in ("Proximal", "Intermediate", "Distal"):
            joint = side + finger + phalanx
            if joint not in heads:
                continue
            along = start @ (tails[joint] - heads[joint])
            if direction is None:
                direction = rot.perpendicular(along, _UP)
            turns[joint] = start = rot.shortest_arc(along, direction) @ start


def _flexion_axis(joint: str, along: Vector) -> Vector:
    """The axis in the T-pose about which a joint flexes, for a bone that there points ``along``."""
    side = side_of(joint)
    if side is None or joint.endswith(("Leg", "Foot", "Toes")):
        return _LEFT
    sign = 1.0 if side == "left" else -1.0
    if "Thumb" in joint:
        # A thumb flexes across the palm, toward the little finger and a little downward.
        return np.cross(along, np.array([0.0, 1.0, -0.5]))
    if joint.endswith(("Shoulder", "Arm")):
        return -sign * _UP
    return sign * _BACK
