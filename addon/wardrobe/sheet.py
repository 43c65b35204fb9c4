# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloth cut from the skin: faces whose corners are mixes of skin vertices, so that one cut fits every body.

All bodies have the same vertices in the same order. A sheet is cut once, on the body that patterns are drawn on, along levels of
smooth fields, which makes hems and seams clean lines; where its corners lie on another body follows from that body's skin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
        signs = np.sign(values)[self.faces]
        crossed = (signs.max(axis=1) > 0) & (signs.min(axis=1) < 0)
        if not crossed.any():
            return self
        rows, shares = list(self.rows), list(self.shares)
        edges: dict[tuple[int, int], int] = {}

        def between(a: int, b: int) -> int:
            key = (min(a, b), max(a, b))
            if key not in edges:
                a, b = key
                part = values[a] / (values[a] - values[b])
                row, share = _mixed(rows[a], shares[a] * (1.0 - part), rows[b], shares[b] * part)
                edges[key] = len(rows)
                rows.append(row)
                shares.append(share)
            return edges[key]

        faces, parts = [], []
        for face, part in zip(self.faces[crossed].tolist(), self.parts[crossed].tolist(), strict=True):
            for piece in _halves(face, values, between):
                faces.append(piece)
                parts.append(part)
        return replace(
            self,
            faces=np.concatenate((self.faces[~crossed], np.array(faces, dtype=np.int32))),
            rows=np.array(rows, dtype=np.int32),
            shares=np.array(shares),
            parts=np.concatenate((self.parts[~crossed], np.array(parts, dtype=np.int16))),
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
        edges = self.edges()
        a, b = values[edges[:, 0]], values[edges[:, 1]]
        cross = a * b < 0.0
        part = np.abs(a) / np.maximum(np.abs(a - b), 1e-12)
        return np.unique(np.concatenate((edges[cross & (part < _SNAP), 0], edges[cross & (part > 1.0 - _SNAP), 1])))

    def edges(self) -> np.ndarray:
        """(E, 2) int32: each edge once, lower corner first."""
        return mesh_edges(self.faces)


def mesh_edges(faces: np.ndarray) -> np.ndarray:
    """(E, 2): each edge of a mesh once, lower corner first."""
    sides = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    sides = sides[sides[:, 0] != sides[:, 1]]
    # As one number each, because numpy sorts those many times as fast as rows.
    count = int(faces.max(initial=0)) + 1
    keys = np.unique(sides[:, 0].astype(np.int64) * count + sides[:, 1])
    return np.column_stack((keys // count, keys % count)).astype(faces.dtype)


def borders(faces: np.ndarray) -> np.ndarray:
    """(B, 2): the edges of a mesh that only one face has, in that face's direction."""
    sides = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2)
    sides = sides[sides[:, 0] != sides[:, 1]]
    keys = np.sort(sides, axis=1)
    _, inverse, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    return sides[counts[inverse.ravel()] == 1]


def whole_skin(quads: np.ndarray, count: int) -> Sheet:
    """The skin as a sheet, before any cut."""
    rows = np.repeat(np.arange(count, dtype=np.int32)[:, None], MIX, axis=1)
    shares = np.zeros((count, MIX))
    shares[:, 0] = 1.0
    return Sheet(quads.astype(np.int32), rows, shares, np.zeros(len(quads), dtype=np.int16))


def _mixed(rows_a: np.ndarray, a: np.ndarray, rows_b: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One mix of two, of the MIX skin vertices with the largest shares."""
    total: dict[int, float] = {}
    for row, share in zip((*rows_a.tolist(), *rows_b.tolist()), (*a.tolist(), *b.tolist()), strict=True):
        if share > 0.0:
            total[row] = total.get(row, 0.0) + share
    chosen = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:MIX]
    chosen += [(chosen[0][0], 0.0)] * (MIX - len(chosen))
    shares = np.array([share for _, share in chosen])
    return np.array([row for row, _ in chosen], dtype=np.int32), shares / shares.sum()


def _halves(face: list[int], values: np.ndarray, between: Callable[[int, int], int]) -> list[list[int]]:
    """A face that is crossed, as faces of three or four corners on either side."""
    corners = face if face[3] != face[2] else face[:3]
    sides: tuple[list[int], list[int]] = ([], [])
    for k, a in enumerate(corners):
        b = corners[(k + 1) % len(corners)]
        for side, sign in zip(sides, (1.0, -1.0), strict=True):
            if values[a] * sign >= 0.0:
                side.append(a)
        if values[a] * values[b] < 0.0:
            middle = between(a, b)
            sides[0].append(middle)
            sides[1].append(middle)
    found = []
    for polygon in sides:
        while len(polygon) > 4:
            found.append([polygon[0], polygon[1], polygon[2], polygon[2]])
            polygon = [polygon[0], *polygon[2:]]
        if len(polygon) == 4:
            found.append(polygon)
        elif len(polygon) == 3:
            found.append([*polygon, polygon[2]])
    return found
