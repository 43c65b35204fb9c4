# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh of a head as numbers: welded, in loose parts, and which of these is the skin that has the face. No bpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_WELD = 2e-4
"""Vertices nearer than this, in parts of the head's size, are one: importers split them along seams."""
_LOW, _NARROW = 0.5, 0.16
"""Where a face's own skin is foremost: in the lower half of a head, this near its middle, in parts of its height. Fringes hang
above that, locks beside it."""
_WHOLE = 0.45
"""How deep a skin is that is a head's and no mask, at least, in parts of its width."""


@dataclass(frozen=True, eq=False)
class HeadMesh:
    """A head at rest: x to the figure's left, y up, z forward, in any unit.

    ``points`` (n, 3) and ``triangles`` (t, 3) are all of it but hair and what is worn; ``eye`` and ``iris`` (n,) are known by
    names.
    """

    points: Floats
    triangles: Ints
    eye: Bools
    iris: Bools

    @classmethod
    def joined(cls, parts: Sequence[HeadMesh]) -> HeadMesh:
        """One of several."""
        starts = np.cumsum([0, *(len(part.points) for part in parts)])
        return cls(
            np.concatenate([np.empty((0, 3)), *(part.points for part in parts)]),
            np.concatenate([np.empty((0, 3), np.int64), *(part.triangles + at for part, at in zip(parts, starts, strict=False))]),
            np.concatenate([np.empty(0, bool), *(part.eye for part in parts)]),
            np.concatenate([np.empty(0, bool), *(part.iris for part in parts)]),
        )

    def of(self, chosen: Bools) -> HeadMesh:
        """The triangles all of whose corners are ``chosen`` (n,), and the vertices that they have."""
        kept = self.triangles[chosen[self.triangles].all(axis=1)]
        used = np.zeros(len(self.points), bool)
        used[kept] = True
        number = np.cumsum(used) - 1
        return HeadMesh(self.points[used], number[kept], self.eye[used], self.iris[used])


def welded(mesh: HeadMesh) -> HeadMesh:
    """The same with vertices at one place made one."""
    if not len(mesh.points):
        return mesh
    size = max(float(np.ptp(mesh.points, axis=0).max()), 1e-12)
    _, first, number = np.unique(np.round(mesh.points / (_WELD * size)).astype(np.int64), axis=0, return_index=True,
                                 return_inverse=True)  # fmt: skip
    number = number.reshape(-1)
    eye, iris = np.zeros(len(first), bool), np.zeros(len(first), bool)
    np.logical_or.at(eye, number, mesh.eye)
    np.logical_or.at(iris, number, mesh.iris)
    triangles = number[mesh.triangles]
    a, b, c = triangles.T
    return HeadMesh(mesh.points[first], triangles[(a != b) & (b != c) & (a != c)], eye, iris)


def loose_parts(count: int, triangles: Ints) -> Ints:
    """(count,): for each vertex the lowest number of those that hang together with it by triangles."""
    label = np.arange(count)
    edges = np.concatenate((triangles[:, [0, 1]], triangles[:, [1, 2]]))
    while True:
        before = label.copy()
        lowest = np.minimum(label[edges[:, 0]], label[edges[:, 1]])
        for end in edges.T:
            np.minimum.at(label, label[end], lowest)
            np.minimum.at(label, end, lowest)
        label = label[label]
        if np.array_equal(before, label):
            return label


def skin_of_face(mesh: HeadMesh, parts: Ints) -> Bools:
    """(n,) which vertices are of the skin that has the face: the loose part that is foremost in the lower middle of the head, so
    that hair and hats without a telling name do not count. All of the head where that is only a mask."""
    whole = ~(mesh.eye | mesh.iris)
    if not whole.any():
        return np.ones(len(mesh.points), bool)
    points = mesh.points
    low, high = points[whole, 1].min(), points[whole, 1].max()
    height = high - low
    x = points[whole, 0]
    near = np.abs(points[:, 0] - (x.min() + x.max()) / 2.0) < _NARROW * height
    middle = whole & near & (points[:, 1] < low + _LOW * height)
    if not middle.any():
        return whole
    found: Bools = whole & (parts == parts[np.flatnonzero(middle)[points[middle, 2].argmax()]])
    across, _, depth = np.ptp(points[found], axis=0)
    return found if depth > _WHOLE * across else whole


def sampled(points: Floats, triangles: Ints, step: float) -> Floats:
    """(m, 3) places on a surface, hardly farther apart than ``step``."""
    corners = points[triangles]
    edges = np.stack([((corners[:, i] - corners[:, i - 1]) ** 2).sum(axis=1) for i in range(3)])
    rows = np.clip(np.ceil(np.sqrt(edges.max(axis=0)) / step), 1, 32).astype(int) if len(corners) else np.empty(0, int)
    found = [np.empty((0, 3))]
    for count in np.unique(rows):
        i, j = np.meshgrid(np.arange(count + 1), np.arange(count + 1))
        inside = i + j <= count
        a, b = (i[inside] / count)[:, None], (j[inside] / count)[:, None]
        some = corners[rows == count]
        found.append((some[:, None, 0] * (1.0 - a - b) + some[:, None, 1] * a + some[:, None, 2] * b).reshape(-1, 3))
    return np.concatenate(found)
