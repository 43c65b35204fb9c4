# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user chose for the control images, saved in the .blend."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty, StringProperty


class P2A_PG_passes(bpy.types.PropertyGroup):
    """``scene.pose_to_anime.passes``."""

    depth_floor: IntProperty(
        name="Farthest Grey",
        description="How bright the farthest part of the figures is in the depth image; the background is 0",
        default=40,
        min=0,
        max=254,
    )
    depth_gamma: FloatProperty(
        name="Gamma",
        description="Above 1 the middle of the depth image gets darker, below 1 brighter",
        default=1.0,
        min=0.1,
        max=10.0,
        soft_min=0.5,
        soft_max=2.5,
    )
    depth_is_fixed: BoolProperty(
        name="Fixed Range",
        description="Fit depth to the distances below instead of the figures: the pictures of a sequence share one scale",
        default=False,
    )
    depth_near: FloatProperty(
        name="Near",
        description="Distance from the camera at which depth is white",
        default=1.0,
        min=0.001,
        soft_max=50.0,
        unit="LENGTH",
    )
    depth_far: FloatProperty(
        name="Far",
        description="Distance from the camera at which depth has its farthest grey",
        default=10.0,
        min=0.002,
        soft_max=50.0,
        unit="LENGTH",
    )
    preview_kind: StringProperty(
        name="Control Image",
        description="Which control image is shown while posing, by its name",
        default="openpose",
    )
    overlay: BoolProperty(
        name="Show over the Camera's View",
        description="Draw the control image over what the camera sees, up to date while you pose",
        default=False,
    )
    overlay_opacity: FloatProperty(
        name="Opacity",
        description="How much of the scene the control image covers; black always lets it through",
        default=0.8,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    keep_outside: BoolProperty(
        name="Draw Limbs That Leave the Picture",
        description="Draw them up to its edge; otherwise joints outside are missing, as ControlNets know it from photographs",
        default=False,
    )
    hands: BoolProperty(
        name="Hands",
        description="Draw the bones of hands into the pose, where the model's ControlNet knows them and they are large enough",
        default=True,
    )
    face: BoolProperty(
        name="Face",
        description="Draw the points of faces into the pose, where the model's ControlNet knows them and they are large enough",
        default=True,
    )
    hide_occluded: BoolProperty(
        name="Hide What Is Behind",
        description="Leave out points of the pose that other figures and ticked objects hide, and hands and faces behind the own "
        "body; otherwise they are drawn through everything, as ControlNets know limbs",
        default=False,
    )


CLASSES: tuple[type, ...] = (P2A_PG_passes,)
