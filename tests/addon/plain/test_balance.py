# SPDX-License-Identifier: GPL-3.0-or-later
"""Centre of mass and support, against what can be said beforehand."""

import math

import numpy as np
import pytest
from pose_to_anime.addon.pose.balance import centre_of_mass, outside_support

SQUARE = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0.5, 0.5)], dtype=float)


def places(**moved: tuple[float, float, float]) -> dict[str, np.ndarray]:
    """A figure that stands straight, one and three quarter metres tall."""
    middle = {"hips": (0, 0, 0.92), "neck": (0, 0, 1.42), "head": (0, 0, 1.52), "head:tail": (0, 0, 1.75)}
    left = {
        "UpperArm": (0.17, 0, 1.38),
        "LowerArm": (0.17, 0, 1.1),
        "Hand": (0.17, 0, 0.85),
        "Hand:tail": (0.17, 0, 0.76),
        "UpperLeg": (0.09, 0, 0.88),
        "LowerLeg": (0.09, 0, 0.47),
        "Foot": (0.09, 0, 0.08),
        "Toes": (0.09, -0.12, 0.02),
    }
    found = {**middle, **{f"left{k}": v for k, v in left.items()}, **{f"right{k}": (-v[0], *v[1:]) for k, v in left.items()}}
    return {joint: np.array(place, dtype=float) for joint, place in {**found, **moved}.items()}


def test_the_centre_of_mass_of_one_who_stands_is_in_the_pelvis() -> None:
    centre = centre_of_mass(places())
    assert centre[0] == pytest.approx(0.0, abs=1e-12)
    assert 0.54 < centre[2] / 1.75 < 0.58, "of the height: 0.56 of men, 0.55 of women"


def test_it_goes_where_a_leg_goes() -> None:
    moved = places(leftLowerLeg=(0.5, 0, 0.88), leftFoot=(0.9, 0, 0.88), leftToes=(0.9, -0.12, 0.88))
    shift = centre_of_mass(moved) - centre_of_mass(places())
    assert 0.04 < shift[0] < 0.1 and shift[2] > 0.03


@pytest.mark.parametrize(
    ("point", "distance"),
    [((0.5, 0.5), -0.5), ((0.25, 0.5), -0.25), ((1.2, 0.5), 0.2), ((-3.0, -4.0), 5.0), ((1.0, 0.3), 0.0)],
)
def test_the_distance_to_what_carries(point, distance) -> None:
    assert outside_support(np.array(point), SQUARE) == pytest.approx(distance, abs=1e-9)


def test_a_line_a_point_and_nothing_carry_nothing_beside_them() -> None:
    assert outside_support(np.array((0.5, 0.2)), SQUARE[:2]) == pytest.approx(0.2)
    assert outside_support(np.array((3.0, 4.0)), SQUARE[:1]) == pytest.approx(5.0)
    assert math.isinf(outside_support(np.array((0.0, 0.0)), np.empty((0, 2))))
