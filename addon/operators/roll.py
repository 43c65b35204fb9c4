# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb of the foot roll: over the heel, onto the ball, onto the tip of the toes, by one angle."""

from __future__ import annotations

import math

import bpy
from bpy.props import EnumProperty, FloatProperty

from ..armature.controls import foot_roll, roll_foot
from ..errors import UserError
from .figure import _Posing, the_mannequin

_SIDES = (("L", "Left", "The figure's left foot"), ("R", "Right", "The figure's right foot"), ("BOTH", "Both", "Both feet"))


class P2A_OT_roll_foot(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.roll_foot"
    bl_label = "Roll Foot"
    bl_description = "Lift the heel with the ball of the foot on the ground, or roll back over the heel; the knee follows"
    bl_options = {"REGISTER", "UNDO"}

    side: EnumProperty(name="Foot", items=_SIDES, default="BOTH")
    angle: FloatProperty(
        name="Angle",
        description="Between the sole and the ground: positive on the ball and the toes, negative on the heel",
        subtype="ANGLE",
        min=-math.pi / 2,
        max=math.pi / 2,
        soft_min=math.radians(-30.0),
        soft_max=math.radians(80.0),
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        figure = the_mannequin(context, self.armature)
        if figure is not None:
            try:
                self.angle = foot_roll(figure, self.side)
            except UserError as error:
                return self.refuse(error)
        return context.window_manager.invoke_props_popup(self, event)

    def act(self, obj: bpy.types.Object) -> None:
        roll_foot(obj, self.side, self.angle)


CLASSES: tuple[type, ...] = (P2A_OT_roll_foot,)
