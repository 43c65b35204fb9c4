# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloth cut from the skin: faces whose corners are mixes of skin vertices, so that one cut fits every body.

All bodies have the same vertices in the same order. A sheet is cut once, on the body that patterns are drawn on, along levels of
smooth fields, which makes hems and seams clean lines; where its corners lie on another body follows from that body's skin.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

MIX = 4
"""Skin vertices that one corner is a mix of, at most."""

_SNAP = 0.04
"""A cut that passes a corner within this share of an edge goes through the corner, so that there are no slivers."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """``faces`` (M, 4) int32, a triangle repeats its last corner; ``rows`` and ``shares`` (N, MIX): the skin vertices that a
    corner is a mix of; ``parts`` (M,) int16."""

    faces: np.ndarray
    rows: np.ndarray
    shares: np.ndarray
    parts: np.ndarray

    def carry(self, values: np.ndarray) -> np.ndarray:
        """(N, …): values of the skin's vertices, at the sheet's."""
        result: np.ndarray = np.einsum("nk,nk...->n...", self.shares, values[self.rows])
        return result

    def on_faces(self, values: np.ndarray) -> np.ndarray:
        """(M,): the mean of the skin's values over each face."""
        result: np.ndarray = self.carry(values)[self.faces].mean(axis=1)
        return result

    def split(self, field: np.ndarray) -> Sheet:
        """The sheet with no face on both sides of where ``field``, of the skin's vertices, is zero."""
        values = self.carry(field).copy()
        values[np.abs(values) < 1e-9] = 0.0
        values[self._near(values)] = 0.0
        signs = np.sign(values).astype(np.int8)[self.faces]
        crossed = (signs.max(axis=1) > 0) & (signs.min(axis=1) < 0)
        if not crossed.any():
            return self
        whole = self.faces[crossed]
        middles, ends = _crossings(whole, values, len(self.rows))
        part = values[ends[:, 0]] / (values[ends[:, 0]] - values[ends[:, 1]])
        rows, shares = self.rows[ends], self.shares[ends] * np.stack((1.0 - part, part), axis=1)[:, :, None]
        new_rows, new_shares = _mixed(rows[:, 0], shares[:, 0], rows[:, 1], shares[:, 1])
        faces, origins = _halves(whole, signs[crossed], middles)
        return replace(
            self,
            faces=np.concatenate((self.faces[~crossed], faces)).astype(np.int32),
            rows=np.concatenate((self.rows, new_rows)).astype(np.int32),
            shares=np.concatenate((self.shares, new_shares)),
            parts=np.concatenate((self.parts[~crossed], self.parts[crossed][origins])).astype(np.int16),
        )

    def kept(self, faces: np.ndarray) -> Sheet:
        """Only these faces, (M,) bool, and the corners that they use."""
        used = np.zeros(len(self.rows), dtype=bool)
        used[self.faces[faces]] = True
        place = (np.cumsum(used) - 1).astype(np.int32)
        return Sheet(place[self.faces[faces]], self.rows[used], self.shares[used], self.parts[faces])

    def cut(self, field: np.ndarray) -> Sheet:
        """What lies where ``field`` is above zero."""
        sheet = self.split(field)
        return sheet.kept(sheet.on_faces(field) > 0.0)

    def coloured(self, field: np.ndarray, part: int) -> Sheet:
        """The sheet with ``part`` where ``field`` is above zero."""
        return self.banded(field, 0.0, np.inf, part)

    def banded(self, field: np.ndarray, low: float, high: float, part: int, where: np.ndarray | None = None) -> Sheet:
        """The sheet with ``part`` where ``field`` is from ``low`` to ``high``; such a band may be narrower than a face."""
        sheet = self.split(field - low)
        if np.isfinite(high):
            sheet = sheet.split(field - high)
        if where is not None:
            sheet = sheet.split(where)
        values = sheet.on_faces(field)
        inside = (values > low) & (values < high)
        if where is not None:
            inside &= sheet.on_faces(where) > 0.0
        return replace(sheet, parts=np.where(inside, part, sheet.parts).astype(np.int16))

    def weights(self, weights: Mapping[str, tuple[np.ndarray, np.ndarray]], count: int) -> tuple[np.ndarray, list[str]]:
        """(N, bones) shares of the skin's bones at the sheet's corners, and the bones' names. ``count``: skin vertices."""
        names = sorted(weights)
        table = np.zeros((count, len(names)), dtype=np.float32)
        for column, name in enumerate(names):
            rows, shares = weights[name]
            table[rows, column] = shares
        used = np.flatnonzero(table[np.unique(self.rows)].any(axis=0))
        return self.carry(table[:, used]), [names[column] for column in used]

    def _near(self, values: np.ndarray) -> np.ndarray:
        """Corners so near to the zero of the field that it may pass through them."""
        after = np.roll(self.faces, -1, axis=1)
        crossing = values[self.faces] * values[after] < 0.0
        low, high = np.minimum(self.faces[crossing], after[crossing]), np.maximum(self.faces[crossing], after[crossing])
        part = np.abs(values[low]) / np.maximum(np.abs(values[low] - values[high]), 1e-12)
        return np.concatenate((low[part < _SNAP], high[part > 1.0 - _SNAP]))


def border_sides(faces: np.ndarray) -> np.ndarray:
    """(M, 4) bool: which sides of a mesh's faces, from each corner to the next, no other face has."""
    after = np.roll(faces, -1, axis=1)
    # As one number each, because numpy sorts those many times as fast as rows.
    keys = np.minimum(faces, after).astype(np.int64) * (int(faces.max(initial=0)) + 1) + np.maximum(faces, after)
    _, inverse, counts = np.unique(keys.ravel(), return_inverse=True, return_counts=True)
    return np.asarray((counts[inverse].reshape(faces.shape) == 1) & (faces != after))


def borders(faces: np.ndarray) -> np.ndarray:
    """(B, 2): the edges of a mesh that only one face has, in that face's direction."""
    alone = border_sides(faces)
    return np.stack((faces[alone], np.roll(faces, -1, axis=1)[alone]), axis=1)


def whole_skin(quads: np.ndarray, count: int) -> Sheet:
    """The skin as a sheet, before any cut."""
    rows = np.repeat(np.arange(count, dtype=np.int32)[:, None], MIX, axis=1)
    shares = np.zeros((count, MIX))
    shares[:, 0] = 1.0
    return Sheet(quads.astype(np.int32), rows, shares, np.zeros(len(quads), dtype=np.int16))


def _crossings(faces: np.ndarray, values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners between the ends of sides that a field crosses, numbered from ``count`` on as faces come to them.

    Returns (M, 4), the corner on each side of the faces or −1, and (E, 2) between which two each of the new corners lies.
    """
    after = np.roll(faces, -1, axis=1)
    # A triangle's last side begins at its third corner, which is repeated.
    triangle = faces[:, 3] == faces[:, 2]
    after[triangle, 2] = faces[triangle, 0]
    crossing = values[faces] * values[after] < 0.0
    crossing[triangle, 3] = False
    low, high = np.minimum(faces[crossing], after[crossing]), np.maximum(faces[crossing], after[crossing])
    keys, first, inverse = np.unique(low.astype(np.int64) * count + high, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(keys), dtype=np.int64)
    place[order] = np.arange(len(keys))
    middles = np.full(faces.shape, -1, dtype=np.int64)
    middles[crossing] = count + place[inverse.ravel()]
    return middles, np.stack((low[first[order]], high[first[order]]), axis=1)


def _mixed(rows_a: np.ndarray, a: np.ndarray, rows_b: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E, MIX) each: mixes of two mixes, of the MIX skin vertices with the largest shares."""
    alike = (rows_a[:, :, None] == rows_b[:, None, :]) & (a[:, :, None] > 0.0) & (b[:, None, :] > 0.0)
    shares = np.concatenate((a + (alike * b[:, None, :]).sum(axis=2), np.where(alike.any(axis=1), 0.0, b)), axis=1)
    rows = np.concatenate((rows_a, rows_b), axis=1)
    order = np.lexsort((rows, -shares), axis=1)[:, :MIX]
    rows, shares = np.take_along_axis(rows, order, axis=1), np.take_along_axis(shares, order, axis=1)
    return np.where(shares > 0.0, rows, rows[:, :1]), shares / shares.sum(axis=1, keepdims=True)


def _halves(faces: np.ndarray, signs: np.ndarray, middles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Faces that are crossed, as faces of three or four corners on either side, and from which of them each is."""
    triangle = faces[:, 3] == faces[:, 2]
    codes = (signs + 1) @ np.array([1, 3, 9, 27]) + 81 * triangle
    kinds, kind = np.unique(codes, return_inverse=True)
    patterns = [_pattern_of(tuple((code % 81) // 3**k % 3 - 1 for k in range(3 if code >= 81 else 4))) for code in kinds.tolist()]
    counts = np.array([len(pattern) for pattern in patterns])[kind.ravel()]
    starts = np.cumsum(counts) - counts
    result = np.empty((int(counts.sum()), 4), dtype=np.int64)
    slots = np.concatenate((faces, middles), axis=1)
    for number, pattern in enumerate(patterns):
        found = np.flatnonzero(kind.ravel() == number)
        result[starts[found][:, None] + np.arange(len(pattern))] = slots[found][:, np.array(pattern)]
    return result, np.repeat(np.arange(len(faces)), counts)


@functools.cache
def _pattern_of(signs: tuple[int, ...]) -> tuple[tuple[int, int, int, int], ...]:
    """How a face whose corners have these signs falls apart: faces of its corners (0 to 3) and its sides' (4 to 7)."""
    sides: tuple[list[int], list[int]] = ([], [])
    for k, sign in enumerate(signs):
        for side, way in zip(sides, (1, -1), strict=True):
            if sign * way >= 0:
                side.append(k)
        if sign * signs[(k + 1) % len(signs)] < 0:
            sides[0].append(4 + k)
            sides[1].append(4 + k)
    found: list[tuple[int, int, int, int]] = []
    for polygon in sides:
        while len(polygon) > 4:
            found.append((polygon[0], polygon[1], polygon[2], polygon[2]))
            polygon = [polygon[0], *polygon[2:]]
        if len(polygon) == 4:
            found.append((polygon[0], polygon[1], polygon[2], polygon[3]))
        elif len(polygon) == 3:
            found.append((polygon[0], polygon[1], polygon[2], polygon[2]))
    return tuple(found)
