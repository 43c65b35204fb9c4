# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of bodies: another body for a figure, and its sliders back to the middle."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty

from ..armature.props.holding import refit, require_props
from ..armature.reshape import change_body, give_skin, reshape
from ..armature.skin.sliders import GROUPS, SLIDERS
from ..dressing import toon, wearing
from .figure import _OnMannequin, mannequin_items
from .reporting import tell_problems


class P2A_OT_change_body(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.change_body"
    bl_label = "Change Body"
    bl_description = "Give the figure another body. Pose, name, colour and place stay; the sliders go back to their middle"

    mannequin: EnumProperty(name="Body", items=mannequin_items)

    def act(self, obj: bpy.types.Object) -> None:
        require_props(obj)
        change_body(obj, self.mannequin)
        tell_problems(self, wearing.refit(obj, anew=True))
        refit(obj)  # too slow for a slider that is dragged, which leaves it to "Hold Again"


class P2A_OT_reset_body(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.reset_body"
    bl_label = "Reset Body"
    bl_description = "Bring these sliders back to their middle"

    group: EnumProperty(
        name="Sliders",
        items=(("ALL", "All", "Every slider"), *((group.upper(), group, f"The sliders of “{group}”") for group in GROUPS)),
        options={"SKIP_SAVE"},
    )

    def act(self, obj: bpy.types.Object) -> None:
        require_props(obj)
        reshape(
            obj,
            {name: slider.neutral for name, slider in SLIDERS.items() if self.group in ("ALL", slider.group.upper())},
        )
        tell_problems(self, wearing.refit(obj))
        refit(obj)


class P2A_OT_give_skin(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.give_skin"
    bl_label = "Give It a Skin"
    bl_description = "Make the skin of a figure that has lost it, or that is a copy without one"

    def act(self, obj: bpy.types.Object) -> None:
        give_skin(obj)
        tell_problems(self, wearing.refit(obj))
        toon.follow(bpy.context.scene, obj)


CLASSES: tuple[type, ...] = (P2A_OT_change_body, P2A_OT_reset_body, P2A_OT_give_skin)
