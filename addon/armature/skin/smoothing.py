# SPDX-License-Identifier: GPL-3.0-or-later
"""Uniform Laplacian smoothing on half a mesh whose border lies on the mirror plane x = 0."""

from __future__ import annotations

import numpy as np


class Mean:
    """Each vertex's neighbours, as a table that is quick to average over."""

    def __init__(self, quads: np.ndarray, on_plane: np.ndarray) -> None:
        """``quads`` (M, 4) of the half, ``on_plane`` (N,) bool."""
        count = len(on_plane)
        ends = np.stack((quads, np.roll(quads, -1, axis=1)), axis=2).reshape(-1, 2).astype(np.int64)
        keys = np.unique(np.concatenate((ends[:, 0] * count + ends[:, 1], ends[:, 1] * count + ends[:, 0])))
        vertex, neighbour = keys // count, keys % count
        # At the plane a neighbour off it stands for its mirror image too.
        share = np.where(on_plane[vertex] & ~on_plane[neighbour], 2.0, 1.0)
        place = np.arange(len(keys)) - np.searchsorted(vertex, vertex)
        width = int(place.max()) + 1
        self._neighbours = np.zeros((width, count), dtype=np.int64)
        self._shares = np.zeros((width, count))
        self._neighbours[place, vertex] = neighbour
        self._shares[place, vertex] = share
        self._shares /= self._shares.sum(axis=0)
        self._on_plane = on_plane

    def of(self, values: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The neighbours' mean of (N, K) values, for all vertices or those in ``rows``."""
        total = 0.0
        for neighbours, shares in zip(self._neighbours[:, rows], self._shares[:, rows], strict=True):
            total = total + values[neighbours] * shares[:, None]
        return np.asarray(total)

    def smoothed(self, points: np.ndarray, rows: np.ndarray, strength: np.ndarray, rounds: int) -> np.ndarray:
        """(N, 3) points after some rounds, each moving ``rows`` half of ``strength`` of the way to their neighbours' mean."""
        step = 0.5 * strength[:, None]
        points = points.copy()
        neighbours, shares = self._neighbours[:, rows], self._shares[:, rows, None]
        for _ in range(rounds):
            mean = (points[neighbours] * shares).sum(axis=0)
            points[rows] += (mean - points[rows]) * step
            points[self._on_plane, 0] = 0.0
        return points
