# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras by chance: all around a figure, near and far, framed as the product frames figures."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

from .....addon.framing.solve import Region, fit_perspective
from .....addon.passes.view import View

NEAR, FAR = 0.01, 100.0
"""Metres: where the picture's space begins and ends."""
_SENSOR = 36.0
"""Millimetres of the picture's longer side, as in Blender."""

SHOTS: dict[str, tuple[float, float]] = {
    "full body": (0.0, 0.62),
    "cowboy shot": (0.33, 0.16),
    "upper body": (0.53, 0.16),
    "portrait": (0.76, 0.06),
}
"""Tag → from which part of a standing figure's height upward it is in the picture, and how often."""


@dataclass(frozen=True, eq=False)
class Framing:
    """``azimuth`` in radians: 0 from the front of the figure, positive towards its left. ``pitch``: positive looks down."""

    view: View
    azimuth: float
    pitch: float
    shot: str


def random_framing(
    chance: random.Random, width: int, height: int, points: np.ndarray, facing: float, lowest_pitch: float = -math.inf
) -> Framing:  # fmt: skip
    """A camera for a picture of ``width`` × ``height`` pixels of a posed figure whose surface has ``points`` (N, 3), and which
    faces ``facing`` radians to the left of −y. It looks up by no more than ``lowest_pitch`` says."""
    kind = chance.random()
    if kind < 0.5:
        azimuth = chance.gauss(0.0, 0.45)
    else:
        azimuth = chance.uniform(-math.pi, math.pi)
    pitch = math.radians(chance.gauss(6.0, 9.0) if chance.random() < 0.75 else chance.uniform(-35.0, 55.0))
    pitch = max(pitch, lowest_pitch)
    shot = chance.choices(list(SHOTS), [share for _, share in SHOTS.values()])[0]
    lens = chance.uniform(35.0, 85.0)
    lowest = float(points[:, 2].min()) + SHOTS[shot][0] * float(np.ptp(points[:, 2]))
    wanted = points[points[:, 2] >= lowest]
    roll = math.radians(chance.gauss(0.0, 6.0)) if chance.random() < 0.12 else 0.0
    room = chance.uniform(0.0, 0.35) if chance.random() < 0.3 else 0.0
    region = Region.within(width, height, 0.05 + 0.5 * room, 0.01 + 0.3 * room * chance.random())
    if chance.random() < 0.3:  # not in the middle
        slack = 0.5 * room
        shift_x, shift_y = chance.uniform(-slack, slack), chance.uniform(-slack, slack)
        region = Region(
            max(region.left + shift_x, -0.95), min(region.right + shift_x, 0.95),
            max(region.bottom + shift_y, -0.95), min(region.top + shift_y, 0.95),
        )  # fmt: skip
    return Framing(_fitted(wanted, azimuth + facing, pitch, roll, lens, width, height, region), azimuth, pitch, shot)


def _fitted(
    points: np.ndarray, azimuth: float, pitch: float, roll: float, lens: float, width: int, height: int, region: Region
) -> View:
    """The camera that sees the points as large as they fit into the region."""
    backward = np.array([math.sin(azimuth) * math.cos(pitch), -math.cos(azimuth) * math.cos(pitch), math.sin(pitch)])
    right = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
    up = np.cross(backward, right)
    right, up = right * math.cos(roll) + up * math.sin(roll), up * math.cos(roll) - right * math.sin(roll)
    turn = np.stack((right, up, backward))
    focal = 2.0 * lens / _SENSOR * max(width, height)
    projection = np.zeros((4, 4))
    projection[0, 0], projection[1, 1] = focal / width, focal / height
    projection[2, 2], projection[2, 3] = -(FAR + NEAR) / (FAR - NEAR), -2.0 * FAR * NEAR / (FAR - NEAR)
    projection[3, 2] = -1.0
    centre = points.mean(axis=0)
    start = centre + 4.0 * backward
    local = (points - start) @ turn.T
    position = start + turn.T @ fit_perspective(local, projection, region, NEAR)
    to_camera = np.eye(4)
    to_camera[:3, :3], to_camera[:3, 3] = turn, -turn @ position
    return View(width, height, to_camera, projection, position, True)
