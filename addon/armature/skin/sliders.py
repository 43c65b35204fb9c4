# SPDX-License-Identifier: GPL-3.0-or-later
"""Body sliders: a few numbers by which a person changes a body, and the body that they make.

Pure functions: a slider moves some of the body's proportions, nothing else, so the topology stays, the joints move along and a
step costs a few milliseconds.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from .body_file import Body
from .proportions import PROPORTIONS, clamped, combined


class SliderError(ValueError):
    """A slider that there is not, or a value out of its range; the text says what to do."""


@dataclass(frozen=True)
class Slider:
    """One slider, with what it does to the proportions."""

    title: str
    group: str
    """One of ``GROUPS``."""
    tip: str
    low: float
    high: float
    moves: Mapping[str, float]
    """Proportion: by which power of the slider's value it is multiplied, or, for layers, how often the value is added."""
    neutral: float = 1.0


GROUPS = ("Whole", "Trunk", "Arms", "Legs")
"""How the sliders are gathered, in the order in which they are shown."""

SLIDERS: dict[str, Slider] = {
    "height": Slider("Height", "Whole", "How tall the whole figure is", 0.75, 1.25, {"height": 1.0}),
    "head": Slider("Head", "Whole", "How large the head is", 0.75, 1.35, {"head": 1.0, "neck_girth": 0.25}),
    "thickness": Slider("Thickness", "Whole", "How much soft flesh lies on the body", -0.6, 1.2, {"thickness": 1.0}, neutral=0.0),
    "muscle": Slider("Muscle", "Whole", "How strong the muscles are", -0.8, 1.2, {"muscle": 1.0}, neutral=0.0),
    "neck": Slider("Neck", "Trunk", "How long the neck is", 0.65, 1.4, {"neck_length": 1.0}),
    "shoulders": Slider("Shoulders", "Trunk", "How broad the shoulders are", 0.8, 1.25, {"shoulders": 1.0, "chest_width": 0.3}),
    "chest": Slider(
        "Chest", "Trunk", "How wide and deep the chest is", 0.8, 1.25, {"chest_width": 1.0, "chest_depth": 0.8, "shoulders": 0.25}
    ),
    "waist": Slider("Waist", "Trunk", "How wide the waist is", 0.75, 1.35, {"waist_width": 1.0, "waist_depth": 0.7}),
    "hips": Slider(
        "Hips", "Trunk", "How wide the hips are", 0.8, 1.25, {"hips_width": 1.0, "hips_depth": 0.6, "thigh_girth": 0.3}
    ),
    "upper_arms": Slider("Upper arms", "Arms", "How long the upper arms are", 0.75, 1.3, {"upper_arm_length": 1.0}),
    "lower_arms": Slider("Lower arms", "Arms", "How long the forearms are", 0.75, 1.3, {"forearm_length": 1.0}),
    "hands": Slider("Hands", "Arms", "How large the hands are", 0.75, 1.4, {"hand": 1.0}),
    "upper_legs": Slider("Upper legs", "Legs", "How long the thighs are", 0.75, 1.3, {"thigh_length": 1.0}),
    "lower_legs": Slider("Lower legs", "Legs", "How long the lower legs are", 0.75, 1.3, {"shin_length": 1.0}),
    "feet": Slider("Feet", "Legs", "How large the feet are", 0.75, 1.4, {"foot_length": 1.0, "foot_girth": 0.8}),
}
"""All sliders by their groups, in the order in which people expect them. 1 leaves a length or a width as it is, 0 thickness and
muscle."""


def apply_sliders(body: Body, values: Mapping[str, float]) -> Body:
    """The body with some sliders moved; those not named stay in the middle.

    Where the body is near the end of what a proportion may be, the proportion stops there.

    Raises:
        SliderError: there is no such slider, or a value is not within its range.
    """
    return dataclasses.replace(body, proportions=clamped(combined(body.proportions, _moved(values))))


def file_text_of(title: str, base_name: str, base: Body, body: Body) -> str:
    """A body file for a body of the form of ``base`` and with its age, whose own file is named ``base_name``.

    Raises:
        SliderError: the title is empty.
    """
    title = " ".join(title.split())
    if not title:
        raise SliderError("Give the body a name before you save it.")
    lines = [f"base = {_quoted(base_name)}", f"title = {_quoted(title)}", f'age = "{base.age}"', "", "[proportions]"]
    for name, each in PROPORTIONS.items():
        before, after = base.proportions[name], body.proportions[name]
        if abs(after - before) > 1e-9:
            share = after / before if each.neutral == 1.0 else after - before
            lines.append(f"{name} = {round(share, 12)!r}")
    return "\n".join(lines) + "\n"


def _moved(values: Mapping[str, float]) -> dict[str, float]:
    """The proportions that slider values make of a neutral body."""
    moved: dict[str, float] = {}
    for name, value in values.items():
        slider = SLIDERS.get(name)
        if slider is None:
            raise SliderError(f"There is no body slider '{name}'; there are {', '.join(SLIDERS)}.")
        if not math.isfinite(value) or not slider.low - 1e-6 <= value <= slider.high + 1e-6:
            raise SliderError(f"The body slider '{name}' goes from {slider.low:g} to {slider.high:g}, not to {value:g}.")
        change = {
            proportion: value**power if slider.neutral == 1.0 else value * power for proportion, power in slider.moves.items()
        }
        moved = combined(moved, change)
    return moved


def _quoted(text: str) -> str:
    """A TOML basic string: its escapes are those of JSON, but for the delete character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
