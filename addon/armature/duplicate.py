# SPDX-License-Identifier: GPL-3.0-or-later
"""A second figure like the first: body, pose, colour, modes; with data of its own, beside it."""

from __future__ import annotations

from contextlib import ExitStack

import bpy
import numpy as np
from mathutils import Vector

from ..errors import UserError
from .control_rig.link import is_control_rig
from .mannequin import is_mannequin, require_skins, skins_of
from .matching import paused
from .modes import select_only, shown
from .pin_copies import bring_pins_along
from .pose_tools import skin_points
from .worn import worn_by

_GAP = 0.15
"""Metres between a figure and its duplicate."""
_STEP = 0.05
"""Metres: figures nearer than this stand in the same place."""


def duplicate_mannequin(obj: bpy.types.Object) -> bpy.types.Object:
    """Add a figure like this one beside it, and make it selected and active, in Object Mode.

    Raises UserError for anything but a whole mannequin.
    """
    if not is_mannequin(obj):
        raise UserError(f"'{obj.name}' is not a mannequin.")
    if is_control_rig(obj):
        raise UserError(f"'{obj.name}' belongs to a character of your own: duplicate that, and use the duplicate.")
    skins = require_skins(obj)
    layer = bpy.context.view_layer
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    with paused():
        copy = _duplicated(obj, skins)
        points = skin_points(copy)
        copy.matrix_world.translation = _free_place(obj, copy, float(np.ptp(points[:, 0])) + _GAP)
        layer.update()
        bring_pins_along(copy)
        layer.update()
    select_only([copy])
    layer.objects.active = copy
    return copy


def _duplicated(obj: bpy.types.Object, skins: list[bpy.types.Object]) -> bpy.types.Object:
    """Blender's own duplicate of a figure, which points constraints, drivers and modifiers of the copies at each other."""
    layer = bpy.context.view_layer
    parts = (obj, *skins, *worn_by(obj))
    unselectable = [each for each in parts if each.hide_select]
    with ExitStack() as stack:
        for each in parts:
            stack.enter_context(shown(each))
        for each in unselectable:
            each.hide_select = False
        try:
            select_only(parts)
            layer.objects.active = obj
            bpy.ops.object.duplicate(linked=False)
        finally:
            for each in unselectable:
                each.hide_select = True
    copy = layer.objects.active
    for each in (copy, *skins_of(copy)):
        each.hide_select = (obj if each == copy else skins[0]).hide_select
        _make_single_user(each)
    for each in worn_by(copy):
        each.hide_select = True
        each.hide_viewport = each.type == "ARMATURE"  # the bones of hair and cloth, which no one is to see
        _make_single_user(each)
    return copy


def _make_single_user(obj: bpy.types.Object) -> None:
    """What the user's preferences for duplicates would have left shared."""
    if obj.data.users > 1:
        obj.data = obj.data.copy()
    action = obj.animation_data.action if obj.animation_data is not None else None
    if action is not None and action.users > 1:
        obj.animation_data.action = action.copy()


def _free_place(obj: bpy.types.Object, copy: bpy.types.Object, step: float) -> Vector:
    """The first place to the right of a figure, as it is seen from the front, where no other one stands."""
    taken = [other.matrix_world.translation for other in bpy.context.view_layer.objects if is_mannequin(other) and other != copy]
    place = obj.matrix_world.translation.copy()
    while any((place - other).length < _STEP for other in taken):
        place = place + Vector((step, 0.0, 0.0))
    return place
