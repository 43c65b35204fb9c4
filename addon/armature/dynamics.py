# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a mannequin's pose more dynamic or calmer, once or by a slider that can be drawn to and fro.

The slider must not push what it has pushed already. So the figure remembers the pose from which it was first drawn, and what
came of it; while the figure is still seen so, the slider goes on from that pose. Any other change of the pose makes a new
beginning, at 0. Both are kept in a custom property of the object, because undo and files carry that along.
"""

from __future__ import annotations

import bpy
import numpy as np

from ..pose.dynamics import exaggerate
from ..pose.normalised import Pose, dumps, loads
from .limits import limits_of
from .posing import apply_pose, humanoid_rest_of, read_pose
from .resting import ground_contacts

_PUSHED = "pose_to_anime_pushed"
_SAME = 1e-4
"""Metres, and components of quaternions: by more than this a pose differs from one that was remembered."""


def push_pose(obj: bpy.types.Object, factor: float) -> None:
    """Make the present pose more dynamic (up to 1) or calmer (down to −1). Raises UserError and PoseError."""
    _apply(obj, _present(obj), factor)


def pushed_by(obj: bpy.types.Object) -> float:
    """Where the slider stands: how far the figure is from the pose that it was first drawn from."""
    kept = obj.get(_PUSHED)
    if kept is None or not _is_as_left(obj, kept["bones"]):
        return 0.0
    return float(kept["factor"])


def push_to(obj: bpy.types.Object, factor: float) -> None:
    """Draw the slider to a place. Raises UserError and PoseError."""
    kept = obj.get(_PUSHED)
    base = loads(kept["base"]) if kept is not None and _is_as_left(obj, kept["bones"]) else _present(obj)
    _apply(obj, base, factor)
    obj[_PUSHED] = {"factor": factor, "base": dumps(base), "bones": _bones(obj).tolist()}


def _present(obj: bpy.types.Object) -> Pose:
    pose = read_pose(obj)
    return Pose(pose.name, pose.rotations, pose.hips_translation, ground_contacts(obj))


def _apply(obj: bpy.types.Object, pose: Pose, factor: float) -> None:
    rest = humanoid_rest_of(obj)
    # As they are on this figure: its body has limits of its own, and those that are lifted stop nothing.
    apply_pose(obj, exaggerate(pose, rest, factor, limits_of(obj, rest)))


def _is_as_left(obj: bpy.types.Object, bones: list[float]) -> bool:
    present = _bones(obj)
    return len(bones) == len(present) and bool(np.abs(present - np.asarray(bones)).max() < _SAME)


def _bones(obj: bpy.types.Object) -> np.ndarray:
    """What all controls are turned and moved by, as numbers."""
    bones = obj.pose.bones
    turns, places = np.empty(4 * len(bones), np.float32), np.empty(3 * len(bones), np.float32)
    bones.foreach_get("rotation_quaternion", turns)
    bones.foreach_get("location", places)
    return np.concatenate((turns, places)).astype(np.float64)
