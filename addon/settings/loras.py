# SPDX-License-Identifier: GPL-3.0-or-later
"""The LoRAs that a scene's pictures are painted with."""

import bpy
from bpy.props import BoolProperty, FloatProperty, StringProperty

MOST_WEIGHT = 4.0
"""Of a LoRA, to both sides, as the protocol has it."""


class P2A_PG_lora(bpy.types.PropertyGroup):
    """One of ``scene.pose_to_anime.generation.loras``; ``name`` is the one that the server lists."""

    name: StringProperty(name="Name", description="The LoRA's name on the server")
    use: BoolProperty(name="Use", description="Paint with this LoRA", default=True)
    weight: FloatProperty(
        name="Weight",
        description="How strongly it acts; below zero it does the opposite",
        default=1.0,
        min=-MOST_WEIGHT,
        max=MOST_WEIGHT,
        soft_min=0.0,
        soft_max=1.5,
        step=5,
        precision=2,
    )


def set_lora(generation: bpy.types.PropertyGroup, name: str, weight: float = 1.0) -> None:
    """Paint with a LoRA; one that is there already gets the weight."""
    found = generation.loras.get(name) or generation.loras.add()
    found.name, found.use, found.weight = name, True, weight


def remove_lora(generation: bpy.types.PropertyGroup, name: str) -> None:
    index = generation.loras.find(name)
    if index >= 0:
        generation.loras.remove(index)


CLASSES: tuple[type, ...] = (P2A_PG_lora,)
