# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of what the panel says: copy it, take it away."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import StringProperty

from ..generate import session, timer
from ..translations import translated
from .reporting import report


class P2A_OT_copy_error(bpy.types.Operator):
    bl_idname = "pose_to_anime.copy_error"
    bl_label = "Copy Error"
    bl_description = "Copy the message, to search for it or to send it to somebody"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = session.session.error
        report(self, {"INFO"}, "The message is in the clipboard")
        return {"FINISHED"}


class P2A_OT_close_message(bpy.types.Operator):
    bl_idname = "pose_to_anime.close_message"
    bl_label = "Close"
    bl_description = "Take this message away"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        session.session.error = session.session.notice = ""
        session.session.warnings = ()
        timer.redraw()
        return {"FINISHED"}


class P2A_OT_why(bpy.types.Operator):
    bl_idname = "pose_to_anime.why"
    bl_label = "Why Not"
    bl_description = "Say why this cannot be used now"
    bl_options = {"INTERNAL"}

    sentence: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return translated(properties.sentence) or tip_(cls.bl_description)

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = self.sentence
        report(self, {"INFO"}, self.sentence)
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (P2A_OT_copy_error, P2A_OT_close_message, P2A_OT_why)
