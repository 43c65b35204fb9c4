# SPDX-License-Identifier: GPL-3.0-or-later
"""The body as a few balls that move with its bones: what hair slides off in every pose. No bpy."""

from __future__ import annotations

import numpy as np

from ..armature.skin.build import Skin
from .per_skin import once_per_skin
from .piece import Bumper

_TRUNK = (
    ("neck", "head", 0.35),
    ("upper_chest", "neck", 0.85),
    ("upper_chest", "neck", 0.3),
    ("chest", "upper_chest", 0.4),
    ("spine", "chest", 0.5),
)
"""Bone, the one that it ends in, and the share of it at whose height the trunk is measured."""
_SLICE = 0.25
"""Part of a bone's length above and below that height that counts."""
_LEAST = 18
"""Vertices that count at least, the nearest ones: below a large head there is hardly any neck."""
_SHOULDER = (0.45, 0.75)
_ARM = (0.05, 0.4)
"""Shares of the collarbone and of the upper arm at which there is a ball."""


@once_per_skin
def body_bumpers(skin: Skin) -> tuple[Bumper, ...]:
    """Balls in neck, trunk, shoulders and upper arms. They are as deep as the body, and side by side where it is wider."""
    found = []
    share = np.zeros(len(skin.vertices))
    for bone in {name for name, _, _ in _TRUNK}:
        rows, shares = skin.weights[bone]
        share[rows] += shares
    trunk = skin.vertices[share > 0.6].astype(np.float64)
    for number, (bone, end, along) in enumerate(_TRUNK):
        head, tail = np.array(skin.joints[bone]), np.array(skin.joints[end])
        height = float(head[2] + along * (tail[2] - head[2]))
        points = _about(trunk, 2, height, _SLICE * float(tail[2] - head[2]))
        front, back, wide = float(points[:, 1].min()), float(points[:, 1].max()), float(points[:, 0].max())
        radius = (back - front) / 2.0
        beside = max(0.0, wide - radius)
        for side in (0.0, -1.0, 1.0) if beside > 0.3 * radius else (0.0,):
            centre = np.array([side * beside, (front + back) / 2.0, height])
            found.append(Bumper(f"trunk_{number}_{int(side)}", bone, centre, radius))
    for suffix in ("L", "R"):
        bone = f"shoulder.{suffix}"
        head, tail = np.array(skin.joints[bone]), np.array(skin.joints[f"upper_arm.{suffix}"])
        rows, shares = skin.weights[bone]
        points = skin.vertices[rows[shares > 0.4]].astype(np.float64)
        for k, along in enumerate(_SHOULDER):
            x = float(head[0] + along * (tail[0] - head[0]))
            near = _about(points, 0, x, _SLICE * abs(float(tail[0] - head[0])))
            radius = float(np.ptp(near[:, 1])) / 2.0
            centre = np.array([x, float(near[:, 1].min()) + radius, float(near[:, 2].max()) - radius])
            found.append(Bumper(f"{bone}_{k}", bone, centre, radius))
        bone = f"upper_arm.{suffix}"
        head, tail = tail, np.array(skin.joints[f"forearm.{suffix}"])
        rows, shares = skin.weights[bone]
        off = skin.vertices[rows[shares > 0.6]].astype(np.float64) - head
        axis = (tail - head) / np.linalg.norm(tail - head)
        radius = float(np.median(np.linalg.norm(off - np.outer(off @ axis, axis), axis=1)))
        found += [Bumper(f"{bone}_{k}", bone, head + along * (tail - head), radius) for k, along in enumerate(_ARM)]
    return tuple(found)


def _about(points: np.ndarray, axis: int, place: float, reach: float) -> np.ndarray:
    """The points within reach of a place on an axis, or the nearest few."""
    away = np.abs(points[:, axis] - place)
    return points[away <= max(reach, float(np.partition(away, _LEAST - 1)[_LEAST - 1]))]
