# SPDX-License-Identifier: GPL-3.0-or-later
"""The one timer: reads what the bridge has told, does what follows from it piece by piece, and has the panels drawn anew.

Each call stays far under 30 ms: what takes longer is cut into tasks, of which none is begun when there is little time left, and
each call is measured.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Protocol

import bpy

from . import session as _session
from .session import session

BUSY = 0.1  # seconds between calls while a job runs, or something else goes on
SOON = 0.02  # while there are tasks
TASK_LIMIT = 0.002  # seconds into a call after which no task is begun, unless it waits for that already
IDLE = 1.0  # while a bridge is there and nothing happens


class Watcher(Protocol):
    """Something beside the bridge that goes on outside Blender."""

    @property
    def is_busy(self) -> bool:
        """Whether it is to be looked at."""

    def poll(self) -> bool:
        """Look at it, in a moment; True when something changed."""


watchers: list[Watcher] = []

_tasks: deque[tuple[str, Callable[[], None]]] = deque()


class _State:
    waited = False  # whether the last call came to no task


def later(name: str, task: Callable[[], None]) -> None:
    """Do ``task`` in one of the next calls, alone; a task of the same name that still waits is replaced."""
    for index, (waiting, _) in enumerate(_tasks):
        if waiting == name:
            _tasks[index] = (name, task)
            break
    else:
        _tasks.append((name, task))
    start()


def start() -> None:
    """Have the timer run, if it does not."""
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=SOON, persistent=True)


def tick() -> float | None:
    """One call. Returns the seconds to the next one, or None when there is nothing left to watch."""
    began = time.perf_counter()
    part = "poll"
    try:
        changed = _session.poll()
        for watcher in watchers:
            changed = watcher.poll() or changed
        for number in range(len(_tasks)):  # what they add is for the next call
            if time.perf_counter() - began > TASK_LIMIT and (number or not _State.waited):
                _State.waited = not number
                break
            _State.waited = False
            part, task = _tasks.popleft()
            task()
            changed = True
        if changed:
            redraw()
    except Exception as error:  # a timer that raises is never called again: the user would wait for ever
        traceback.print_exc()
        _session.fail(f"Something went wrong ({type(error).__name__}: {error}). Blender's console says more.")
    session.stats.note((time.perf_counter() - began) * 1000.0, part)
    if _tasks:
        return SOON
    if session.is_busy or any(watcher.is_busy for watcher in watchers):
        return BUSY
    return IDLE if session.link is not None else None


def redraw() -> None:
    """Have our panels drawn anew, and Image Editors whole: of 3D views the sidebars alone, for all of one can take a tenth of a
    second."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("VIEW_3D", "IMAGE_EDITOR"):
                parts = ("UI", "WINDOW") if area.ui_type == "IMAGE_EDITOR" else ("UI",)
                for region in area.regions:
                    if region.type in parts:
                        region.tag_redraw()


CLASSES: tuple[type, ...] = ()


def register() -> None:
    _session.wake.append(start)


def unregister() -> None:
    _session.wake.remove(start)
    _tasks.clear()
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
