# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user chose for an armature of their own as a character, saved in the .blend."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, StringProperty

from .framing import redraw_views

BY_ITSELF, SHOWN, LEFT_OUT = "AUTO", "SHOWN", "LEFT_OUT"
OVERRIDABLE = {"LIBRARY_OVERRIDABLE"}


class P2A_PG_joint_bone(bpy.types.PropertyGroup):
    """A joint whose bone the user chose. ``name`` is the joint; an empty ``bone`` says that the rig has none."""

    bone: StringProperty(name="Bone", override=OVERRIDABLE)


class P2A_PG_character(bpy.types.PropertyGroup):
    """``object.pose_to_anime.character``, of an armature object."""

    in_pictures: EnumProperty(
        name="In the Pictures",
        description="Whether the character is a figure of the control images",
        items=(
            (BY_ITSELF, "By Itself", "In the pictures where a whole body is recognised that moves a mesh"),
            (SHOWN, "Shown", "In the pictures, as far as its joints are known"),
            (LEFT_OUT, "Left Out", "Not in the pictures"),
        ),
        default=BY_ITSELF,
        override=OVERRIDABLE,
    )
    map: StringProperty(
        name="Map", description="The armature map that was chosen; empty for the one that fits best", override=OVERRIDABLE
    )
    bones: CollectionProperty(type=P2A_PG_joint_bone, override=OVERRIDABLE | {"USE_INSERTION"})
    is_child: BoolProperty(
        name="Is a Child",
        description="This character is a child: pictures with it keep what protects children",
        default=False,
        override=OVERRIDABLE,
    )


def _overlay_changed(_settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    redraw_views()


class P2A_PG_keypoints(bpy.types.PropertyGroup):
    """``scene.pose_to_anime.keypoints``."""

    show: BoolProperty(
        name="Show Keypoints",
        description="Draw the points of the OpenPose skeleton over the figures in the 3D view",
        default=False,
        update=_overlay_changed,
    )


CLASSES: tuple[type, ...] = (P2A_PG_joint_bone, P2A_PG_character, P2A_PG_keypoints)
