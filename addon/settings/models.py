# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of models as Blender's list widget wants it. Neither saved nor undone: it belongs to the window."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, StringProperty

chosen_listeners: list[Callable[[], None]] = []
"""Called when another line of the list is looked at."""


def _chosen(_models: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    for listener in tuple(chosen_listeners):
        listener()


class P2A_PG_model_row(bpy.types.PropertyGroup):
    """One line: its ``name`` is the title, which the widget searches and sorts by."""

    model: StringProperty(description="Its name on the server")
    kind: StringProperty()
    present: BoolProperty()


class P2A_PG_model_list(bpy.types.PropertyGroup):
    """``window_manager.pose_to_anime.models``."""

    rows: CollectionProperty(type=P2A_PG_model_row)
    active: IntProperty(name="Model", update=_chosen)
    problems_open: BoolProperty(
        name="Files That Cannot Be Used", description="Say of each why it cannot be used, and what to do", options={"SKIP_SAVE"}
    )
    shown: EnumProperty(
        name="Show",
        description="Which models are listed",
        items=(
            ("ALL", "All", "Everything that is here or could be had"),
            ("HERE", "Here", "What is on the server"),
            ("MISSING", "Missing", "What could be downloaded"),
        ),
        default="ALL",
    )


CLASSES: tuple[type, ...] = (P2A_PG_model_row, P2A_PG_model_list)
