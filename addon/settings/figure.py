# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user chose for one object, saved in the .blend."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, PointerProperty

from .characters import P2A_PG_character
from .pins import TARGETS, P2A_PG_pin


def _share(name: str, tip: str, lowest: float = -1.0) -> object:
    return FloatProperty(name=name, description=tip, default=0.0, min=lowest, max=1.0, step=5, precision=2)


class P2A_PG_face(bpy.types.PropertyGroup):
    """``object.pose_to_anime.face``: what the face points of a figure without a drawn face show, as ``pose.face_points`` says."""

    gaze_side: _share("Side", "Where the pupils are: to the figure's right, or to its left")
    gaze_up: _share("Up", "Where the pupils are: down, or up")
    closed_left: _share("Left", "How far the figure's left eye is closed", 0.0)
    closed_right: _share("Right", "How far the figure's right eye is closed", 0.0)
    brow_inner: _share("Inner", "How far the brows are raised beside the nose")
    brow_outer: _share("Outer", "How far the brows are raised at their outer ends")
    mouth_open: _share("Open", "How far the mouth is open", 0.0)
    smile: _share("Smile", "The corners of the mouth: down, or up")
    mouth_width: _share("Width", "How wide the mouth is")


class P2A_PG_object(bpy.types.PropertyGroup):
    """``object.pose_to_anime``. Whether an object is a mannequin is asked of ``armature.mannequin``, not stored here."""

    in_depth: BoolProperty(
        name="In the control images",
        description="Let this object appear in the control images, besides the figures",
        default=False,
    )
    face: PointerProperty(type=P2A_PG_face)
    character: PointerProperty(type=P2A_PG_character)
    drives: PointerProperty(
        name="Character", description="The armature of your own character that these controls move", type=bpy.types.Object
    )
    pins: CollectionProperty(type=P2A_PG_pin)
    pin_to: EnumProperty(name="Pin to", description="What dots are pinned to next", items=TARGETS)
    pin_target: PointerProperty(
        name="Pin to", description="The object, or the figure, that dots are pinned to next", type=bpy.types.Object
    )


CLASSES: tuple[type, ...] = (P2A_PG_face, P2A_PG_object)
