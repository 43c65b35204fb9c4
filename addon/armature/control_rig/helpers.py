# SPDX-License-Identifier: GPL-3.0-or-later
"""The bones between the two rigs: each rests exactly where and how one bone of the character rests, and hangs on a joint of ours.

The character's bone copies place and rotation of its helper in the world. So neither the axes and rolls of its bones nor the size
of its object matter. Its length is left alone, and whatever else its rig does to it comes before.
"""

from __future__ import annotations

import bpy
from mathutils import Matrix

from ..joint_map import JointMap
from ..limbs import MECHANISM_PREFIX
from .followers import Follower
from .link import LOCATION, ROTATION, SCALE

_LENGTH = 0.1
"""Metres: long enough for the direction to be exact in single precision."""


def helper_name(number: int) -> str:
    """Numbered, because a character's bone may have a name as long as names can be."""
    return f"{MECHANISM_PREFIX}follow_{number:03d}"


def add_helpers(
    armature: bpy.types.Armature,
    character: bpy.types.Object,
    followers: tuple[Follower, ...],
    to_character: Matrix,
    bones: JointMap,
) -> None:
    """Make a bone for each follower. The armature must be in edit mode, its own bones be there."""
    to_body = to_character.inverted()
    turn = to_body.to_3x3().normalized()
    collection = armature.collections["Mechanism"]
    for number, follower in enumerate(followers):
        rests = character.data.bones[follower.bone].matrix_local
        bone = armature.edit_bones.new(helper_name(number))
        axes = turn @ rests.to_3x3()
        bone.head = to_body @ rests.translation
        bone.tail = bone.head + axes.col[1].normalized() * _LENGTH
        bone.align_roll(axes.col[2])
        bone.use_deform = False
        bone.parent = armature.edit_bones[bones[follower.joint]]
        collection.assign(bone)


def add_constraints(obj: bpy.types.Object, character: bpy.types.Object, followers: tuple[Follower, ...]) -> None:
    """Let the character's bones follow. Last of their constraints, so that ours have the last word."""
    for number, follower in enumerate(followers):
        constraints = character.pose.bones[follower.bone].constraints
        active = constraints.active
        if len(constraints):  # a rig that stretches its bones does so towards where its own mechanism still is
            scale = constraints.new("COPY_SCALE")
            scale.name = SCALE
            scale.target, scale.subtarget = obj, helper_name(number)
            scale.target_space = scale.owner_space = "POSE"
            scale.show_expanded = False
        for kind, name in (("COPY_LOCATION", LOCATION), ("COPY_ROTATION", ROTATION)):
            constraint = constraints.new(kind)
            constraint.name = name
            constraint.target, constraint.subtarget = obj, helper_name(number)
            constraint.show_expanded = False
        if active is not None:  # a new one becomes it, and nothing of the artist's may change
            constraints.active = active
