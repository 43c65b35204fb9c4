# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user chose for a generation, saved in the .blend. The state of a job is never kept here: undo would take it back."""

from collections.abc import Callable

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ...generation_server.families.catalogue import families
from .controls import FIRST_FAMILY, control_fields
from .framing import size_changed
from .loras import P2A_PG_lora
from .prompt_fields import prompt_fields
from .ranges import family_numbers

SEED_MAX = 2**31 - 1
"""Blender's integers are signed 32-bit; the server takes one bit more."""

FIRST_PROMPT = "1girl, solo, full body, white shirt, blue skirt, sneakers, simple background, white background"
"""So that the first Generate gives a picture; one plainly dressed grown figure, nothing that hides the pose."""

_FIRST = families()[FIRST_FAMILY]


model_listeners: list[Callable[[bpy.types.PropertyGroup], None]] = []
"""Called with the generation settings when the model changed. Settings know nothing of what uses them."""


def _model_changed(generation: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    for listener in tuple(model_listeners):
        listener(generation)


def _seed_changed(generation: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """A seed that somebody sets is one that he wants: the next picture must not have another."""
    if generation.random_seed:
        generation.random_seed = False


def _family_changed(generation: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    size_changed(generation.id_data)


class P2A_PG_generation(bpy.types.PropertyGroup):
    """``scene.pose_to_anime.generation``."""

    model: StringProperty(
        name="Model",
        description="Which model paints the picture; empty takes the first one that is meant for it",
        default="",
        update=_model_changed,
    )
    family: StringProperty(
        name="Model Family",
        description="Follows the model: decides sizes, ranges and defaults",
        default=FIRST_FAMILY,
        update=_family_changed,
        options={"HIDDEN"},
    )
    prompt: StringProperty(
        name="Prompt",
        description="What the picture shows, in the tags or words that the model knows",
        default=", ".join(filter(None, (_FIRST.quality_prompt, FIRST_PROMPT))),
    )
    negative_prompt: StringProperty(
        name="Negative Prompt", description="What the picture must not show", default=_FIRST.negative_prompt
    )
    steps: IntProperty(name="Steps", min=1, max=1000, default=int(_FIRST.steps.default))
    guidance_scale: FloatProperty(name="Guidance", min=0.0, max=100.0, default=_FIRST.guidance_scale.default)
    sampler: StringProperty(
        name="Sampler", description="How noise becomes a picture; empty is the one that suits the model's family", default=""
    )
    draft: BoolProperty(
        name="Draft",
        description="A first look: few steps and half as many pixels, in the same frame",
        default=False,
    )
    loras: CollectionProperty(type=P2A_PG_lora)
    seed: IntProperty(
        name="Seed",
        description="Where the noise begins: the same seed and the same settings give the same picture. Set by hand, it stays",
        min=0,
        max=SEED_MAX,
        default=0,
        update=_seed_changed,
    )
    random_seed: BoolProperty(
        name="New Seed Each Time", description="Throw the dice before each picture; the seed that fell is shown", default=True
    )
    pictures: IntProperty(
        name="Pictures",
        description="How many pictures one press makes, each with the next seed",
        min=1,
        max=16,
        default=1,
    )
    start_from: EnumProperty(
        name="Begin With",
        description="What the picture is painted over: the less of it is painted anew, the more of its colours and shapes stays",
        items=(
            ("NONE", "Nothing", "Begin from noise: pose, depth and prompt alone decide"),
            ("VIEWPORT", "The 3D View", "What the camera sees, shaded as the 3D view is"),
            ("TOON", "The Toon Look", "The figures in flat tones with outlines, in the colours of what they wear"),
            ("RENDER", "A Render", "The scene rendered with its own engine, which takes as long as a render does"),
        ),
        default="NONE",
    )
    denoising_strength: FloatProperty(
        name="Painted Anew",
        description="Denoising strength: how much of what it begins with is painted anew; above 0.8 little of it is left",
        default=0.65,
        min=0.05,
        max=1.0,
        subtype="FACTOR",
    )
    keep_results: EnumProperty(
        name="Kept Pictures",
        description="Where a picture goes when you keep it",
        items=(
            ("PACK", "In the .blend", "Packed into this file"),
            ("BESIDE", "Beside the .blend", "As a PNG in the folder of this file"),
        ),
        default="PACK",
    )


P2A_PG_generation.__annotations__.update(control_fields() | prompt_fields())
for _family in families().values():
    P2A_PG_generation.__annotations__.update(family_numbers(_family))


CLASSES: tuple[type, ...] = (P2A_PG_generation,)
