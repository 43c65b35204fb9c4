# SPDX-License-Identifier: GPL-3.0-or-later
"""The bones of hair and cloth that hang: an armature of Blender's own means, so that it works in files opened without us.

It is a child of the figure's armature. Copies of the body's bones follow those by Copy Transforms, so that one modifier moves the
whole piece; hanging bones point straight down by Damped Track, as far as gravity goes, within what Limit Rotation allows.
"""

from __future__ import annotations

from collections.abc import Iterable

import bpy
from mathutils import Vector

from ..armature.modes import edit_mode
from ..armature.worn import BONES, WORN
from ..wardrobe.piece import HangingBone, Piece

_BELOW = "below"
_DEPTH = -10_000.0
"""World metres of z of the bone that all others point to: so far down that it is straight below each of them."""


def add_bones(figure: bpy.types.Object, piece: Piece, collections: Iterable[bpy.types.Collection]) -> bpy.types.Object:
    """The armature object that moves a piece with hanging bones on a figure."""
    armature = bpy.data.armatures.new(f"Mannequin {piece.style.slot} bones")
    obj = bpy.data.objects.new(armature.name, armature)
    obj.parent = figure
    obj[WORN] = BONES
    for collection in collections:
        collection.objects.link(obj)
    hanging = {bone.name for bone in piece.bones}
    followed = dict.fromkeys([*piece.weights, *(bone.parent for bone in piece.bones)])
    followers = [name for name in followed if name not in hanging]
    with edit_mode(obj):
        _add(armature, _BELOW, Vector(), Vector((0.0, 0.0, -0.1)), Vector((0.0, -1.0, 0.0)), deforms=False)
        for name in followers:
            bone = figure.data.bones[name]
            _add(armature, name, bone.head_local, bone.tail_local, bone.matrix_local.col[2].to_3d())
        for bone in piece.bones:
            _add(armature, bone.name, Vector(bone.head), Vector(bone.tail), Vector(bone.outward))
            armature.edit_bones[bone.name].parent = armature.edit_bones[bone.parent]
    for name in followers:
        follow = obj.pose.bones[name].constraints.new("COPY_TRANSFORMS")
        follow.target, follow.subtarget = figure, name
    _keep_below(obj.pose.bones[_BELOW])
    for bone in piece.bones:
        _hang(obj, bone)
    obj.hide_select = True
    obj.hide_viewport = True
    return obj


def _add(armature: bpy.types.Armature, name: str, head: Vector, tail: Vector, up: Vector, deforms: bool = True) -> None:
    bone = armature.edit_bones.new(name)
    bone.head, bone.tail = head, tail
    bone.align_roll(up)
    bone.use_deform = deforms


def _keep_below(bone: bpy.types.PoseBone) -> None:
    """Far below the figure, however that is turned."""
    limit = bone.constraints.new("LIMIT_LOCATION")
    limit.use_min_z = limit.use_max_z = True
    limit.min_z = limit.max_z = _DEPTH


def _hang(obj: bpy.types.Object, hanging: HangingBone) -> None:
    bone = obj.pose.bones[hanging.name]
    track = bone.constraints.new("DAMPED_TRACK")
    track.target, track.subtarget, track.track_axis = obj, _BELOW, "TRACK_Y"
    track.influence = hanging.gravity
    limit = bone.constraints.new("LIMIT_ROTATION")
    limit.owner_space = "LOCAL"
    limit.euler_order = "YZX"  # so that x is all that turns it outward, and z all that turns it sideways
    limit.use_legacy_behavior = True  # clamps each angle by itself
    limit.use_limit_x = limit.use_limit_y = limit.use_limit_z = True
    limit.min_x, limit.max_x = -hanging.inward_limit, hanging.outward_limit
    limit.min_z, limit.max_z = -hanging.side_limit, hanging.side_limit
