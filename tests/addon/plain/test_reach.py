# SPDX-License-Identifier: GPL-3.0-or-later
"""To which side an elbow must point for its limb to be within its limits."""

import math

import numpy as np
import pytest
from pose_to_anime.addon.pose import rotations as rot
from pose_to_anime.addon.pose.limits import JointLimit, euler_angles, matrix_from_euler
from pose_to_anime.addon.pose.reach import Reach, side_within

UPPER, LOWER = 0.30, 0.25


def limit(order: str, low: tuple[float, float, float], high: tuple[float, float, float]) -> JointLimit:
    return JointLimit(order, np.eye(3), np.eye(3), np.radians(low), np.radians(high))


SHOULDER, ELBOW = limit("YXZ", (-80, -100, -110), (80, 75, 110)), limit("YZX", (0, -90, 0), (150, 85, 0))


def reach_for(goal: np.ndarray, root: np.ndarray, reference: np.ndarray) -> Reach:
    return Reach(root, goal, UPPER, LOWER, reference, SHOULDER, ELBOW)


@pytest.fixture(name="rng")
def rng_fixture() -> np.random.Generator:
    return np.random.default_rng(8)


def random_matrix(rng: np.random.Generator) -> np.ndarray:
    return rot.matrix_from_quaternion(rot.unit(rng.normal(size=4)))


def test_the_bones_reach_the_place_and_bend_about_their_x_axis(rng: np.random.Generator) -> None:
    for _ in range(20):
        root, reference = rng.normal(size=3), random_matrix(rng)
        goal = root + rot.unit(rng.normal(size=3)) * rng.uniform(0.1, 0.54)
        reach = reach_for(goal, root, reference)
        outward = rot.unit(rot.perpendicular(rng.normal(size=3), reach.axis))
        upper = reach.uppers(outward)
        elbow = root + upper[:, 1] * UPPER
        assert np.linalg.norm(goal - elbow) == pytest.approx(LOWER)
        assert upper @ upper.T == pytest.approx(np.eye(3), abs=1e-9)
        assert (goal - elbow) @ upper[:, 0] == pytest.approx(0, abs=1e-9), "the forearm lies in the plane of bending"
        assert (goal - elbow) @ upper[:, 2] > 0, "and bends the right way"


def test_where_there_is_a_side_within_the_limits_it_is_found_and_none_nearer_is_passed_over(rng: np.random.Generator) -> None:
    led = 0
    for _ in range(60):
        root, reference = rng.normal(size=3), random_matrix(rng)
        angles = SHOULDER.low + rng.uniform(0.1, 0.9, 3) * (SHOULDER.high - SHOULDER.low)
        if np.abs(angles).sum() > math.radians(250):
            continue  # the angles of such a place are others
        upper = reference @ matrix_from_euler(angles, "YXZ")
        bend = rng.uniform(0.2, 2.4)
        goal = root + upper[:, 1] * UPPER + upper @ rot.about_axis((1, 0, 0), bend)[:, 1] * LOWER
        reach = reach_for(goal, root, reference)
        start = rot.unit(rot.perpendicular(rng.normal(size=3), reach.axis))
        found = side_within(reach, start)
        if found is None:
            assert float(reach.excess(reach.uppers(start))) < math.radians(0.05)
            continue
        led += 1
        assert float(reach.excess(reach.uppers(found))) == 0.0
        assert float(reach.distance(reach.uppers(found))) < 1e-6
        beside = np.cross(reach.axis, start)
        way = math.acos(min(1.0, float(start @ found)))
        for angle in np.arange(0.03, way - 0.06, 0.03):
            sides = [math.cos(angle) * start + sign * math.sin(angle) * beside for sign in (1, -1)]
            assert all(float(reach.excess(reach.uppers(side))) > 0 for side in sides), "a nearer side was free"
    assert led > 15


def test_no_elbow_is_left_where_its_angles_could_be_read_as_others() -> None:
    """Just inside all ranges, but the three angles together are 270 degrees but for a hair."""
    for signs in ((1, -1, -1), (-1, 1, 1), (1, 1, -1)):
        angles = np.radians(np.array(signs) * (79.0, 0.0, 109.0))
        angles[1] = signs[1] * (math.radians(270.0 - 0.01) - abs(angles[0]) - abs(angles[2]))
        wide = limit("YXZ", (-80, -100, -110), (80, 100, 110))
        upper = matrix_from_euler(angles, "YXZ")
        for bend in (0.0, 0.8):
            goal = upper[:, 1] * UPPER + upper @ rot.about_axis((1, 0, 0), bend)[:, 1] * LOWER
            reach = Reach(np.zeros(3), goal, UPPER, LOWER, np.eye(3), wide, ELBOW)
            start = np.cross(reach.axis, upper[:, 0])
            assert reach.uppers(start) == pytest.approx(upper, abs=1e-5)
            found = side_within(reach, start)
            assert found is not None
            led = euler_angles(reach.uppers(found), "YXZ")
            assert np.abs(led).sum() < math.radians(269.8)
            assert float(reach.distance(reach.uppers(found))) < 1e-6, "the hand is where it was"
            assert found @ start > math.cos(0.1), "and the elbow near by"


def test_out_of_all_limits_the_side_is_taken_that_brings_the_hand_nearest(rng: np.random.Generator) -> None:
    reference = np.eye(3)
    goal = np.array([0.0, -0.5, 0.0])  # straight behind the middle of the reach
    reach = reach_for(goal, np.zeros(3), reference)
    start = np.array([1.0, 0.0, 0.0])
    found = side_within(reach, start)
    assert found is not None
    assert np.linalg.norm(found) == pytest.approx(1) and found @ reach.axis == pytest.approx(0, abs=1e-9)
    best = float(reach.distance(reach.uppers(found)))
    for angle in np.linspace(0, 2 * math.pi, 60):
        side = math.cos(angle) * start + math.sin(angle) * np.cross(reach.axis, start)
        assert best < float(reach.distance(reach.uppers(side))) + 0.08


@pytest.mark.parametrize("goal", [(0.0, 0.0, 0.0), (0.0, 0.01, 0.0), (0.0, 5.0, 0.0)])
def test_a_place_on_the_shoulder_or_far_away_does_no_harm(goal: tuple[float, float, float]) -> None:
    found = side_within(reach_for(np.array(goal), np.zeros(3), np.eye(3)), np.array([1.0, 0.0, 0.0]))
    assert found is None or np.isfinite(found).all()
    assert side_within(reach_for(np.array([0, 0.3, 0]), np.zeros(3), np.eye(3)), np.array([0.0, 1.0, 0.0])) is None
