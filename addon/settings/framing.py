# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user chose for camera and picture, saved in the .blend."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, PointerProperty

SceneListener = Callable[[bpy.types.Scene], None]

size_listeners: list[SceneListener] = []
"""Called with the scene when something changed that decides the picture's size. Settings know nothing of the features that
use them, so those put themselves in here when they are registered and take themselves out again."""

orbit_listeners: list[SceneListener] = []
"""The same for ``orbit_camera``."""


def size_changed(scene: bpy.types.Scene) -> None:
    """Tell all listeners. Also for other settings that decide the size, such as the model's family."""
    for listener in tuple(size_listeners):
        listener(scene)


def _size_changed(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    size_changed(settings.id_data)
    redraw_views()


def _orbit_changed(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    for listener in tuple(orbit_listeners):
        listener(settings.id_data)


def _frame_changed(_settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    redraw_views()


def redraw_views() -> None:
    """Have every 3D view drawn again: Blender does not know that our overlay depends on these settings."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def _is_camera(_settings: bpy.types.PropertyGroup, candidate: bpy.types.Object) -> bool:
    return candidate.type == "CAMERA"


class P2A_PG_framing(bpy.types.PropertyGroup):
    """``scene.pose_to_anime.framing``."""

    ratio: EnumProperty(
        name="Ratio",
        description="Width to height of the picture; the model decides how many pixels that is",
        items=(
            ("1:1", "1:1", "Square: portraits, icons"),
            ("2:3", "2:3", "Upright: one standing figure"),
            ("3:2", "3:2", "Wide: two figures, or one with a place around it"),
            ("3:4", "3:4", "Upright, less slender"),
            ("4:3", "4:3", "Wide, less stretched"),
            ("9:16", "9:16", "Telephone screen"),
            ("16:9", "16:9", "Wide screen"),
            ("1:2", "1:2", "Very slender: a figure reaching up"),
            ("2:1", "2:1", "Very wide: a lying figure"),
            ("CUSTOM", "Custom", "Any two numbers"),
        ),
        default="2:3",
        update=_size_changed,
    )
    custom_width: FloatProperty(
        name="Width", description="Width of the custom ratio", default=4.0, min=0.0, soft_max=2048.0, update=_size_changed
    )
    custom_height: FloatProperty(
        name="Height", description="Height of the custom ratio", default=5.0, min=0.0, soft_max=2048.0, update=_size_changed
    )
    show_frame: BoolProperty(
        name="Picture Frame",
        description="Draw in the viewport what will be in the picture",
        default=True,
        update=_frame_changed,
    )
    orbit_camera: BoolProperty(
        name="Orbit Moves Camera",
        description="Look through the pose camera and take it along when you orbit, pan or zoom the view",
        default=False,
        update=_orbit_changed,
    )
    head_room: FloatProperty(
        name="Head Room",
        description="Free part of the picture's height above the figures when they are framed",
        default=0.06,
        min=0.0,
        max=0.5,
        subtype="FACTOR",
    )
    # A pointer survives renaming, duplicating and undo, which a name or a custom property would not.
    camera: PointerProperty(
        name="Pose Camera", description="The camera that framing moves", type=bpy.types.Object, poll=_is_camera
    )


CLASSES: tuple[type, ...] = (P2A_PG_framing,)
