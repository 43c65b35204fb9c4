# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of pins: hands, feet and gazes that stay with something while the body moves."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..armature.limbs import control_for
from ..armature.pins import PINNABLE, pin_dot, release
from ..compat import is_pose_bone_selected
from ..errors import UserError
from ..settings.pins import OBJECT, TARGETS
from .figure import _OnMannequin, object_named


class P2A_OT_pin(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.pin"
    bl_label = "Pin"
    bl_description = (
        "Let the selected hands, feet or gaze stay where they are, with the scene, the own body or another object, while the "
        "body moves. A pin holds through poses and mirroring until it is taken off; Reset Pose takes it off. Drag the dot to "
        "move the pin"
    )

    to: EnumProperty(name="Pin to", items=TARGETS, options={"SKIP_SAVE"})
    target: StringProperty(name="Object", description="Name of the object to pin to", options={"SKIP_SAVE"})
    bone: StringProperty(name="Bone", description="Its bone to pin to; the nearest one when empty", options={"SKIP_SAVE"})
    control: StringProperty(
        name="Dot", description="For example hand.L, foot.R, gaze; the selected dots when empty", options={"SKIP_SAVE"}
    )

    def act(self, obj: bpy.types.Object) -> None:
        controls = [control_for(self.control)] if self.control else selected_dots(obj)
        if not controls:
            raise UserError("Select the dots of hands, feet or gaze that should be pinned.")
        target = object_named(bpy.context.scene, self.target) if self.target else None
        if self.to == OBJECT and self.target and target is None:
            raise UserError(f"There is no object '{self.target}' in this scene.")
        for control in controls:
            pin_dot(obj, control, self.to, target, self.bone)


class P2A_OT_unpin(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.unpin"
    bl_label = "Unpin"
    bl_description = "Take the pins off the selected dots; nothing moves"

    control: StringProperty(name="Dot", description="One dot; the selected ones when empty", options={"SKIP_SAVE"})
    everything: BoolProperty(name="All", description="Take all pins off the figure", default=False, options={"SKIP_SAVE"})

    def act(self, obj: bpy.types.Object) -> None:
        controls = None if self.everything else [control_for(self.control)] if self.control else selected_dots(obj)
        if not release(obj, controls):
            raise UserError(f"'{obj.name}' has no such pin." if self.control else "No selected dot is pinned.")


def selected_dots(obj: bpy.types.Object) -> list[str]:
    """The dots that can be pinned among the selected bones; a selected hand or foot stands for its dot."""
    names = {control_for(bone.name) for bone in obj.pose.bones if is_pose_bone_selected(bone)}
    return [name for name in PINNABLE if name in names]


CLASSES: tuple[type, ...] = (P2A_OT_pin, P2A_OT_unpin)
