# SPDX-License-Identifier: GPL-3.0-or-later
"""The styles that there are to choose from, in memory: menus and panels draw them without a look at the disk."""

from __future__ import annotations

from ..pieces import Pieces
from ..prompting.recent_styles import note_style, recent_styles
from ..prompting.styles import Style, Styles, read_styles, style_folders
from .shelf import Shelf
from .timer import redraw


class _State:
    recent: tuple[str, ...] = ()


def recent() -> tuple[Style, ...]:
    """Those that the user chose last, for menus."""
    known = shown()
    return tuple(known.entries[name] for name in _State.recent if name in known.entries) if known else ()


def chosen(name: str) -> None:
    """The user has chosen a style."""
    note_style(name)
    _State.recent = recent_styles()


def _read() -> Pieces[Styles]:
    yield
    found = read_styles()
    _State.recent = recent_styles()
    redraw()
    return found


_shelf = Shelf(_read, style_folders)
shown, styles, refresh = _shelf.shown, _shelf.current, _shelf.refresh

CLASSES: tuple[type, ...] = ()


def register() -> None:
    _shelf.open()


def unregister() -> None:
    _shelf.close()
