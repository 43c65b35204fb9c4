# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a point of the skin is on the body, as smooth fields: what clothes are cut by.

The fields are those of the body that patterns are drawn on; all bodies share its vertices.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np

from ..armature.skin.body_file import read_body
from ..armature.skin.build import Skin, build_skin
from ..package import RIGS
from .sheet import Sheet, whole_skin

BODY = "adult_woman"

_ARM = ("upper_arm", "forearm", "hand", "thumb", "index", "middle", "ring", "little")
_LEG = ("thigh", "shin", "foot", "toe")


@dataclass(frozen=True, eq=False)
class Pattern:
    """Fields of the skin's vertices, (N,) each. ``x``, ``y``, ``z`` in metres: across (unsigned), back, up.

    ``arm`` is 0 at the shoulder joint, 1 at the elbow, 2 at the wrist; ``leg`` so from hip to ankle, 3 at the tip of the foot.
    ``trunk`` is 0 at the hip joints and 1 at the base of the neck, 1 or more on arms and head. ``on_arm`` and ``on_leg`` are
    shares of those bones.
    """

    sheet: Sheet
    side: np.ndarray
    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    trunk: np.ndarray
    arm: np.ndarray
    leg: np.ndarray
    on_arm: np.ndarray
    on_leg: np.ndarray
    normals: np.ndarray
    neck: np.ndarray
    """(3,) the joint at the base of the neck."""


@functools.lru_cache(maxsize=1)
def pattern() -> Pattern:
    """The fields, made once."""
    skin = build_skin(read_body(RIGS / "mannequins" / f"{BODY}.toml"))
    points = skin.vertices.astype(float)
    joints = skin.joints
    mirrored = points.copy()
    mirrored[:, 0] = np.abs(points[:, 0])
    on_arm, on_leg = _share(skin, _ARM), _share(skin, _LEG)
    low, high = joints["thigh.L"][2], joints["neck"][2]
    arm = _along(mirrored, [joints[name] for name in ("upper_arm.L", "forearm.L", "hand.L")])
    leg = _along(mirrored, [joints[name] for name in ("thigh.L", "shin.L", "foot.L", "toe.L:tail")])
    trunk = (points[:, 2] - low) / (high - low)
    return Pattern(
        sheet=whole_skin(skin.quads, len(points)),
        side=points[:, 0],
        x=mirrored[:, 0],
        y=points[:, 1],
        z=points[:, 2],
        trunk=np.where(on_arm > 0.5, np.maximum(trunk, 1.0), trunk),
        arm=np.where(on_arm > 0.5, arm, np.minimum(arm, 0.0)),
        leg=np.where(on_arm > 0.5, -1.0, leg),
        on_arm=on_arm,
        on_leg=on_leg,
        normals=vertex_normals(points, skin.quads),
        neck=joints["neck"],
    )


def vertex_normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(N, 3) unit normals of a mesh's vertices."""
    across = np.cross(points[faces[:, 2]] - points[faces[:, 0]], points[faces[:, 3]] - points[faces[:, 1]])
    corners = faces.ravel()
    total = np.stack([np.bincount(corners, np.repeat(across[:, k], 4), len(points)) for k in range(3)], axis=1)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12))


def _share(skin: Skin, stems: tuple[str, ...]) -> np.ndarray:
    total = np.zeros(len(skin.vertices))
    for name, (rows, shares) in skin.weights.items():
        if name.partition(".")[0].partition("_")[0] in stems or name.partition(".")[0] in stems:
            total[rows] += shares
    return total


def _along(points: np.ndarray, joints: list[np.ndarray]) -> np.ndarray:
    """(N,) how far along a chain of joints, in bones; below 0 before it and beyond the count after it."""
    total = np.zeros(len(points))
    last = len(joints) - 2
    for k, (head, tail) in enumerate(itertools.pairwise(joints)):
        axis = tail - head
        share = (points - head) @ axis / (axis @ axis)
        total += np.clip(share, -np.inf if k == 0 else 0.0, np.inf if k == last else 1.0)
    return total
