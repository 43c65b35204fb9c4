# SPDX-License-Identifier: GPL-3.0-or-later
"""The roll of the feet as properties: ``object.pose_to_anime_feet.left`` and ``.right``, radians.

As the body's sliders they store nothing: what one shows is read from the pose, and moving it rolls the foot. With Auto Keying
that keys the foot and its toes, which is what an animation plays.
"""

from __future__ import annotations

import math

import bpy
from bpy.props import FloatProperty, PointerProperty

from ..armature.controls import foot_roll, roll_foot
from ..errors import UserError
from .body_sliders import tell

_MOST = math.pi / 2
_HEEL, _TIP = math.radians(-30.0), math.radians(80.0)
"""What the slider spans: beyond it an angle can be typed."""


def _property(side: str, title: str) -> object:
    def read(group: bpy.types.PropertyGroup) -> float:
        try:
            return round(foot_roll(group.id_data, side), 3) + 0.0  # a foot that stands shows 0°, not -0°
        except UserError:  # what is in the way is said when it is moved: drawing a panel must not fail
            return 0.0

    def move(group: bpy.types.PropertyGroup, value: float) -> None:
        obj = group.id_data
        try:
            # Blender keeps only properties that it stores within their range.
            roll_foot(obj, "BOTH" if obj.pose is not None and obj.pose.use_mirror_x else side, min(max(value, -_MOST), _MOST))
        except UserError as error:
            tell(str(error), "Foot Roll")

    return FloatProperty(
        name=title,
        description=(
            "Roll the foot back over its heel, or onto the ball with the heel up and on to the tip of the toes. What it stands "
            "on stays on the ground, and the knee follows. With X-Mirror on, both feet roll"
        ),
        subtype="ANGLE", min=-_MOST, max=_MOST, soft_min=_HEEL, soft_max=_TIP, step=100, precision=0,
        options=set(), get=read, set=move,
    )  # fmt: skip


class P2A_PG_feet(bpy.types.PropertyGroup):
    """``object.pose_to_anime_feet``: how far each foot is rolled, negative over the heel, positive onto the toes."""

    left: _property("L", "Left")
    right: _property("R", "Right")


CLASSES: tuple[type, ...] = (P2A_PG_feet,)


def register() -> None:
    bpy.types.Object.pose_to_anime_feet = PointerProperty(type=P2A_PG_feet)


def unregister() -> None:
    del bpy.types.Object.pose_to_anime_feet
