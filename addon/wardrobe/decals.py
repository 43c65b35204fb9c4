# SPDX-License-Identifier: GPL-3.0-or-later
"""Flat shapes laid on a head's front: drawn in the plane of the face, then pressed onto the surface as thin layers.

The plane of the face has x to the figure's left and z up, metres, as the armature has them. A shape is a band between two curves,
so that it falls into quads by itself and one band is clipped by another exactly, column by column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..armature.skin.build import Skin
from .per_skin import once_per_skin

BASE = 0.0012
"""Metres between the head and the lowest layer: more than the head bulges between two points of a band."""
STEP = 0.0006
"""Metres between two layers: 24 bits of depth from 0.01 m on still tell 0.15 mm apart at 5 m."""
CELL = 0.005
"""Metres that a quad may be high, so that it follows the head."""
_CELLS = 100
"""Cells of the front's height field from one side to the other."""
_ROUND = 2
"""Cells about a node over which the field is smoothed: hollows, such as the corners of the eyes, and narrow rims vanish."""


@dataclass(frozen=True)
class Band:
    """``lower`` and ``upper`` (N, 2): x and z of two curves with the same number of points, in the plane of the face."""

    part: str
    layer: int
    lower: np.ndarray
    upper: np.ndarray

    def mirrored(self) -> Band:
        """On the other side of the face."""
        flip = np.array([-1.0, 1.0])
        return Band(self.part, self.layer, (self.lower * flip)[::-1], (self.upper * flip)[::-1])

    def placed(self, scale: float, x: float, z: float) -> Band:
        """Scaled, then moved."""
        place = np.array([x, z])
        return Band(self.part, self.layer, self.lower * scale + place, self.upper * scale + place)


@dataclass(frozen=True)
class Front:
    """The front of a head as a height field: ``depth[i, j]`` is y at x, z = ``start + (i, j) * cell``."""

    start: np.ndarray
    cell: float
    depth: np.ndarray

    def at(self, points: np.ndarray) -> np.ndarray:
        """(N,) y of the front at x and z, between the cells."""
        place = np.clip((points - self.start) / self.cell, 0.0, np.array(self.depth.shape) - 1.001)
        i, j = place.astype(np.int64).T
        u, v = (place - np.floor(place)).T
        low = self.depth[i, j] * (1.0 - u) + self.depth[i + 1, j] * u
        high = self.depth[i, j + 1] * (1.0 - u) + self.depth[i + 1, j + 1] * u
        return np.asarray(low * (1.0 - v) + high * v)


@once_per_skin
def head_front(skin: Skin) -> Front:
    """The front of a skin's head, seen along +y, smoothed outwards."""
    rows, shares = skin.weights["head"]
    of_head = np.zeros(len(skin.vertices), dtype=bool)
    of_head[rows[shares > 0.3]] = True
    quads = skin.quads[of_head[skin.quads].all(axis=1)]
    eye = skin.landmarks["eye_left"]
    half = float(skin.landmarks["ear_left"][0]) * 0.98
    drop = float(eye[2] - skin.landmarks["chin"][2])
    start = np.array([-half, float(eye[2]) - 1.05 * drop])
    cell = 2.0 * half / _CELLS
    size = (_CELLS + 1, int(np.ceil(2.05 * drop / cell)) + 1)
    depth = _seen(skin.vertices, np.concatenate((quads[:, [0, 1, 2]], quads[:, [0, 2, 3]])), start, cell, size)
    return Front(start, cell, _smooth(depth))


def _seen(vertices: np.ndarray, triangles: np.ndarray, start: np.ndarray, cell: float, size: tuple[int, int]) -> np.ndarray:
    """(size) the smallest y of the triangles over each node of the grid; nodes beside the head get the largest."""
    flat = (vertices[:, [0, 2]].astype(np.float64) - start) / cell
    a, b, c = (flat[triangles[:, k]] for k in range(3))
    low = np.clip(np.ceil(np.minimum(np.minimum(a, b), c)), 0, None).astype(np.int64)
    high = np.minimum(np.floor(np.maximum(np.maximum(a, b), c)), np.array(size) - 1).astype(np.int64)
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    extent = np.maximum(high - low + 1, 0)
    # Towards -y: with x to the right and z up, those are counter-clockwise.
    counts = np.where(area > 1e-9, extent[:, 0] * extent[:, 1], 0)
    owner = np.repeat(np.arange(len(triangles)), counts)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    i, j = low[owner, 0] + step % extent[owner, 0], low[owner, 1] + step // extent[owner, 0]
    a, b, c, area = a[owner], b[owner], c[owner], area[owner]
    u = ((b[:, 0] - i) * (c[:, 1] - j) - (b[:, 1] - j) * (c[:, 0] - i)) / area
    v = ((c[:, 0] - i) * (a[:, 1] - j) - (c[:, 1] - j) * (a[:, 0] - i)) / area
    inside = (u >= -1e-6) & (v >= -1e-6) & (u + v <= 1.0 + 1e-6)
    y = vertices[triangles[owner], 1]
    seen = u * y[:, 0] + v * y[:, 1] + (1.0 - u - v) * y[:, 2]
    depth = np.full(size, np.inf)
    np.minimum.at(depth, (i[inside], j[inside]), seen[inside])
    # Rims between the nodes: the sculpted eyes of large heads have some.
    corners = flat[np.unique(triangles)]
    y = vertices[np.unique(triangles), 1]
    fits = ((corners >= 0.0) & (corners < np.array(size) - 1.0)).all(axis=1)
    i, j = np.floor(corners[fits]).astype(np.int64).T
    for right, up in ((0, 0), (1, 0), (0, 1), (1, 1)):
        np.minimum.at(depth, (i + right, j + up), y[fits])
    missing = ~np.isfinite(depth)
    depth[missing] = depth[~missing].max()
    return depth


def _smooth(depth: np.ndarray) -> np.ndarray:
    """The field, smooth and nowhere behind what it was: each node takes the smallest y about it, then the mean about it."""
    size = 2 * _ROUND + 1
    wide = np.pad(depth, 2 * _ROUND, mode="edge")
    for axis in (0, 1):
        wide = sliding_window_view(wide, size, axis=axis).min(axis=-1)
    for axis in (0, 1):
        wide = sliding_window_view(wide, size, axis=axis).mean(axis=-1)
    return wide


def pressed(bands: Sequence[Band], front: Front, thick: float = 1.0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Vertices (N, 3) float32, faces (M, 4) int32 as a ``Piece`` has them, and the part of each face.

    ``thick``: factor on the distances between layers, for heads whose features are that much larger.
    """
    vertices: list[np.ndarray] = []
    faces: list[np.ndarray] = []
    parts: list[str] = []
    count = 0
    for band in bands:
        points, quads = _grid(band)
        lift = (BASE + STEP * band.layer) * thick
        vertices.append(np.column_stack([points[:, 0], front.at(points) - lift, points[:, 1]]))
        faces.append(quads + count)
        parts += [band.part] * len(quads)
        count += len(points)
    return np.concatenate(vertices).astype(np.float32), np.concatenate(faces).astype(np.int32), parts


def _grid(band: Band) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) points and (M, 4) faces of a band, facing the viewer; where its curves meet, quads become triangles."""
    lower, upper = band.lower, band.upper
    gap = np.linalg.norm(upper - lower, axis=1)
    rows = max(1, int(np.ceil(gap.max() / CELL)))
    columns = len(lower)
    share = np.linspace(0.0, 1.0, rows + 1)[None, :, None]
    points = (lower[:, None] * (1.0 - share) + upper[:, None] * share).reshape(-1, 2)
    index = np.arange(len(points)).reshape(columns, rows + 1)
    index[gap < 1e-6] = index[gap < 1e-6, :1]
    quads = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], axis=-1).reshape(-1, 4)
    a, b, c, d = quads.T
    quads = np.where((a == d)[:, None], np.stack([a, b, c, c], 1), np.where((b == c)[:, None], np.stack([a, b, d, d], 1), quads))
    quads = quads[(quads[:, 0] != quads[:, 1]) & (quads[:, 1] != quads[:, 2]) & (quads[:, 0] != quads[:, 2])]
    used, compact = np.unique(quads, return_inverse=True)
    quads = compact.reshape(-1, 4)
    points = points[used]
    first, second = points[quads[:, 2]] - points[quads[:, 0]], points[quads[:, 3]] - points[quads[:, 1]]
    if float((first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).sum()) < 0.0:
        triangle = quads[:, 2] == quads[:, 3]
        quads = np.where(triangle[:, None], quads[:, [0, 2, 1, 1]], quads[:, ::-1])
    return points, quads
