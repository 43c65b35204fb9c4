# SPDX-License-Identifier: GPL-3.0-or-later
"""A sheet put on a body: out from the skin, smoothed so that it spans hollows, with a rim at its hems."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ..armature.skin.build import Skin
from .sheet import Sheet, borders

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


class Neighbours:
    """The mean of each vertex's neighbours in a mesh. On a border, of those along the border."""

    def __init__(self, faces: np.ndarray, count: int) -> None:
        sides = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2)
        sides = sides[sides[:, 0] != sides[:, 1]]
        edge = borders(faces)
        on_edge = np.zeros(count, dtype=bool)
        on_edge[edge] = True
        pairs = np.concatenate((sides[~on_edge[sides[:, 0]]], edge, edge[:, ::-1]))
        order = np.argsort(pairs[:, 0], kind="stable")
        self.to = pairs[order, 1]
        self.on_edge = on_edge
        counts = np.bincount(pairs[:, 0], minlength=count)
        self.counts = np.maximum(counts, 1)[:, None]
        self.alone = counts == 0
        self.starts = np.minimum(np.concatenate(([0], np.cumsum(counts)[:-1])), max(len(pairs) - 1, 0))

    def mean(self, values: np.ndarray) -> np.ndarray:
        """(N, k)."""
        total = np.add.reduceat(values[self.to], self.starts, axis=0) / self.counts
        return np.where(self.alone[:, None], values, total)


@functools.lru_cache(maxsize=64)
def neighbours(sheet: Sheet) -> Neighbours:
    """Kept with the sheet, which is the same for every body."""
    return Neighbours(sheet.faces, len(sheet.rows))


def body_scale(skin: Skin) -> float:
    """How large a body's trunk is, beside that of an adult of 1.7 m: what thicknesses of cloth go by."""
    return float(np.clip((skin.joints["neck"][2] - skin.joints["thigh.L"][2]) / 0.522, 0.4, 1.3))


def shell(sheet: Sheet, skin: Skin, normals: np.ndarray, ease: np.ndarray, rounds: int, rim: float = RIM) -> Layer:
    """The sheet on a body, ``ease`` (N,) metres out from the skin, with hollows filled by ``rounds`` of smoothing outward.

    ``normals`` are the skin's. The last quads are those of the rim; on the body's middle plane nothing changes sides.
    """
    near = neighbours(sheet)
    base = sheet.carry(skin.vertices.astype(float))
    out = sheet.carry(normals)
    for _ in range(6):
        out = (out + near.mean(out)) / 2.0
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    points = base + out * ease[:, None]
    free = ~near.on_edge
    for _ in range(rounds):
        step = near.mean(points) - points
        along = np.einsum("ni,ni->n", step, out)
        # Into hollows outward only; sideways a little, so that the weave stays even.
        points = points + out * (np.maximum(along, 0.0) * _SPAN * free)[:, None]
    for _ in range(3):
        points = points + (near.mean(points) - points) * 0.5
    depth = np.einsum("ni,ni->n", points - base, out)
    points += out * np.maximum(ease * 0.8 - depth, 0.0)[:, None]
    table, bones = sheet.weights(skin.weights, len(skin.vertices))
    layer = Layer(points, sheet.faces, sheet.parts, table, bones)
    return with_rim(layer, out, rim * body_scale(skin)) if rim else layer


def with_rim(layer: Layer, out: np.ndarray, depth: float) -> Layer:
    """The layer with a strip that turns inward at its borders."""
    edge = borders(layer.faces)
    used = np.unique(edge)
    place = np.zeros(len(layer.vertices), dtype=np.int32)
    place[used] = len(layer.vertices) + np.arange(len(used), dtype=np.int32)
    inner = layer.vertices[used] - out[used] * depth
    quads = np.stack([edge[:, 1], edge[:, 0], place[edge[:, 0]], place[edge[:, 1]]], axis=1).astype(np.int32)
    sides = np.stack([layer.faces, np.roll(layer.faces, -1, axis=1)], axis=2).reshape(-1, 2)
    owner = dict(zip(map(tuple, sides.tolist()), np.repeat(layer.parts, 4).tolist(), strict=True))
    parts = np.array([owner[tuple(side)] for side in edge.tolist()], dtype=np.int16)
    return Layer(
        np.concatenate((layer.vertices, inner)),
        np.concatenate((layer.faces, quads)),
        np.concatenate((layer.parts, parts)),
        np.concatenate((layer.table, layer.table[used])),
        layer.bones,
    )
