# SPDX-License-Identifier: GPL-3.0-or-later
"""What pose and camera tell the prompt, tag by tag: leave one out, add it again, or let the prompt's own words give way."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, StringProperty

from ..generate import pose_tags
from ..prompting.weights import without_tag
from ..told.tags import contradicted


class P2A_OT_leave_pose_tag(bpy.types.Operator):
    bl_idname = "pose_to_anime.leave_pose_tag"
    bl_label = "Leave Out"
    bl_description = "Leave this out of the prompt, until it is no longer true of the pose"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    tag: StringProperty(name="Tag", options={"SKIP_SAVE"})
    leave: BoolProperty(name="Leave Out", default=True, options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return cls.bl_description if properties.leave else "Add this to the prompt again"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        pose_tags.leave_out(context.scene, self.tag, self.leave)
        return {"FINISHED"}


class P2A_OT_follow_pose(bpy.types.Operator):
    bl_idname = "pose_to_anime.follow_pose"
    bl_label = "Follow the Pose"
    bl_description = "The prompt says otherwise: take those words out of it, so that it says what pose and camera show"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    tag: StringProperty(name="Tag", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        generation = context.scene.pose_to_anime.generation
        for other in contradicted(generation.prompt, self.tag):
            generation.prompt = without_tag(generation.prompt, other)
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (P2A_OT_leave_pose_tag, P2A_OT_follow_pose)
