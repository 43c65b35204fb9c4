# SPDX-License-Identifier: GPL-3.0-or-later
"""A drawn mouth, open or closed, and the nose's shadow, as bands about their middle; lengths as ``face`` has them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .decals import Band
from .expressions import Expression
from .strokes import Curves, clipped, ellipse, spread, stroke

_INSIDE, _TONGUE, _LINE = 1, 2, 3
"""Layers, from the head outwards."""

_COLUMNS = 21


def mouth(options: Mapping[str, float], look: Expression) -> list[Band]:
    """A line; where it is open, the inside below it with teeth and tongue."""
    s = spread(_COLUMNS)
    half = options["width"] * look.mouth / 2.0
    thick = options["thick"] * (0.35 + 0.65 * (1.0 - s**4))
    outline = lower, upper = mouth_outline(options, look)
    if look.open <= 0.0:
        return [stroke("lines", _LINE, upper, thick)]
    bands = [Band("mouth", _INSIDE, lower, upper), stroke("lines", _LINE, upper[1:-1], 0.8 * thick[1:-1])]
    bands.append(stroke("lines", _LINE, lower[1:-1], 0.5 * thick[1:-1]))
    tongue = clipped(ellipse((0.0, float(lower[:, 1].min())), (0.62 * half, 0.42 * look.open)), outline)
    if tongue is not None:
        bands.append(Band("tongue", _TONGUE, *tongue))
    if look.mouth >= 0.75:
        teeth = (upper - np.array([0.0, 0.2 * look.open]), upper)
        inside = clipped((teeth[0][2:-2], teeth[1][2:-2]), outline)
        if inside is not None:
            bands.append(Band("teeth", _TONGUE, *inside))
    return bands


def mouth_outline(options: Mapping[str, float], look: Expression) -> Curves:
    """The lower and the upper edge of the opening; the same line twice where it is closed."""
    s = spread(_COLUMNS)
    half = options["width"] * look.mouth / 2.0
    upper = np.column_stack([half * s, look.curve * (s**2 - 0.5)])
    rise = max(look.open, 0.0) * np.sqrt(np.maximum(1.0 - s**2, 0.0))
    if look.mouth < 0.75:  # a round mouth opens to both sides
        upper = upper + np.column_stack([0.0 * s, 0.45 * rise])
        rise = 1.45 * rise
    return upper - np.column_stack([0.0 * s, rise]), upper


def nose() -> list[Band]:
    """A short shadow under the tip."""
    s = np.linspace(-1.0, 1.0, 7)
    return [stroke("lines", _LINE, np.column_stack([0.13 * s, 0.03 * s**2]), 0.055 * (1.0 - 0.8 * s**2))]
