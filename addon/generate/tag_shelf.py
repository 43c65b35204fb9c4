# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the lists of tags a little at a time, so that nobody waits: ours after Blender has started, a user's own, which may be
long, once somebody searches for a tag."""

from __future__ import annotations

import time
from collections.abc import Callable

import bpy

from ..prompting.tag_list import the_list
from .session import session

_PAUSE = 0.01
_AFTER_START = 1.0


def _read_ours() -> float | None:
    return _PAUSE if _timed(the_list().step) else None


def _read_users() -> float | None:
    if _timed(the_list().step_users):
        return _PAUSE
    for problem in the_list().problems:
        print(f"Pose to Anime: {problem}")
    return None


def _timed(step: Callable[[], bool]) -> bool:
    began = time.perf_counter()
    try:
        return step()
    finally:
        session.stats.note((time.perf_counter() - began) * 1000.0, "tags")


class _State:
    asked = False


def searched() -> None:
    """Somebody searches for a tag: time to read the user's own lists."""
    if not _State.asked and not bpy.app.background:
        _State.asked = True
        bpy.app.timers.register(_read_users)


CLASSES: tuple[type, ...] = ()


def register() -> None:
    if not bpy.app.background:
        bpy.app.timers.register(_read_ours, first_interval=_AFTER_START, persistent=True)


def unregister() -> None:
    for timer in (_read_ours, _read_users):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
