# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves of drawn faces as bands: strokes of changing thickness, ellipses, and what of a band is inside another."""

from __future__ import annotations

import numpy as np

from .decals import Band

Curves = tuple[np.ndarray, np.ndarray]
"""Lower and upper border (N, 2) above the same N values of x, which rise."""


def spread(count: int) -> np.ndarray:
    """(count,) from −1 to 1, closer together at both ends, where round shapes are steep."""
    return np.asarray(-np.cos(np.linspace(0.0, np.pi, count)))


def ellipse(centre: tuple[float, float], radii: tuple[float, float], count: int = 17) -> Curves:
    """An ellipse."""
    s = spread(count)
    x, rise = centre[0] + radii[0] * s, radii[1] * np.sqrt(np.maximum(1.0 - s**2, 0.0))
    return np.column_stack([x, centre[1] - rise]), np.column_stack([x, centre[1] + rise])


def clipped(shape: Curves, outline: Curves, count: int = 17) -> Curves | None:
    """What of a shape is inside an outline whose borders bulge outwards; None where nothing is."""
    dense = np.linspace(max(shape[0][0, 0], outline[0][0, 0]), min(shape[0][-1, 0], outline[0][-1, 0]), 129)
    if dense[-1] <= dense[0]:
        return None
    low, high = _between(shape, outline, dense)
    inside = np.flatnonzero(high - low > 1e-4)
    if len(inside) < 3:
        return None
    x = dense[inside[0]] + (dense[inside[-1]] - dense[inside[0]]) * (spread(count) + 1.0) / 2.0
    low, high = _between(shape, outline, x)
    high = np.maximum(low, high)
    return np.column_stack([x, low]), np.column_stack([x, high])


def _between(shape: Curves, outline: Curves, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low = np.maximum(*(np.interp(x, each[0][:, 0], each[0][:, 1]) for each in (shape, outline)))
    high = np.minimum(*(np.interp(x, each[1][:, 0], each[1][:, 1]) for each in (shape, outline)))
    return low, high


def normals(line: np.ndarray) -> np.ndarray:
    """(N, 2) unit vectors to the left of a line's course: upwards where it runs along +x."""
    along = np.gradient(line, axis=0)
    across = np.column_stack([-along[:, 1], along[:, 0]])
    return np.asarray(across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9))


def stroke(part: str, layer: int, line: np.ndarray, thickness: np.ndarray, inner: float = 0.5) -> Band:
    """A line (N, 2) as thick as ``thickness`` (N,) says, of which the share ``inner`` lies to the right of its course."""
    across = normals(line) * thickness[:, None]
    return Band(part, layer, line - inner * across, line + (1.0 - inner) * across)
