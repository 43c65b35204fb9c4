# SPDX-License-Identifier: GPL-3.0-or-later
"""Brushes: what the rings cannot say (muscles, brow, cheekbones, kneecaps), pressed into the fine mesh.

All work on the left half, x >= 0; what is near the plane is mirrored onto itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from .cage import Vector
from .smoothing import Mean

if TYPE_CHECKING:
    from .frames import Frame

REACH = 3.0
"""Gaussians end here, in multiples of the brush's size: beyond it they move a vertex by less than 1/8000."""


@dataclass(frozen=True)
class Region:
    """A box with soft sides, which limits a brush; metres."""

    low: Vector
    high: Vector
    fade: float

    def mask(self, points: np.ndarray) -> np.ndarray:
        """(N,) 1 inside, 0 outside, smooth within ``fade`` on both sides of each face of the box."""
        fade = max(self.fade, 1e-6)
        depth = np.minimum(points - self.low, self.high - points).min(axis=1)
        t = np.clip(depth / (2.0 * fade) + 0.5, 0.0, 1.0)
        return t * t * (3.0 - 2.0 * t)


@dataclass(frozen=True)
class Brush:
    """One stroke.

    ``bump`` moves what lies round ``at``, ``ridge`` what lies along the line from ``at`` to ``to``, both by ``move``, falling off
    as a Gaussian of ``size``. ``swell`` lets an ellipsoid at ``at`` with radii ``size`` push the surface out along an axis (the
    component of ``move`` that is not zero gives it and its sign), with a seam rounded over ``blend`` metres.
    ``round`` draws the surface to an ellipsoid at ``at`` with radii ``size``, by the shares of the way that ``move`` gives.
    With ``bone``, all of it is in the axes of that bone: along, up, side. ``whole`` moves eyelids, lips, nose and ears too, which
    otherwise stay where they were placed. With ``layer`` the stroke belongs to a layer such as muscle, and is as strong as the
    body's proportions say; ``outward`` then moves each vertex along its normal, by the first component of ``move``.
    """

    kind: Literal["bump", "ridge", "swell", "round"]
    at: Vector
    size: Vector
    move: Vector
    to: Vector | None = None
    blend: float = 0.0
    region: Region | None = None
    bone: str | None = None
    whole: bool = False
    layer: str | None = None
    outward: bool = False


@dataclass(frozen=True)
class Smoothing:
    """Rounds of Laplacian smoothing round ``at``, or the line from there to ``to``, falling off as a Gaussian of ``size``.

    With ``first`` they come before the brushes, to even out rows that stand too close.
    """

    at: Vector
    to: Vector | None
    size: Vector
    strength: float
    rounds: int
    region: Region | None = None
    bone: str | None = None
    first: bool = False


def _within_reach(points: np.ndarray, start: Vector, end: Vector | None, size: Vector) -> np.ndarray:
    """Indices of the points (N, 3) that a Gaussian round a point or a line reaches at all: most brushes move few vertices."""
    stop = start if end is None else end
    low, high = np.minimum(start, stop) - REACH * size, np.maximum(start, stop) + REACH * size
    x, y, z = points.T
    inside = (x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1]) & (z > low[2]) & (z < high[2])
    return np.flatnonzero(inside)


def _falloff(points: np.ndarray, start: Vector, end: Vector | None, size: Vector) -> np.ndarray:
    """(N,) Gaussian of the distance to a point or a line, each axis measured in its own ``size``."""
    scaled = (points - start) / size
    if end is not None:
        line = (end - start) / size
        place = np.clip(scaled @ line / float(line @ line), 0.0, 1.0)
        scaled = scaled - place[:, None] * line
    squared = np.einsum("ij,ij->i", scaled, scaled)
    return np.where(squared < REACH * REACH, np.exp(-squared), 0.0)


def _swell(points: np.ndarray, brush: Brush) -> np.ndarray:
    """(N, 3) how far each point moves: a smooth maximum of its height over ``at`` and the ellipsoid's."""
    axis = int(np.argmax(np.abs(brush.move)))
    sign = float(np.sign(brush.move[axis]))
    others = [i for i in range(3) if i != axis]
    inside = 1.0 - (((points[:, others] - brush.at[others]) / brush.size[others]) ** 2).sum(axis=1)
    # Outside its outline the ellipsoid goes on downwards, so that the seam has something to blend with.
    top = np.where(inside > 0.0, brush.size[axis] * np.sqrt(np.maximum(inside, 0.0)), np.maximum(inside, -1.5) * brush.size[axis])
    height = (points[:, axis] - brush.at[axis]) * sign
    gap = np.maximum(brush.blend - np.abs(height - top), 0.0)
    raised = np.maximum(height, top) + gap * gap / (4.0 * max(brush.blend, 1e-6))
    change = np.zeros_like(points)
    change[:, axis] = (raised - height) * sign
    return change


def _round(points: np.ndarray, brush: Brush) -> np.ndarray:
    """(N, 3) how far each point moves towards the ellipsoid, straight from its middle."""
    offset = points - brush.at
    radius = np.linalg.norm(offset / brush.size, axis=1, keepdims=True)
    return np.asarray(offset * (1.0 / np.maximum(radius, 1e-6) - 1.0) * brush.move)


def _in_axes(points: np.ndarray, bone: str | None, frames: dict[str, Frame]) -> np.ndarray:
    """The points in the axes of a bone, or as they are."""
    if bone is None:
        return points
    return (points - frames[bone].origin) @ frames[bone].matrix().T


def stroke(points: np.ndarray, brush: Brush, frames: dict[str, Frame]) -> tuple[np.ndarray, np.ndarray]:
    """Which of the points (N, 3) one brush moves, and how far: (K,) indices, (K, 3) metres."""
    local = _in_axes(points, brush.bone, frames)
    if brush.kind in ("swell", "round"):
        rows = np.arange(len(points))
        change = _swell(local, brush) if brush.kind == "swell" else _round(local, brush)
    else:
        rows = _within_reach(local, brush.at, brush.to, brush.size)
        change = _falloff(local[rows], brush.at, brush.to, brush.size)[:, None] * brush.move
    if brush.bone is not None:
        change = change @ frames[brush.bone].matrix()
    if brush.region is not None:
        change = change * brush.region.mask(points[rows])[:, None]
    return rows, change


def sculpt(
    points: np.ndarray, brushes: tuple[Brush, ...], frames: dict[str, Frame], held: np.ndarray, on_plane: np.ndarray
) -> None:
    """Applies all brushes in order, in place. ``held`` (N,) 1 = stays; ``on_plane`` (N,) bool vertices stay on x = 0."""
    free = (1.0 - held)[:, None]
    for brush in brushes:
        if brush.layer is not None:
            continue
        rows, change = stroke(points, brush, frames)
        points[rows] += change if brush.whole else change * free[rows]
        points[on_plane, 0] = 0.0
    np.maximum(points[:, 0], 0.0, out=points[:, 0])


def layer_change(
    points: np.ndarray, normals: np.ndarray, brushes: tuple[Brush, ...], layer: str, frames: dict[str, Frame], held: np.ndarray
) -> np.ndarray:
    """(N, 3) how far the strokes of one layer, at amount one, move each of the finished points with their unit normals."""
    total = np.zeros_like(points)
    for brush in brushes:
        if brush.layer != layer:
            continue
        rows, change = stroke(points, brush, frames)
        if brush.outward:
            change = normals[rows] * np.linalg.norm(change, axis=1)[:, None] * np.sign(brush.move[0])
        total[rows] += change if brush.whole else change * (1.0 - held[rows])[:, None]
    return total


def smooth_regions(
    points: np.ndarray, passes: tuple[Smoothing, ...], mean: Mean, frames: dict[str, Frame], held: np.ndarray
) -> np.ndarray:
    """The points after all smoothing passes, in order. ``mean`` gives each vertex its neighbours' mean."""
    for each in passes:
        local = _in_axes(points, each.bone, frames)
        rows = _within_reach(local, each.at, each.to, each.size)
        mask = _falloff(local[rows], each.at, each.to, each.size) * each.strength * (1.0 - held[rows])
        if each.region is not None:
            mask = mask * each.region.mask(points[rows])
        points = mean.smoothed(points, rows[mask > 1e-3], mask[mask > 1e-3], each.rounds)
    return points
