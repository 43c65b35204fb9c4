# SPDX-License-Identifier: GPL-3.0-or-later
"""Nails: a shallow plate let into the upper side of a finger's or toe's end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .cage import Cage, Vector, Weights


@dataclass(frozen=True)
class Plate:
    """How a nail lies in its bed, the open rows of vertices behind and before it."""

    root: float
    """Where it begins, as a share of the way from one row to the other; it always ends just before the second."""
    breadth: float
    """Share of the rows' width."""
    sunk: float
    """Metres by which its root lies below the skin, which folds over it."""
    raised: float
    """Metres by which its free edge stands above the skin."""


FREE_EDGE = 0.97
"""Share of the way along the bed at which a nail ends."""


def add_nail(
    cage: Cage, behind: Sequence[int], before: Sequence[int], up: Vector, plate: Plate, weights: Weights, *, flip: bool
) -> None:
    """Closes the space between two rows of vertices by a plate and the fold of skin round it.

    Both rows have as many vertices and run the same way across; ``before`` lies nearer the tip. ``flip`` as for the bridge from
    the one row to the other.
    """
    last = len(behind) - 1
    inner: list[list[int]] = []
    for along, height in ((plate.root, -plate.sunk), (FREE_EDGE, plate.raised)):
        row = []
        points = [
            cage.positions[near] * (1.0 - along) + cage.positions[far] * along for near, far in zip(behind, before, strict=True)
        ]  # fmt: skip
        middle = (points[0] + points[-1]) / 2.0
        for place, point in enumerate(points):
            # The plate is flatter than the finger: its middle does not rise as far over its edges.
            across = middle + (point - middle) * (plate.breadth if place in (0, last) else 0.8)
            row.append(cage.add(across + up * height, weights))
        inner.append(row)
    outline = [*behind, *reversed(before)]
    edge = [*inner[0], *reversed(inner[1])]
    cage.bridge(outline, edge, flip=flip)
    cage.bridge(inner[0], inner[1], flip=flip, closed=False)
