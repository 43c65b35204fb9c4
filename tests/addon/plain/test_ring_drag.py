# SPDX-License-Identifier: GPL-3.0-or-later
"""From the mouse to a ring's angle: what was taken hold of stays under the mouse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pose_to_anime.addon.armature.ring_drag import RingDrag
from pose_to_anime.addon.pose import rotations as rot

CENTRE = np.array([400.0, 300.0])
RADIUS = 75.0


def on_ring(axis: np.ndarray, degrees: float) -> np.ndarray:
    """Where a point of the ring is seen after a turn, in pixels, by a viewer far away. It starts beside the viewer's sight."""
    start = np.cross(axis, [0.0, 0.0, 1.0]) if abs(axis[2]) < 0.99 else np.array([1.0, 0.0, 0.0])
    return CENTRE + RADIUS * (rot.about_axis(axis, math.radians(degrees)) @ rot.unit(start))[:2]


@pytest.mark.parametrize("axis", [(0, 0, 1), (0, 0, -1), (0.5, 0.3, 0.7), (-0.6, 0.2, -0.6), (0.0, 0.8, 0.5)])
def test_the_point_that_was_taken_hold_of_stays_under_the_mouse(axis) -> None:
    axis = rot.unit(axis)
    drag = RingDrag(CENTRE, axis, RADIUS, on_ring(axis, 0))
    assert np.allclose(CENTRE + RADIUS * drag.held()[:2], on_ring(axis, 0)) and abs(drag.held() @ axis) < 1e-9
    for degrees in (20, 60, 110, 170, 230, 300, 370, 340, 100, 0, -50):
        for between in np.linspace(0.2, 1.0, 5):  # the mouse comes by small steps
            last = getattr(drag, "degrees", 0)
            angle = drag.moved(on_ring(axis, last + (degrees - last) * between))
        drag.degrees = degrees
        assert math.degrees(angle) == pytest.approx(degrees, abs=1e-6), "also more than once round"


@pytest.mark.parametrize(
    ("axis", "way"), [((1, 0, 0), (0, -1)), ((0, 1, 0), (1, 0)), ((0, -1, 0.1), (-1, 0)), ((-1, 0, -0.2), (0, 1))]
)
def test_a_ring_seen_from_its_edge_is_dragged_along_it(axis, way) -> None:
    drag = RingDrag(CENTRE, axis, RADIUS, CENTRE)
    angle = drag.moved(CENTRE + np.array(way) * RADIUS * 0.5)
    assert angle == pytest.approx(math.radians(30), abs=0.02), "it stays under the mouse"
    held = drag.held()
    assert held[2] > 0.8 and abs(held @ rot.unit(axis)) < 1e-9
    assert held[:2] == pytest.approx(np.array(way) * 0.5, abs=0.2)
    assert drag.moved(CENTRE) == pytest.approx(0.0, abs=1e-9)
    far = [drag.moved(CENTRE + np.array(way) * RADIUS * place) for place in (0.8, 0.9, 1.0, 1.1, 1.2, 3.0)]
    steps = np.diff(far)
    assert (steps > 0.1).all() and steps[:4].max() < 0.35, "and beyond the ring's end it goes on without a jump"


def test_steps_and_slow_motion() -> None:
    axis = (0.0, 0.0, 1.0)
    drag = RingDrag(CENTRE, axis, RADIUS, on_ring(np.array(axis), 0))
    assert math.degrees(drag.moved(on_ring(np.array(axis), 13.0), snap=True)) == pytest.approx(15.0)
    assert math.degrees(drag.moved(on_ring(np.array(axis), 13.0))) == pytest.approx(13.0), "snapping loses nothing"
    assert math.degrees(drag.moved(on_ring(np.array(axis), 33.0), precise=True)) == pytest.approx(15.0)
    assert math.degrees(drag.moved(on_ring(np.array(axis), 43.0))) == pytest.approx(25.0)
