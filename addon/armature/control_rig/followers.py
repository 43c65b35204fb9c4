# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones of a character must follow our joints, each on which: those of the map, and all others that move its meshes and do
not go along by hanging on them.

Rigs in layers (Rigify, Auto-Rig Pro) have deform bones that copy bones of a mechanism, which stays where it is: twist segments,
faces, second necks. Each of these hangs on the mapped bone that is nearest up its line, or, where its line leads into the
mechanism, on the one that lies where the mechanism's bone lies. Hair, skirts and their physics hang on mapped bones by parenting
and are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import bpy
import numpy as np
from mathutils import Vector

from .link import meshes_of

_NEAR = 0.01
"""Of the distance from hips to head: bones that begin nearer to each other than this lie in one place."""


class Follower(NamedTuple):
    """A bone of the character and the joint of ours that carries it."""

    bone: str
    joint: str


def followers_of(obj: bpy.types.Object, assigned: Mapping[str, str]) -> tuple[Follower, ...]:
    """The bones that need a constraint, parents first. ``assigned``: our joint → mapped bone (``joints.assigned``)."""
    joint_of = {bone: joint for joint, bone in assigned.items()}
    needed = _moving_meshes(obj)
    hips = obj.data.bones[_bone(joint_of, "hips")]
    kept = {above.name for above in hips.parent_recursive} - set(joint_of)  # what moves the whole character
    found: dict[str, str] = {}
    for bone in obj.data.bones:  # parents come first
        if bone.name in joint_of:
            found[bone.name] = joint_of[bone.name]
        elif bone.name in needed and bone.name not in kept and not _goes_along(obj, bone, joint_of, found):
            found[bone.name] = _nearest(obj, bone, joint_of, found)
    return tuple(Follower(bone, joint) for bone, joint in found.items())


def joint_of_bones(obj: bpy.types.Object, followers: tuple[Follower, ...]) -> dict[str, tuple[str, bool]]:
    """Each bone that moves with our joints → the joint, and whether the bone is of the body itself: hair and skirts hang on bones
    that follow nothing themselves."""
    found = {follower.bone: (follower.joint, True) for follower in followers}
    for bone in obj.data.bones:
        if bone.name not in found and bone.parent is not None and bone.parent.name in found:
            joint, _ = found[bone.parent.name]
            between = any(child.name in found for child in bone.children_recursive)
            found[bone.name] = (joint, between)
    return found


def _moving_meshes(obj: bpy.types.Object) -> set[str]:
    """The bones on which meshes or other objects hang; of a rig without any, those that deform."""
    groups = {group.name for mesh in meshes_of(obj) for group in mesh.vertex_groups}
    carrying = {child.parent_bone for child in obj.children if child.parent_type == "BONE"}
    deforming = {bone.name for bone in obj.data.bones if bone.use_deform}
    return ((deforming & groups) if groups else deforming) | (carrying & set(obj.data.bones.keys()))


def _goes_along(obj: bpy.types.Object, bone: bpy.types.Bone, joint_of: Mapping[str, str], found: Mapping[str, str]) -> bool:
    """Whether a bone is carried by one that follows, and no constraint of its own holds it where it is."""
    above: bpy.types.Bone | None = bone
    while above is not None:
        if above.name in found or above.name in joint_of:
            return True
        if _is_held(obj, above, joint_of, found):
            return False
        above = above.parent
    return False


def _is_held(obj: bpy.types.Object, bone: bpy.types.Bone, joint_of: Mapping[str, str], found: Mapping[str, str]) -> bool:
    """Whether a constraint ties a bone to a bone of its own rig that does not move with ours."""
    for constraint in obj.pose.bones[bone.name].constraints:
        if constraint.mute or constraint.influence == 0.0:
            continue
        targets = getattr(constraint, "targets", None)
        ties = targets if targets is not None else [constraint]
        for tie in ties:
            if getattr(tie, "target", None) == obj:
                target = obj.data.bones.get(getattr(tie, "subtarget", ""))
                line = [target, *target.parent_recursive] if target is not None else []
                if not any(each.name in found or each.name in joint_of for each in line):
                    return True
    return False


def _nearest(obj: bpy.types.Object, bone: bpy.types.Bone, joint_of: Mapping[str, str], found: Mapping[str, str]) -> str:
    bones = obj.data.bones
    size = (bones[_bone(joint_of, "head")].head_local - bones[_bone(joint_of, "hips")].head_local).length
    for above in bone.parent_recursive:
        if above.name in found or above.name in joint_of:
            return joint_of.get(above.name) or found[above.name]
        same = [name for name in joint_of if (bones[name].head_local - above.head_local).length < _NEAR * size]
        if same:
            along = above.tail_local - above.head_local
            return joint_of[min(same, key=lambda name: _angle(bones[name], along))]
    return joint_of[min(joint_of, key=lambda name: _distance(bones[name], bone.head_local))]


def _bone(joint_of: Mapping[str, str], joint: str) -> str:
    return next(bone for bone, its in joint_of.items() if its == joint)


def _angle(bone: bpy.types.Bone, along: Vector) -> float:
    return float((bone.tail_local - bone.head_local).angle(along, np.pi))


def _distance(bone: bpy.types.Bone, place: Vector) -> float:
    along = bone.tail_local - bone.head_local
    share = min(max((place - bone.head_local).dot(along) / max(along.length_squared, 1e-12), 0.0), 1.0)
    return float((bone.head_local + along * share - place).length)
