# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the prompt is told what pose and camera show, and which of it is left out, saved in the .blend."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, StringProperty


class P2A_PG_pose_tags(bpy.types.PropertyGroup):
    """``scene.pose_to_anime.pose_tags``."""

    use: BoolProperty(
        name="From Pose and Camera",
        description="Add the tags to the prompt that are surely true of the figures as the camera sees them",
        default=True,
    )
    left_out: StringProperty(
        name="Left Out",
        description="Tags that are true of the pose and yet are not added, with commas between them",
        options={"HIDDEN"},
    )


CLASSES: tuple[type, ...] = (P2A_PG_pose_tags,)
