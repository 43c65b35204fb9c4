# SPDX-License-Identifier: GPL-3.0-or-later
"""The hand: five rings of palm, a thumb out of its side, four fingers out of its end."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .body_file import Form
from .cage import Cage, Vector, across, mixed, ramp, signed_power, unit
from .frames import Frame
from .limbs import SIDES, end_grid, ring
from .nail import Plate, add_nail

FINGER_COLUMNS = {"little": 0, "ring": 2, "middle": 4, "index": 6}
"""The first of each finger's two columns in the palm's end grid."""

THUMB_ROWS = (1, 3)
THUMB_PLACES = (4, 6)
"""The palm's rings and the corners on them between which the thumb grows."""

FINGER_EXPONENT = 2.3
FINGER_SWELL = 1.0 / ((2.0 + math.cos(math.pi / 4.0)) / 3.0)
"""As ``limbs.SWELL``, for rings of eight."""

NAIL = Plate(root=0.10, breadth=0.93, sunk=0.0011, raised=0.0008)
"""Of all fingers: metres fit an adult, and shrink and grow with the hand."""


def add_hand(cage: Cage, form: Form, frames: dict[str, Frame], wrist: list[int]) -> None:
    """Adds the hand from the ring at the wrist on, closed at the fingertips."""
    rows = _add_palm(cage, form, frames["hand"], wrist)
    _add_thumb(cage, form, frames, rows)
    grid = end_grid(cage, rows[-1], {"hand": 1.0})
    web = form.tables["hand.web"]
    for column, depth in zip((2, 4, 6), web, strict=True):
        for row in range(3):
            cage.positions[grid[column, row]] += frames["hand"].along * depth
    for finger, column in FINGER_COLUMNS.items():
        outline = [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
        base = [grid[column + across_, row] for across_, row in outline]
        for corner in (1, 5):  # the knuckle and the pad below it; the webs stay with the hand
            cage.weights[base[corner]] = {"hand": 0.6, f"{finger}_1": 0.4}
        _add_finger(cage, form, frames, finger, base, flip=False)


def _add_palm(cage: Cage, form: Form, hand: Frame, wrist: list[int]) -> list[list[int]]:
    """The palm's rings, the wrist's first, with room left for the thumb."""
    rows = [wrist]
    table = form.tables["hand.palm"]
    breadth = float(table[-1][3])
    for number, (at, up, down, thumb_side, little_side, arc) in enumerate(table):
        square = (0.8, 1.0)[min(number, 1)]
        points = ring(hand.point(at), hand.up, hand.side, (up, down, thumb_side, little_side), square)
        current = []
        for point in points:
            # The knuckles stand on an arc, the little finger's furthest back.
            place = float((point - hand.origin) @ hand.side) / breadth
            current.append(cage.add(point + hand.along * arc * (place - 0.9 * place * place), {"hand": 1.0}))
        rows.append(current)
    for row, (lower, upper) in enumerate(itertools.pairwise(rows)):
        for i in range(SIDES):
            if not (THUMB_ROWS[0] <= row < THUMB_ROWS[1] and THUMB_PLACES[0] <= i < THUMB_PLACES[1]):
                j = (i + 1) % SIDES
                cage.quad(lower[i], lower[j], upper[j], upper[i])
    return rows


def _add_thumb(cage: Cage, form: Form, frames: dict[str, Frame], rows: list[list[int]]) -> None:
    near, middle, far = rows[THUMB_ROWS[0] : THUMB_ROWS[1] + 1]
    first, centre, last = range(THUMB_PLACES[0], THUMB_PLACES[1] + 1)
    base = [near[first], middle[first], far[first], far[centre], far[last], middle[last], near[last], near[centre]]
    for vertex in base:
        cage.weights[vertex] = {"hand": 0.65, "thumb_1": 0.35}
    _add_finger(cage, form, frames, "thumb", base, flip=True)


def _finger_weights(finger: str, at: float) -> dict[str, float]:
    """Weights at a place along a finger's bones (1.0 = the second joint)."""
    root = ramp(-0.15, 0.30, at) if finger != "thumb" else ramp(0.0, 0.7, at)
    second, third = ramp(0.80, 1.20, at), ramp(1.78, 2.22, at)
    return mixed(
        ("hand", 1 - root),
        (f"{finger}_1", root * (1 - second)),
        (f"{finger}_2", second * (1 - third)),
        (f"{finger}_3", root * third),
    )


def _axes(frames: dict[str, Frame], finger: str, at: float) -> tuple[Vector, Vector, Vector]:
    """Centre, up and side of a finger's ring; at a joint the ring stands half-way between both bones."""
    number = min(int(at), 2) + 1
    bone = frames[f"{finger}_{number}"]
    up = bone.up
    nearest = round(at)
    if nearest in (1, 2) and abs(at - nearest) < 0.25:
        before, after = frames[f"{finger}_{nearest}"], frames[f"{finger}_{nearest + 1}"]
        blend = (at - nearest) / 0.5 + 0.5
        up = unit(before.up * (1.0 - blend) + after.up * blend)
    return bone.point((at - number + 1) * bone.length), up, bone.side


def _add_finger(cage: Cage, form: Form, frames: dict[str, Frame], finger: str, base: list[int], *, flip: bool) -> None:
    """Adds a finger's rings of eight from ``base`` on, closed at the tip."""
    spec = form.fingers[finger]
    hand = frames["hand"]
    previous = base
    for number, (at, half_width, above, below) in enumerate(spec.rings):
        centre, up, side = _axes(frames, finger, float(at))
        if flip:
            # The thumb's opening runs the other way round: its second axis is the one towards the fingertips.
            side = -side
            twist = (0.45, 0.8, 1.0)[min(number, 2)]
            level = across(hand.up, unit(np.cross(up, side)))
            up = unit(level * (1.0 - twist) + up * twist)
            side = across(side, up)
        weights = _finger_weights(finger, float(at))
        current = []
        for i in range(8):
            angle = math.radians(-45.0 + 45.0 * i)
            s = signed_power(math.sin(angle), 2.0 / FINGER_EXPONENT) * half_width * FINGER_SWELL
            u = signed_power(math.cos(angle), 2.0 / FINGER_EXPONENT)
            u *= (above if u > 0 else below) * FINGER_SWELL
            current.append(cage.add(centre + side * s + up * u, weights))
        if number < len(spec.rings) - 1:
            cage.bridge(previous, current, flip=flip)
        else:
            cage.bridge([*previous[2:], previous[0]], [*current[2:], current[0]], flip=flip, closed=False)
            add_nail(cage, previous[:3], current[:3], frames[f"{finger}_3"].up, NAIL, {f"{finger}_3": 1.0}, flip=flip)
        previous = current
    last = frames[f"{finger}_3"]
    tip = cage.add(last.point(last.length), {f"{finger}_3": 1.0})
    p = previous
    for quad in ((p[0], p[1], tip, p[7]), (p[1], p[2], p[3], tip), (tip, p[3], p[4], p[5]), (p[7], tip, p[5], p[6])):
        cage.quad(*quad, flip=flip)
