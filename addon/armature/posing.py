# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses onto mannequins, and off them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import bpy
import numpy as np
from mathutils import Quaternion, Vector

from ..pose import rotations as rot
from ..pose.humanoid import FINGER_JOINTS, side_of
from ..pose.normalised import Pose
from ..pose.rest import HumanoidRest
from .contacts import fitted, lifted
from .held import held_sides
from .joint_map import JointMap, joint_map
from .limbs import LIMBS, ROOT
from .limits import limits_of, resting_axes
from .mannequin import require_posable, require_readable
from .matching import paused, refine, set_ik, settle
from .pins import release
from .settled import remember
from .surface import skin_points_of


def apply_pose(obj: bpy.types.Object, pose: Pose, *, bends: bool = True) -> None:
    """Bring a mannequin into a pose: all joints as far as their limits let them turn, and with them all dots. The root stays.

    Its contacts are restored (see ``contacts``); the ground is z = 0 of the root. Without ``bends`` no joint turns for them, and
    only the figure's height changes.
    The fingers of a hand that holds a prop stay closed on it.
    Raises UserError when the object is not a mannequin, is hidden, linked from another file, or lacks a control."""
    require_posable(obj)
    bones = joint_map("mannequin")
    rest = _rest(obj, bones)
    limits, skin = limits_of(obj, rest), skin_points_of(obj.data)
    pose = limits.clamp_pose(pose)
    if skin is not None:
        pose = fitted(rest, pose, skin, limits.clamp) if bends else lifted(rest, pose, skin)
    turns = rest.turns(pose)
    shift = np.asarray(pose.hips_translation) * rest.hip_height

    holding = closed_fingers(obj)
    with paused():
        for name, (rotation, location) in bone_bases(obj, rest, turns, shift).items():
            if name in holding:
                continue
            bone = obj.pose.bones[name]
            bone.rotation_quaternion, bone.location, bone.scale = rotation, location, (1.0, 1.0, 1.0)
        for limb in LIMBS:
            set_ik(obj, limb, False)
        bpy.context.view_layer.update()
        settle(obj)
        bpy.context.view_layer.update()
        refine(obj)
        for limb in LIMBS:
            set_ik(obj, limb, True)
        remember(obj)
        bpy.context.view_layer.update()


def bone_bases(
    obj: bpy.types.Object, rest: HumanoidRest, turns: Mapping[str, np.ndarray], shift: np.ndarray
) -> dict[str, tuple[Quaternion, Vector]]:
    """Deform bone → its own rotation and location where each joint is turned from the rest by ``turns`` (3, 3), and the hips are
    moved by ``shift`` (3,) metres."""
    bones, axes = joint_map("mannequin"), resting_axes(obj.data)
    bases = {}
    for joint in rest.heads:
        own = axes[bones[joint]]
        above = rest.parent(joint)
        turn = turns[joint] if above is None else turns[above].T @ turns[joint]
        rotation = Quaternion(rot.quaternion_from_matrix(own.T @ turn @ own))
        bases[bones[joint]] = (rotation, Vector(own.T @ shift) if above is None else Vector())
    return bases


def ground_lift(obj: bpy.types.Object, pose: Pose, rest: HumanoidRest) -> float:
    """How many metres up a figure must go for what a pose has on the ground to touch it; 0 for a pose without such contacts."""
    skin = skin_points_of(obj.data)
    if skin is None:
        return 0.0
    return float(lifted(rest, pose, skin).hips_translation[2] - pose.hips_translation[2]) * rest.hip_height


def read_pose(obj: bpy.types.Object, name: str = "Pose") -> Pose:
    """The pose that a mannequin is seen in, from its deform bones in the evaluated state. Contacts are not guessed."""
    bones = _bones(obj)
    rest = _rest(obj, bones)
    bpy.context.view_layer.update()
    root = np.array(obj.pose.bones[ROOT].matrix)
    turns: dict[str, np.ndarray] = {}
    for joint in rest.heads:
        bone = obj.pose.bones[bones[joint]]
        posed, own = np.array(bone.matrix.to_3x3().normalized()), np.array(bone.bone.matrix_local.to_3x3())
        turns[joint] = root[:3, :3].T @ posed @ own.T
    hips = np.linalg.inv(root) @ np.append(np.array(obj.pose.bones[bones["hips"]].matrix.translation), 1.0)
    x, y, z = (float(c) for c in (hips[:3] - rest.heads["hips"]) / rest.hip_height)
    return Pose(name=name, rotations=rest.rotations(turns), hips_translation=(x, y, z))


def reset_pose(obj: bpy.types.Object) -> None:
    """Bring a mannequin back to its rest: no pins, and every control where it was when the figure was added, also the root.

    The fingers of a hand that holds a prop stay closed on it."""
    require_posable(obj)
    closed = closed_fingers(obj)
    release(obj)
    with paused():
        for bone in obj.pose.bones:
            if bone.name in closed:
                continue
            bone.location = (0.0, 0.0, 0.0)
            bone.rotation_quaternion = (1.0, 0.0, 0.0, 0.0)
            bone.scale = (1.0, 1.0, 1.0)
        for limb in LIMBS:
            set_ik(obj, limb, False)
        bpy.context.view_layer.update()
        settle(obj)
        for limb in LIMBS:
            set_ik(obj, limb, True)
        remember(obj)
        bpy.context.view_layer.update()


def humanoid_rest_of(obj: bpy.types.Object) -> HumanoidRest:
    """The joints of a mannequin at rest. Raises UserError for what is no mannequin, is hidden or lacks a control."""
    return _rest(obj, _bones(obj))


def _bones(obj: bpy.types.Object) -> JointMap:
    require_readable(obj)
    return joint_map("mannequin")


def closed_fingers(obj: bpy.types.Object) -> set[str]:
    """The bones of the fingers that hold a prop: no pose opens them."""
    holding, bones = held_sides(obj), joint_map("mannequin")
    return {bones[joint] for joint in FINGER_JOINTS if joint in bones and side_of(joint) in holding}


def _rest(obj: bpy.types.Object, bones: JointMap) -> HumanoidRest:
    found = [obj.data.bones[bone] for bone in bones.values()]
    ends = np.array([(*bone.head_local, *bone.tail_local) for bone in found])
    return _rest_of_ends(tuple(bones), ends.tobytes())


@lru_cache(maxsize=32)
def _rest_of_ends(joints: tuple[str, ...], ends: bytes) -> HumanoidRest:
    """By where the bones rest, so that neither a slider nor an undo can make it wrong: each pose asks for it anew."""
    rows = np.frombuffer(ends).reshape(-1, 2, 3)
    heads, tails = (dict(zip(joints, rows[:, end], strict=True)) for end in (0, 1))
    return HumanoidRest.from_joints(heads, tails)
