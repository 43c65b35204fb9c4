# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of controls: back to the step of the slider that suits the model."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty

from ...generation_server.protocol import CONTROL_KINDS
from ..settings.controls import defaults_of, set_control


class P2A_OT_control_defaults(bpy.types.Operator):
    bl_idname = "pose_to_anime.control_defaults"
    bl_label = "Usual Strength"
    bl_description = "Back from numbers of your own to the step of the slider that suits the model"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    kind: EnumProperty(name="Control", items=tuple((kind, kind, "") for kind in CONTROL_KINDS), options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.pose_to_anime.generation
        set_control(settings, self.kind, defaults_of(settings, self.kind).usual)
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (P2A_OT_control_defaults,)
