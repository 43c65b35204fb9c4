# SPDX-License-Identifier: GPL-3.0-or-later
"""Trunk, neck and head as one stack of half rings, from the line of the groin to the crown.

A ring is not a slice. It has three guide points (side, front, back) that lie at heights of their own, so that rings can follow
the groin, the slope of the shoulders and the jaw. Two openings are left: 4 columns × 6 rings for the arm, and the whole lowest
ring, with three vertices between the legs, for the leg; both have 20 corners, as the limbs' rings have.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from .body_file import Form
from .cage import Cage, Vector, Weights, mixed, ramp

COLUMNS = 16
"""Quads of a half ring, from the middle of the front to the middle of the back."""

FIRST_ARM_RING = 9
ARM_RINGS = 6
ARM_COLUMNS = (6, 10)
NECK_RINGS = 3
"""The trunk's last rings, which belong to the neck."""

ARM_SHARE = (0.13, 0.30)
"""Of the weight of the vertices round the arm's opening, what the upper arm has: below, in the armpit, and above."""

GROIN_SHARES = (0.50, 0.48, 0.36, 0.16)
"""Of the weight of the lowest rings, what the thigh has on the outer side."""
GROIN_MIDDLE = 1.0
"""By what share of that the middle of the front follows the thighs."""
CROTCH_SHARE = 0.5
"""Of the weight of the vertices between the legs, what both thighs have together."""

GROOVE_WIDTH = 0.028
"""Metres from the middle at which a groove (spine, breastbone, cleft) has faded to 1/e."""


@dataclass(frozen=True)
class Stack:
    """The rings' vertices, bottom up: ``rings[ring][column]``; the head's begin at ``head``."""

    rings: list[list[int]]
    head: int


@dataclass(frozen=True)
class Ring:
    """One row of the tables ``torso.rings`` and ``head.rings``."""

    side_x: float
    side_y: float
    side_z: float
    front_y: float
    front_z: float
    back_y: float
    back_z: float
    front_exponent: float
    back_exponent: float
    front_groove: float
    back_groove: float
    crowding: float


def half_ring(ring: Ring, level: float) -> list[Vector]:
    """The 17 points of half a ring.

    In the plan it is a superellipse, with exponents of its own in front and behind. ``level`` 0 lets the front rise towards the
    side evenly, 1 keeps it level as far as the cheek, so that what lies on a ring of the face lies at one height.
    Negative ``crowding`` draws the columns to the middle of front and back.
    """
    points = []
    for column in range(COLUMNS + 1):
        t = column / COLUMNS
        angle = math.pi * t + ring.crowding * math.sin(2.0 * math.pi * t)
        sine = 0.0 if column in (0, COLUMNS) else abs(math.sin(angle))
        cosine = math.cos(angle)
        in_front = cosine >= 0.0
        end_y, end_z = (ring.front_y, ring.front_z) if in_front else (ring.back_y, ring.back_z)
        exponent = ring.front_exponent if in_front else ring.back_exponent
        groove = ring.front_groove if in_front else ring.back_groove
        cosine = abs(cosine)
        x = ring.side_x * sine ** (2.0 / exponent)
        y = ring.side_y + (end_y - ring.side_y) * cosine ** (2.0 / exponent)
        rise = 1.0 - (1.0 - cosine) ** (1.35 + 0.6 * level) if level > 0.0 and in_front else cosine**1.5
        z = ring.side_z + (end_z - ring.side_z) * rise
        y -= math.copysign(groove, end_y - ring.side_y) * math.exp(-((x / GROOVE_WIDTH) ** 2))
        points.append(np.array([x, y, z]))
    return points


def spine_weights(form: Form, point: Vector) -> Weights:
    """How the trunk follows hips, spine, chest and upper chest: by height, in wide ramps round the joints."""
    height = {bone: float(form.joints[bone][2]) for bone in ("hips", "spine", "chest", "upper_chest", "neck")}
    z = float(point[2])
    half = 0.55 * (height["chest"] - height["spine"])
    spine = ramp(height["spine"] - half, height["spine"] + half, z)
    chest = ramp(height["chest"] - half, height["chest"] + half, z)
    upper = ramp(height["upper_chest"] - half, height["upper_chest"] + half, z)
    return mixed(("hips", 1 - spine), ("spine", spine * (1 - chest)), ("chest", chest * (1 - upper)), ("upper_chest", upper))


def _trunk_weights(form: Form, ring: int, rings: int, point: Vector) -> Weights:
    """Weights of one of the trunk's vertices: the spine's, with what shoulder, thigh and neck take of it."""
    weights = spine_weights(form, point)
    if ring >= rings - NECK_RINGS:
        return ({"neck": 0.55, "upper_chest": 0.45}, {"neck": 1.0}, {"neck": 0.6, "head": 0.4})[ring - rings + NECK_RINGS]
    x, z = float(point[0]), float(point[2])
    outer, hip = form.joints["upper_arm"], form.joints["thigh"]
    if ring >= FIRST_ARM_RING:
        # The shoulder girdle slides over the ribs: what lies near its outer end goes with it, the breastbone stays.
        girdle = 0.9 * ramp(0.20 * outer[0], 0.88 * outer[0], x) * ramp(outer[2] - 0.15, outer[2] + 0.01, z)
        return mixed(*((bone, share * (1 - girdle)) for bone, share in weights.items()), ("shoulder", girdle))
    if ring < len(GROIN_SHARES):
        # In front the groin goes along with raised thighs even in the middle, or it would stand out between them.
        middle = GROIN_MIDDLE * ramp(0.02, -0.06, float(point[1]))
        thigh = GROIN_SHARES[ring] * max(ramp(0.1 * hip[0], 1.6 * hip[0], x), middle)
        return mixed(*((bone, share * (1 - thigh)) for bone, share in weights.items()), ("thigh", thigh))
    return weights


def add_stack(cage: Cage, form: Form) -> Stack:
    """Adds trunk, neck and head, open at the crown, the arm and the leg; the face is still plain."""
    trunk, head = form.tables["torso.rings"], form.tables["head.rings"]
    rings: list[list[int]] = []
    for number, row in enumerate(trunk):
        points = half_ring(Ring(*row), 0.0)
        rings.append(
            [
                cage.add(point, _trunk_weights(form, number, len(trunk), point), on_plane=column in (0, COLUMNS))
                for column, point in enumerate(points)
            ]
        )
    for number, row in enumerate(head):
        # An abrupt change from rising to level rings would fold the skin from mouth to ear.
        level = max(1e-6, ramp(2, 13, number))
        weights = {"head": 0.8, "neck": 0.2} if number == 0 else {"head": 1.0}
        points = half_ring(Ring(*row), level)
        rings.append([cage.add(point, weights, on_plane=column in (0, COLUMNS)) for column, point in enumerate(points)])
    for ring, (lower, upper) in enumerate(itertools.pairwise(rings)):
        for column in range(COLUMNS):
            in_arm = FIRST_ARM_RING <= ring < FIRST_ARM_RING + ARM_RINGS and ARM_COLUMNS[0] <= column < ARM_COLUMNS[1]
            if not in_arm:
                cage.quad(lower[column], lower[column + 1], upper[column + 1], upper[column])
    return Stack(rings, len(trunk))


def arm_opening(cage: Cage, stack: Stack) -> list[int]:
    """The 20 vertices round the arm's opening, from its top over the front; they take some of the arm's weight."""
    rings, low, high = stack.rings, FIRST_ARM_RING, FIRST_ARM_RING + ARM_RINGS
    front, back = ARM_COLUMNS
    middle = (front + back) // 2
    opening = [rings[high][column] for column in range(middle, front - 1, -1)]
    opening += [rings[ring][front] for ring in range(high - 1, low - 1, -1)]
    opening += [rings[low][column] for column in range(front + 1, back + 1)]
    opening += [rings[ring][back] for ring in range(low + 1, high + 1)]
    opening += [rings[high][column] for column in range(back - 1, middle, -1)]
    for place, vertex in enumerate(opening):
        arm = ARM_SHARE[0] if 6 < place < 14 else ARM_SHARE[1]
        kept = [(bone, share * (1 - arm)) for bone, share in cage.weights[vertex].items()]
        cage.weights[vertex] = mixed(*kept, ("upper_arm", arm))
    return opening


def leg_opening(cage: Cage, form: Form, stack: Stack) -> list[int]:
    """The 20 vertices round the leg's opening, from the middle of the front over the outer side."""
    weights = mixed(("hips", 1.0 - CROTCH_SHARE), ("thigh", CROTCH_SHARE))
    crotch = [cage.add((0.0, y, z), dict(weights), on_plane=True) for y, z in form.tables["torso.crotch"]]
    return stack.rings[0] + crotch
