# SPDX-License-Identifier: GPL-3.0-or-later
"""What the dots of a figure are pinned to, kept with the figure: undo, copies and saved files carry pins along."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, FloatVectorProperty, PointerProperty, StringProperty

WORLD, BODY, OBJECT = "WORLD", "BODY", "OBJECT"

TARGETS = (
    (WORLD, "World", "The dot stays where it is in the scene while the body moves"),
    (BODY, "Own Body", "The dot stays on a bone of the figure's own body, for example a hand on the hips"),
    (OBJECT, "Object", "The dot goes along with another object, or with a bone of another figure"),
)


class P2A_PG_pin(bpy.types.PropertyGroup):
    """One pinned dot. ``place`` and ``rotation`` are in the axes of the target."""

    control: StringProperty(name="Dot", description="Name of the pinned dot's bone")
    kind: EnumProperty(name="Pinned to", items=TARGETS, default=WORLD)
    target: PointerProperty(name="Object", description="The object that the dot goes along with", type=bpy.types.Object)
    bone: StringProperty(name="Bone", description="The bone of the target that the dot goes along with")
    place: FloatVectorProperty(name="Place", size=3, subtype="TRANSLATION", unit="LENGTH")
    rotation: FloatVectorProperty(name="Rotation", size=4, subtype="QUATERNION", default=(1.0, 0.0, 0.0, 0.0))
    note: StringProperty(name="Note", description="What became of the pin")


CLASSES: tuple[type, ...] = (P2A_PG_pin,)
