# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of figures and whole poses."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty

from ..armature.auto_keys import changes_keyed
from ..armature.control_rig.link import controls_of, is_control_rig
from ..armature.control_rig.use import let_go
from ..armature.held import props_of
from ..armature.mannequin import DEFAULT_MANNEQUIN, add_mannequin, is_mannequin, remove_mannequin
from ..armature.modes import layer_in, mode_in, object_mode
from ..armature.posing import reset_pose
from ..armature.props.objects import remove_props
from ..dressing import toon
from ..errors import UserError
from ..framing.startup import is_startup_cube
from ..framing.viewport import bring_near
from ..generate import body_shelf
from ..generate.request import warm_up
from ..settings.library import number_of
from ..translations import translated
from .on_armature import OnArmature
from .reporting import Reporting, report

EnumItems = list[tuple[str, str, str]]

NO_MANNEQUIN = "Add a mannequin first: Add menu, Mannequin"


def the_mannequin(context: bpy.types.Context, name: str = "") -> bpy.types.Object | None:
    """The mannequin that is meant: by name, else the active object or the one that carries it, else the only one in view."""
    if name:
        named = object_named(context.scene, name)
        return named if is_mannequin(named) else None
    if (layer := layer_in(context)) is None:
        return None
    active = layer.objects.active
    for candidate in (active, active.parent if active else None, _controls_of(active)):
        if is_mannequin(candidate):
            return candidate
    found = [obj for obj in layer.objects if is_mannequin(obj)]
    return found[0] if len(found) == 1 else None


def _controls_of(obj: bpy.types.Object | None) -> bpy.types.Object | None:
    """What drives a character, or the character that moves a mesh."""
    armature = obj.find_armature() if obj is not None and obj.type == "MESH" else obj
    return controls_of(armature) if armature is not None and armature.type == "ARMATURE" else None


def object_named(scene: bpy.types.Scene, name: str) -> bpy.types.Object | None:
    """The object that a name means. One that is linked from another file may have the same name: that of this file is meant."""
    found = [obj for obj in scene.objects if obj.name == name]
    return next((obj for obj in found if obj.library is None), found[0] if found else None)


def needs_mannequin(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """A poll: is there a figure to act on?"""
    layer = layer_in(context)
    if layer is not None and any(map(is_mannequin, layer.objects)):
        return True
    cls.poll_message_set(translated(NO_MANNEQUIN))
    return False


def require_mannequin(context: bpy.types.Context, name: str) -> bpy.types.Object:
    """Like ``the_mannequin``, but raises UserError when it is not clear which one is meant."""
    found = the_mannequin(context, name)
    if found is None:
        raise UserError(f"There is no mannequin '{name}' in this scene." if name else "Select the mannequin you mean.")
    return found


def readable(name: str) -> str:
    """The name of a data file as people write it."""
    return name.replace("_", " ").capitalize()


NumberedItems = list[tuple[str, str, str, str, int]]

# Blender does not keep the strings of a dynamic enum alive: this list must.
_mannequin_items: NumberedItems = []
_items_of: list[object] = [None]


def mannequin_items(_operator: object, _context: bpy.types.Context | None) -> NumberedItems:
    """The bodies to choose from. The default one has number 0, which is what an operator begins with."""
    found = body_shelf.bodies()
    if _items_of[0] is not found:
        _items_of[0] = found
        _mannequin_items[:] = [
            (
                entry.key,
                entry.title,
                "A child's body" if entry.age == "child" else "An adult's body",
                "USER" if entry.own else "NONE",
                0 if entry.key == DEFAULT_MANNEQUIN else number_of(entry.key),
            )
            for entry in found.entries
        ]
    return _mannequin_items


class P2A_OT_add_mannequin(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.add_mannequin"
    bl_label = "Mannequin"
    bl_description = "Add a figure that is posed by dragging its dots. It stands on the ground at the 3D cursor"

    mannequin: EnumProperty(name="Body", items=mannequin_items)
    start_posing: BoolProperty(name="Start posing", description="Go into Pose Mode at once", default=False)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if mode_in(context) in {"OBJECT", "POSE"}:
            return True
        cls.poll_message_set(translated("Go to Object Mode first"))
        return False

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        is_first = not any(is_mannequin(obj) for obj in context.view_layer.objects)
        done = self.execute(context)
        if is_first and done == {"FINISHED"} and context.mode == "OBJECT":
            bring_near(context, context.view_layer.objects.active)  # in a new file a figure is seen ten dots high
        return done

    def run(self, context: bpy.types.Context) -> None:
        cursor = context.scene.cursor.location
        toon.follow(context.scene, add_mannequin(context, self.mannequin, (cursor.x, cursor.y, 0.0)))
        for obj in context.visible_objects:
            if is_startup_cube(obj):  # the figure would stand in it up to the waist
                obj.hide_set(True)
                report(self, {"INFO"}, "The start-up cube is hidden: Alt-H shows it again")
        if self.start_posing:
            bpy.ops.object.mode_set(mode="POSE")
        warm_up(context.scene, context.view_layer)


class _OnMannequin(OnArmature):
    """What these operators share: they act on one mannequin."""

    none_there = NO_MANNEQUIN

    @classmethod
    def is_one(cls, obj: bpy.types.Object) -> bool:
        return is_mannequin(obj)

    def meant(self, context: bpy.types.Context) -> bpy.types.Object:
        return require_mannequin(context, self.armature)


class _Posing(_OnMannequin):
    """For verbs that pose: with Auto Keying on, what they change is keyed, as it is by Blender's own tools."""

    def run(self, context: bpy.types.Context) -> None:
        with changes_keyed(context):
            super().run(context)


class P2A_OT_remove_mannequin(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.remove_mannequin"
    bl_label = "Remove Mannequin"
    bl_description = "Remove the figure with its skin, and with what it holds"

    def act(self, obj: bpy.types.Object) -> None:
        held = props_of(obj)
        layer = bpy.context.view_layer
        with object_mode():  # others that are being posed go on being posed
            if is_control_rig(obj):
                let_go(obj)
            else:
                remove_mannequin(obj)
            remove_props(held)
        if layer.objects.active is None:
            following = next((other for other in layer.objects if is_mannequin(other) and other.visible_get()), None)
            layer.objects.active = following
            if following is not None:
                following.select_set(True)


class P2A_OT_reset_pose(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.reset_pose"
    bl_label = "Reset Pose"
    bl_description = "Bring the figure back to the stance in which it was added"

    def act(self, obj: bpy.types.Object) -> None:
        reset_pose(obj)


def _draw_in_add_menu(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator_context = "INVOKE_REGION_WIN"
    menu.layout.operator_menu_enum(P2A_OT_add_mannequin.bl_idname, "mannequin", icon="OUTLINER_OB_ARMATURE")


CLASSES: tuple[type, ...] = (P2A_OT_add_mannequin, P2A_OT_remove_mannequin, P2A_OT_reset_pose)


def register() -> None:
    bpy.types.VIEW3D_MT_add.append(_draw_in_add_menu)


def unregister() -> None:
    bpy.types.VIEW3D_MT_add.remove(_draw_in_add_menu)
