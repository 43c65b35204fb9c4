# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a turn about one axis meets the limits of its joint. Numbers only: no bpy.

The limits of a joint clamp each of its angles for itself. Beyond them a joint would slide along its limit and, half a turn
later, leap to its other end. A ring stops instead where the limit is first met.
"""

from __future__ import annotations

import math
from collections.abc import Callable

_STEP = math.radians(3.0)
"""How far the search looks ahead at a time: no range of a joint that is closed to both sides is narrower."""
_EXACT = 1e-4
"""Radians to which an end is found, and by which a joint may be beyond its limit without counting as beyond it."""


class Stops:
    """The ends of one turn, found as far as it goes."""

    def __init__(self, excess: Callable[[float], float]) -> None:
        """``excess``: by how many radians the joint is beyond its limits at an angle of the turn. A joint that is beyond them at
        the start may go on as long as that does not grow."""
        self._excess = excess
        self._free = {1.0: 0.0, -1.0: 0.0}
        self._worst = {sign: excess(0.0) for sign in self._free}
        self._is_end = {1.0: False, -1.0: False}

    def within(self, angle: float) -> float:
        """The angle, or the one before it at which the joint stops."""
        sign = math.copysign(1.0, angle)
        while self._free[sign] < abs(angle) and not self._is_end[sign]:
            self._look_ahead(sign, abs(angle))
        return sign * min(abs(angle), self._free[sign])

    def _look_ahead(self, sign: float, wanted: float) -> None:
        free, worst = self._free[sign], self._worst[sign]
        ahead = min(free + _STEP, wanted)
        there = self._excess(sign * ahead)
        if there <= worst + _EXACT:
            self._free[sign], self._worst[sign] = ahead, min(worst, there)
            return
        while ahead - free > _EXACT:
            middle = (free + ahead) / 2.0
            free, ahead = (middle, ahead) if self._excess(sign * middle) <= worst + _EXACT else (free, middle)
        self._free[sign], self._is_end[sign] = free, True
