# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user chose for one object, saved in the .blend."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, PointerProperty

from .pins import TARGETS, P2A_PG_pin


class P2A_PG_object(bpy.types.PropertyGroup):
    """``object.pose_to_anime``. Whether an object is a mannequin is asked of ``armature.mannequin``, not stored here."""

    in_depth: BoolProperty(
        name="In the control images",
        description="Let this object appear in the depth image, besides the figures",
        default=False,
    )
    pins: CollectionProperty(type=P2A_PG_pin)
    pin_to: EnumProperty(name="Pin to", description="What dots are pinned to next", items=TARGETS)
    pin_target: PointerProperty(
        name="Pin to", description="The object, or the figure, that dots are pinned to next", type=bpy.types.Object
    )


CLASSES: tuple[type, ...] = (P2A_PG_object,)
