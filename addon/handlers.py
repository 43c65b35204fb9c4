# SPDX-License-Identifier: GPL-3.0-or-later
"""The functions that Blender calls when something happens: a module's own are put on together, and taken off together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bpy

Handlers = Sequence[tuple[str, Callable[..., None]]]
"""The name of a list in ``bpy.app.handlers``, and a function in it."""


def put_on(handlers: Handlers) -> None:
    """Have Blender call them, after those that it calls already."""
    for name, handler in handlers:
        getattr(bpy.app.handlers, name).append(handler)


def take_off(handlers: Handlers) -> None:
    """Have Blender call them no more; those that somebody has taken off already are no fault."""
    for name, handler in handlers:
        called = getattr(bpy.app.handlers, name)
        if handler in called:
            called.remove(handler)
