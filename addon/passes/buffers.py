# SPDX-License-Identifier: GPL-3.0-or-later
"""What one draw of the geometry leaves behind: every image is computed from it. No bpy."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_FIGURES = 254
"""How many figures ``Buffers.figures`` can tell apart."""
PART_BITS = 8
"""A part's number is its figure's, shifted by so many bits, and one from 1 on that tells it from the figure's other parts."""
BAND = 64
"""Rows that images are computed in at a time: what is worked on stays in the processor's cache, and memory is needed once."""


@dataclass(frozen=True, eq=False)
class Buffers:
    """``depth`` (height, width) float32: metres in front of the camera's plane, infinite where there is nothing.

    ``figures`` (height, width) uint8: 1 where the first figure is seen, 2 for the second, …; 0 for other objects and for nothing.
    Row 0 is at the top; a pixel says what is at its centre.

    Where details were drawn, ``normals`` (3, height, width) float32 are smooth unit normals in the camera's axes (x right, y up,
    z towards the viewer), turned towards the viewer where the back of a face is seen, and (0, 0, 0) where there is nothing;
    ``parts`` (height, width) uint16 tells the materials of all objects apart, and is 0 where there is nothing.
    """

    depth: NDArray[np.float32]
    figures: NDArray[np.uint8]
    normals: NDArray[np.float32] | None = None
    parts: NDArray[np.uint16] | None = None

    @classmethod
    def empty(cls, width: int, height: int, detailed: bool) -> Buffers:
        """With room for what ``put`` and ``put_details`` write, and in it nothing to be relied on."""
        return cls(
            np.empty((height, width), np.float32),
            np.empty((height, width), np.uint8),
            np.empty((3, height, width), np.float32) if detailed else None,
            np.empty((height, width), np.uint16) if detailed else None,
        )

    @functools.cached_property
    def box(self) -> tuple[slice, slice]:
        """The rows and the columns that anything is drawn in; empty where there is nothing."""
        drawn = np.zeros(self.depth.shape[1], dtype=bool)
        rows = np.zeros(len(self.depth), dtype=bool)
        for band in bands(len(self.depth)):
            there = self.depth[band] < np.inf
            rows[band] = there.any(axis=1)
            drawn |= there.any(axis=0)
        return _extent(rows), _extent(drawn)

    def put(self, top: int, depth: NDArray[np.float32], figures: NDArray[np.floating]) -> None:
        """Rows from ``top`` on, as a renderer gives them: row 0 at the bottom, depth 0 where it drew nothing."""
        rows = slice(top, top + len(depth))
        self.depth[rows] = depth[::-1]
        np.copyto(self.depth[rows], np.float32(np.inf), where=self.depth[rows] <= 0.0)
        self.figures[rows] = (figures[::-1] + np.float32(0.5)).astype(np.uint8)

    def put_details(self, top: int, layers: NDArray[np.float32]) -> None:
        """Rows from ``top`` on of ``layers`` (rows, width, 4), row 0 at the bottom: depth, part, and the normal's x and y.

        A quarter more than the part's number says that the normal's z is negative.
        """
        assert self.normals is not None and self.parts is not None
        for part_rows in bands(len(layers)):
            band = layers[::-1][part_rows]
            rows = slice(top + part_rows.start, top + part_rows.stop)
            depth, number, x, y = (np.ascontiguousarray(band[..., layer]) for layer in range(4))
            parts = number.astype(np.uint16)
            self.parts[rows] = parts
            self.figures[rows] = parts >> np.uint16(PART_BITS)
            np.copyto(depth, np.float32(np.inf), where=parts == 0)
            self.depth[rows] = depth
            self.normals[0, rows], self.normals[1, rows] = x, y
            np.multiply(x, x, out=x)
            np.multiply(y, y, out=y)
            np.add(x, y, out=x)
            np.subtract(np.float32(1.0), x, out=x)
            np.maximum(x, np.float32(0.0), out=x)
            z = np.sqrt(x, out=x)
            number -= parts
            np.negative(z, out=z, where=number > np.float32(0.1))
            np.copyto(z, np.float32(0.0), where=parts == 0)
            self.normals[2, rows] = z


def bands(height: int, first: int = 0) -> Iterator[slice]:
    """The rows of a picture from ``first`` on, some at a time."""
    for top in range(first, height, BAND):
        yield slice(top, min(height, top + BAND))


def _extent(there: NDArray[np.bool_]) -> slice:
    found = np.flatnonzero(there)
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)


def put_grey(rows: NDArray[np.uint8], grey: NDArray[np.uint8]) -> None:
    """Write one grey (n, width) to all channels of some rows (n, width, 3): one by one, ten times quicker than at once."""
    for channel in range(3):
        rows[..., channel] = grey
