# SPDX-License-Identifier: GPL-3.0-or-later
"""From a motion capture take to normalised poses. No bpy.

Nothing is asked about units and axes. Lengths only matter against the height of the hips, so metres, centimetres and inches are
the same; up is where the head is above the feet, left is where the left hip is. Where a file's skeleton rests in a stance (the
T-pose, arms hanging, anything between) ``HumanoidRest`` says how each of its joints is turned from the T-pose. Some files rest in
no stance at all, with every bone stretched along one axis: there the same is measured from the motion, from where the joints go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .bvh import Array, Take
from .bvh_joints import humanoid_joints, skeleton_of
from .hands import JOINTS as HAND_JOINTS
from .hands import load_hand
from .humanoid import FINGER_JOINTS, JOINTS, PARENT, SIDES
from .kinematics import T_DIRECTION, T_FLEXION, local_rotations
from .normalised import Contact, Pose, Quaternion
from .rest import HumanoidRest
from .rotations import Matrix, Vector

_SAMPLES = 60
"""Frames, spread over the take, from which ground, axes and resting turns are measured."""
_HIPS_OVER_LEG = 1.09
"""Height of the hips over the length of thigh and shank of someone who stands: what the ankle adds. D. A. Winter, Biomechanics
and Motor Control of Human Movement: 0.530 of the stature for the hip, of which thigh and shank have 0.491."""
_TOUCHES = 0.045
"""Of the hip height, how near to the ground a foot's joints are when it stands; markers slip by a few centimetres."""
_RELAXED = "relaxed"
_LYING = 0.3
"""A chest that faces up or down by so much has no heading."""


@dataclass(frozen=True)
class Retargeting:
    """How one take's skeleton becomes the humanoid. ``joints``: humanoid joint → number in the file.

    ``axes`` (3, 3) turns the file's axes into ours (x left, y back, z up). ``offsets``: humanoid joint → (3, 3), after a joint's
    world rotation in our axes, to be the identity in the T-pose. Lengths are in the file's own."""

    take: Take
    joints: dict[str, int]
    axes: Matrix
    offsets: dict[str, Matrix]
    hip_height: float
    hips_at_rest: float
    ground: float

    @classmethod
    def of(cls, take: Take) -> Retargeting:
        """Raises BvhError where the skeleton is no person's."""
        joints = humanoid_joints(take)
        rows = np.unique(np.linspace(0, take.frames - 1, _SAMPLES).astype(int))
        turns, places = take.posed(take.values[rows])
        rest = take.rest_places()
        axes, stands = _axes(rest, joints)
        if not stands:
            axes = _axes_of_motion(places, joints)
        turns, places = axes @ turns @ axes.T, places @ axes.T
        rest = rest @ axes.T
        leg = sum(
            float(np.linalg.norm(rest[joints[f"{side}{end}"]] - rest[joints[f"{side}{start}"]]))
            for side in SIDES
            for start, end in (("UpperLeg", "LowerLeg"), ("LowerLeg", "Foot"))
        ) / 2.0  # fmt: skip
        lowest = _lowest(take, axes, turns, places, joints)
        ground = float(np.percentile(lowest, 3.0))
        if stands:
            at_rest = _lowest(take, axes, np.broadcast_to(np.eye(3), (1, len(rest), 3, 3)), rest[None], joints)[0]
            found = _rest(take, axes, rest, joints)
            offsets = {joint: turn.T for joint, turn in found.to_t_pose.items()}
            height = float(rest[joints["hips"]][2] - at_rest)
        else:
            offsets = _measured_offsets(turns, places, joints)
            height = leg * _HIPS_OVER_LEG
        return cls(take, joints, axes, offsets, height, height, ground)

    def poses(self, frames: Sequence[int], name: str, face_front: bool = True) -> list[Pose]:
        """The poses of some frames (from 1). With ``face_front`` the take is turned, and moved, so that the first of them faces
        the front and has its hips over the root. Raises BvhError for a frame that there is not."""
        rows = [self.take.frame_index(frame) for frame in frames]
        turns, places = self.take.posed(self.take.values[rows])
        turns, places = self.axes @ turns @ self.axes.T, places @ self.axes.T
        hips = places[:, self.joints["hips"]] - (0.0, 0.0, self.ground)
        worlds = [self._world(row) for row in turns]
        contacts = [self._contacts(*of_frame) for of_frame in zip(turns, places, strict=True)]
        if face_front:
            turn = rot.about_axis((0.0, 0.0, 1.0), -_heading(worlds[0]))
            worlds = [{joint: turn @ matrix for joint, matrix in world.items()} for world in worlds]
            hips = (hips - hips[0] * (1.0, 1.0, 0.0)) @ turn.T
        poses = []
        for world, place, touching in zip(worlds, hips, contacts, strict=True):
            x, y, z = (place - (0.0, 0.0, self.hips_at_rest)) / self.hip_height
            rotations = local_rotations(world, [joint for joint in JOINTS if joint not in FINGER_JOINTS or joint in self.offsets])
            rotations |= self._relaxed_hands()
            translation = (float(x), float(y), float(z))
            poses.append(Pose(name, rotations, translation, touching))
        return poses

    def _world(self, turns: Array) -> dict[str, Matrix]:
        """Normalised world rotations of all joints; what the file lacks goes along with what is above it."""
        world = {joint: turns[self.joints[joint]] @ offset for joint, offset in self.offsets.items()}
        _fill_spine(world)
        for joint in JOINTS:
            above = PARENT[joint]
            if joint not in world:
                world[joint] = np.eye(3) if above is None else world[above]
        return world

    def _relaxed_hands(self) -> dict[str, Quaternion]:
        """Fingers for the hands of which the file says nothing."""
        relaxed = load_hand(_RELAXED)
        silent = (side for side in SIDES if not any(f"{side}{joint}" in self.offsets for joint in HAND_JOINTS))
        return {f"{side}{joint}": q for side in silent for joint, q in relaxed.for_side(side).rotations.items()}

    def _contacts(self, turns: Array, places: Array) -> tuple[Contact, ...]:
        """The feet that stand on the ground: on their soles, or on their toes."""
        found = []
        for side in SIDES:
            parts = _foot_points(self.take, self.axes, turns[None], places[None], self.joints, side)[0]
            if float(parts[:, 2].min()) - self.ground > _TOUCHES * self.hip_height:
                continue
            foot = self.joints[f"{side}Foot"]
            raised = float(places[foot][2]) - self.ground > 2.6 * _TOUCHES * self.hip_height
            found.append(Contact(f"{side}{'Toes' if raised else 'Foot'}"))
        return tuple(found)


def pose_of_frame(take: Take, frame: int, name: str) -> Pose:
    """One frame (from 1) as a pose that faces the front. Raises BvhError."""
    return Retargeting.of(take).poses([frame], name)[0]


def _axes(rest: Array, joints: dict[str, int]) -> tuple[Matrix, bool]:
    """The turn from the file's axes to ours by its rest, and whether it stands there like a person."""
    feet = np.mean([rest[joints[f"{side}Foot"]] for side in SIDES], axis=0)
    spine, legs = rest[joints["head"]] - rest[joints["hips"]], rest[joints["hips"]] - feet
    across = rest[joints["leftUpperLeg"]] - rest[joints["rightUpperLeg"]]
    shoulders = rest[joints["leftUpperArm"]] - rest[joints["rightUpperArm"]]
    lengths = [float(np.linalg.norm(v)) for v in (spine, legs, across, shoulders)]
    if min(lengths) < 1e-6:
        return np.eye(3), False
    up = _nearest_axis(spine / lengths[0] + legs / lengths[1])
    level = rot.perpendicular(across, up)
    stands = (
        float(spine @ up) > 0.8 * lengths[0]
        and float(legs @ up) > 0.8 * lengths[1]
        and float(np.linalg.norm(level)) > 0.8 * lengths[2]
        and float(shoulders @ level) > 0.8 * lengths[3] * float(np.linalg.norm(level))
    )
    if not stands:
        return np.eye(3), False
    return _frame(up, level), True


def _axes_of_motion(places: Array, joints: dict[str, int]) -> Matrix:
    """The same from frames (n, joints, 3) of the motion: which way heads are above feet, most of the time."""
    feet = (places[:, joints["leftFoot"]] + places[:, joints["rightFoot"]]) / 2.0
    up = _nearest_axis((places[:, joints["head"]] - feet).mean(axis=0))
    across = (places[:, joints["leftUpperLeg"]] - places[:, joints["rightUpperLeg"]])[0]
    level = rot.perpendicular(across, up)
    if np.linalg.norm(level) < 1e-9:
        level = rot.perpendicular((1.0, 0.0, 0.0), up) + rot.perpendicular((0.0, 1.0, 0.0), up)
    return _frame(up, level)


def _frame(up: Vector, left: Vector) -> Matrix:
    """(3, 3) whose rows are our axes in the file's."""
    x = rot.unit(rot.perpendicular(_nearest_axis(left) if _is_along_an_axis(left) else left, up))
    return np.array([x, np.cross(up, x), up])


def _nearest_axis(vector: Vector) -> Vector:
    axis = np.zeros(3)
    largest = int(np.argmax(np.abs(vector)))
    axis[largest] = 1.0 if vector[largest] > 0.0 else -1.0
    return axis


def _is_along_an_axis(vector: Vector) -> bool:
    return float(np.abs(vector).max()) > math.cos(math.radians(15.0)) * float(np.linalg.norm(vector))


def _rest(take: Take, axes: Matrix, rest: Array, joints: dict[str, int]) -> HumanoidRest:
    """The stance in which the file's skeleton rests."""
    heads = {joint: rest[index] for joint, index in joints.items()}
    following = {PARENT[joint]: joint for joint in joints if not joint.endswith(("UpperLeg", "Shoulder"))}
    following.update({f"{side}Hand": f"{side}MiddleProximal" for side in SIDES})
    children = skeleton_of(take).children
    tails: dict[str, Vector] = {}
    for joint, index in joints.items():
        next_one = following.get(joint)
        end = take.joints[index].end
        if next_one in joints:
            tails[joint] = rest[joints[next_one]]
        elif end is not None and np.linalg.norm(end) > 1e-9:
            tails[joint] = rest[index] + axes @ end
        elif children[index]:
            tails[joint] = rest[children[index]].mean(axis=0)
        else:
            parent = max(take.joints[index].parent, 0)
            tails[joint] = rest[index] + (rest[index] - rest[parent])
        if np.linalg.norm(tails[joint] - heads[joint]) < 1e-9:
            tails[joint] = heads[joint] + (0.0, 0.0, 1e-3)
    return HumanoidRest.from_joints(heads, tails)


def _foot_points(take: Take, axes: Matrix, turns: Array, places: Array, joints: dict[str, int], side: str) -> Array:
    """(frames, points, 3): ankle, toes and their ends."""
    found = []
    for index in [joints[joint] for joint in (f"{side}Foot", f"{side}Toes") if joint in joints]:
        found.append(places[:, index])
        if (end := take.joints[index].end) is not None:
            found.append(places[:, index] + turns[:, index] @ (axes @ end))
    return np.stack(found, axis=1)


def _lowest(take: Take, axes: Matrix, turns: Array, places: Array, joints: dict[str, int]) -> Array:
    """(frames,): the height of the lowest joint of both feet."""
    feet = [_foot_points(take, axes, turns, places, joints, side)[..., 2].min(axis=1) for side in SIDES]
    lowest: Array = np.minimum(*feet)
    return lowest


def _fill_spine(world: dict[str, Matrix]) -> None:
    """A file with fewer than three joints between hips and neck: what they turn is shared among ours."""
    if "upperChest" not in world:
        return
    upper = rot.quaternion_from_matrix(world["upperChest"])
    hips = rot.quaternion_from_matrix(world["hips"])
    if "chest" not in world:
        for joint, share in (("spine", 1.0 / 3.0), ("chest", 2.0 / 3.0)):
            world[joint] = rot.matrix_from_quaternion(rot.slerp(hips, upper, share))
    elif "spine" not in world:
        chest = rot.quaternion_from_matrix(world["chest"])
        world["spine"] = rot.matrix_from_quaternion(rot.slerp(hips, chest, 0.5))


def _heading(world: dict[str, Matrix]) -> float:
    """The angle about z from the front to where hips and chest face; 0 for who lies."""
    forward = -(world["hips"][:, 1] + world["upperChest"][:, 1]) / 2.0
    if float(np.linalg.norm(forward[:2])) < _LYING:
        return 0.0
    return math.atan2(float(forward[0]), -float(forward[1]))


# ------------------------------------------------------------------------------------- files that do not rest in any stance


def _measured_offsets(turns: Array, places: Array, joints: dict[str, int]) -> dict[str, Matrix]:
    """Humanoid joint → what comes after its world rotation, as the mean over frames of what the joints' places ask for."""
    wanted, weights = _from_places(places, joints)
    offsets = {}
    for joint, index in joints.items():
        if joint in wanted:
            each = np.swapaxes(turns[:, index], -1, -2) @ wanted[joint]
            offsets[joint] = _mean_rotation(np.einsum("n,nij->ij", weights.get(joint, np.ones(len(each))), each))
    return offsets


def _from_places(places: Array, joints: dict[str, int]) -> tuple[dict[str, Array], dict[str, Array]]:
    """Normalised world rotations (frames, 3, 3) that the places of joints show, and how much each frame can be believed.

    Necks and heads, collar bones, hands and toes show nothing of their own: on the whole they are as what carries them.
    """

    def at(joint: str) -> Array:
        return places[:, joints[joint]]

    wanted: dict[str, Array] = {}
    weights: dict[str, Array] = {}
    top = next(joint for joint in ("neck", "head") if joint in joints)
    wanted["hips"] = _upright(at("leftUpperLeg") - at("rightUpperLeg"), at(top) - at("hips"))
    wanted["upperChest"] = _upright(at("leftUpperArm") - at("rightUpperArm"), at(top) - at("hips"))
    ends = [[rot.quaternion_from_matrix(turn) for turn in wanted[joint]] for joint in ("hips", "upperChest")]
    for joint, share in (("spine", 1.0 / 3.0), ("chest", 2.0 / 3.0)):
        between = (rot.slerp(low, high, share) for low, high in zip(*ends, strict=True))
        wanted[joint] = np.array([rot.matrix_from_quaternion(turn) for turn in between])
    wanted["neck"] = wanted["head"] = wanted["leftShoulder"] = wanted["rightShoulder"] = wanted["upperChest"]
    for side in SIDES:
        for kind, names in (("leg", ("UpperLeg", "LowerLeg", "Foot")), (f"{side}Arm", ("UpperArm", "LowerArm", "Hand"))):
            upper, lower, end = (side + name for name in names)
            if end not in joints:
                continue
            first, second = _units(at(lower) - at(upper)), _units(at(end) - at(lower))
            hinge = np.cross(first, second)
            weights[upper] = weights[lower] = np.linalg.norm(hinge, axis=1) + 1e-6
            basis = _columns(np.array([T_DIRECTION[kind]]), np.array([T_FLEXION[kind]]))
            for joint, along in ((upper, first), (lower, second)):
                wanted[joint] = _columns(along, hinge) @ np.swapaxes(basis, -1, -2)
        wanted[f"{side}Hand"], weights[f"{side}Hand"] = wanted[f"{side}LowerArm"], weights[f"{side}LowerArm"]
        foot = at(f"{side}Foot")
        ahead = at(f"{side}Toes") - foot if f"{side}Toes" in joints else -wanted[f"{side}LowerLeg"][:, :, 1]
        up = np.broadcast_to((0.0, 0.0, 1.0), foot.shape)
        wanted[f"{side}Foot"] = wanted[f"{side}Toes"] = _upright(np.cross(up, ahead), up)
        height = foot[:, 2] - foot[:, 2].min()
        weights[f"{side}Foot"] = weights[f"{side}Toes"] = np.exp(-height / max(float(np.ptp(foot[:, 2])) * 0.1, 1e-6))
    return wanted, weights


def _upright(left: Array, up: Array) -> Array:
    """(n, 3, 3) with the axes left, back and up as columns; left is exact."""
    x = _units(left)
    z = _units(up - x * (x * up).sum(axis=1, keepdims=True))
    return np.stack((x, np.cross(z, x), z), axis=-1)


def _columns(along: Array, across: Array) -> Array:
    """(n, 3, 3): a direction, the part of another that is square to it, and their product as columns."""
    x = _units(along)
    y = _units(across - x * (x * across).sum(axis=1, keepdims=True))
    return np.stack((x, y, np.cross(x, y)), axis=-1)


def _units(vectors: Array) -> Array:
    units: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return units


def _mean_rotation(total: Matrix) -> Matrix:
    """The rotation that is nearest to a sum of rotations."""
    u, _, v = np.linalg.svd(total)
    mean: Matrix = u @ np.diag((1.0, 1.0, float(np.sign(np.linalg.det(u @ v))))) @ v
    return mean
