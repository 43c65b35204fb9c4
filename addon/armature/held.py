# SPDX-License-Identifier: GPL-3.0-or-later
"""What a figure holds or sits on, as marks on the objects: read by all that poses figures, written by what hands them props."""

from __future__ import annotations

import bpy

PROP = "pose_to_anime_prop"
_HOLD = "pose_to_anime_hold"

LEFT, RIGHT, BOTH, UNDER, BEHIND = "L", "R", "BOTH", "UNDER", "BEHIND"
"""How a figure has a prop: in a hand, in both, under itself, or as a seat behind itself on which it does not sit yet."""

_SIDES = {LEFT: {"left"}, RIGHT: {"right"}, BOTH: {"left", "right"}}


def is_prop(obj: bpy.types.Object | None) -> bool:
    """True for an object that was added as a prop, and for a copy of one."""
    return obj is not None and obj.type == "MESH" and isinstance(obj.get(PROP), str)


def hold_of(obj: bpy.types.Object) -> str:
    """How its figure has a prop: ``LEFT``, ``RIGHT``, ``BOTH``, ``UNDER`` or ``BEHIND``; empty for one that stands for itself."""
    return str(obj.get(_HOLD, "")) if is_prop(obj) and obj.parent is not None else ""


def set_hold(obj: bpy.types.Object, hold: str) -> None:
    """Note how its parent has a prop; empty where it no longer does."""
    if hold:
        obj[_HOLD] = hold
    elif _HOLD in obj:
        del obj[_HOLD]


def props_of(figure: bpy.types.Object, hold: str = "") -> list[bpy.types.Object]:
    """The props that a figure holds or sits on, and its seat, sorted by name; with ``hold``, those that it has in this way."""
    found = [child for child in figure.children if hold_of(child)]
    return sorted((child for child in found if hold in ("", hold_of(child))), key=lambda child: child.name)


def held_sides(figure: bpy.types.Object) -> set[str]:
    """The sides ("left", "right") whose fingers hold something."""
    found: set[str] = set()
    for held in props_of(figure):
        found |= _SIDES.get(hold_of(held), set())
    return found
