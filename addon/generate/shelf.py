# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies in folders, kept in memory: panels draw it without a look at the disk. At first it is read a piece at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import bpy

from ..pieces import Pieces, at_once, for_a_moment

Content = TypeVar("Content")

LOOK_AGAIN = 1.0  # seconds
SOON = 0.2  # seconds after the start until folders are read, so that starting Blender does not wait for it
_PIECE, _PAUSE = 0.002, 0.01  # seconds of one call of the timer, and until the next


class Shelf(Generic[Content]):
    """The content of some folders, read anew when one of them has changed."""

    def __init__(self, read: Callable[[], Pieces[Content]], folders: Callable[[], tuple[Path, ...]] = tuple) -> None:
        """Without ``folders`` it is read once."""
        self._read, self._folders = read, folders
        self._content: Content | None = None
        self._reading: Pieces[Content] | None = None
        self._stamp: tuple[int, ...] = ()
        self._looked = 0.0
        self.read_soon = self._read_soon  # a timer is known by its function, and each access makes another bound method

    def shown(self) -> Content | None:
        """What was read last, for panels; None until the first reading, which this asks for."""
        if self._content is None and not bpy.app.timers.is_registered(self.read_soon):
            bpy.app.timers.register(self.read_soon, first_interval=SOON, persistent=True)
        return self._content

    def current(self) -> Content:
        """What is there now: read again where a folder has changed since it was last looked at."""
        if self._content is None:
            return self.refresh()
        if time.monotonic() - self._looked > LOOK_AGAIN:
            self._looked = time.monotonic()
            if self._times() != self._stamp:
                return self.refresh()
        return self._content

    def refresh(self) -> Content:
        """Read anew: after every change that we make ourselves, or when the user asks for it."""
        self._stamp, self._looked = self._times(), time.monotonic()
        self._reading = None
        self._content = content = at_once(self._read())
        return content

    def open(self) -> None:
        """Have it read in a moment."""
        bpy.app.timers.register(self.read_soon, first_interval=SOON, persistent=True)

    def close(self) -> None:
        """Forget everything."""
        if bpy.app.timers.is_registered(self.read_soon):
            bpy.app.timers.unregister(self.read_soon)
        self._content, self._reading, self._stamp, self._looked = None, None, (), 0.0

    def _read_soon(self) -> float | None:
        if self._content is not None:
            return None
        if self._reading is None:
            self._stamp, self._looked = self._times(), time.monotonic()
            self._reading = self._read()
        is_whole, content = for_a_moment(self._reading, _PIECE)
        if not is_whole:
            return _PAUSE
        self._content, self._reading = content, None
        return None

    def _times(self) -> tuple[int, ...]:
        """A folder's time changes with every file that is added, renamed or deleted in it."""
        times = []
        for folder in self._folders():
            try:
                times.append(folder.stat().st_mtime_ns)
            except OSError:
                times.append(0)
        return tuple(times)
