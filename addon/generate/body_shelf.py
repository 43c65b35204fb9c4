# SPDX-License-Identifier: GPL-3.0-or-later
"""The bodies that there are to choose from, in memory: menus and panels draw them without a look at the disk."""

from __future__ import annotations

from ..armature.bodies import Bodies, body_folders, reading_bodies
from ..pieces import Pieces
from .shelf import Shelf
from .timer import redraw


def _read() -> Pieces[Bodies]:
    found = yield from reading_bodies()
    redraw()
    return found


_shelf = Shelf(_read, body_folders)
shown, bodies, refresh = _shelf.shown, _shelf.current, _shelf.refresh

CLASSES: tuple[type, ...] = ()


def register() -> None:
    _shelf.open()


def unregister() -> None:
    _shelf.close()
