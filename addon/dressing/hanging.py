# SPDX-License-Identifier: GPL-3.0-or-later
"""The bones of hair and cloth that hang: an armature of Blender's own means, so that it works in files opened without us.

It is a child of the figure's armature. Copies of the body's bones follow those by Copy Transforms, so that one modifier moves the
whole piece; hanging bones point straight down by Damped Track, as far as gravity goes, within what Limit Rotation allows. Where
such a bone stays out of the body and the ground, a hidden bone falls in its place and carries its end, which Limit Distance and
Limit Location push out; the bone itself points to where that is then.
"""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import numpy as np
from mathutils import Vector

from ..armature.modes import edit_mode
from ..armature.worn import BONES, WORN
from ..wardrobe.piece import Clearance, HangingBone, Piece
from ..wardrobe.posed import ROUNDS

_BELOW = "below"
_FALLING, _FALLEN, _END, _SPREAD = "falling ", "fallen ", "end ", "spread "
"""How the names begin of the bones that serve a hanging bone which stays out of the body."""
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
    followers = _followers(piece)
    bumpers = {bumper.name: bumper for bone in piece.bones if bone.clearance for bumper in bone.clearance.bumpers}
    with edit_mode(obj):
        _add(armature, _BELOW, Vector(), Vector((0.0, 0.0, -0.1)), Vector((0.0, -1.0, 0.0)), deforms=False)
        for name in followers:
            bone = figure.data.bones[name]
            _add(armature, name, bone.head_local, bone.tail_local, bone.matrix_local.col[2].to_3d())
        for bumper in bumpers.values():
            _add_point(armature, bumper.name, bumper.centre, bumper.bone)
        for bone in piece.bones:
            _add_hanging(armature, bone)
    for name in followers:
        follow = obj.pose.bones[name].constraints.new("COPY_TRANSFORMS")
        follow.target, follow.subtarget = figure, name
    _keep_below(obj.pose.bones[_BELOW])
    for bone in piece.bones:
        _hang(obj, bone)
    obj.hide_select = True
    obj.hide_viewport = True
    return obj


def _followers(piece: Piece) -> list[str]:
    """The bones of the body that a piece goes by."""
    names = [*piece.weights]
    for bone in piece.bones:
        names.append(bone.parent)
        if bone.clearance is not None:
            names += [bone.clearance.spread_bone, *(bumper.bone for bumper in bone.clearance.bumpers)]
    hanging = {bone.name for bone in piece.bones}
    return [name for name in dict.fromkeys(names) if name not in hanging]


def _add_hanging(armature: bpy.types.Armature, bone: HangingBone) -> None:
    head, tail, outward = Vector(bone.head), Vector(bone.tail), Vector(bone.outward)
    clearance = bone.clearance
    if clearance is None:
        _add(armature, bone.name, head, tail, outward)
        armature.edit_bones[bone.name].parent = armature.edit_bones[bone.parent]
        return
    falling = _FALLING + bone.name
    _add(armature, falling, head, tail, outward, deforms=False)
    armature.edit_bones[falling].parent = armature.edit_bones[bone.parent]
    _add(armature, bone.name, head, Vector(clearance.point), outward)
    armature.edit_bones[bone.name].parent = armature.edit_bones[falling]
    _add_point(armature, _FALLEN + bone.name, clearance.point, falling)
    _add_point(armature, _END + bone.name, clearance.point, falling)
    _add_point(armature, _SPREAD + bone.name, clearance.point, clearance.spread_bone, clearance.spread)


def _add_point(
    armature: bpy.types.Armature, name: str, place: np.ndarray, parent: str, direction: np.ndarray | tuple[float, ...] = (0, 1, 0)
) -> None:
    """A small bone at a place, for the place alone; or for its direction."""
    along = Vector(direction)
    _add(armature, name, Vector(place), Vector(place) + along * 0.02, along.orthogonal(), deforms=False)
    armature.edit_bones[name].parent = armature.edit_bones[parent]


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
    clearance = hanging.clearance
    bone = obj.pose.bones[hanging.name if clearance is None else _FALLING + hanging.name]
    if clearance is not None:
        _keep_above(bone, clearance.floor)
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
    if clearance is not None:
        _clear(obj, hanging.name, clearance, float(np.linalg.norm(clearance.point - hanging.head)))


def _clear(obj: bpy.types.Object, name: str, clearance: Clearance, length: float) -> None:
    """The end of a bone of this length is pushed out of body and ground, as ``posed.with_hanging`` does it; the bone points to
    it."""
    bone = obj.pose.bones[_END + name]
    spread = bone.constraints.new("TRANSFORM")
    spread.target, spread.subtarget, spread.target_space = obj, _FALLEN + name, "POSE"
    spread.owner_space, spread.space_object, spread.space_subtarget = "CUSTOM", obj, _SPREAD + name
    spread.map_from, spread.from_min_z, spread.from_max_z = "LOCATION", clearance.floor - length, clearance.floor
    spread.map_to, spread.map_to_y_from, spread.to_min_y, spread.to_max_y = "LOCATION", "Z", length, 0.0
    spread.mix_mode = "ADD"
    for _ in range(ROUNDS):
        for bumper, distance in zip(clearance.bumpers, clearance.distances, strict=True):
            _keep_distance(bone, obj, bumper.name, distance, "LIMITDIST_OUTSIDE")
        _keep_above(bone, clearance.floor)
        _keep_distance(bone, obj, _FALLING + name, length, "LIMITDIST_ONSURFACE")
    track = obj.pose.bones[name].constraints.new("DAMPED_TRACK")
    track.target, track.subtarget, track.track_axis = obj, bone.name, "TRACK_Y"


def _keep_above(bone: bpy.types.PoseBone, height: float) -> None:
    limit = bone.constraints.new("LIMIT_LOCATION")
    limit.owner_space = "POSE"
    limit.use_min_z, limit.min_z = True, height


def _keep_distance(bone: bpy.types.PoseBone, obj: bpy.types.Object, target: str, distance: float, mode: str) -> None:
    limit = bone.constraints.new("LIMIT_DISTANCE")
    limit.target, limit.subtarget, limit.distance, limit.limit_mode = obj, target, distance, mode
    limit.owner_space = limit.target_space = "POSE"
