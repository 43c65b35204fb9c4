# SPDX-License-Identifier: GPL-3.0-or-later
"""The control cage: half of a closed quad mesh, grown ring by ring.

Only the figure's left half (x >= 0) is made. Vertices on the plane x = 0 are marked when they are made, never found by
distance, so that the mirrored halves always close. Which vertices and quads there are depends on the code alone, where they
lie depends on the body file alone: every body has the same vertex order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Vector = np.ndarray
"""Three float64 numbers, metres."""

Weights = dict[str, float]
"""Deform bone of the left side or the middle, with its share; the shares add up to one."""


class Cage:
    """Vertices, quads and what belongs to each vertex, all still open to be added to."""

    def __init__(self) -> None:
        self.positions: list[Vector] = []
        self.weights: list[Weights] = []
        self.held: list[float] = []
        self.on_plane: list[bool] = []
        self.quads: list[tuple[int, int, int, int]] = []
        self.dark: set[tuple[int, int, int, int]] = set()
        """Those of the quads that are irises, or rims of upper lids, where lashes grow."""

    def add(self, position: Sequence[float] | Vector, weights: Weights, *, held: float = 0.0, on_plane: bool = False) -> int:
        """A new vertex's index. ``held`` (0 to 1) keeps brushes and smoothing off what was placed exactly, such as eyelids."""
        vertex = np.array(position, dtype=np.float64)
        if on_plane:
            vertex[0] = 0.0
        self.positions.append(vertex)
        self.weights.append(weights)
        self.held.append(held)
        self.on_plane.append(on_plane)
        return len(self.positions) - 1

    def quad(self, a: int, b: int, c: int, d: int, *, flip: bool = False) -> None:
        """A quad, seen counter-clockwise from outside; ``flip`` where the caller's order runs the other way round."""
        self.quads.append((d, c, b, a) if flip else (a, b, c, d))

    def bridge(self, first: Sequence[int], second: Sequence[int], *, flip: bool = False, closed: bool = True) -> None:
        """Quads between two rings (or open rows, with ``closed`` False) of equal length."""
        count = len(first)
        for i in range(count if closed else count - 1):
            j = (i + 1) % count
            self.quad(first[i], first[j], second[j], second[i], flip=flip)

    def centre(self, vertices: Sequence[int]) -> Vector:
        """The mean position of some vertices."""
        return np.mean([self.positions[i] for i in vertices], axis=0)

    def drop_quads(self, quads: set[frozenset[int]]) -> None:
        """Takes quads away, named by their corners, to make room for a patch of another shape."""
        self.quads = [quad for quad in self.quads if frozenset(quad) not in quads]


def mixed(*shares: tuple[str, float]) -> Weights:
    """Weights that add up to one; shares of the same bone are added, those near zero left out."""
    weights: Weights = {}
    for bone, share in shares:
        if share > 1e-4:
            weights[bone] = weights.get(bone, 0.0) + share
    total = sum(weights.values())
    return {bone: share / total for bone, share in weights.items()}


def ramp(start: float, end: float, value: float) -> float:
    """Smoothstep: 0 before ``start``, 1 after ``end``; ``start`` may be the larger one."""
    t = min(max((value - start) / (end - start), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def unit(vector: Sequence[float] | Vector) -> Vector:
    """The vector at length one."""
    array = np.asarray(vector, dtype=np.float64)
    return array / np.linalg.norm(array)


def across(vector: Vector, axis: Vector) -> Vector:
    """What of ``vector`` stands at a right angle to the unit vector ``axis``, at length one."""
    return unit(vector - axis * float(vector @ axis))


def signed_power(base: float, exponent: float) -> float:
    """|base| ** exponent with the sign of base: the coordinate of a superellipse."""
    return math.copysign(abs(base) ** exponent, base)
