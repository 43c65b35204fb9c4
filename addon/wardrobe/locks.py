# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks of hair: flattened, tapered tubes with a ridge and a pointed end, swept along a line; and the mesh they are gathered
in. No bpy."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

Shares = list[tuple[str, float]]
"""Bones, and by how much each holds a point: adding up to one."""

_RING = 6
_TURN = np.arange(_RING) * (2.0 * np.pi / _RING)
_ACROSS = np.cos(_TURN)
# Broad below, a ridge above: the ridge is what light and outlines take hold of.
_HEIGHT = np.where(np.sin(_TURN) > 0.0, 1.0, 0.45) * np.sin(_TURN)


@dataclass
class Strands:
    """A mesh that grows by locks. It knows by how much which bones hold each vertex."""

    points: list[np.ndarray] = field(default_factory=list)
    faces: list[np.ndarray] = field(default_factory=list)
    parts: list[np.ndarray] = field(default_factory=list)
    held: dict[str, list[tuple[int, np.ndarray]]] = field(default_factory=dict)
    count: int = 0

    def add(
        self, points: np.ndarray, faces: np.ndarray, part: int, holds: Sequence[Shares], places: np.ndarray | None = None
    ) -> None:
        """More mesh: ``faces`` (m, 4) count from its own first point. ``holds``: bones and shares, at each of the ``places`` at
        which its points are; of all points alike if there are none."""
        self.points.append(points)
        self.faces.append(faces + self.count)
        self.parts.append(np.full(len(faces), part))
        table: dict[str, np.ndarray] = {}
        for place, shares in enumerate(holds):
            for bone, share in shares:
                if share > 1e-4:
                    table.setdefault(bone, np.zeros(len(holds)))[place] += share
        for bone, at in table.items():
            self.held.setdefault(bone, []).append((self.count, np.full(len(points), at[0]) if places is None else at[places]))
        self.count += len(points)

    def weights(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Bone → vertices int32 and shares float32."""
        result = {}
        for bone, entries in self.held.items():
            shares = np.zeros(self.count, dtype=np.float32)
            for start, values in entries:
                shares[start : start + len(values)] = values
            rows = np.flatnonzero(shares).astype(np.int32)
            result[bone] = (rows, shares[rows])
        return result


def tube(line: np.ndarray, outward: np.ndarray, width: np.ndarray, thickness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A lock along ``line`` (n, 3): points and quads (m, 4). ``outward`` (n, 3) is where its broad side looks; ``width`` and
    ``thickness`` (n,) are half its size in metres. It is closed at its root and ends in a point."""
    along = np.empty_like(line)
    along[1:-1] = (line[2:] - line[:-2]) / 2.0
    along[0], along[-1] = line[1] - line[0], line[-1] - line[-2]
    along /= np.maximum(np.sqrt((along * along).sum(axis=1, keepdims=True)), 1e-12)
    up = outward - along * (outward * along).sum(axis=1, keepdims=True)
    up /= np.maximum(np.sqrt((up * up).sum(axis=1, keepdims=True)), 1e-12)
    side = np.empty_like(line)
    for k, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        side[:, k] = along[:, i] * up[:, j] - along[:, j] * up[:, i]
    rings = (
        line[:-1, None]
        + side[:-1, None] * (_ACROSS[None, :, None] * width[:-1, None, None])
        + up[:-1, None] * (_HEIGHT[None, :, None] * thickness[:-1, None, None])
    )
    return np.concatenate((rings.reshape(-1, 3), line[-1:], line[:1])), _tube_faces(len(line))


@functools.cache
def _tube_faces(places: int) -> np.ndarray:
    count = places - 1
    tip, root = count * _RING, count * _RING + 1
    k = np.arange(_RING)
    following = (k + 1) % _RING
    faces = [
        np.stack((i * _RING + k, (i + 1) * _RING + k, (i + 1) * _RING + following, i * _RING + following), axis=1)
        for i in range(count - 1)
    ]
    last = (count - 1) * _RING
    end = np.stack((last + following, last + k, np.full(_RING, tip), np.full(_RING, tip)), axis=1)
    start = np.stack((k, following, np.full(_RING, root), np.full(_RING, root)), axis=1)
    return np.concatenate([*faces, end, start]).astype(np.int32)


def ring_rows(count: int) -> np.ndarray:
    """For the points of a tube along ``count`` places: to which place each belongs."""
    return np.concatenate((np.repeat(np.arange(count - 1), _RING), [count - 1, 0]))


def ball(centre: np.ndarray, axes: np.ndarray, rings: int = 7, columns: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """An ellipsoid: ``axes`` (3, 3) rows are its half axes in metres, right-handed, the last its pole."""
    polar = np.linspace(0.0, np.pi, rings + 2)[1:-1]
    azimuth = np.arange(columns) * (2.0 * np.pi / columns)
    unit = np.stack(
        (
            np.outer(np.sin(polar), np.cos(azimuth)),
            np.outer(np.sin(polar), np.sin(azimuth)),
            np.repeat(np.cos(polar)[:, None], columns, axis=1),
        ),
        axis=-1,
    ).reshape(-1, 3)
    points = np.concatenate((unit @ axes, axes[2:], -axes[2:])) + centre
    k = np.arange(columns)
    following = (k + 1) % columns
    faces = [
        np.stack((i * columns + k, (i + 1) * columns + k, (i + 1) * columns + following, i * columns + following), axis=1)
        for i in range(rings - 1)
    ]
    top, bottom = np.full(columns, rings * columns), np.full(columns, rings * columns + 1)
    last = (rings - 1) * columns
    faces += [np.stack((k, following, top, top), axis=1), np.stack((last + following, last + k, bottom, bottom), axis=1)]
    return points, np.concatenate(faces).astype(np.int32)
