# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user chose for one object, saved in the .blend."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty


class P2A_PG_object(bpy.types.PropertyGroup):
    """``object.pose_to_anime``. Whether an object is a mannequin is asked of ``armature.mannequin``, not stored here."""

    in_depth: BoolProperty(
        name="In the control images",
        description="Let this object appear in the depth image, besides the figures",
        default=False,
    )


CLASSES: tuple[type, ...] = (P2A_PG_object,)
