# SPDX-License-Identifier: GPL-3.0-or-later
"""A series of poses as keyframes on a mannequin."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np
from mathutils import Quaternion

from ..errors import UserError
from ..pose.normalised import Pose
from .joint_map import joint_map
from .limbs import COPY, LIMBS
from .limits import limits_of
from .mannequin import require_posable
from .matching import paused, set_ik, settle
from .posing import bone_bases, closed_fingers, ground_lift, humanoid_rest_of
from .settled import remember

MOST_KEYS = 3000
"""Frames: more would be keyed for minutes, and no one edits as many."""


def key_poses(obj: bpy.types.Object, poses: Sequence[Pose], frames: Sequence[float]) -> None:
    """Key the poses on the joints of a mannequin, each at a frame of the scene, and go to the first of them.

    Joints are keyed as far as their limits let them turn. Limbs are turned, not drawn by their dots, while it lasts. Feet that a
    pose has on the ground are put there, and between two such poses the height changes evenly. Raises UserError as
    ``posing.apply_pose`` does, and for too many poses.
    """
    if len(poses) > MOST_KEYS:
        raise UserError(f"These are {len(poses)} frames to key, more than {MOST_KEYS}: key fewer, or a shorter part.")
    require_posable(obj)
    rest = humanoid_rest_of(obj)
    limits = limits_of(obj, rest)
    poses = [limits.clamp_pose(pose) for pose in poses]
    turns = [rest.turns(pose) for pose in poses]
    lifts = [
        ground_lift(obj, pose, rest) if any(contact.surface == "ground" for contact in pose.contacts) else np.nan
        for pose in poses
    ]
    shifts = np.array([pose.hips_translation for pose in poses]) * rest.hip_height
    shifts[:, 2] += _without_gaps(np.array(lifts))
    before: dict[str, Quaternion] = {}
    scene, hips = bpy.context.scene, joint_map("mannequin")["hips"]
    holding = closed_fingers(obj)
    with paused():
        for turn, shift, frame in zip(turns, shifts, frames, strict=True):
            for name, (rotation, location) in bone_bases(obj, rest, turn, shift).items():
                if name in holding:
                    continue
                bone = obj.pose.bones[name]
                if name in before and before[name].dot(rotation) < 0.0:
                    rotation.negate()  # the same turn, and the shorter way from the key before
                before[name] = rotation
                bone.rotation_quaternion, bone.location = rotation, location
                bone.keyframe_insert("rotation_quaternion", frame=frame, group=name)
                if name == hips:
                    bone.keyframe_insert("location", frame=frame, group=name)
        for limb in LIMBS:
            set_ik(obj, limb, False)
            for name in limb.turned_by_hand:
                obj.pose.bones[name].constraints[COPY].keyframe_insert("influence", frame=frames[0])
        scene.frame_end = max(scene.frame_end, int(np.ceil(frames[-1])))
        first = int(np.floor(frames[0]))
        scene.frame_set(first, subframe=float(frames[0]) - first)
        remember(obj)
        settle(obj, force=True)
        bpy.context.view_layer.update()


def _without_gaps(lifts: np.ndarray) -> np.ndarray:
    """(n,) with what is NaN in between the others; 0 where all are."""
    known = np.flatnonzero(np.isfinite(lifts))
    if not len(known):
        return np.zeros(len(lifts))
    filled: np.ndarray = np.interp(np.arange(len(lifts)), known, lifts[known])
    return filled
