# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own characters: which are in the pictures, what they were recognised as, and the bone of each joint."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..armature.characters import characters_in, fault_of_character, instances_in, is_character, is_wanted, settings_of
from ..armature.map_files import known_maps
from ..armature.modes import layer_in
from ..armature.recognition import NEEDED, Recognition, recognise, spoken
from ..operators.characters import (
    P2A_OT_choose_map,
    P2A_OT_delete_map,
    P2A_OT_include_character,
    P2A_OT_reset_character,
    P2A_OT_save_map,
    P2A_OT_set_joint,
    the_character,
)
from ..pose.humanoid import EYES, FINGERS, SIDES, phalanges
from . import parts
from .sidebar import InSidebar

_TRUNK = ("hips", "spine", "chest", "upperChest", "neck", "head", *EYES)
_ARM = ("Shoulder", "UpperArm", "LowerArm", "Hand")
_LEG = ("UpperLeg", "LowerLeg", "Foot", "Toes")


class P2A_PT_characters(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_characters"
    bl_label = "Characters"
    bl_parent_id = "P2A_PT_figure"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 60

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        layer = layer_in(context)
        return layer is not None and (any(map(is_character, layer.objects)) or bool(instances_in(layer)))

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        chosen = the_character(context)
        found = characters_in(context.view_layer)
        if chosen is not None and all(obj != chosen for obj, _ in found):
            found.append((chosen, recognise(chosen)))
        for obj, seen in found:
            row = layout.row(align=True)
            is_in = is_wanted(obj, seen)
            icon = "CHECKBOX_HLT" if is_in else "CHECKBOX_DEHLT"
            row.operator(P2A_OT_include_character.bl_idname, text="", icon=icon, emboss=False).armature = obj.name
            row.label(text=obj.name, icon="OUTLINER_OB_ARMATURE" if obj == chosen else "NONE")
            row.label(text=seen.title or "not recognised")
        for sentence in instances_in(context.view_layer):
            parts.text(layout, context, sentence, "INFO")
        for problem in known_maps().problems:
            parts.text(layout, context, problem, "ERROR")
        if chosen is None:
            hint = layout.row()
            hint.enabled = False
            hint.label(text="Select the one you mean" if found else "No character is recognised")
            return
        _draw_one(layout, context, chosen, recognise(chosen))


def _draw_one(layout: bpy.types.UILayout, context: bpy.types.Context, obj: bpy.types.Object, seen: Recognition) -> None:
    if fault := fault_of_character(obj, context.view_layer):
        parts.text(layout, context, fault, "ERROR")
    settings = settings_of(obj)
    if settings is None:
        return
    row = layout.row(align=True)
    title = seen.title or "Choose"
    shown = title if settings.map else iface_("Automatic: {map}").format(map=iface_(title))
    menu = row.operator_menu_enum(P2A_OT_choose_map.bl_idname, "map", text=shown)
    menu.armature = obj.name
    row.operator(P2A_OT_save_map.bl_idname, text="", icon="FILE_TICK").armature = obj.name
    entry = known_maps().entry(seen.by)
    if entry is not None and entry.own:
        row.operator(P2A_OT_delete_map.bl_idname, text="", icon="TRASH").map = entry.key
    row.operator(P2A_OT_reset_character.bl_idname, text="", icon="LOOP_BACK").armature = obj.name
    layout.prop(settings, "is_child")


class _Bones(InSidebar):
    """A part of the map of the character that is meant."""

    bl_parent_id = "P2A_PT_characters"
    bl_options = {"DEFAULT_CLOSED"}
    rows: Sequence[tuple[str, ...]]
    layout: bpy.types.UILayout  # of bpy.types.Panel

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return the_character(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        obj = the_character(context)
        if obj is None:
            return
        seen = recognise(obj)
        for group in self.rows:
            column = self.layout.column(align=True)
            for joint in group:
                _draw_joint(column, obj, joint, joint in seen.joints or joint in seen.eyes)


def _draw_joint(column: bpy.types.UILayout, obj: bpy.types.Object, joint: str, is_known: bool) -> None:
    split = column.row(align=True).split(factor=0.42, align=True)
    split.label(text=spoken(joint).removeprefix("the ").capitalize())
    row = split.row(align=True)
    row.alert = joint in NEEDED and not is_known
    row.prop_search(obj.pose_to_anime_bones, joint, obj.data, "bones", text="", icon="ERROR" if row.alert else "BONE_DATA")
    button = row.operator(P2A_OT_set_joint.bl_idname, text="", icon="EYEDROPPER")
    button.armature, button.joint = obj.name, joint


class P2A_PT_character_body(_Bones, bpy.types.Panel):
    bl_idname = "P2A_PT_character_body"
    bl_label = "Bones of the Body"
    rows = (_TRUNK, *(tuple(side + part for part in limb) for limb in (_ARM, _LEG) for side in SIDES))


class P2A_PT_character_hands(_Bones, bpy.types.Panel):
    bl_idname = "P2A_PT_character_hands"
    bl_label = "Bones of the Hands"
    rows = tuple(tuple(side + finger + part for part in phalanges(finger)) for side in SIDES for finger in FINGERS)


CLASSES: tuple[type, ...] = (P2A_PT_characters, P2A_PT_character_body, P2A_PT_character_hands)
