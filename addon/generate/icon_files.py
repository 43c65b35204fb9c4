# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures from files as icons, read by us, a few at each call of a timer, before they are drawn.

Left alone, Blender reads such a picture when it is first drawn, in a job that ends a tenth of a second after its last. What is
drawn first between that end and the moment in which Blender notices it stays empty for ever (``PreviewLoadJob`` in its
``interface_icons.cc``): a sidebar that is drawn slowly, or scrolled, has holes. A picture that is read already needs no such job.
"""

from __future__ import annotations

import time
from pathlib import Path

import bpy
import bpy.utils.previews

from .timer import redraw

_PAUSE = 0.02  # seconds between two calls of the timer
_PIECE = 0.004
"""Seconds of one. A picture of 128 pixels takes half a millisecond, ten times that where Blender first sees it, and the first of
a session a tenth of a second in Blender 5.2, which gets its readers ready: right after the start, where the poses are read. A
result takes 15 to 20 milliseconds, once: then it is in Blender's own cache."""


class IconFiles:
    """Icons by name. Blender wants them given back: whoever has some calls ``open`` and ``close`` in its hooks."""

    def __init__(self) -> None:
        self._loaded: bpy.utils.previews.ImagePreviewCollection | None = None
        self._unread: dict[str, bool] = {}  # in the order in which they came; whether somebody wants to draw it
        self._read_soon = self._read_on  # a timer is known by its function, and each access makes another bound method

    @property
    def is_open(self) -> bool:
        return self._loaded is not None

    def open(self) -> None:
        self._loaded = bpy.utils.previews.new()

    def close(self) -> None:
        if bpy.app.timers.is_registered(self._read_soon):
            bpy.app.timers.unregister(self._read_soon)
        if self._loaded is not None:
            bpy.utils.previews.remove(self._loaded)
        self._loaded = None
        self._unread.clear()

    def names(self) -> list[str]:
        return list(self._loaded or ())

    def load(self, name: str, path: Path) -> None:
        """Have an icon of this file, and have it read soon."""
        if self._loaded is None or name in self._loaded:
            return
        self._loaded.load(name, str(path), "IMAGE")
        self._unread[name] = False
        if not bpy.app.timers.is_registered(self._read_soon):
            bpy.app.timers.register(self._read_soon, first_interval=_PAUSE, persistent=True)

    def drop(self, name: str) -> None:
        if self._loaded is not None:
            del self._loaded[name]
            self._unread.pop(name, None)

    def icon(self, name: str) -> int:
        """The icon of a name, to be drawn; an empty one until its picture is read, 0 for one that has none."""
        if self._loaded is None or name not in self._loaded:
            return 0
        if name in self._unread:
            self._unread[name] = True
            return _empty()
        return int(self._loaded[name].icon_id)

    def _read_on(self) -> float | None:
        """What somebody wants to draw first; then it is drawn."""
        began = time.perf_counter()
        wanted = [name for name, is_drawn in self._unread.items() if is_drawn]
        shows = False
        while self._loaded is not None and self._unread and time.perf_counter() - began < _PIECE:
            name = wanted.pop(0) if wanted else next(iter(self._unread))
            shows = self._unread.pop(name) or shows
            _ = tuple(self._loaded[name].image_size)  # asked for its size, Blender reads it at once
        if shows:
            redraw()
        return _PAUSE if self._unread else None


def _empty() -> int:
    """An icon that is there and shows nothing: what is below it stays in its place."""
    return int(bpy.types.UILayout.bl_rna.functions["prop"].parameters["icon"].enum_items["BLANK1"].value)
