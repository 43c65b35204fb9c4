# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's modes, selection and visibility around what our code does to a figure: changed for the while, then as before."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

import bpy

from ..errors import UserError
from ..keys import key_of


@contextmanager
def shown(obj: bpy.types.Object) -> Generator[None, None, None]:
    """Meanwhile an object can be seen: many hide the armature to look at the figure, and Blender edits nothing that is hidden.

    Raises UserError where its collection is hidden.
    """
    was_hidden, was_off = obj.hide_get(), obj.hide_viewport
    if was_off:
        obj.hide_viewport = False
    if was_hidden:
        obj.hide_set(False)
    try:
        if not obj.visible_get():
            raise UserError(f"'{obj.name}' is in a hidden collection: show that first.")
        yield
    finally:
        if was_hidden:
            obj.hide_set(True)
        if was_off:
            obj.hide_viewport = True


def layer_in(context: bpy.types.Context) -> bpy.types.ViewLayer | None:
    """The view layer, for polls: None where the context has no scene, in which Blender itself would crash when it is asked."""
    return context.view_layer if context.scene is not None else None


def mode_in(context: bpy.types.Context) -> str:
    """The mode, for polls: empty where the context has no scene, in which Blender would crash too."""
    return context.mode if layer_in(context) is not None else ""


def posed_objects() -> list[bpy.types.Object]:
    """The objects in Pose Mode: Blender can have several at a time."""
    return list(bpy.context.objects_in_mode) if bpy.context.mode == "POSE" else []


@contextmanager
def object_mode() -> Generator[None, None, None]:
    """Object Mode; afterwards the posed objects that are left are posed again, with the same active object and selection."""
    layer = bpy.context.view_layer
    active = layer.objects.active
    in_pose = {key_of(obj) for obj in posed_objects()}
    selected = {key_of(obj) for obj in layer.objects if obj.select_get()}
    leaving = key_of(active) if active is not None else None
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    try:
        yield
    finally:
        if bpy.context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        posed = [obj for obj in layer.objects if key_of(obj) in in_pose]
        left = (obj for obj in layer.objects if key_of(obj) == leaving)
        layer.objects.active = next(left, None) or next(iter(posed), None)
        if posed and layer.objects.active in posed:
            select_only(posed)
            bpy.ops.object.mode_set(mode="POSE")
        select_only(obj for obj in layer.objects if key_of(obj) in selected)


@contextmanager
def edit_mode(obj: bpy.types.Object) -> Generator[None, None, None]:
    """Edit Mode of this armature alone; afterwards mode, selection and active object are as before."""
    with object_mode():
        select_only([])
        bpy.context.view_layer.objects.active = obj
        bpy.ops.object.mode_set(mode="EDIT")
        yield


def select_only(objects: Iterable[bpy.types.Object]) -> None:
    """Select these objects of the view layer and no other."""
    wanted = list(objects)
    for obj in bpy.context.view_layer.objects:
        if obj.select_get() != (obj in wanted):
            obj.select_set(obj in wanted)
