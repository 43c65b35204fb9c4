# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the server: find it, start it, take the GPU's memory back."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty

from ..generate import session
from .reporting import InPanel, Redrawing


class P2A_OT_connect(InPanel, bpy.types.Operator):
    bl_idname = "pose_to_anime.connect"
    bl_label = "Connect"
    bl_description = "Look for the generation server and ask what it has"

    start: BoolProperty(name="Start", description="Start one on this computer where none runs", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        if properties.start:
            return tip_("Start the generation server on this computer; it ends by itself after ten idle minutes")
        return tip_(cls.bl_description)

    def run(self, _context: bpy.types.Context) -> None:
        session.connect(self.start)


class P2A_OT_free_memory(Redrawing, bpy.types.Operator):
    bl_idname = "pose_to_anime.free_memory"
    bl_label = "Free GPU Memory"
    bl_description = "Make the server give the GPU's memory back to Blender; the next picture loads its model again"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return session.session.server.state == "connected"

    def run(self, _context: bpy.types.Context) -> None:
        session.free_memory()


CLASSES: tuple[type, ...] = (P2A_OT_connect, P2A_OT_free_memory)
