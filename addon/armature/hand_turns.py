# SPDX-License-Identifier: GPL-3.0-or-later
"""A hand that is turned itself, by a ring, by Blender's Rotate or by numbers: what is beyond its wrist, the forearm does.

No muscle twists a wrist: who takes hold of a hand to turn it over means the forearm. While the mouse turns, Blender writes the
hand's rotation anew each time, counted from the forearm as it was at first. So each time the hand is turned from there, and what
was written is kept beside what was wished, in the file, to be known again.
"""

from __future__ import annotations

import bpy
from mathutils import Quaternion

from .auto_keys import insert_auto_keys
from .limbs import LIMBS, Limb
from .limits import within_limits
from .matching import is_ik
from .pins import is_held
from .settled import LimbState, canonical, differs, limb_states, settled_limbs
from .wrist import share_turn

_TURNED = "pose_to_anime_hands_turned"
"""Suffix of an arm → the hand's rotation as it was wished, as it was written, and the forearm's: three quaternions."""


def share_turns(obj: bpy.types.Object) -> bool:
    """Let forearms take what hands were turned beyond their wrists; the evaluated pose must be up to date. True when something
    was written."""
    settled = settled_limbs(obj)
    if settled is None:
        return False
    known = {suffix: list(values) for suffix, values in obj.get(_TURNED, {}).items()}
    kept: dict[str, list[float]] = {}
    wrote = False
    for limb, current, before in zip(LIMBS, limb_states(obj), settled, strict=True):
        if limb.end_keeps_orientation or is_held(obj, limb.target):
            continue
        wish = _wish(obj, limb, current, before, known.get(limb.suffix))
        if wish is None:
            continue
        wrote |= share_turn(obj, limb, wish, Quaternion(before.joints[4:8]), is_ik(obj, limb))
        if differs(list(wish), before.end):
            now = limb_states(obj)[LIMBS.index(limb)]
            kept[limb.suffix] = [*wish, *now.end, *now.joints[4:8]]
    if kept:
        obj[_TURNED] = kept
    elif known:
        del obj[_TURNED]
    return wrote


def let_go_of_hands(obj: bpy.types.Object) -> None:
    """The end of a turn. With Auto Keying, Blender has keyed what was wished of the hand: what holds the pose is keyed now."""
    turned = obj.get(_TURNED)
    if turned is None:
        return
    arms = [limb for limb in LIMBS if limb.suffix in turned and not limb.end_keeps_orientation]
    keyed = [limb.end for limb in arms] + [limb.lower for limb in arms if not is_ik(obj, limb)]
    insert_auto_keys(bpy.context, [obj.pose.bones[name] for name in keyed])
    del obj[_TURNED]


def _wish(
    obj: bpy.types.Object, limb: Limb, current: LimbState, before: LimbState, known: list[float] | None
) -> Quaternion | None:
    """How the hand should be turned against the forearm as that was settled; None where that is not for the forearm to do: the
    wrist does it alone, or the dot or the forearm was turned as well."""
    if differs(current.target_rotation, before.target_rotation):
        return None
    if differs(current.joints[4:8], known[8:12] if known is not None else before.joints[4:8]):
        return None
    if known is not None:
        return Quaternion(known[:4] if not differs(current.end, known[4:8]) else current.end)
    turned = Quaternion(current.end)
    is_beyond = differs(list(canonical(within_limits(obj.pose.bones[limb.end], turned))), current.end)
    return turned if is_beyond and differs(current.end, before.end) else None
