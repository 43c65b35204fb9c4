# SPDX-License-Identifier: GPL-3.0-or-later
"""What is worth a look only when the hand rests: a drag changes the scene at every move of the mouse."""

from __future__ import annotations

from collections.abc import Callable

import bpy

REST = 0.4
"""Seconds without a change."""


def at_rest(look: Callable[[], None], seconds: float = REST) -> None:
    """Have Blender call ``look`` once, so many seconds after the last time that this was called for it."""
    if bpy.app.timers.is_registered(look):
        bpy.app.timers.unregister(look)
    bpy.app.timers.register(look, first_interval=seconds)
