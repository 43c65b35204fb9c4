# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands that are dragged together with the chest: each goes as far as the mouse, though the chest carries its dot too.

Blender moves every selected dot by the mouse's way; the chest that bends toward its own dot would take the hands along once more.
"""

from __future__ import annotations

import bpy
from mathutils import Matrix, Vector

from .limbs import LIMBS
from .settled import settled_dot
from .spine import Trunk

_ALONG = "pose_to_anime_hands_along"
_CHANGED = 1e-5


def keep_hands_in_step(obj: bpy.types.Object, start: Trunk, end: Trunk, is_chest_moved: bool) -> bool:
    """Put dragged hands where the mouse brought them, seen from where the chest was at the ``start`` of the drag; it is at
    ``end`` now. What was written is kept beside what was wished, to be known again. True when something was written."""
    known = {suffix: list(values) for suffix, values in obj.get(_ALONG, {}).items()}
    kept: dict[str, list[float]] = {}
    wrote = False
    for limb in (limb for limb in LIMBS if limb.kind == "arm"):
        settled, dot = settled_dot(obj, limb), obj.pose.bones[limb.target]
        if settled is None:
            continue
        wish = dot.location.copy()
        if limb.suffix in known and (wish - Vector(known[limb.suffix][3:])).length <= _CHANGED:
            wish = Vector(known[limb.suffix][:3])
        place = wish
        if is_chest_moved and (wish - Vector(settled[:3])).length > _CHANGED:
            before, now = (_carried(obj, trunk, limb.target) for trunk in (start, end))
            place = now.inverted() @ (before @ wish)
            kept[limb.suffix] = [*wish, *place]
        if (place - dot.location).length > _CHANGED:
            dot.location = place
            wrote = True
    if kept:
        obj[_ALONG] = kept
    elif known:
        forget_hands(obj)
    return wrote


def forget_hands(obj: bpy.types.Object) -> None:
    if _ALONG in obj:
        del obj[_ALONG]


def _carried(obj: bpy.types.Object, trunk: Trunk, dot: str) -> Matrix:
    """The axes in which a hand's dot is placed, as a trunk carries them."""
    bone = obj.data.bones[dot]
    return trunk.matrices[bone.parent.name] @ bone.parent.matrix_local.inverted() @ bone.matrix_local
