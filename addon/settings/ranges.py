# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps and guidance within the limits of each family."""

from typing import Any

import bpy
from bpy.props import FloatProperty, IntProperty

from ...generation_server.families.catalogue import Family, NumberRange


def _in_range(prop: Any, source: str, numbers: NumberRange, whole: bool, **words: str) -> Any:
    """The property ``source`` again, with the limits of one family: a slider's range cannot change after it was registered."""
    number = int if whole else float

    def get(self: bpy.types.PropertyGroup) -> Any:
        return number(min(max(getattr(self, source), numbers.lowest), numbers.highest))

    def set_(self: bpy.types.PropertyGroup, value: Any) -> None:
        setattr(self, source, value)

    low, high = numbers.advised
    return prop(
        min=number(numbers.lowest),
        max=number(numbers.highest),
        soft_min=number(low),
        soft_max=number(high),
        default=number(numbers.default),
        get=get,
        set=set_,
        options={"SKIP_SAVE"},
        **words,
    )


def family_numbers(family: Family) -> dict[str, Any]:
    return {
        f"steps_{family.name}": _in_range(
            IntProperty, "steps", family.steps, True, name="Steps", description="Denoising steps: more take longer and gain less"
        ),
        f"guidance_scale_{family.name}": _in_range(
            FloatProperty,
            "guidance_scale",
            family.guidance_scale,
            False,
            name="Guidance",
            description="How literally the prompt is taken; too much burns the colours",
        ),
    }
