# SPDX-License-Identifier: GPL-3.0-or-later
"""Duplicates of pinned figures: what the figure pinned to the world goes along to where the duplicate is put.

Blender's Duplicate tells no one. So each pinned figure has its name noted in itself, and where it stands: a figure with the name
of another one in it is that one's duplicate. Until it is posed or pinned for the first time, its pins to the world are moved with
it as a whole; then they hold in the world, as all pins do. Pins to its own body and to other objects are what they were:
Blender's constraints stay with their targets too.
"""

from __future__ import annotations

import bpy
from mathutils import Matrix

from .mannequin import is_mannequin
from .pins import OWNER, has_pins, move_world_pins
from .settled import is_changed

_STANDS = "pose_to_anime_pins_at"
_CLOSE = 1e-6


def bring_pins_along(obj: bpy.types.Object, is_animated: bool = False) -> None:
    """Let the pins of a duplicate that was not posed yet come to where it is now; the evaluated pose must be up to date.

    An animation that moves a figure leaves its pins in the world.
    """
    if not has_pins(obj):
        return
    now = obj.matrix_world
    if not is_animated and _is_fresh_copy(obj):
        if is_changed(obj):
            obj[OWNER] = obj.name
        elif _differ(now, stood := Matrix([obj[_STANDS][row * 4 : row * 4 + 4] for row in range(4)])):
            move_world_pins(obj, now @ stood.inverted_safe())
    elif obj.get(OWNER) != obj.name:
        obj[OWNER] = obj.name
    numbers = [c for row in now for c in row]
    if _STANDS not in obj or any(abs(p - q) > _CLOSE for p, q in zip(numbers, obj[_STANDS], strict=True)):
        obj[_STANDS] = numbers


def _is_fresh_copy(obj: bpy.types.Object) -> bool:
    owner = obj.get(OWNER)
    if owner is None or owner == obj.name or _STANDS not in obj:
        return False
    first = bpy.data.objects.get(owner)  # a figure that was given another name is no duplicate
    return is_mannequin(first) and has_pins(first)


def _differ(a: Matrix, b: Matrix) -> bool:
    return any(abs(p - q) > _CLOSE for row, other in zip(a, b, strict=True) for p, q in zip(row, other, strict=True))
