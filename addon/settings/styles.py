# SPDX-License-Identifier: GPL-3.0-or-later
"""Which style a scene's pictures have."""

import bpy
from bpy.props import StringProperty


class P2A_PG_styles(bpy.types.PropertyGroup):
    """``scene.pose_to_anime.styles``."""

    style: StringProperty(name="Style", description="The look of the pictures: name of a style; empty for none", default="")
    before: StringProperty(
        description="JSON: the numbers that were set when the style was chosen, which come back without it", options={"HIDDEN"}
    )
    given: StringProperty(description="JSON: the numbers that the style has set, and for whom", options={"HIDDEN"})


CLASSES: tuple[type, ...] = (P2A_PG_styles,)
