# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the server keeps results, shown and set from Blender: asked for and told through the bridge."""

from __future__ import annotations

from typing import Any

import bpy

from ..errors import UserError
from ..settings import history as settings
from . import errands, timer
from . import session as _session
from .link import LinkError

_ERRAND = "server_settings"


def ask() -> None:
    """Have the server tell its limits. Raises UserError, LinkError."""
    errands.begin(_ERRAND, _told)


class _State:
    taking = False  # what the server has told, which is no wish of the user's
    again = False  # changed while the last change was on its way


def _limits() -> bpy.types.PropertyGroup:
    return bpy.context.window_manager.pose_to_anime.server_limits


def _told(result: Any) -> None:
    if _State.again:  # what was told is old already
        _State.again = False
        _changed()
        return
    limits = _limits()
    _State.taking = True
    try:
        limits.keep_gib, limits.keep_days = float(result["keep_gib"]), float(result["keep_days"])
        limits.known = True
    finally:
        _State.taking = False
    timer.redraw()


def _changed() -> None:
    """The user drags a number: sent when the timer has time, and once for what has become of it by then."""
    if not _State.taking and _limits().known:
        timer.later("server limits", _send)


def _send() -> None:
    if errands.is_running(_ERRAND):
        _State.again = True
        return
    limits = _limits()
    try:
        errands.begin(_ERRAND, _told, changes={"keep_gib": limits.keep_gib, "keep_days": limits.keep_days})
    except (UserError, LinkError) as error:
        _session.fail(str(error))


def _forget() -> None:
    """The bridge has ended: the next may find another server."""
    _limits().known = False


CLASSES: tuple[type, ...] = ()


def register() -> None:
    settings.server_limit_listeners.append(_changed)
    _session.ended.append(_forget)


def unregister() -> None:
    _session.ended.remove(_forget)
    settings.server_limit_listeners.remove(_changed)
