# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to a window or an image rather than to a scene: which pictures are shown, which result an image is."""

from collections.abc import Callable

import bpy
from bpy.props import EnumProperty, PointerProperty, StringProperty

from .history import P2A_PG_history, P2A_PG_server_limits
from .library import P2A_PG_library
from .models import P2A_PG_model_list

history_listeners: list[Callable[[], None]] = []
"""Called when other pictures of the history are to be shown."""


def _history_changed(_window: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    for listener in tuple(history_listeners):
        listener()


class P2A_PG_window(bpy.types.PropertyGroup):
    """``window_manager.pose_to_anime``: how panels are shown; neither saved nor undone."""

    history: EnumProperty(
        name="History",
        description="Whose last pictures are shown",
        items=(("ALL", "All Files", "The last pictures of all files"), ("FILE", "This File", "The last pictures of this file")),
        default="ALL",
        update=_history_changed,
    )
    library: PointerProperty(type=P2A_PG_library)
    browser: PointerProperty(type=P2A_PG_history)
    models: PointerProperty(type=P2A_PG_model_list)
    server_limits: PointerProperty(type=P2A_PG_server_limits)


class P2A_PG_result(bpy.types.PropertyGroup):
    """``image.pose_to_anime``: which result of the history an image shows."""

    job_id: StringProperty(options={"HIDDEN"})
    role: StringProperty(options={"HIDDEN"}, description="RESULT, PREVIEW, SHEET, CONTROL or REFERENCE")


CLASSES: tuple[type, ...] = (P2A_PG_window, P2A_PG_result)
