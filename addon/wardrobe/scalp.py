# SPDX-License-Identifier: GPL-3.0-or-later
"""A head as hair needs it: how far the skull reaches in each direction, where hair begins, and what stands in its way below. No
bpy.

Directions are an azimuth (0 is the face, positive towards the figure's left) and a polar angle from the crown, in radians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..armature.skin.build import Skin
from .per_skin import once_per_skin

_AZIMUTHS, _POLARS = 40, 20
_POLAR_END = math.radians(150)
_KERNEL = math.radians(9)
"""Width of the window over which a head's surface is averaged: it smooths ears and nose away."""
_TRUNK = ("neck", "upper_chest", "chest", "spine", "hips", "shoulder.L", "shoulder.R", "upper_arm.L", "upper_arm.R")
_CELL = 0.02
_SOFTENED, _KEPT = 0.55, 0.93
"""Part of a point's way out of the body that the point before it and the one after it go along."""
_HAIRLINE = (
    (0.0, "forehead"),
    (42.0, "forehead"),
    (62.0, "temple"),
    (82.0, "ear"),
    (112.0, "ear"),
    (150.0, "nape"),
    (180.0, "nape"),
)
"""Degrees from the face → the height at which hair begins."""


@dataclass(frozen=True, eq=False)
class Scalp:
    """One body's head. Metres, armature axes."""

    skin: Skin

    @cached_property
    def height(self) -> float:
        """From the chin to the crown: the unit of everything about hair."""
        marks = self.skin.landmarks
        return float(marks["head_top"][2] - marks["chin"][2])

    @cached_property
    def centre(self) -> np.ndarray:
        """The point from which directions are counted: between the ears and a little above."""
        return _skull(self.skin)[0]

    def radius(self, azimuth: np.ndarray, polar: np.ndarray) -> np.ndarray:
        """Metres from the centre to the skull, for directions of any shape."""
        a = (np.remainder(np.asarray(azimuth) + math.pi, 2.0 * math.pi)) / (2.0 * math.pi) * (_AZIMUTHS - 1)
        p = np.clip(np.asarray(polar) / _POLAR_END, 0.0, 1.0) * (_POLARS - 1)
        i, j = np.minimum(p.astype(int), _POLARS - 2), np.minimum(a.astype(int), _AZIMUTHS - 2)
        u, v = p - i, a - j
        r = _skull(self.skin)[1]
        top = r[i, j] * (1 - v) + r[i, j + 1] * v
        low = r[i + 1, j] * (1 - v) + r[i + 1, j + 1] * v
        return np.asarray(top * (1 - u) + low * u)

    def at(self, azimuth: np.ndarray | float, polar: np.ndarray | float, above: np.ndarray | float = 0.0) -> np.ndarray:
        """(…, 3): the point in a direction, ``above`` metres over the skull."""
        azimuth, polar = np.broadcast_arrays(np.asarray(azimuth, dtype=float), np.asarray(polar, dtype=float))
        return np.asarray(self.centre + directions(azimuth, polar) * (self.radius(azimuth, polar) + above)[..., None])

    def polar_of_height(self, azimuth: np.ndarray, z: np.ndarray) -> np.ndarray:
        """(n,): at which polar angle the skull comes down to a height, for azimuths (n,)."""
        grid = np.linspace(0.0, math.radians(140), 57)
        heights = self.centre[2] + self.radius(azimuth[:, None], grid[None, :]) * np.cos(grid)
        return np.array([float(np.interp(-level, -row, grid)) for row, level in zip(heights, z, strict=True)])

    def hairline(self, azimuth: np.ndarray) -> np.ndarray:
        """(n,): the polar angle at which hair begins, for azimuths (n,)."""
        marks = self.skin.landmarks
        eye, top, chin = float(marks["eye_left"][2]), float(marks["head_top"][2]), float(marks["chin"][2])
        levels = {
            "forehead": eye + 0.50 * (top - eye),
            "temple": eye + 0.18 * (top - eye),
            "ear": float(marks["ear_left"][2]) + 0.03 * self.height,
            "nape": chin + 0.16 * self.height,
        }
        degrees = np.degrees(np.abs(np.remainder(azimuth + math.pi, 2.0 * math.pi) - math.pi))
        z = np.interp(degrees, [d for d, _ in _HAIRLINE], [levels[name] for _, name in _HAIRLINE])
        return self.polar_of_height(azimuth, z)

    @cached_property
    def _trunk(self) -> tuple[np.ndarray, float, float]:
        """(rows, columns, 2): farthest front and back of neck, shoulders and trunk, by height and distance from the middle, with
        what is one cell beside."""
        share = np.zeros(len(self.skin.vertices))
        for bone in _TRUNK:
            rows, shares = self.skin.weights[bone]
            share[rows] += shares
        points = self.skin.vertices[share > 0.6].astype(np.float64)
        low, cell = float(points[:, 2].min()), _CELL * self.height / 0.22
        i = ((points[:, 2] - low) / cell).astype(int)
        j = (np.abs(points[:, 0]) / cell).astype(int)
        table = np.zeros((i.max() + 1, j.max() + 1, 2))
        table[..., 0], table[..., 1] = np.inf, -np.inf
        np.minimum.at(table[..., 0], (i, j), points[:, 1])
        np.maximum.at(table[..., 1], (i, j), points[:, 1])
        wide = np.pad(table, ((1, 1), (1, 1), (0, 0)), mode="edge")
        around = [wide[a : a + table.shape[0], b : b + table.shape[1]] for a in range(3) for b in range(3)]
        table[..., 0] = np.min([each[..., 0] for each in around], axis=0)
        table[..., 1] = np.max([each[..., 1] for each in around], axis=0)
        return table, low, cell

    def cleared(self, points: np.ndarray, gap: float, forward: bool | None = None) -> np.ndarray:
        """A line (n, 3) downward with what lies in neck, shoulders or trunk, or nearer than ``gap``, moved out to the front or
        the back, whichever is nearer if ``forward`` does not say; what is above and below goes along, so that the line stays
        smooth."""
        table, low, cell = self._trunk
        result = points.copy()
        i = ((points[:, 2] - low) / cell).astype(int)
        j = (np.abs(points[:, 0]) / cell).astype(int)
        known = (i >= 0) & (i < table.shape[0]) & (j < table.shape[1])
        front, back = np.full(len(points), np.inf), np.full(len(points), -np.inf)
        front[known], back[known] = table[i[known], j[known]].T
        y = points[:, 1]
        known &= (y > front - gap) & (y < back + gap)
        if forward is None:
            forward = bool(known.any()) and float(y[known].mean()) < float((front[known] + back[known]).mean()) / 2.0
        size = np.zeros(len(points))
        size[known] = y[known] - front[known] + gap if forward else back[known] + gap - y[known]
        for k in range(len(size) - 2, -1, -1):
            size[k] = max(size[k], _SOFTENED * size[k + 1])
        for k in range(1, len(size)):
            size[k] = max(size[k], _KEPT * size[k - 1])
        result[:, 1] += -size if forward else size
        return result


@once_per_skin
def _skull(skin: Skin) -> tuple[np.ndarray, np.ndarray]:
    """The centre of a head, and (_POLARS, _AZIMUTHS) the mean distance of its surface; the last column is as the first."""
    marks = skin.landmarks
    rows, shares = skin.weights["head"]
    points = skin.vertices[rows[shares > 0.5]].astype(np.float64)
    ears = (marks["ear_left"] + marks["ear_right"]) / 2.0
    middle = (points[:, 1].max() + points[:, 1].min()) / 2.0
    height = float(marks["head_top"][2] - marks["chin"][2])
    centre = np.array([0.0, 0.5 * float(ears[1]) + 0.5 * float(middle), float(ears[2]) + 0.09 * height])
    offsets = points[::5] - centre
    lengths = np.linalg.norm(offsets, axis=1)
    polar, azimuth = np.meshgrid(np.linspace(0.0, _POLAR_END, _POLARS), np.linspace(-math.pi, math.pi, _AZIMUTHS), indexing="ij")
    towards = directions(azimuth, polar).reshape(-1, 3) @ (offsets / lengths[:, None]).T
    window = np.exp((towards - 1.0) / (_KERNEL * _KERNEL))
    return centre, ((window @ lengths) / window.sum(axis=1)).reshape(_POLARS, _AZIMUTHS)


def directions(azimuth: np.ndarray, polar: np.ndarray) -> np.ndarray:
    """(…, 3) unit vectors."""
    return np.stack((np.sin(azimuth) * np.sin(polar), -np.cos(azimuth) * np.sin(polar), np.cos(polar)), axis=-1)
