# SPDX-License-Identifier: GPL-3.0-or-later
"""An outfit: what a figure wears from hair to shoes, its colours, its face; as JSON, as tags, and as pieces on a body. No bpy."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..armature.skin.build import Skin
from .catalogue import Catalogue
from .colours import RGB, from_linear, linear
from .piece import SLOTS, Piece, Style, WardrobeError

VERSION = 1

EXPRESSIONS: dict[str, tuple[str, ...]] = {
    "neutral": (),
    "smile": ("smile",),
    "happy": ("smile", "closed eyes"),
    "laughing": ("smile", "open mouth"),
    "sad": ("sad",),
    "angry": ("angry",),
    "surprised": ("surprised", "open mouth"),
    "closed_eyes": ("closed eyes",),
    "wink": ("smile", "one eye closed"),
    "embarrassed": ("embarrassed", "blush"),
}
"""What a face shows → what prompts call it."""

USE_OF_SLOT = {"hair": "hair", "face": "eyes"}
"""Slot → the use of colours (``colours.USES``); of all other slots it is cloth."""

_SKIN, _BROWS = "skin", "brows"
"""Parts of a piece that have the colour of the figure's skin, such as a lid, and that of its hair."""
_BROW_LIGHT = 0.45
"""How much light brows give back, of what the hair does: they are drawn darker, so that they are seen on a forelock."""

_OWN_NOUN = {"hair": "hair", "shoes": "footwear"}
"""Slots whose colour prompts do not say of the style itself: "blue hair, ponytail"."""


@dataclass(frozen=True)
class Worn:
    """One style that is worn. ``colours``: part → name or ``#rrggbb``, where it is not the style's own."""

    style: str
    colours: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outfit:
    """What a figure wears. ``gaze``: where the eyes look, to the figure's left and up, −1 to 1. ``skin``: name of a tone or
    ``#rrggbb``."""

    worn: Mapping[str, Worn] = field(default_factory=dict)
    expression: str = "neutral"
    gaze: tuple[float, float] = (0.0, 0.0)
    skin: str = "light"
    title: str = ""

    def wearing(self, slot: str, worn: Worn | None) -> Outfit:
        """The same with something else in a slot, or nothing. A dress takes the place of top and bottom, and they that of it."""
        result = {key: value for key, value in self.worn.items() if key != slot}
        if worn is not None:
            for other in ("top", "bottom") if slot == "dress" else ("dress",) if slot in ("top", "bottom") else ():
                result.pop(other, None)
            result[slot] = worn
        return replace(self, worn={key: result[key] for key in SLOTS if key in result})


def part_colours(worn: Worn, style: Style) -> dict[str, str]:
    """Part → colour of a style as it is worn."""
    return {part: worn.colours.get(part, colour) for part, colour in style.colours.items()}


def piece_colours(outfit: Outfit, slot: str, catalogue: Catalogue) -> dict[str, RGB]:
    """Part → sRGB of what is worn in a slot. Brows go with the hair, unless the outfit says otherwise. Raises WardrobeError."""
    worn, palette = outfit.worn[slot], catalogue.palette
    found = {part: palette.rgb(colour) for part, colour in part_colours(worn, catalogue.style(worn.style)).items()}
    hair = outfit.worn.get("hair")
    if _BROWS in found and _BROWS not in worn.colours and hair is not None and hair.style in catalogue.styles:
        light = linear(palette.rgb(next(iter(part_colours(hair, catalogue.styles[hair.style]).values()))))
        found[_BROWS] = from_linear(_BROW_LIGHT * light)
    return {_SKIN: palette.skin_rgb(outfit.skin), **found}


def tags(outfit: Outfit, catalogue: Catalogue) -> list[str]:
    """What prompts call an outfit, from hair to shoes, then expression and skin. Styles that are gone say nothing."""
    found: list[str] = []
    for slot in SLOTS:
        worn = outfit.worn.get(slot)
        if worn is not None and worn.style in catalogue.styles:
            found += _style_tags(slot, worn, catalogue)
    found += EXPRESSIONS.get(outfit.expression, ())
    tone = catalogue.palette.skin.get(outfit.skin)
    if tone is not None and tone.tag:
        found.append(tone.tag)
    return list(dict.fromkeys(found))


def _style_tags(slot: str, worn: Worn, catalogue: Catalogue) -> list[str]:
    style = catalogue.styles[worn.style]
    names = [name.strip() for name in style.tag.split(",") if name.strip()]
    first = next(iter(part_colours(worn, style).values()))
    try:
        colour = catalogue.palette.name_of(first, USE_OF_SLOT.get(slot, "cloth"))
    except WardrobeError:  # a name that a file of the user's no longer has
        return names
    if slot in _OWN_NOUN:
        return [f"{colour} {_OWN_NOUN[slot]}", *names]
    return [f"{colour} {names[0]}", *names[1:]] if names else []


def dress(outfit: Outfit, skin: Skin, catalogue: Catalogue) -> tuple[Piece, ...]:
    """The pieces of an outfit on a body, in the order of ``SLOTS``. Raises WardrobeError."""
    return tuple(piece_of(outfit, slot, skin, catalogue) for slot in SLOTS if slot in outfit.worn)


def piece_of(outfit: Outfit, slot: str, skin: Skin, catalogue: Catalogue) -> Piece:
    """What is worn in one slot, on a body. Raises WardrobeError."""
    style = catalogue.style(outfit.worn[slot].style)
    if style.slot != slot:
        raise WardrobeError(f"'{style.title}' is no {slot}: it is worn as {style.slot}.")
    name = f"{__package__}.{style.shape}"
    try:
        shape = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise WardrobeError(f"'{style.title}' cannot be worn: this version has no shape '{style.shape}'.") from error
    options: dict[str, Any] = {"expression": outfit.expression, "gaze": outfit.gaze} if slot == "face" else {}
    piece: Piece = shape.build(style, skin, **options)
    return piece


def dumps(outfit: Outfit) -> str:
    """An outfit as JSON text."""
    worn = {
        slot: {"style": item.style, **({"colours": dict(item.colours)} if item.colours else {})}
        for slot, item in outfit.worn.items()
    }
    data: dict[str, Any] = {"version": VERSION, "title": outfit.title, "worn": worn}
    data |= {"expression": outfit.expression, "gaze": list(outfit.gaze), "skin": outfit.skin}
    return json.dumps(data, ensure_ascii=False, indent=2)


def loads(text: str, what: str = "The outfit") -> Outfit:
    """An outfit from JSON text; ``what`` names it in sentences. Raises WardrobeError. Styles need not exist."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WardrobeError(f"{what} is not valid JSON ({error}).") from error
    if not isinstance(data, dict) or not isinstance(data.get("version"), int):
        raise WardrobeError(f"{what} must be a JSON object with a version.")
    if data["version"] > VERSION:
        raise WardrobeError(f"{what} was written by a newer Pose to Anime: update the extension to use it.")
    expression, skin, title = data.get("expression", "neutral"), data.get("skin", "light"), data.get("title", "")
    if not isinstance(expression, str) or expression not in EXPRESSIONS:
        raise WardrobeError(f"{what}: expression must be one of {', '.join(EXPRESSIONS)}, not {expression!r}.")
    if not isinstance(skin, str) or not isinstance(title, str):
        raise WardrobeError(f"{what}: skin and title must be texts.")
    worn = data.get("worn", {})
    if not isinstance(worn, dict) or not set(worn) <= set(SLOTS):
        raise WardrobeError(f"{what}: worn must name slots, which are {', '.join(SLOTS)}.")
    if "dress" in worn and {"top", "bottom"} & set(worn):
        raise WardrobeError(f"{what}: a dress takes the place of top and bottom, so leave either out.")
    items = {slot: _worn(slot, worn[slot], what) for slot in SLOTS if slot in worn}
    return Outfit(items, expression, _gaze(data.get("gaze", [0.0, 0.0]), what), skin, title)


def _worn(slot: str, value: Any, what: str) -> Worn:
    if not isinstance(value, dict) or not isinstance(value.get("style"), str):
        raise WardrobeError(f"{what}: {slot} must be an object with a style.")
    colours = value.get("colours", {})
    if not isinstance(colours, dict) or not all(isinstance(colour, str) for colour in colours.values()):
        raise WardrobeError(f"{what}: the colours of {slot} must be an object of parts and colours.")
    return Worn(value["style"], colours)


def _gaze(value: Any, what: str) -> tuple[float, float]:
    def fits(part: Any) -> bool:
        return isinstance(part, int | float) and not isinstance(part, bool) and math.isfinite(part) and abs(part) <= 1.0

    if not isinstance(value, list) or len(value) != 2 or not all(map(fits, value)):
        raise WardrobeError(f"{what}: gaze must be two numbers from -1 to 1.")
    return float(value[0]), float(value[1])
