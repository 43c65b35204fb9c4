# SPDX-License-Identifier: GPL-3.0-or-later
"""What pose and camera tell the prompt, tag by tag: leave one out, add it again, or let the prompt's own words give way."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty

from ..generate import pose_tags
from ..prompting.weights import without_tag
from ..told.tags import contradicted
from .prompt_help import OnTag


class P2A_OT_leave_pose_tag(OnTag, bpy.types.Operator):
    bl_idname = "pose_to_anime.leave_pose_tag"
    bl_label = "Leave Out"
    bl_description = "Leave this out of the prompt, until it is no longer true of the pose"

    leave: BoolProperty(name="Leave Out", default=True, options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return tip_(cls.bl_description) if properties.leave else tip_("Add this to the prompt again")

    def execute(self, context: bpy.types.Context) -> set[str]:
        pose_tags.leave_out(context.scene, self.tag, self.leave)
        return {"FINISHED"}


class P2A_OT_follow_pose(OnTag, bpy.types.Operator):
    bl_idname = "pose_to_anime.follow_pose"
    bl_label = "Follow the Pose"
    bl_description = "The prompt says otherwise: take those words out of it, so that it says what pose and camera show"

    def execute(self, context: bpy.types.Context) -> set[str]:
        generation = context.scene.pose_to_anime.generation
        for other in contradicted(generation.prompt, self.tag):
            generation.prompt = without_tag(generation.prompt, other)
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (P2A_OT_leave_pose_tag, P2A_OT_follow_pose)
