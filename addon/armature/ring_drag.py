# SPDX-License-Identifier: GPL-3.0-or-later
"""From the way of the mouse to the angle of the ring that it drags. Pixels and directions only: no bpy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_SNAP = math.radians(5.0)
_PRECISE = 0.1
_EDGE_ON = 0.3
"""Cosine between a ring's axis and the line of sight below which the ring looks like a line, and the mouse goes along it."""
_ROUND = 0.9
"""On such a line, the part of the radius from the middle up to which what was taken hold of stays under the mouse. Farther out
the ring goes away from the viewer, and a pixel would count for ever more."""


class RingDrag:
    """One drag, from where the ring was pressed."""

    def __init__(self, centre: Sequence[float], axis: Sequence[float], radius: float, mouse: Sequence[float]) -> None:
        """``centre`` and ``mouse`` (2,) and ``radius``, as the ring is seen: pixels, y up. ``axis`` (3,): what it turns about, of
        any length; x to the right, y up, z toward the viewer."""
        self._centre, self._mouse = np.array(centre, np.float64), np.array(mouse, np.float64)
        self._axis = np.array(axis, np.float64) / np.linalg.norm(axis)
        self._radius = radius
        self._angle = 0.0

    def held(self) -> np.ndarray:
        """(3,) direction from the centre to where on the ring the mouse is, of length one, in the axes of ``axis``."""
        x, y, facing = self._axis
        offset = self._mouse - self._centre
        if abs(facing) < _EDGE_ON:
            nearest = np.array([0.0, 0.0, 1.0]) - self._axis * facing
            along = np.array([y, -x, 0.0])
            angle = _on_line(float(offset @ along[:2]) / math.hypot(x, y) / self._radius)
            found = nearest / np.linalg.norm(nearest) * math.cos(angle) + along / math.hypot(x, y) * math.sin(angle)
        else:
            found = np.array([*offset, -float(offset @ self._axis[:2]) / facing])
        return found / max(float(np.linalg.norm(found)), 1e-9)

    def moved(self, mouse: Sequence[float], precise: bool = False, snap: bool = False) -> float:
        """The angle since the beginning, in radians.

        ``precise``: this step counts for a tenth; ``snap``: the answer is a multiple of 5°, the next step goes on without."""
        now = np.array(mouse, np.float64)
        self._angle += self._step(self._mouse, now) * (_PRECISE if precise else 1.0)
        self._mouse = now
        return round(self._angle / _SNAP) * _SNAP if snap else self._angle

    def _step(self, before: np.ndarray, now: np.ndarray) -> float:
        x, y, facing = self._axis
        if abs(facing) < _EDGE_ON:
            # What of the ring is nearest to the viewer goes along axis × line of sight.
            along = np.array([y, -x]) / math.hypot(x, y)
            start, end = (float((place - self._centre) @ along) / self._radius for place in (before, now))
            return _on_line(end) - _on_line(start)
        turn = self._on_circle(now) - self._on_circle(before)
        return math.copysign(1.0, facing) * (turn - math.tau * round(turn / math.tau))

    def _on_circle(self, place: np.ndarray) -> float:
        """The angle on the ring as if it faced the viewer: what is seen shortened, along its minor axis, is stretched."""
        x, y, facing = self._axis
        offset = place - self._centre
        if (shortened := math.hypot(x, y)) > 1e-6:
            minor = np.array([x, y]) / shortened
            offset = offset + minor * float(offset @ minor) * (1.0 / abs(facing) - 1.0)
        return math.atan2(offset[1], offset[0])


def _on_line(place: float) -> float:
    """The angle of the nearer half of a ring that is seen as a line, for a place from −1 to 1 on it, and straight on beyond."""
    inside = min(max(place, -_ROUND), _ROUND)
    return math.asin(inside) + (place - inside) / math.sqrt(1.0 - _ROUND * _ROUND)
