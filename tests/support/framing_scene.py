# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of camera and viewport share: a factory scene with a mannequin, and short ways to what they look at."""

import math

import bpy
from pose_to_anime.addon.armature.figures import Figure, figures_in
from pose_to_anime.addon.framing.camera import pose_camera

TURNS = {
    "standing": (0.0, 0.0, 0.0),
    "turned": (0.0, 0.0, 2.2),
    "lying": (math.pi / 2.0, 0.0, math.pi / 2.0),
    "head down": (math.pi, 0.3, 0.0),
}


def add_mannequin() -> bpy.types.Object:
    """Its armature object."""
    before = {obj.name for obj in bpy.context.scene.objects}
    assert bpy.ops.pose_to_anime.add_mannequin() == {"FINISHED"}
    return next(obj for obj in bpy.context.scene.objects if obj.name not in before and obj.type == "ARMATURE")


def framing() -> bpy.types.PropertyGroup:
    return bpy.context.scene.pose_to_anime.framing


def camera() -> bpy.types.Object:
    found = pose_camera(bpy.context.scene)
    assert found is not None
    return found


def figures() -> list[Figure]:
    return figures_in(bpy.context.scene, bpy.context.view_layer)
