# SPDX-License-Identifier: GPL-3.0-or-later
"""A ring stops where a joint meets its limit, and leaves it freely."""

from __future__ import annotations

import math

import pytest
from pose_to_anime.addon.armature.ring_stops import Stops


def beyond(low: float, high: float, start: float = 0.0) -> tuple[Stops, list[float]]:
    """Of a hinge that turns from ``low`` to ``high`` and starts at ``start``; also what was asked for."""
    asked: list[float] = []

    def excess(angle: float) -> float:
        asked.append(angle)
        place = math.remainder(start + angle, math.tau)
        return max(low - place, place - high, 0.0)

    return Stops(excess), asked


def test_a_turn_stops_at_the_limit_and_stays_there_however_far_the_mouse_goes() -> None:
    stops, asked = beyond(-0.5, 2.0)
    for angle, expected in (
        (0.3, 0.3),
        (1.9, 1.9),
        (2.6, 2.0),
        (math.tau, 2.0),
        (9.0, 2.0),
        (1.0, 1.0),
        (-0.2, -0.2),
        (-3.0, -0.5),
    ):
        assert stops.within(angle) == pytest.approx(expected, abs=3e-4)
    known = len(asked)
    assert stops.within(50.0) == pytest.approx(2.0, abs=3e-4) and len(asked) == known, "what is known is not asked again"


def test_a_joint_beyond_its_limit_may_come_back_but_go_no_farther() -> None:
    stops, _ = beyond(-0.5, 1.0, start=1.4)
    assert stops.within(0.5) == pytest.approx(0.0, abs=3e-4)
    assert stops.within(-1.0) == -1.0
    assert stops.within(-5.0) == pytest.approx(-1.9, abs=3e-4)


def test_without_limits_nothing_stops() -> None:
    stops = Stops(lambda _angle: 0.0)
    assert stops.within(20.0) == 20.0 and stops.within(-0.0) == 0.0
