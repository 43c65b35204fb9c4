# SPDX-License-Identifier: GPL-3.0-or-later
"""The styles that there are to choose from, in memory: menus and panels draw them without a look at the disk."""

from __future__ import annotations

from ..prompting.styles import Styles, read_styles, style_folders
from .shelf import Shelf
from .timer import redraw


def _read() -> Styles:
    found = read_styles()
    redraw()
    return found


_shelf = Shelf(_read, style_folders)
shown, styles, refresh = _shelf.shown, _shelf.current, _shelf.refresh

CLASSES: tuple[type, ...] = ()


def register() -> None:
    _shelf.open()


def unregister() -> None:
    _shelf.close()
