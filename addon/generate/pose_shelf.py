# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose library in memory, with an icon for every thumbnail: panels draw it without a look at the disk."""

from __future__ import annotations

import time
from pathlib import Path

import bpy
import bpy.utils.previews

from ..pose.collection import Collection, Entry, read_collection
from ..pose.library import pose_folders
from ..pose.own_poses import favourites
from ..settings.library import offer_groups
from .timer import redraw

_LOOK_AGAIN = 1.0  # seconds
_SOON = 0.2  # seconds after the start until the library is read, so that starting Blender does not wait for it


class _Shelf:
    collection: Collection | None = None
    favourites: tuple[str, ...] = ()
    stamp: tuple[int, ...] = ()
    looked: float = 0.0
    icons: bpy.utils.previews.ImagePreviewCollection | None = None
    names: dict[str, str]  # key → name of its icon


_shelf = _Shelf()
_shelf.names = {}


def shown() -> Collection | None:
    """What was read last, for panels; None until the first reading, which this asks for."""
    if _shelf.collection is None and not bpy.app.timers.is_registered(_read_soon):
        bpy.app.timers.register(_read_soon, first_interval=_SOON, persistent=True)
    return _shelf.collection


def collection() -> Collection:
    """The library as it is now: read again where a folder has changed since it was last looked at."""
    if _shelf.collection is None:
        return refresh()
    if time.monotonic() - _shelf.looked > _LOOK_AGAIN:
        _shelf.looked = time.monotonic()
        if _stamp() != _shelf.stamp:
            return refresh()
    return _shelf.collection


def marked() -> tuple[str, ...]:
    """Keys of the favourites."""
    return _shelf.favourites


def refresh() -> Collection:
    """Read the library anew: after every change that we make ourselves, or when the user asks for it."""
    _shelf.stamp, _shelf.looked = _stamp(), time.monotonic()
    _shelf.collection = found = read_collection()
    _shelf.favourites = tuple(favourites())
    offer_groups(found.groups)
    _offer_icons(found)
    redraw()
    return found


def icon_of(entry: Entry) -> int:
    """The icon of a pose's thumbnail, 0 where it has none."""
    name = _shelf.names.get(entry.key)
    return _shelf.icons[name].icon_id if _shelf.icons is not None and name in _shelf.icons else 0


def _offer_icons(found: Collection) -> None:
    if _shelf.icons is None:
        return
    wanted: dict[str, tuple[str, Path]] = {}
    for entry in found.entries:
        try:
            changed = entry.preview_path.stat().st_mtime_ns
        except OSError:
            continue
        wanted[f"{entry.own:d} {entry.key} {changed}"] = (entry.key, entry.preview_path)
    for name in [name for name in _shelf.icons if name not in wanted]:
        del _shelf.icons[name]
    for name, (_, path) in wanted.items():
        if name not in _shelf.icons:
            _shelf.icons.load(name, str(path), "IMAGE")
    _shelf.names = {key: name for name, (key, _) in wanted.items()}


def _stamp() -> tuple[int, ...]:
    """A folder's time changes with every file that is added, renamed or deleted in it."""
    times = []
    for folder in pose_folders():
        try:
            times.append(folder.stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return tuple(times)


def _read_soon() -> None:
    if _shelf.collection is None:
        refresh()


CLASSES: tuple[type, ...] = ()


def register() -> None:
    _shelf.icons = bpy.utils.previews.new()
    bpy.app.timers.register(_read_soon, first_interval=_SOON, persistent=True)


def unregister() -> None:
    if bpy.app.timers.is_registered(_read_soon):
        bpy.app.timers.unregister(_read_soon)
    if _shelf.icons is not None:
        bpy.utils.previews.remove(_shelf.icons)
    _shelf.icons, _shelf.collection, _shelf.favourites, _shelf.names = None, None, (), {}
