# SPDX-License-Identifier: GPL-3.0-or-later
"""After any edit of a figure's controls: ``follow`` does what was meant, ``come_to_rest`` brings dots back to their places."""

from __future__ import annotations

import bpy

from .hand_turns import let_go_of_hands, share_turns
from .matching import follow_edits, settle
from .pin_copies import bring_pins_along
from .pins import after_rest, hold, taken_pins
from .reaching import lead_hinges
from .solving import restore_solvers
from .wishes import forget_wishes, grant, key_if_automatic


def follow(obj: bpy.types.Object) -> bool:
    """Do what was meant by the edits since the rig was last settled; the evaluated pose must be up to date, and is so afterwards.

    True when something was written.
    """
    bring_pins_along(obj)
    wrote = restore_solvers(obj)
    if wrote:
        bpy.context.view_layer.update()
    wrote |= grant(obj)
    # Before limbs change their modes: a pinned hand that rides along with the body was not moved by a person.
    wrote |= hold(obj)
    if share_turns(obj):
        bpy.context.view_layer.update()
        wrote = True
    if follow_edits(obj):
        bpy.context.view_layer.update()
        wrote = True
    if lead_hinges(obj):
        bpy.context.view_layer.update()
        hold(obj)  # a pinned hand goes along with an elbow that was led aside
        wrote = True
    return wrote


def come_to_rest(obj: bpy.types.Object, force: bool = False) -> bool:
    """What the end of a drag does: every dot goes to its joint, and what is seen is settled. True when something was written."""
    key_if_automatic(obj)
    let_go_of_hands(obj)
    taken = taken_pins(obj)
    wrote = forget_wishes(obj)
    wrote |= settle(obj, force)
    after_rest(obj, taken)
    return wrote
