# SPDX-License-Identifier: GPL-3.0-or-later
"""How strictly a picture follows each of its control images: used or not, in steps of a slider, or in numbers."""

from typing import Any

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty

from ...generation_server.families.catalogue import STOPS, ControlDefaults, Family, families
from ...generation_server.protocol import CONTROL_KINDS

FIRST_FAMILY = "sd15"
"""Whose defaults a new scene has."""

FIRST_USED = ("openpose", "depth")
"""The controls that a new scene uses."""

STRONGEST = 2.0
"""Of a control, as the protocol has it."""

_SAME = 1e-4  # Blender keeps numbers in single precision

_FOLLOWS = {
    "openpose": "How strictly the picture follows the skeleton",
    "depth": "Follow shape: a low step lets hair and clothes leave the bare figure's outline, a high one holds it",
    "normal": "How strictly the picture follows the forms of the surface",
    "lineart": "How strictly the picture follows the drawn lines",
    "canny": "How strictly the picture follows every edge",
    "segmentation": "How strictly people, floor and wall stay where they are",
    "doll": "How strictly the picture follows the shaded body",
}


def word_of(kind: str) -> str:
    """What the properties of a control kind begin with."""
    return "pose" if kind == "openpose" else kind


def defaults_of(generation: bpy.types.PropertyGroup, kind: str) -> ControlDefaults:
    """What the chosen model's family says of a control kind; of the first family where it does not say."""
    family = families().get(generation.family)
    found = family.controls.get(kind) if family else None
    return found or families()[FIRST_FAMILY].controls[kind]


def control_values(generation: bpy.types.PropertyGroup, kind: str) -> tuple[float, float, float]:
    """Strength, start and end, used or not."""
    word = word_of(kind)
    return tuple(getattr(generation, f"{word}_{part}") for part in ("strength", "start", "end"))  # type: ignore[return-value]


def control_settings(generation: bpy.types.PropertyGroup) -> dict[str, tuple[float, float, float]]:
    """Strength, start and end of each control kind that is used, in the protocol's order."""
    used = (kind for kind in CONTROL_KINDS if getattr(generation, f"use_{word_of(kind)}"))
    values = {kind: control_values(generation, kind) for kind in used}
    return {kind: value for kind, value in values.items() if value[0] > 0.0}


def set_control(generation: bpy.types.PropertyGroup, kind: str, values: tuple[float, float, float]) -> None:
    word = word_of(kind)
    for part, value in zip(("strength", "start", "end"), values, strict=True):
        setattr(generation, f"{word}_{part}", value)


def is_custom(generation: bpy.types.PropertyGroup, kind: str) -> bool:
    """Whether a control's numbers are none of the slider's steps."""
    values = control_values(generation, kind)
    return all(_distance(values, stop) > _SAME for stop in defaults_of(generation, kind).stops)


def use_family_defaults(generation: bpy.types.PropertyGroup, family: Family) -> None:
    """Steps, guidance, sampler and control strengths as ``family`` advises, for a model of another family than the last."""
    generation.steps = int(family.steps.default)
    generation.guidance_scale = family.guidance_scale.default
    generation.sampler = ""
    for kind, defaults in family.controls.items():
        set_control(generation, kind, defaults.usual)


def _distance(values: tuple[float, float, float], stop: tuple[float, float, float]) -> float:
    return max(abs(value - wanted) for value, wanted in zip(values, stop, strict=True))


def _level(kind: str) -> Any:
    """The slider's step, from 1: the nearest one where the numbers are others."""

    def get(self: bpy.types.PropertyGroup) -> int:
        values, stops = control_values(self, kind), defaults_of(self, kind).stops
        return 1 + min(range(STOPS), key=lambda index: _distance(values, stops[index]))

    def set_(self: bpy.types.PropertyGroup, value: int) -> None:
        set_control(self, kind, defaults_of(self, kind).stops[min(max(value, 1), STOPS) - 1])

    return IntProperty(
        name="Strictness", description=_FOLLOWS[kind], min=1, max=STOPS, default=3, get=get, set=set_, options={"SKIP_SAVE"}
    )


def _control(kind: str) -> dict[str, Any]:
    default = families()[FIRST_FAMILY].controls[kind]
    word = word_of(kind)
    factor = {"min": 0.0, "max": 1.0, "subtype": "FACTOR"}
    return {
        f"use_{word}": BoolProperty(
            name="Use", description="Send this control image, so that the picture follows it", default=kind in FIRST_USED
        ),
        f"{word}_level": _level(kind),
        f"{word}_strength": FloatProperty(
            name="Strength",
            description=_FOLLOWS[kind],
            default=default.strength,
            min=0.0,
            max=STRONGEST,
            soft_max=1.0,
            subtype="FACTOR",
        ),
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


def control_fields() -> dict[str, Any]:
    """The properties of all control kinds."""
    return {name: field for kind in CONTROL_KINDS for name, field in _control(kind).items()}
