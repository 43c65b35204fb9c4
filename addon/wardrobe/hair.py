# SPDX-License-Identifier: GPL-3.0-or-later
"""Hair: a cap over the skull, locks that lie on it and hang from it, tails, buns and braids. No bpy.

Lengths in style files are in heads: the distance from chin to crown. Angles are degrees, as ``scalp`` counts them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..armature.skin.build import Skin
from .hair_maker import HairMaker
from .piece import Piece, Style, WardrobeError
from .scalp import Scalp
from .tied_hair import braid, bun, combed, tail

_KNOWN: dict[str, dict[str, float]] = {
    "cap": {"volume": 0.07},
    "fringe": {"count": 7, "low": 0.10, "width": 1.25, "part": 0.0, "span": 52.0, "curl": 0.0},
    "sides": {"count": 2, "length": 0.45, "width": 1.0, "curl": -0.1, "from": 56.0, "to": 80.0},
    "back": {"count": 13, "length": 0.4, "width": 1.3, "flare": 0.0, "curl": 0.0, "wave": 0.0, "ragged": 0.12},
    "spikes": {"count": 16, "length": 0.3, "lift": 55.0},
    "tail": {"azimuth": 180.0, "polar": 58.0, "length": 1.6, "width": 0.2, "lift": 0.16, "locks": 9, "pair": 0, "wave": 0.0},
    "bun": {"azimuth": 180.0, "polar": 50.0, "size": 0.2, "pair": 0},
    "braid": {"azimuth": 180.0, "polar": 118.0, "length": 1.3, "width": 0.1, "lumps": 9, "pair": 0},
}
"""Tables of a style file → their numbers, with what these are where the file does not say. A part without a table is not
there, but the cap, which always is."""


def build(style: Style, skin: Skin) -> Piece:
    """A style of hair on a body. Raises WardrobeError where its file has what hair has not."""
    options = {name: _numbers(style, name) for name in _KNOWN}
    if unknown := set(style.options) - set(_KNOWN):
        raise WardrobeError(f"The hair '{style.title}' has an unknown table [{min(unknown)}]: use {', '.join(_KNOWN)}.")
    cap = options["cap"] or _KNOWN["cap"]
    maker = HairMaker(style, Scalp(skin), cap["volume"])
    maker.cap()
    knot = options["tail"] or options["bun"] or options["braid"]
    if knot is not None:
        combed(maker, knot)
    for name, lay in (("back", maker.back), ("sides", maker.sides), ("fringe", maker.fringe), ("spikes", maker.spikes)):
        if (table := options[name]) is not None:
            lay(table)
    for name, tie in (("tail", tail), ("bun", bun), ("braid", braid)):
        if (table := options[name]) is not None:
            for sign in (1.0, -1.0) if table["pair"] else (1.0,):
                tie(maker, table, sign)
    strands = maker.strands
    return Piece(
        style=style,
        vertices=np.concatenate(strands.points).astype(np.float32),
        faces=np.concatenate(strands.faces).astype(np.int32),
        parts=np.concatenate(strands.parts).astype(np.int16),
        part_names=tuple(style.colours),
        weights=strands.weights(),
        bones=tuple(maker.bones),
        covered=maker.covered,
    )


def _numbers(style: Style, name: str) -> dict[str, float] | None:
    table = style.options.get(name)
    if table is None:
        return dict(_KNOWN[name]) if name == "cap" else None
    if not isinstance(table, Mapping):
        raise WardrobeError(f"The hair '{style.title}': {name} must be a table.")
    for key, value in table.items():
        if key not in _KNOWN[name] or isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise WardrobeError(
                f"The hair '{style.title}': [{name}] takes numbers for {', '.join(_KNOWN[name])}, not {key} = {value!r}."
            )
    return {**_KNOWN[name], **table}
