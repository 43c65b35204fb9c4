# SPDX-License-Identifier: GPL-3.0-or-later
"""The foot: rings that turn from level at the ankle to upright behind the toes, and five toes of their own."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from .body_file import Form
from .cage import Cage, Vector, Weights, across, mixed, ramp, signed_power, unit
from .limbs import OUTWARD, SIDES, end_grid, from_front, ring
from .nail import Plate, add_nail

UP = np.array([0.0, 0.0, 1.0])
TOE: Weights = {"toe": 1.0}


@dataclass(frozen=True)
class Toe:
    """Which columns of the foot's end grid a toe grows from, how many of the toes' rings it has, and its nail."""

    columns: tuple[int, int]
    rings: int
    nail: Plate


TOES = (
    Toe((0, 2), 3, Plate(root=0.10, breadth=0.92, sunk=0.0013, raised=0.0008)),
    Toe((2, 4), 2, Plate(root=0.36, breadth=0.82, sunk=0.0010, raised=0.0006)),
    Toe((4, 6), 2, Plate(root=0.38, breadth=0.82, sunk=0.0010, raised=0.0006)),
    Toe((6, 7), 2, Plate(root=0.40, breadth=0.70, sunk=0.0009, raised=0.0005)),
    Toe((7, 8), 2, Plate(root=0.42, breadth=0.70, sunk=0.0009, raised=0.0005)),
)
"""From the big toe outward. Two columns make a ring of eight, one column a ring of six."""

TOE_ANGLES = {8: (-45.0, 0.0, 45.0, 90.0, 135.0, 180.0, 225.0, 270.0), 6: (-40.0, 40.0, 90.0, 140.0, 220.0, 270.0)}
"""Degrees from the upper side outward of a toe's corners, by how many there are."""
TOE_EXPONENT = 2.4
"""Of the superellipse that a toe is in section."""


def _toe_swell(sides: int) -> float:
    """As ``limbs.SWELL``, for a toe's rings."""
    return 1.0 / ((2.0 + math.cos(2.0 * math.pi / sides)) / 3.0)


def add_foot(cage: Cage, form: Form, ankle_ring: list[int]) -> None:
    """Adds the foot from the ring at the ankle on, closed at the toes."""
    ankle, ball, tip = (form.joints[name] for name in ("foot", "toe", "toe:tail"))
    ground = ankle * np.array([1.0, 1.0, 0.0])
    along = unit((tip - ankle) * np.array([1.0, 1.0, 0.0]))
    outward = across(OUTWARD, along)
    previous = ankle_ring
    for number, (top, top_z, bottom, bottom_z, outer, inner, square, shift, slant) in enumerate(form.tables["leg.foot"]):
        # The table's first four numbers are a profile: metres ahead of the ankle joint, and heights.
        high = ground + along * top + outward * shift + UP * top_z
        low = ground + along * bottom + outward * shift + UP * bottom_z
        half = float(np.linalg.norm(high - low)) / 2.0
        points = from_front(ring((high + low) / 2.0, unit(high - low), outward, (half, half, outer, inner), square))
        toe = ramp(-0.16, 0.16, (top + bottom) / 2.0 / float((ball - ankle) @ along) - 1.0)
        foot = (0.8, 1.0)[min(number, 1)]
        weights = mixed(("shin", 1 - foot), ("foot", foot * (1 - toe)), ("toe", foot * toe))
        current = []
        for point in points:
            # The toes begin on a slanting line: the little one lies furthest back.
            beyond = float((point - high) @ outward) + 0.5 * inner
            point -= along * slant * max(0.0, beyond)
            current.append(cage.add(point, weights))
        cage.bridge(previous, current, flip=True)
        previous = current
    last = [previous[(i + 3) % SIDES] for i in range(SIDES)]
    _add_toes(cage, form, end_grid(cage, last, TOE), _Ground(ground, along, outward))


@dataclass(frozen=True)
class _Ground:
    """Axes of the foot on the ground below its ankle."""

    origin: Vector
    along: Vector
    outward: Vector

    def point(self, ahead: float, out: float, z: float) -> Vector:
        return self.origin + self.along * ahead + self.outward * out + UP * z

    def place(self, point: Vector) -> tuple[float, float, float]:
        """How far a point lies ahead, outward and up."""
        offset = point - self.origin
        return float(offset @ self.along), float(offset @ self.outward), float(offset[2])


def _spread_roots(cage: Cage, form: Form, grid: dict[tuple[int, int], int], ground: _Ground) -> None:
    """Moves the end grid's columns to where the toes begin: the rows between two toes to the table's places, sunk into a web."""
    roots = form.tables["leg.toe_roots"]
    ends = [toe.columns[1] for toe in TOES[:-1]]
    # Columns between two toes get the table's place, those within a toe the middle between its sides.
    known = {column: float(out) for column, (out, _) in zip(ends, roots, strict=True)}
    before = {(column, row): ground.place(cage.positions[grid[column, row]]) for column in range(9) for row in range(3)}
    for row in range(3):
        sides = {0: before[0, row][1], **known, 8: before[8, row][1]}
        for left, right in itertools.pairwise(sorted(sides)):
            if right - left == 2:
                sides[left + 1] = (sides[left] + sides[right]) / 2.0
        old = [before[column, row] for column in range(9)]
        outs = [place[1] for place in old]
        for column in range(1, 8):
            ahead, z = (float(np.interp(sides[column], outs, [place[axis] for place in old])) for axis in (0, 2))
            cage.positions[grid[column, row]] = ground.point(ahead, sides[column], z)
    for column, (_, sunk) in zip(ends, roots, strict=True):
        for row, share in enumerate((1.0, 0.0, -0.4)):
            cage.positions[grid[column, row]] -= UP * sunk * share


def _add_toes(cage: Cage, form: Form, grid: dict[tuple[int, int], int], ground: _Ground) -> None:
    _spread_roots(cage, form, grid, ground)
    rows = iter(form.tables["leg.toes"])
    for toe, tip in zip(TOES, form.tables["leg.toe_tips"], strict=True):
        first, last = toe.columns
        outline = [(column, 0) for column in range(first, last + 1)] + [(last, 1)]
        outline += [(column, 2) for column in range(last, first - 1, -1)] + [(first, 1)]
        previous = [grid[place] for place in outline]
        top = last - first + 1
        for number in range(toe.rings):
            current = [cage.add(point, TOE) for point in _toe_ring(next(rows), len(outline), ground)]
            if number < toe.rings - 1:
                cage.bridge(previous, current, flip=True)
            else:
                cage.bridge([*previous[top - 1 :], previous[0]], [*current[top - 1 :], current[0]], flip=True, closed=False)
                add_nail(cage, previous[:top], current[:top], UP, toe.nail, TOE, flip=True)
            previous = current
        _close_toe(cage, previous, ground.point(*tip))


def _toe_ring(row: np.ndarray, sides: int, ground: _Ground) -> list[Vector]:
    """The corners of one row of ``leg.toes``."""
    ahead, out, high, low, half = row
    swell = _toe_swell(sides)
    points = []
    for degrees in TOE_ANGLES[sides]:
        angle = math.radians(degrees)
        s = signed_power(math.sin(angle), 2.0 / TOE_EXPONENT) * half * swell
        u = signed_power(math.cos(angle), 2.0 / TOE_EXPONENT) * (high - low) / 2.0 * swell
        points.append(ground.point(float(ahead), float(out + s), float((high + low) / 2.0 + u)))
    return points


def _close_toe(cage: Cage, last: list[int], tip: Vector) -> None:
    """Closes a toe's last ring towards its tip."""
    p = last
    if len(p) == 6:  # no room for a vertex at the tip: the sides are drawn to it
        cage.quad(p[0], p[1], p[2], p[5], flip=True)
        cage.quad(p[5], p[2], p[3], p[4], flip=True)
        for vertex in (p[2], p[5]):
            cage.positions[vertex] += (tip - cage.positions[vertex]) * 0.45
        return
    middle = cage.add(tip, TOE)
    for quad in ((p[0], p[1], middle, p[7]), (p[1], p[2], p[3], middle), (middle, p[3], p[4], p[5]), (p[7], middle, p[5], p[6])):
        cage.quad(*quad, flip=True)
