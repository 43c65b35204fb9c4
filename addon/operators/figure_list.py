# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of several figures: taking one in hand, a duplicate, hiding; and each figure's colour as a property."""

from __future__ import annotations

import bpy
from bpy.props import FloatVectorProperty, PointerProperty

from ..armature.colour import figure_colour, set_figure_colour
from ..armature.duplicate import duplicate_mannequin
from ..armature.figures import is_figure_shown, show_figure
from ..armature.mannequin import is_mannequin, is_own
from ..armature.modes import mode_in, object_mode, select_only
from ..translations import translated
from .figure import _OnMannequin, needs_mannequin
from .posing import enter_pose_mode


class P2A_OT_choose_figure(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.choose_figure"
    bl_label = "Choose Figure"
    bl_description = "Make this the figure that is meant; while one is being posed, this one is posed next"

    def act(self, obj: bpy.types.Object) -> None:
        if bpy.context.mode == "POSE" and obj.visible_get() and is_own(obj):
            enter_pose_mode(bpy.context, obj)
            return
        if bpy.context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        select_only([obj])
        bpy.context.view_layer.objects.active = obj


class P2A_OT_duplicate_mannequin(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.duplicate_mannequin"
    bl_label = "Duplicate Mannequin"
    bl_description = "Add another figure like this one beside it: the same body, pose and colour, to be changed by itself"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if mode_in(context) not in {"OBJECT", "POSE"}:
            cls.poll_message_set(translated("Go to Object Mode first"))
            return False
        return needs_mannequin(cls, context)

    def act(self, obj: bpy.types.Object) -> None:
        was_posing = bpy.context.mode == "POSE"
        copy = duplicate_mannequin(obj)
        if was_posing:
            enter_pose_mode(bpy.context, copy)


class P2A_OT_show_figure(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.show_figure"
    bl_label = "Show or Hide Figure"
    bl_description = "Hide the figure, so that it is in no picture either, or show it again"

    def act(self, obj: bpy.types.Object) -> None:
        with object_mode():
            show_figure(obj, not is_figure_shown(obj))


def _read_colour(group: bpy.types.PropertyGroup) -> tuple[float, float, float]:
    return figure_colour(group.id_data)


def _set_colour(group: bpy.types.PropertyGroup, value: tuple[float, float, float]) -> None:
    if is_mannequin(group.id_data) and group.id_data.library is None:
        set_figure_colour(group.id_data, value)


class P2A_PG_figure(bpy.types.PropertyGroup):
    """``object.pose_to_anime_figure``. It stores nothing: the colour is that of the skin's material."""

    colour: FloatVectorProperty(
        name="Colour", description="Colour of the figure's skin in the 3D view. The control images do not show it",
        subtype="COLOR", size=3, min=0.0, max=1.0, options=set(), get=_read_colour, set=_set_colour,
    )  # fmt: skip


CLASSES: tuple[type, ...] = (P2A_OT_choose_figure, P2A_OT_duplicate_mannequin, P2A_OT_show_figure, P2A_PG_figure)


def register() -> None:
    bpy.types.Object.pose_to_anime_figure = PointerProperty(type=P2A_PG_figure)


def unregister() -> None:
    del bpy.types.Object.pose_to_anime_figure
