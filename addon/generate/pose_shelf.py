# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose library in memory, with an icon for every thumbnail: panels draw it without a look at the disk."""

from __future__ import annotations

from pathlib import Path

from ..pieces import Pieces
from ..pose.collection import Collection, Entry, reading_collection
from ..pose.library import pose_folders
from ..pose.own_poses import favourites
from ..settings.library import offer_groups
from .icon_files import IconFiles
from .shelf import Shelf
from .timer import redraw


class _State:
    favourites: tuple[str, ...] = ()
    names: dict[str, str]  # key → name of its icon


_icons = IconFiles()
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
    return _icons.icon(_state.names.get(entry.key, ""))


def _read() -> Pieces[Collection]:
    found = yield from reading_collection()
    _state.favourites = tuple(favourites())
    offer_groups(found.groups)
    yield
    _offer_icons(found)
    redraw()
    return found


_shelf = Shelf(_read, pose_folders)


def _offer_icons(found: Collection) -> None:
    if not _icons.is_open:
        return
    wanted: dict[str, tuple[str, Path]] = {}
    for entry in found.entries:
        try:
            changed = entry.preview_path.stat().st_mtime_ns
        except OSError:
            continue
        wanted[f"{entry.own:d} {entry.key} {changed}"] = (entry.key, entry.preview_path)
    for name in _icons.names():
        if name not in wanted:
            _icons.drop(name)
    for name, (_, path) in wanted.items():
        _icons.load(name, path)
    _state.names = {key: name for name, (key, _) in wanted.items()}


CLASSES: tuple[type, ...] = ()


def register() -> None:
    _icons.open()
    _shelf.open()


def unregister() -> None:
    _shelf.close()
    _icons.close()
    _state.favourites, _state.names = (), {}
