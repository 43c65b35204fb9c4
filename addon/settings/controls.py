# SPDX-License-Identifier: GPL-3.0-or-later
"""How strictly a picture follows each of its control images."""

from typing import Any

import bpy
from bpy.props import FloatProperty

from ...generation_server.families.catalogue import Family, families

FIRST_FAMILY = "sd15"
"""Whose defaults a new scene has."""


def use_family_defaults(generation: bpy.types.PropertyGroup, family: Family) -> None:
    """Steps, guidance and control strengths as ``family`` advises, for a model of another family than the last."""
    generation.steps = int(family.steps.default)
    generation.guidance_scale = family.guidance_scale.default
    for kind, control in _CONTROLS.items():
        if defaults := family.controls.get(kind):
            setattr(generation, f"{control}_strength", defaults.strength)
            setattr(generation, f"{control}_start", defaults.start)
            setattr(generation, f"{control}_end", defaults.end)


_CONTROLS = {"openpose": "pose", "depth": "depth"}
"""Control kind of the protocol → the word that its properties begin with."""


def control_settings(generation: bpy.types.PropertyGroup) -> dict[str, tuple[float, float, float]]:
    """Strength, start and end of each control kind, as the user set them."""
    return {
        kind: (
            getattr(generation, f"{word}_strength"),
            getattr(generation, f"{word}_start"),
            getattr(generation, f"{word}_end"),
        )
        for kind, word in _CONTROLS.items()
    }


def control(word: str, kind: str, description: str) -> dict[str, Any]:
    default = families()[FIRST_FAMILY].controls[kind]
    title = word.capitalize()
    factor = {"min": 0.0, "max": 1.0, "subtype": "FACTOR"}
    return {
        f"{word}_strength": FloatProperty(name=title, description=description, default=default.strength, **factor),
        f"{word}_start": FloatProperty(
            name="Start", description="From which part of the denoising on it acts", default=default.start, **factor
        ),
        f"{word}_end": FloatProperty(
            name="End",
            description="Up to which part of the denoising it acts: an earlier end leaves the details to the model",
            default=default.end,
            **factor,
        ),
    }
