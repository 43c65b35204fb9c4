# SPDX-License-Identifier: GPL-3.0-or-later
"""Arms and legs: rings of 20 round a bone, which turn into flat rectangles where hand and toes begin."""

from __future__ import annotations

import math

import numpy as np

from .body_file import Form
from .cage import Cage, Vector, mixed, ramp, unit
from .frames import FRONT, Frame

SIDES = 20
SWELL = 1.0 / ((2.0 + math.cos(2.0 * math.pi / SIDES)) / 3.0)
"""Subdivision draws a ring of n points in by (2 + cos(2 pi / n)) / 3; rings are made this much larger."""

SHOULDER_RAMP = (-0.11, 0.53)
"""Where the arm begins to follow its own bone, and where it follows that alone: places along the upper arm, in its lengths."""

DELTOID = 0.27
"""How much nearer the shoulder the top of the arm begins to follow it, and how much farther off its underside; in its lengths."""

OUTWARD = np.array([1.0, 0.0, 0.0])


def ring(centre: Vector, up: Vector, side: Vector, radii: tuple[float, float, float, float], square: float) -> list[Vector]:
    """20 points round ``centre``, from ``up`` over ``side``.

    ``radii`` reach up, down, to the side and away from it. ``square`` 1 makes an even rectangle of 8 × 2 edges (five of whose
    corners in a row lie at each end), 0 an ellipse.
    """
    up_radius, down_radius, side_radius, other_radius = (radius * SWELL for radius in radii)
    points = []
    for i in range(SIDES):
        angle = 2.0 * math.pi * i / SIDES
        flat_u, flat_s = _rectangle(i)
        u = math.cos(angle) * (1.0 - square) + flat_u * square
        s = math.sin(angle) * (1.0 - square) + flat_s * square
        points.append(
            centre + up * u * (up_radius if u > 0 else down_radius) + side * s * (side_radius if s > 0 else other_radius)
        )
    return points


def _rectangle(i: int) -> tuple[float, float]:
    """Corner i of the even rectangle, slightly rounded: (up, side) from -1 to 1."""
    place = (i + 5) % SIDES - 5
    if place == 5:
        return 0.0, 1.0
    if place == -5:
        return 0.0, -1.0
    if place <= 4:
        return 1.0 - 0.36 * (place / 4) ** 2, place / 4 * 0.94
    place = 10 - place
    return -(1.0 - 0.36 * (place / 4) ** 2), place / 4 * 0.94


def end_grid(cage: Cage, last: list[int], weights: dict[str, float]) -> dict[tuple[int, int], int]:
    """The last ring's opening as 9 × 3 vertices: column 0 away from ``side``, row 0 up; the middle row is added."""
    grid = {}
    for column in range(9):
        grid[column, 0] = last[(column - 4) % SIDES]
        grid[column, 2] = last[(14 - column) % SIDES]
    grid[0, 1], grid[8, 1] = last[15], last[5]
    for column in range(1, 8):
        middle = (cage.positions[grid[column, 0]] + cage.positions[grid[column, 2]]) / 2.0
        grid[column, 1] = cage.add(middle, weights)
    return grid


def add_arm(cage: Cage, form: Form, frames: dict[str, Frame], opening: list[int]) -> list[int]:
    """Adds the arm from its opening in the trunk; the ring at the wrist."""
    upper, fore = frames["upper_arm"], frames["forearm"]
    previous = opening
    for at, up, down, front, back, square, shift_up, shift_side in form.tables["arm.rings"]:
        # Ramps are as wide as the limb is long: about 10 cm at an adult's elbow, so that it bends in a curve.
        turn = ramp(0.86, 1.16, at)
        side = unit(upper.side * (1.0 - turn) + fore.side * turn)
        frame = upper if at <= 1.0 else fore
        centre = frame.point((at if at <= 1.0 else at - 1.0) * frame.length, shift_up, shift_side)
        elbow = ramp(0.82, 1.21, at)
        wrist = ramp(1.85, 2.08, at)
        current = []
        for point in ring(centre, frame.up, side, (up, down, front, back), square):
            # The deltoid goes up with the arm and keeps its bulk; the skin of the armpit stays on the ribs.
            top = DELTOID * float(unit(point - centre) @ frame.up)
            arm = ramp(SHOULDER_RAMP[0] - top, SHOULDER_RAMP[1] - top, at)
            weights = mixed(
                ("upper_chest", (1 - arm) * 0.35),
                ("shoulder", (1 - arm) * 0.65),
                ("upper_arm", arm * (1 - elbow)),
                ("forearm", elbow * (1 - wrist)),
                ("hand", wrist),
            )
            current.append(cage.add(point, weights))
        cage.bridge(previous, current)
        previous = current
    return previous


def add_leg(cage: Cage, form: Form, opening: list[int]) -> list[int]:
    """Adds the leg from its opening in the trunk; the ring at the ankle."""
    previous = opening
    hip, knee, ankle = (float(form.joints[bone][2]) for bone in ("thigh", "shin", "foot"))
    middle = float(form.joints["thigh"][0])
    for z, x, y, outer, inner, front, back, gap, rise in form.tables["leg.rings"]:
        thigh = ramp(hip + 0.035 * (hip - knee), hip - 0.37 * (hip - knee), z)
        shin = ramp(knee + 0.13 * (hip - knee), knee - 0.145 * (knee - ankle), z)
        foot = ramp(ankle + 0.12 * (knee - ankle), ankle - 0.04 * (knee - ankle), z)
        weights = mixed(("hips", 1 - thigh), ("thigh", thigh * (1 - shin)), ("shin", shin * (1 - foot)), ("foot", foot))
        current = []
        for point in from_front(ring(np.array([x, y, z]), FRONT, OUTWARD, (front, back, outer, inner), 0.0)):
            point[0] = max(point[0], gap)  # the thighs never cross the middle
            point[2] += rise * min(max((point[0] - 0.34 * middle) / (1.6 * middle), 0.0), 1.0)
            current.append(cage.add(point, weights))
        cage.bridge(previous, current, flip=True)
        previous = current
    return previous


def from_front(points: list[Vector]) -> list[Vector]:
    """A ring's points in the order of the leg's opening, which begins between front and inner side."""
    return [points[(i - 3) % SIDES] for i in range(SIDES)]
