# SPDX-License-Identifier: GPL-3.0-or-later
"""Below the prompt: what pose and camera add to it, each to be taken away by a click."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import bpy

from ..generate import pose_tags
from ..operators.pose_tags import P2A_OT_follow_pose, P2A_OT_leave_pose_tag
from ..settings.prompt_fields import text_columns
from .sidebar import InSidebar

_ICON = 5  # characters that a chip's icon and borders take


class P2A_PT_pose_tags(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_pose_tags"
    bl_label = "From Pose and Camera"
    bl_parent_id = "P2A_PT_prompt"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header(self, context: bpy.types.Context) -> None:
        self.layout.prop(context.scene.pose_to_anime.pose_tags, "use", text="")

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        """How much it adds stays in sight while the panel is closed."""
        told = pose_tags.told(context.scene)
        count = self.layout.row()
        count.active = False
        if told.added or told.otherwise:
            count.label(text=str(len(told.added)), icon="ERROR" if told.otherwise else "NONE")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        told = pose_tags.told(context.scene)
        layout.active = context.scene.pose_to_anime.pose_tags.use
        column = layout.column(align=True)
        columns = text_columns(context)
        for tags, leave, icon in ((told.added, True, "X"), (told.left_out, False, "ADD")):
            for row_tags in _rows(tags, columns):
                row = column.row(align=True)
                row.alignment = "LEFT"
                row.active = leave
                for tag in row_tags:
                    button = row.operator(P2A_OT_leave_pose_tag.bl_idname, text=tag, icon=icon, translate=False)
                    button.tag, button.leave = tag, leave
        for tag, other in told.otherwise:
            row = layout.row(align=True)
            row.label(text=f"{other} → {tag}", icon="ERROR", translate=False)
            row.operator(P2A_OT_follow_pose.bl_idname, text="", icon="CHECKMARK").tag = tag
        if not told.added and not told.left_out and not told.otherwise:
            empty = layout.row()
            empty.enabled = False
            empty.label(text="Nothing that is sure")


def _rows(tags: Sequence[str], columns: int) -> Iterator[list[str]]:
    """Tags in rows that fit."""
    row: list[str] = []
    for tag in tags:
        if row and sum(len(other) + _ICON for other in (*row, tag)) > columns:
            yield row
            row = []
        row.append(tag)
    if row:
        yield row


CLASSES: tuple[type, ...] = (P2A_PT_pose_tags,)
