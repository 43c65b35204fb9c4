# SPDX-License-Identifier: GPL-3.0-or-later
"""The prompts that the user keeps, in memory: menus draw them without a look at the disk."""

from __future__ import annotations

from ..pieces import Pieces
from ..prompting.saved_prompts import SavedPrompts, folders, read_prompts
from .shelf import Shelf
from .timer import redraw


def _read() -> Pieces[SavedPrompts]:
    yield
    found = read_prompts()
    redraw()
    return found


_shelf = Shelf(_read, folders)
shown, prompts, refresh = _shelf.shown, _shelf.current, _shelf.refresh

CLASSES: tuple[type, ...] = ()


def register() -> None:
    _shelf.open()


def unregister() -> None:
    _shelf.close()
