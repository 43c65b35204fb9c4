# SPDX-License-Identifier: GPL-3.0-or-later
"""A sheet put on a body: out from the skin, smoothed so that it spans hollows, with a rim at its hems."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from ..armature.skin.build import Skin
from .sheet import Sheet, border_sides

RIM = 0.004
"""Metres that a hem turns inward on an adult, so that cloth has an edge."""

_SPAN = 0.6
"""Of the way to its neighbours' mean, what a hollow of cloth is filled by in one round."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A mesh with weights, a part of a piece. ``table`` (N, bones) are shares of ``bones``."""

    vertices: np.ndarray
    faces: np.ndarray
    parts: np.ndarray
    table: np.ndarray
    bones: list[str]

    def of_part(self, part: int) -> Layer:
        """The layer with ``part`` for the first."""
        return replace(self, parts=np.where(self.parts == 0, part, self.parts).astype(np.int16))


class Seams:
    """What a mesh's faces say of its shape: neighbours, and the strip of quads that turns inward along its borders."""

    def __init__(self, faces: np.ndarray, parts: np.ndarray, count: int) -> None:
        sides = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2)
        alone = border_sides(faces).ravel()
        edge = sides[alone]
        self.free = np.ones(count, dtype=bool)
        self.free[edge] = False
        self.rim_from = np.unique(edge)
        """The vertices that the rim's own are copies of."""
        place = np.zeros(count, dtype=np.int32)
        place[self.rim_from] = count + np.arange(len(self.rim_from), dtype=np.int32)
        self.rim = np.stack([edge[:, 1], edge[:, 0], place[edge[:, 0]], place[edge[:, 1]]], axis=1).astype(np.int32)
        self.rim_parts = np.repeat(parts, 4)[alone].astype(np.int16)
        sides = sides[sides[:, 0] != sides[:, 1]]
        pairs = np.concatenate((sides[self.free[sides[:, 0]]], edge, edge[:, ::-1]))
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
        counts = np.bincount(pairs[:, 0], minlength=count)
        self._to = pairs[:, 1]
        self._counts = counts[:, None].astype(float)
        self._starts = np.concatenate(([0], np.cumsum(counts)[:-1]))

    def mean(self, values: np.ndarray) -> np.ndarray:
        """(N, k): the mean of each vertex's neighbours; on a border, of those along it."""
        result: np.ndarray = np.add.reduceat(values[self._to], self._starts, axis=0) / self._counts
        return result


@functools.lru_cache(maxsize=64)
def seams(sheet: Sheet) -> Seams:
    """Kept with the sheet, which is the same for every body."""
    return Seams(sheet.faces, sheet.parts, len(sheet.rows))


def body_scale(skin: Skin) -> float:
    """How large a body's trunk is, beside that of an adult of 1.7 m: what thicknesses of cloth go by."""
    return float(np.clip((skin.joints["neck"][2] - skin.joints["thigh.L"][2]) / 0.522, 0.4, 1.3))


def shell(sheet: Sheet, skin: Skin, normals: np.ndarray, ease: np.ndarray, rounds: int, rim: float = RIM) -> Layer:
    """The sheet on a body, ``ease`` (N,) metres out from the skin, with hollows filled by ``rounds`` of smoothing outward.

    ``normals`` are the skin's. The last quads are those of the rim; on the body's middle plane nothing changes sides.
    """
    near = seams(sheet)
    base = sheet.carry(skin.vertices.astype(float))
    out = sheet.carry(normals)
    for _ in range(6):
        out = (out + near.mean(out)) / 2.0
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    points = base + out * ease[:, None]
    for _ in range(rounds):
        along = np.einsum("ni,ni->n", near.mean(points) - points, out)
        points += out * (np.maximum(along, 0.0) * _SPAN * near.free)[:, None]
    for _ in range(3):
        # Never sideways, which would fray the lines where colours meet.
        points += out * (np.einsum("ni,ni->n", near.mean(points) - points, out) * 0.5)[:, None]
    depth = np.einsum("ni,ni->n", points - base, out)
    points += out * np.maximum(ease * 0.8 - depth, 0.0)[:, None]
    table, bones = sheet.weights(skin.weights, len(skin.vertices))
    layer = Layer(points, sheet.faces, sheet.parts, table, bones)
    if not rim:
        return layer
    inner = points[near.rim_from] - out[near.rim_from] * (rim * body_scale(skin))
    return Layer(
        np.concatenate((points, inner)),
        np.concatenate((layer.faces, near.rim)),
        np.concatenate((layer.parts, near.rim_parts)),
        np.concatenate((table, table[near.rim_from])),
        bones,
    )
