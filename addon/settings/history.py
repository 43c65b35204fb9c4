# SPDX-License-Identifier: GPL-3.0-or-later
"""How the history is shown, and how much of it the server keeps. Neither saved nor undone: it belongs to the window."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

view_listeners: list[Callable[[], None]] = []
"""Called when other results are to be shown. Settings know nothing of what uses them."""

limit_listeners: list[Callable[[], None]] = []
"""Called when the user has set how large the history may be."""

server_limit_listeners: list[Callable[[], None]] = []
"""Called when the user has set how long the server keeps results."""


def _first_page(history: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    history.page = 0  # which tells that the view has changed


def _view_changed(_history: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    for listener in tuple(view_listeners):
        listener()


def _limits_changed(_limits: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    for listener in tuple(server_limit_listeners):
        listener()


class P2A_PG_history(bpy.types.PropertyGroup):
    """``window_manager.pose_to_anime.browser``."""

    search: StringProperty(
        name="Search",
        description="Words of the prompt, model, style, seed, file or date (as 2026-11-30): pictures that have all of them",
        options={"TEXTEDIT_UPDATE"},
        update=_first_page,
    )
    favourites: BoolProperty(
        name="Favourites",
        description="Show the pictures alone that you have marked with a star",
        default=False,
        update=_first_page,
    )
    sort: EnumProperty(
        name="Order",
        description="In which order pictures are shown",
        items=(
            ("NEWEST", "Newest First", "By the time at which they were made"),
            ("OLDEST", "Oldest First", "By the time at which they were made"),
            ("FAVOURITES", "Favourites First", "Those with a star, then the others, each newest first"),
            ("MODEL", "By Model", "By the model's name, each newest first"),
            ("SEED", "By Seed", "By the number with which the noise began"),
            ("LARGEST", "Largest First", "By the room that their files take"),
        ),
        default="NEWEST",
        update=_first_page,
    )
    page: IntProperty(name="Page", description="From 0", min=0, options={"HIDDEN"}, update=_view_changed)


class P2A_PG_server_limits(bpy.types.PropertyGroup):
    """``window_manager.pose_to_anime.server_limits``: as the server has told them."""

    known: BoolProperty(name="Known", description="Whether the server has told", options={"HIDDEN"})
    keep_gib: FloatProperty(
        name="Server Keeps (GiB)",
        description="When all results on the server are larger than so many GiB, it removes the oldest; 0: never",
        min=0.0,
        max=1e6,
        soft_max=1000.0,
        precision=1,
        step=100,
        update=_limits_changed,
    )
    keep_days: FloatProperty(
        name="Server Keeps (Days)",
        description="The server removes results that are older than so many days; 0: never",
        min=0.0,
        max=1e5,
        soft_max=365.0,
        precision=0,
        step=100,
        update=_limits_changed,
    )


CLASSES: tuple[type, ...] = (P2A_PG_history, P2A_PG_server_limits)
