# SPDX-License-Identifier: GPL-3.0-or-later
"""The shots that are saved in a scene, and the named shot that was taken last."""

from __future__ import annotations

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    StringProperty,
)

FRAMING_ITEMS = (
    ("full", "Full", "The whole body"),
    ("cowboy", "Cowboy", "Down to the middle of the thighs"),
    ("bust", "Bust", "Down to the chest"),
    ("portrait", "Portrait", "Head and shoulders"),
)
ANGLE_ITEMS = (
    ("front", "Front", "Where the chest faces"),
    ("three-quarter", "¾", "From between the front and the figure's left"),
    ("side", "Side", "From the figure's left; of someone who lies, from the feet"),
    ("back", "Back", "From behind"),
)
HEIGHT_ITEMS = (
    ("eye-level", "Eye Level", "The camera looks level"),
    ("low", "Low", "The camera looks up"),
    ("high", "High", "The camera looks down"),
)


class P2A_PG_shot(bpy.types.PropertyGroup):
    """A saved camera with its ratio; ``name`` is Blender's own."""

    matrix: FloatVectorProperty(name="Place", description="Of the camera: a matrix row by row", size=16)
    kind: StringProperty(name="Lens Type")
    lens: FloatProperty(name="Focal Length")
    sensor_fit: StringProperty(name="Sensor Fit")
    sensor_width: FloatProperty(name="Sensor Width")
    sensor_height: FloatProperty(name="Sensor Height")
    shift_x: FloatProperty(name="Shift X")
    shift_y: FloatProperty(name="Shift Y")
    ortho_scale: FloatProperty(name="Orthographic Scale")
    clip_start: FloatProperty(name="Clip Start")
    clip_end: FloatProperty(name="Clip End")
    ratio: StringProperty(name="Ratio")
    custom_width: FloatProperty(name="Width")
    custom_height: FloatProperty(name="Height")


class P2A_PG_shots(bpy.types.PropertyGroup):
    """``scene.pose_to_anime.shots``."""

    saved: CollectionProperty(type=P2A_PG_shot)
    current: IntProperty(name="Shot", description="The saved shot that was used last; −1 for none", default=-1, min=-1)
    framing: EnumProperty(name="Framing", description="How much of the figure is seen", items=FRAMING_ITEMS)
    angle: EnumProperty(name="Angle", description="From where the figure is seen", items=ANGLE_ITEMS)
    height: EnumProperty(name="Height", description="How the camera looks", items=HEIGHT_ITEMS)
    active_only: BoolProperty(
        name="Active Figure Only", description="Shots show the selected figure instead of all that are visible", default=False
    )


CLASSES: tuple[type, ...] = (P2A_PG_shot, P2A_PG_shots)
