# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of characters: in the pictures or not, by which map, with which bones; and the user's own maps."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..armature.characters import (
    characters_in,
    is_character,
    is_wanted,
    require_settable,
    visible_meshes,
)
from ..armature.control_rig.link import carried_by
from ..armature.joint_map import MAPPED
from ..armature.map_files import MANNEQUIN, delete_map, known_maps, refresh, save_map
from ..armature.modes import layer_in
from ..armature.recognition import BY_BUILD, BY_TABLE, BY_WORDS, TITLES, recognise
from ..errors import UserError
from ..settings.characters import LEFT_OUT, SHOWN
from ..translations import translated
from .figure import object_named
from .on_armature import OnArmature
from .own_files import OnFiles, Saves
from .reporting import report, tell_problems

AUTOMATIC = "AUTOMATIC"

# Blender does not keep the strings of a dynamic enum alive: this list must.
_map_items: list[tuple[str, str, str, str, int]] = []
_items_of: list[int] = [-1]


def active_character(context: bpy.types.Context) -> bpy.types.Object | None:
    """The active character, or the one that moves or carries the active object."""
    layer = layer_in(context)
    active = layer.objects.active if layer is not None else None
    if active is None:
        return None
    return next((each for each in (active, active.find_armature(), active.parent) if is_character(each)), None)


def the_character(context: bpy.types.Context, name: str = "") -> bpy.types.Object | None:
    """The character that is meant: by name, else the active armature or the one that moves the active mesh, else the only one."""
    if name:
        named = object_named(context.scene, name)
        return named if is_character(named) else None
    if (active := active_character(context)) is not None:
        return active
    layer = layer_in(context)
    found = [obj for obj, _ in characters_in(layer)] if layer is not None else []
    return found[0] if len(found) == 1 else None


def map_items(_operator: object, _context: bpy.types.Context | None) -> list[tuple[str, str, str, str, int]]:
    """The maps to choose from."""
    maps = known_maps()
    if _items_of[0] != maps.number:
        _items_of[0] = maps.number
        found = [(AUTOMATIC, "Automatic", "Take what fits best: the user's maps first, then ours, the names, the build", "NONE")]
        found += [
            (entry.key, entry.title, "A map of your own" if entry.own else "A rig that is known", "USER" if entry.own else "NONE")
            for entry in sorted(maps.entries, key=lambda each: (not each.own, each.title.casefold()))
            if entry.key != MANNEQUIN
        ]
        found += [
            (BY_TABLE, TITLES[BY_TABLE], "The table that a VRM character carries", "NONE"),
            (BY_WORDS, TITLES[BY_WORDS], "By the words in the names of the bones", "NONE"),
            (BY_BUILD, TITLES[BY_BUILD], "By how the skeleton is built, whatever its bones are called", "NONE"),
        ]
        _map_items[:] = [(*item, number) for number, item in enumerate(found)]
    return _map_items


class _OnCharacter(OnArmature):
    """What these operators share: they change what is chosen for one character."""

    none_there = "There is no armature of your own in this scene: append or import a character first"

    @classmethod
    def is_one(cls, obj: bpy.types.Object) -> bool:
        return is_character(obj)

    def meant(self, context: bpy.types.Context) -> bpy.types.Object:
        obj = the_character(context, self.armature)
        require_settable(obj)
        assert obj is not None
        return obj


class P2A_OT_include_character(_OnCharacter, bpy.types.Operator):
    bl_idname = "pose_to_anime.include_character"
    bl_label = "Show or Leave Out Character"
    bl_description = "Let the character be a figure of the control images, or leave it out"

    def act(self, obj: bpy.types.Object) -> None:
        found, settings = recognise(obj), require_settable(obj)
        if is_wanted(obj, found):
            settings.in_pictures = LEFT_OUT
            return
        if not found.joints:
            raise UserError(f"'{obj.name}' has no hips, head and limbs that can be recognised: choose bones in Characters.")
        layer = bpy.context.view_layer
        if not visible_meshes(carried_by(layer.objects).get(obj, []), layer):
            raise UserError(f"'{obj.name}' moves no visible mesh: show one, or give it an Armature modifier.")
        settings.in_pictures = SHOWN


class P2A_OT_choose_map(_OnCharacter, bpy.types.Operator):
    bl_idname = "pose_to_anime.choose_map"
    bl_label = "Choose Map"
    bl_description = "Say what kind of rig this is; bones that you chose for single joints stay"

    map: EnumProperty(name="Map", items=map_items)

    def act(self, obj: bpy.types.Object) -> None:
        require_settable(obj).map = "" if self.map == AUTOMATIC else self.map
        if missing := recognise(obj).missing:
            report(self, {"WARNING"}, f"{len(missing)} joints that a figure needs have no bone in this map")


class P2A_OT_set_joint(_OnCharacter, bpy.types.Operator):
    bl_idname = "pose_to_anime.set_joint"
    bl_label = "Use Selected Bone"
    bl_description = "Use the active bone of the character for this joint"

    joint: StringProperty(name="Joint", options={"SKIP_SAVE"})
    bone: StringProperty(name="Bone", description="Its name; the active bone when empty", options={"SKIP_SAVE"})

    def act(self, obj: bpy.types.Object) -> None:
        active = obj.data.bones.active
        name = self.bone or (active.name if active is not None else "")
        if not name:
            raise UserError("Select the bone in Pose Mode, or name it.")
        set_joint(obj, self.joint, name)
        tell_problems(self, recognise(obj).problems)


class P2A_OT_reset_character(_OnCharacter, bpy.types.Operator):
    bl_idname = "pose_to_anime.reset_character"
    bl_label = "Reset"
    bl_description = "Forget the map and the bones that were chosen for this character, and recognise it anew"

    def act(self, obj: bpy.types.Object) -> None:
        settings = require_settable(obj)
        for name in ("map", "bones", "in_pictures"):
            settings.property_unset(name)
        settings.bones.clear()


class P2A_OT_save_map(Saves, OnFiles, _OnCharacter, bpy.types.Operator):
    bl_idname = "pose_to_anime.save_map"
    bl_label = "Save as My Map"
    bl_description = "Keep which bone is which joint as a map of your own: other characters with such bones are recognised by it"

    name: StringProperty(name="Name", default="My rig", maxlen=60)
    replace: BoolProperty(name="Replace the one of this name", options={"SKIP_SAVE"})
    refresh = staticmethod(refresh)

    def meant(self, context: bpy.types.Context) -> bpy.types.Object:
        obj = the_character(context, self.armature)  # also one of another file: nothing of it is changed
        if obj is None:
            raise UserError("Select the armature of a character of your own.")
        return obj

    def act(self, obj: bpy.types.Object) -> None:
        found = recognise(obj)
        if found.problems:
            raise UserError(found.problems[0])
        if found.missing:
            raise UserError(
                f"{len(found.missing)} joints that a figure needs have no bone yet: choose them before you save the map."
            )
        save_map(self.name, {**found.joints, **found.eyes}, replace_own=self.replace)
        report(self, {"INFO"}, f"Saved the map “{self.name.strip()}”")


class P2A_OT_delete_map(OnFiles, bpy.types.Operator):
    bl_idname = "pose_to_anime.delete_map"
    bl_label = "Delete My Map"
    bl_description = "Delete this map of your own from the disk"

    map: StringProperty(name="Map", options={"SKIP_SAVE"})
    refresh = staticmethod(refresh)

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if any(entry.own for entry in known_maps().entries):
            return True
        cls.poll_message_set(translated("You have saved no map of your own"))
        return False

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def run(self, _context: bpy.types.Context) -> None:
        delete_map(self.map)


def set_joint(obj: bpy.types.Object, joint: str, bone: str) -> None:
    """Choose the bone of a joint; an empty name says that the rig has none. Raises UserError, with nothing changed."""
    settings = require_settable(obj)
    if joint not in MAPPED:
        raise UserError(f"There is no joint '{joint}'.")
    if bone and bone not in obj.data.bones:
        raise UserError(f"'{obj.name}' has no bone '{bone}': choose one from the list.")
    item = settings.bones.get(joint)
    if item is None:
        item = settings.bones.add()
        item.name = joint
    item.bone = bone


CLASSES: tuple[type, ...] = (
    P2A_OT_include_character,
    P2A_OT_choose_map,
    P2A_OT_set_joint,
    P2A_OT_reset_character,
    P2A_OT_save_map,
    P2A_OT_delete_map,
)
