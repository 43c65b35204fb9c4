# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose library in memory, with an icon for every thumbnail: panels draw it without a look at the disk."""

from __future__ import annotations

from pathlib import Path

import bpy
import bpy.utils.previews

from ..pose.collection import Collection, Entry, read_collection
from ..pose.library import pose_folders
from ..pose.own_poses import favourites
from ..settings.library import offer_groups
from .shelf import Shelf
from .timer import redraw


class _State:
    favourites: tuple[str, ...] = ()
    icons: bpy.utils.previews.ImagePreviewCollection | None = None
    names: dict[str, str]  # key → name of its icon


_state = _State()
_state.names = {}


def shown() -> Collection | None:
    """What was read last, for panels; None until the first reading, which this asks for."""
    return _shelf.shown()


def collection() -> Collection:
    """The library as it is now: read again where a folder has changed since it was last looked at."""
    return _shelf.current()


def marked() -> tuple[str, ...]:
    """Keys of the favourites."""
    return _state.favourites


def refresh() -> Collection:
    """Read the library anew: after every change that we make ourselves, or when the user asks for it."""
    return _shelf.refresh()


def icon_of(entry: Entry) -> int:
    """The icon of a pose's thumbnail, 0 where it has none."""
    name = _state.names.get(entry.key)
    return _state.icons[name].icon_id if _state.icons is not None and name in _state.icons else 0


def _read() -> Collection:
    found = read_collection()
    _state.favourites = tuple(favourites())
    offer_groups(found.groups)
    _offer_icons(found)
    redraw()
    return found


_shelf = Shelf(_read, pose_folders)


def _offer_icons(found: Collection) -> None:
    if _state.icons is None:
        return
    wanted: dict[str, tuple[str, Path]] = {}
    for entry in found.entries:
        try:
            changed = entry.preview_path.stat().st_mtime_ns
        except OSError:
            continue
        wanted[f"{entry.own:d} {entry.key} {changed}"] = (entry.key, entry.preview_path)
    for name in [name for name in _state.icons if name not in wanted]:
        del _state.icons[name]
    for name, (_, path) in wanted.items():
        if name not in _state.icons:
            _state.icons.load(name, str(path), "IMAGE")
    _state.names = {key: name for name, (key, _) in wanted.items()}


CLASSES: tuple[type, ...] = ()


def register() -> None:
    _state.icons = bpy.utils.previews.new()
    _shelf.open()


def unregister() -> None:
    _shelf.close()
    if _state.icons is not None:
        bpy.utils.previews.remove(_state.icons)
    _state.icons, _state.favourites, _state.names = None, (), {}
