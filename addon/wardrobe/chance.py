# SPDX-License-Identifier: GPL-3.0-or-later
"""Outfits by chance, the same for the same seed: styles that go together, and colours that do. No bpy."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from ..armature.skin.body_file import Gender
from .catalogue import Catalogue
from .colours import Palette, oklab
from .outfit import EXPRESSIONS, USE_OF_SLOT, Outfit, Worn
from .piece import SLOTS, Style

_DRESS = 0.35
_OUTER = 0.3
_SOCKS = 0.85
"""How often there is a dress, where there could be top and bottom too; something over it; something between foot and shoe."""

_HAIR_WEIGHTS = {"black": 3.0, "brown": 3.0, "blonde": 2.5, "light brown": 1.5}
"""How often chance picks a colour of hair; all others once."""
_SKIN_WEIGHTS = {"light": 5.0, "fair": 3.0, "tan": 2.0, "brown": 2.0, "dark": 1.0}
_NEUTRALS = ("black", "white", "grey", "navy", "beige", "brown")
_CALM = 0.45
"""How often cloth is of a colour without hue."""
_APART = 0.16
"""Distance in OKLab that two pieces side by side must have, so that the border between them is seen when drawn flat."""


def random_outfit(seed: int, catalogue: Catalogue, slots: Collection[str] = SLOTS, gender: Gender = "any") -> Outfit:
    """What chance puts on a figure. The same seed and wardrobe give the same outfit, in every process and on every machine.

    ``slots``: those that may be filled. ``gender``: that of the body; one that is ``any`` may get everything.
    """
    if gender != "any":
        fitting = {key: style for key, style in catalogue.styles.items() if style.gender in (gender, "any")}
        catalogue = replace(catalogue, styles=fitting)
    chance = random.Random(seed)
    styles = _styles(chance, catalogue, slots)
    worn = _coloured(chance, catalogue.palette, styles)
    expression = chance.choices(list(EXPRESSIONS), [3.0 if name in ("neutral", "smile") else 1.0 for name in EXPRESSIONS])[0]
    gaze = (0.0, 0.0)
    if chance.random() < 0.3:
        gaze = (round(chance.uniform(-0.8, 0.8), 2), round(chance.uniform(-0.5, 0.5), 2))
    skin = _weighted(chance, list(catalogue.palette.skin), _SKIN_WEIGHTS) or "light"
    return Outfit({slot: worn[slot] for slot in SLOTS if slot in worn}, expression, gaze, skin)


def _styles(chance: random.Random, catalogue: Catalogue, slots: Collection[str]) -> dict[str, Style]:
    """Slot → style, each fitting to those before it."""
    chosen: dict[str, Style] = {}
    dresses = "dress" in slots and catalogue.in_slot("dress")
    others = [slot for slot in ("top", "bottom") if slot in slots and catalogue.in_slot(slot)]
    one_piece = chance.random() < _DRESS
    body = ["dress"] if dresses and (one_piece or not others) else others
    outer, socks = chance.random() < _OUTER, chance.random() < _SOCKS
    order = ["hair", "face", *body, *(["outer"] if outer else []), "shoes", *(["socks"] if socks else [])]
    for slot in order:
        if slot not in slots:
            continue
        fitting = [style for style in catalogue.in_slot(slot) if _fits(style, chosen.values())]
        # Sorted by key: titles may be translated, and what is chosen must not change with them.
        if fitting:
            chosen[slot] = chance.choice(sorted(fitting, key=lambda style: style.key))
    return chosen


def _fits(style: Style, chosen: Collection[Style]) -> bool:
    return all(
        style.slot not in other.without
        and other.slot not in style.without
        and (not style.occasions or not other.occasions or bool(set(style.occasions) & set(other.occasions)))
        for other in chosen
    )


def _coloured(chance: random.Random, palette: Palette, styles: dict[str, Style]) -> dict[str, Worn]:
    """Every style in colours: one of cloth sets the tone, what touches it stands out from it, and second parts are in harmony."""
    cloth = palette.of_use("cloth")
    result: dict[str, Worn] = {}
    tone = _cloth(chance, cloth)
    worn: list[str] = []
    for slot, style in styles.items():
        use = USE_OF_SLOT.get(slot, "cloth")
        parts = list(style.colours)
        if use == "hair":
            colours = {parts[0]: _weighted(chance, palette.of_use("hair"), _HAIR_WEIGHTS)}
        elif use == "eyes":
            colours = {parts[0]: _weighted(chance, palette.of_use("eyes"), {})}
        else:
            main = tone if not worn else _beside(chance, palette, cloth, worn)
            worn.append(main or "")
            colours = {parts[0]: main}
            colours |= {part: _second(chance, palette, cloth, style.colours[part], main or "") for part in parts[1:]}
        result[slot] = Worn(style.key, {part: colour for part, colour in colours.items() if colour})
    return result


def _cloth(chance: random.Random, names: Sequence[str]) -> str:
    calm = [name for name in names if name in _NEUTRALS]
    bright = [name for name in names if name not in _NEUTRALS]
    pick = calm if calm and (chance.random() < _CALM or not bright) else bright
    return chance.choice(pick) if pick else ""


def _beside(chance: random.Random, palette: Palette, names: Sequence[str], worn: Sequence[str]) -> str:
    """A colour for the next piece: one that stands out from the last, and at most two hues in all."""
    hues = {name for name in worn if name not in _NEUTRALS}
    allowed = [name for name in names if name in _NEUTRALS or name in hues or len(hues) < 2]
    apart = [name for name in allowed if _distance(palette, name, worn[-1]) >= _APART]
    return _cloth(chance, apart or allowed or names)


def _second(chance: random.Random, palette: Palette, names: Sequence[str], usual: str, main: str) -> str:
    """The colour of a second part: as it usually is where that shows, else white, black, or the same hue lighter or darker."""
    apart = [name for name in names if name in ("white", "black", "grey") and _distance(palette, name, main) >= _APART]
    if _distance(palette, usual, main) >= _APART and (not apart or chance.random() < 0.6):
        return usual
    return chance.choice(apart) if apart else usual


def _distance(palette: Palette, one: str, other: str) -> float:
    return float(np.linalg.norm(oklab(palette.rgb(one)) - oklab(palette.rgb(other)))) if one and other else 1.0


def _weighted(chance: random.Random, names: Sequence[str], weights: dict[str, float]) -> str:
    return chance.choices(names, [weights.get(name, 1.0) for name in names])[0] if names else ""
