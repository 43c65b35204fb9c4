# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the artist's own character: our dots beside its rig, away again, and its pose written into its own bones."""

from __future__ import annotations

import bpy

from ..armature.control_rig.bake import bake, require_bakeable
from ..armature.control_rig.link import character_of, controls_of, is_control_rig, noted_character
from ..armature.control_rig.recognised import recognised
from ..armature.control_rig.use import let_go, use_character
from ..armature.held import props_of
from ..armature.modes import mode_in
from ..armature.props.objects import let_go as release
from ..armature.props.objects import remove_props
from ..errors import UserError
from ..generate.request import warm_up
from ..translations import translated
from .characters import active_character
from .figure import the_mannequin
from .on_armature import OnArmature
from .reporting import Reporting

_MODES = {"OBJECT", "POSE"}


def the_controls(context: bpy.types.Context, name: str = "") -> bpy.types.Object | None:
    """The control rig that is meant: by name, the active one, or the one that drives the active character."""
    figure = the_mannequin(context, name)
    if figure is not None and is_control_rig(figure):
        return figure
    character = active_character(context)
    return controls_of(character) if character is not None and not name else None


class P2A_OT_use_character(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.use_character"
    bl_label = "Use This Character"
    bl_description = (
        "Put dots, rings, limits and the pose library on the selected character of your own. Its rig is left as it is, "
        "and “Let Go of Character” takes the dots away again"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        character = active_character(context)
        if character is None:
            cls.poll_message_set(translated("Select a character of your own: its armature, or a mesh that it moves"))
        elif controls_of(character) is not None:
            cls.poll_message_set(translated("This character has its dots already"))
        elif mode_in(context) not in _MODES:
            cls.poll_message_set(translated("Go to Object Mode or Pose Mode first"))
        else:
            return True
        return False

    def run(self, context: bpy.types.Context) -> None:
        character = active_character(context)
        if character is None:
            raise UserError("Select a character of your own: its armature, or a mesh that it moves.")
        joints, eyes = recognised(character)
        use_character(character, joints, eyes)
        bpy.ops.object.mode_set(mode="POSE")
        warm_up(context.scene, context.view_layer)


class _OnControls(OnArmature):
    """What these operators share: they act on the controls of one character."""

    none_there = "Use a character of your own first"

    @classmethod
    def is_one(cls, obj: bpy.types.Object) -> bool:
        return is_control_rig(obj)

    def meant(self, context: bpy.types.Context) -> bpy.types.Object:
        controls = the_controls(context, self.armature)
        if controls is None:
            raise UserError("Select the dots of the character that you mean.")
        if controls.library is not None:
            raise UserError(f"'{controls.name}' is linked from another file: let go of the character there.")
        return controls


class P2A_OT_let_go_of_character(_OnControls, bpy.types.Operator):
    bl_idname = "pose_to_anime.let_go_of_character"
    bl_label = "Let Go of Character"
    bl_description = "Take the dots away. The character has the pose, the keys and the rig again that it had before them"

    def act(self, obj: bpy.types.Object) -> None:
        held = props_of(obj)
        let_go(obj)
        remove_props(held)


class P2A_OT_bake_to_character(_OnControls, bpy.types.Operator):
    bl_idname = "pose_to_anime.bake_to_character"
    bl_label = "Bake Pose to Character"
    bl_description = (
        "Write the pose that you see into the character's own bones or controls, and take the dots away; what it holds stays "
        "where it is. With Auto Keying on, or where these have keys, it is keyed in this frame"
    )

    def act(self, obj: bpy.types.Object) -> None:
        if noted_character(obj) is None or character_of(obj) is None:
            raise UserError(f"'{obj.name}' drives no character any more: remove it.")
        require_bakeable(obj)
        for held in props_of(obj):
            release(held)
        bake(obj, bpy.context.scene.tool_settings.use_keyframe_insert_auto)


CLASSES: tuple[type, ...] = (P2A_OT_use_character, P2A_OT_let_go_of_character, P2A_OT_bake_to_character)
