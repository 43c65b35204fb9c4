# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry buffers of balls and planes, computed ray by ray: what images make of them is known exactly. No bpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pose_to_anime.addon.passes.buffers import Buffers
from pose_to_anime.addon.passes.view import View


def view_of(
    width: int, height: int, *, perspective: bool = True, down: float = 0.0, at: Sequence[float] = (0.0, 0.0, 1.0)
) -> View:
    """A camera at ``at`` that looks along +y, turned ``down`` by radians: half a picture is 0.4 of the distance high, or 2 m."""
    cos, sin = np.cos(down), np.sin(down)
    to_camera = np.eye(4)
    to_camera[:3, :3] = ((1.0, 0.0, 0.0), (0.0, sin, cos), (0.0, -cos, sin))
    to_camera[:3, 3] = -to_camera[:3, :3] @ np.array(at)
    half = 0.4 if perspective else 2.0
    projection = np.diag((height / width / half, 1.0 / half, -1.0, 1.0))
    if perspective:
        projection[3] = (0.0, 0.0, -1.0, 0.0)
    return View(width, height, to_camera, projection, np.array(at, dtype=float), perspective)


@dataclass(frozen=True)
class Ball:
    """In the world; ``stretch`` makes it a rod along that axis, without ends."""

    centre: Sequence[float]
    radius: float
    figure: int = 1
    part: int = 1
    along: int | None = None


@dataclass(frozen=True)
class Plane:
    """All points whose product with ``normal`` is ``offset``."""

    normal: Sequence[float]
    offset: float
    figure: int = 0
    part: int = 1


def drawn(view: View, shapes: Sequence[Ball | Plane]) -> Buffers:
    """What the view sees of the shapes."""
    origin, direction = _rays(view)
    nearest = np.full(direction.shape[1:], np.inf)
    normals = np.zeros((3, *nearest.shape))
    parts = np.zeros(nearest.shape, np.uint16)
    for shape in shapes:
        distance, normal = _met(shape, origin, direction)
        closer = (distance > 0.0) & (distance < nearest)
        nearest = np.where(closer, distance, nearest)
        parts[closer] = (shape.figure << 8) + shape.part
        in_camera = np.einsum("ij,jyx->iyx", view.to_camera[:3, :3], normal)
        away = (np.einsum("jyx,jyx->yx", normal, direction) > 0.0) & closer
        normals = np.where(closer, np.where(away, -in_camera, in_camera), normals)
    # Rays have a depth of 1 a length, so that distances are depths.
    return Buffers(nearest.astype(np.float32), (parts >> 8).astype(np.uint8), normals.astype(np.float32), parts)


def _rays(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Origins and directions (3, height, width) in the world."""
    x = ((np.arange(view.width) + 0.5) / view.width * 2.0 - 1.0)[None, :] / view.projection[0, 0]
    y = (1.0 - (np.arange(view.height) + 0.5) / view.height * 2.0)[:, None] / view.projection[1, 1]
    x, y = np.broadcast_arrays(x, y)
    flat, ones = np.zeros_like(x), np.ones_like(x)
    origin, direction = ((flat, flat, flat), (x, y, -ones)) if view.perspective else ((x, y, flat), (flat, flat, -ones))
    turn = view.to_camera[:3, :3].T
    start = np.einsum("ij,jyx->iyx", turn, np.array(origin)) + view.position[:, None, None]
    return start, np.einsum("ij,jyx->iyx", turn, np.array(direction))


def _met(shape: Ball | Plane, origin: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far along each ray the shape is met, NaN where it is not, and its unit normal (3, height, width) there."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if isinstance(shape, Plane):
            normal = np.array(shape.normal, dtype=float)[:, None, None]
            distance = (shape.offset - (normal * origin).sum(axis=0)) / (normal * direction).sum(axis=0)
            return distance, np.broadcast_to(normal, direction.shape)
        across = np.ones((3, 1, 1))
        if shape.along is not None:
            across[shape.along] = 0.0
        from_centre = (origin - np.array(shape.centre)[:, None, None]) * across
        flat = direction * across
        a, b = (flat**2).sum(axis=0), (flat * from_centre).sum(axis=0)
        distance = (-b - np.sqrt(b**2 - a * ((from_centre**2).sum(axis=0) - shape.radius**2))) / a
        return distance, (from_centre + flat * distance) / shape.radius
