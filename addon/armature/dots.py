# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a figure's dots are seen in a 3D view, and which one the mouse is on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import bpy
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Vector

from ..compat import is_pose_bone_hidden
from .limbs import ROOT
from .mannequin import is_mannequin, is_own

_REACH = 9.0
"""Pixels (at interface scale 1) around the middle of a dot within which a click means it, however small it is drawn."""

_JOINT_NAMES = {"hand": "wrist", "foot": "ankle", "toe": "toes"}
"""Of joints that lie beside a dot of the same name: the dot pulls, the joint turns."""


@dataclass(frozen=True)
class Dot:
    """One control by names."""

    armature: str
    bone: str


def visible_bones(obj: bpy.types.Object) -> Iterator[bpy.types.PoseBone]:
    """The pose bones of an armature that are drawn: neither hidden themselves nor in hidden collections only."""
    solo = obj.data.collections.is_solo_active
    for bone in obj.pose.bones:
        shown = any((c.is_solo if solo else c.is_visible_effectively) for c in bone.bone.collections)
        if shown and not is_pose_bone_hidden(bone):
            yield bone


def place_of(obj: bpy.types.Object, bone: bpy.types.PoseBone) -> Vector:
    """Where a control's shape is drawn, in world metres."""
    carrier = bone.custom_shape_transform or bone
    return obj.matrix_world @ (carrier.matrix @ Vector(bone.custom_shape_translation))


def dot_name(bone: str) -> str:
    """What people call a dot or a joint: "Left hand" for ``hand_ik.L``, "Left wrist" for ``hand.L``."""
    plain = bone.removesuffix(".L").removesuffix(".R")
    words = _JOINT_NAMES.get(plain, plain.replace("_ik", "").replace("_", " "))
    side = "Left " if bone.endswith(".L") else "Right " if bone.endswith(".R") else ""
    return side + words if side else words.capitalize()


def dot_at(context: bpy.types.Context, mouse: tuple[float, float]) -> Dot | None:
    """The dot under the mouse (pixels in the region, from the lower left), or the nearest to the eye where dots overlap."""
    region, view = context.region, context.region_data
    space = context.space_data
    if region is None or view is None or not (space.overlay.show_overlays and space.overlay.show_bones):
        return None
    at = Vector(mouse)
    reach = _REACH * context.preferences.system.ui_scale
    best: tuple[float, float, Dot] | None = None
    for obj in context.visible_objects:
        if not is_mannequin(obj) or obj.hide_select or not is_own(obj):
            continue
        for bone in visible_bones(obj):
            if bone.name == ROOT:
                continue  # a ring on the ground: Blender's own picking takes the line, not the middle
            place = place_of(obj, bone)
            seen = location_3d_to_region_2d(region, view, place)
            if seen is None:
                continue
            radius = max(reach, _radius_in_pixels(context, obj, bone, place, seen))
            distance = (seen - at).length
            if distance <= radius:
                # A dot that is hit near its middle is meant; the distance to the eye decides between equals.
                rank = (round(distance / radius * 3), (view.view_matrix @ place).length)
                if best is None or rank < best[:2]:
                    best = (*rank, Dot(obj.name, bone.name))
    return best[2] if best else None


def _radius_in_pixels(
    context: bpy.types.Context, obj: bpy.types.Object, bone: bpy.types.PoseBone, place: Vector, seen: Vector
) -> float:
    right = context.region_data.view_matrix.inverted().col[0].to_3d()
    radius = bone.custom_shape_scale_xyz[0] * obj.matrix_world.median_scale
    edge = location_3d_to_region_2d(context.region, context.region_data, place + right * radius)
    return (edge - seen).length if edge is not None else 0.0
