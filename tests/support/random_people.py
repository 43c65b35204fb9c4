# SPDX-License-Identifier: GPL-3.0-or-later
"""People in random poses in the picture's plane, for drawings that are to be read back."""

from __future__ import annotations

import numpy as np
from pose_to_anime.addon.openpose.person import Person, Points

# Each body point: the one it hangs on, the length to it in parts of the trunk, the direction in degrees (x right, y down), how
# far that may be off.
_TREE = {
    2: (1, 0.38, 180.0, 20.0), 5: (1, 0.38, 0.0, 20.0), 8: (1, 1.0, 100.0, 8.0), 11: (1, 1.0, 80.0, 8.0),
    0: (1, 0.42, -90.0, 25.0), 3: (2, 0.62, 110.0, 80.0), 4: (3, 0.58, 110.0, 100.0), 6: (5, 0.62, 70.0, 80.0),
    7: (6, 0.58, 70.0, 100.0), 9: (8, 0.85, 95.0, 50.0), 10: (9, 0.8, 90.0, 60.0), 12: (11, 0.85, 85.0, 50.0),
    13: (12, 0.8, 90.0, 60.0), 14: (0, 0.14, -145.0, 15.0), 15: (0, 0.14, -35.0, 15.0), 16: (14, 0.17, 165.0, 15.0),
    17: (15, 0.17, 15.0, 15.0),
}  # fmt: skip
_FINGERS = ((-62.0, 0.30, 0.62), (-24.0, 0.50, 1.0), (-6.0, 0.52, 1.08), (11.0, 0.50, 1.0), (29.0, 0.46, 0.84))
"""Each finger of a right hand that points to the right, palm to the viewer: its direction in degrees, knuckle and tip from the
wrist in parts of the hand."""


_ARMS = ((6, 7, -1.0), (3, 4, 1.0))
"""Elbow, wrist and handedness of the left and the right arm."""


def people(rng: np.random.Generator, count: int, width: int, height: int, hands: bool = False) -> list[Person]:
    """So many people side by side, whose limbs may cross; some points are missing, as detectors and editors leave them out."""
    found = []
    for place in range(count):
        trunk = min(height * 0.26, width / count * rng.uniform(0.28, 0.36))
        body = _body(rng, trunk, missing=0.3)
        middle = np.array([width * (place + 0.5) / count, height * 0.36])
        body[:, :2] += middle
        inside = (body[:, :2] > 12).all(axis=1) & (body[:, 0] < width - 12) & (body[:, 1] < height - 12)
        body[~inside] = 0.0
        left, right = (
            _hand(rng, body[elbow], body[wrist], 0.5 * trunk, side, width, height) if hands else None
            for elbow, wrist, side in _ARMS
        )
        found.append(Person(body, left, right))
    return found


def _body(rng: np.random.Generator, trunk: float, missing: float) -> Points:
    body = np.zeros((18, 3))
    body[1] = (0.0, 0.0, 1.0)
    turn = rng.uniform(-25.0, 25.0)
    for number, (parent, length, degrees, spread) in _TREE.items():
        angle = np.radians(degrees + turn + rng.uniform(-spread, spread))
        step = np.array((np.cos(angle), np.sin(angle))) * length * trunk * rng.uniform(0.75, 1.15)
        body[number] = (*(body[parent, :2] + step), 1.0)
    if rng.random() < missing:
        for number in rng.choice([4, 7, 10, 13, 16, 17], size=rng.integers(1, 4), replace=False):
            body[number] = 0.0
    if rng.random() < 0.15:
        body[[0, 14, 15]] = 0.0  # from behind: ears alone
    return body


def _hand(
    rng: np.random.Generator, elbow: Points, wrist: Points, size: float, side: float, width: int, height: int
) -> Points | None:
    """A hand at the end of a forearm, its fingers spread and bent by chance, seen from front or back."""
    if not (elbow[2] and wrist[2]):
        return None
    forearm = wrist[:2] - elbow[:2]
    angle = np.arctan2(forearm[1], forearm[0]) + np.radians(rng.uniform(-30.0, 30.0))
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    squeezed = np.diag((1.0, side * rng.choice((-1.0, 1.0)) * rng.uniform(0.75, 1.0)))
    hand = np.zeros((21, 3))
    hand[:, 2] = 1.0
    for finger, (degrees, knuckle, tip) in enumerate(_FINGERS):
        straight = np.radians(degrees * rng.uniform(0.9, 1.2))
        at = np.array((np.cos(straight), np.sin(straight))) * knuckle
        bend = np.radians(rng.uniform(-12.0, 12.0))
        for joint in range(4):
            hand[1 + 4 * finger + joint, :2] = at
            straight += bend
            at = at + np.array((np.cos(straight), np.sin(straight))) * (tip - knuckle) / 3.0
    hand[:, :2] = hand[:, :2] @ (turn @ squeezed).T * size + wrist[:2]
    return None if (hand[:, :2] < 6.0).any() or (hand[:, 0] > width - 6.0).any() or (hand[:, 1] > height - 6.0).any() else hand
