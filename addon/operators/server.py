# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the server: find it, start it, take the GPU's memory back."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty

from ..errors import UserError
from ..generate import session, timer
from ..generate.link import LinkError


class P2A_OT_connect(bpy.types.Operator):
    bl_idname = "pose_to_anime.connect"
    bl_label = "Connect"
    bl_description = "Look for the generation server and ask what it has"

    start: BoolProperty(name="Start", description="Start one on this computer where none runs", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        if properties.start:
            return "Start the generation server on this computer; it ends by itself after ten idle minutes"
        return cls.bl_description

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            session.connect(self.start)
        except (UserError, LinkError) as error:
            session.fail(str(error))
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        timer.redraw()
        return {"FINISHED"}


class P2A_OT_free_memory(bpy.types.Operator):
    bl_idname = "pose_to_anime.free_memory"
    bl_label = "Free GPU Memory"
    bl_description = "Make the server give the GPU's memory back to Blender; the next picture loads its model again"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return session.session.server.state == "connected"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            session.free_memory()
        except LinkError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (P2A_OT_connect, P2A_OT_free_memory)
