# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the model: choose one, go back to what suits it."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import StringProperty

from ..generate import models
from ..settings.controls import use_family_defaults
from ..translations import translated
from .reporting import report


class P2A_OT_choose_model(bpy.types.Operator):
    bl_idname = "pose_to_anime.choose_model"
    bl_label = "Choose Model"
    bl_description = "Paint with this model; its size, steps, guidance and control strengths follow"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    model: StringProperty(name="Model")

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        found = models.model(properties.model)
        if found is None:
            return tip_(cls.bl_description)
        return "\n".join(map(translated, filter(None, (found.reason, found.note)))) or tip_(cls.bl_description)

    def execute(self, context: bpy.types.Context) -> set[str]:
        if models.model(self.model) is None:
            report(self, {"ERROR"}, f"There is no model '{self.model}'.")
            return {"CANCELLED"}
        context.scene.pose_to_anime.generation.model = self.model
        return {"FINISHED"}


class P2A_OT_model_defaults(bpy.types.Operator):
    bl_idname = "pose_to_anime.model_defaults"
    bl_label = "Model's Defaults"
    bl_description = "Set steps, guidance and control strengths to what suits the model"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.pose_to_anime.generation
        use_family_defaults(settings, models.family_of(settings))
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (P2A_OT_choose_model, P2A_OT_model_defaults)
