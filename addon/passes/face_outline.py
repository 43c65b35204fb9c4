# SPDX-License-Identifier: GPL-3.0-or-later
"""The 70 points of a face that is turned, as people mark them in photographs from which detectors learn: all of them, hidden or
not, until a face is seen nearly from its side; the far end of the jaw's line then is the face's outline, no place on the bone
(C. Sagonas and others, "300 Faces In-The-Wild Challenge: database and results", 2016, figure 1; X. Zhu and others, "Face
Alignment Across Large Poses", 2016, who call it landmark marching). No bpy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..pose.face_points import CHIN, JAW, LEFT_EAR_END, PUPILS, RIGHT_EAR_END, UNDER_NOSE
from .rays import Floats
from .view import View

TURNED = math.radians(42.0)
"""How far a face may be turned to a side and still have all points."""
NODDED = math.radians(40.0)
"""How far it may be raised or lowered."""
_FRONT = (27, UNDER_NOSE, 51, 57, CHIN)
"""From between the eyes down: how far forward the face goes at each height, but for the nose."""


@dataclass(frozen=True, eq=False)
class _Facing:
    """A face's own axes in the world, rows ``axes`` (3, 3): left, forward and up; and where the camera is in these."""

    axes: Floats
    yaw: float
    pitch: float


def _facing(face: Floats, view: View) -> _Facing | None:
    ends = face[[RIGHT_EAR_END, LEFT_EAR_END]]
    left = ends[1] - ends[0]
    forward = face[list(PUPILS.values())].mean(axis=0) - ends.mean(axis=0)
    wide = float(np.linalg.norm(left))
    if not wide > 0.0:
        return None
    left = left / wide
    forward = forward - left * float(forward @ left)
    deep = float(np.linalg.norm(forward))
    if not deep > 0.0:
        return None
    forward = forward / deep
    up = np.cross(forward, left)
    if float(up @ (face[27] - face[CHIN])) < 0.0:  # a mirrored figure
        up = -up
    axes = np.array((left, forward, up))
    towards = view.position - face[JAW].mean(axis=0) if view.perspective else view.backward
    x, y, z = axes @ towards
    return _Facing(axes, math.atan2(x, y), math.atan2(z, math.hypot(x, y)))


def is_faced(face: Floats, view: View) -> bool:
    """Whether a camera sees a face (70, 3) so far from in front that all of its points are marked."""
    facing = _facing(face, view)
    return facing is not None and abs(facing.yaw) <= TURNED and abs(facing.pitch) <= NODDED


def outlined(face: Floats, view: View) -> Floats:
    """A face (70, 3) metres whose jaw's far half lies where the face's outline is for a camera.

    At the height of each point the face is taken for half an ellipse, from the point round to its mirror image; the outline is
    where that turns away from the camera. From in front this is the jaw itself.
    """
    facing = _facing(face, view)
    if facing is None or abs(facing.yaw) >= math.pi / 2.0:
        return face
    far = -1.0 if facing.yaw > 0.0 else 1.0
    points = face @ facing.axes.T
    jaw = points[JAW]
    middle = points[[RIGHT_EAR_END, LEFT_EAR_END], 0].mean()
    front = points[list(_FRONT)][::-1]
    foremost = np.interp(jaw[:, 2], front[:, 2], front[:, 1])
    wide, deep = (jaw[:, 0] - middle) * far, np.maximum(foremost - jaw[:, 1], 0.0)
    angle = np.arctan2(deep * math.sin(abs(facing.yaw)), np.maximum(wide, 1e-9) * math.cos(facing.yaw))
    angle = np.where(wide > 0.0, angle, 0.0)
    moved = jaw.copy()
    moved[:, 0] += far * wide * (np.cos(angle) - 1.0)
    moved[:, 1] += deep * np.sin(angle)
    result = face.copy()
    result[JAW] = moved @ facing.axes
    return result
