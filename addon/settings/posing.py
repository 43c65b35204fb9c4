# SPDX-License-Identifier: GPL-3.0-or-later
"""How the figures of a scene are posed by hand, saved in the .blend."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty

from .framing import SceneListener, redraw_views

DRAG, ROTATE = "DRAG", "ROTATE"

dots_only_listeners: list[SceneListener] = []
"""Called with the scene when ``dots_only`` changed, as ``framing.size_listeners`` are."""


def _mode_changed(_settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    redraw_views()


def _dots_only_changed(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    for listener in tuple(dots_only_listeners):
        listener(settings.id_data)
    redraw_views()


class P2A_PG_posing(bpy.types.PropertyGroup):
    """``scene.pose_to_anime.posing``."""

    mode: EnumProperty(
        name="Pose by",
        description="What the mouse does to a figure's dots in the viewport",
        items=(
            (DRAG, "Drag", "Pull a dot: the limb or the body follows", "VIEW_PAN", 0),
            (
                ROTATE,
                "Rotate",
                "Click a joint and drag its rings: red back and forth, blue left and right, green twists, white in the view",
                "DRIVER_ROTATIONAL_DIFFERENCE",
                1,
            ),
        ),
        default=DRAG,
        update=_mode_changed,
    )
    dots_only: BoolProperty(
        name="Only Dots",
        description="Hide all that is drawn on the figures but the dots: the marks of joints and fingers, the ring on the ground",
        default=False,
        update=_dots_only_changed,
    )


CLASSES: tuple[type, ...] = (P2A_PG_posing,)
