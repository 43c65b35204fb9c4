# SPDX-License-Identifier: GPL-3.0-or-later
"""Keypoints of a figure in the world, from its deform bones in the evaluated pose."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from ..keys import object_in
from ..pose.body_points import BODY_JOINTS, BODY_LANDMARKS
from .figures import Figure
from .mannequin import landmarks


def body_keypoints(figure: Figure, depsgraph: bpy.types.Depsgraph) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Positions (18, 3) in world metres, and which of them exist (18,).

    The neck (1) is NaN and absent: OpenPose's neck is the middle between the projected shoulders, which only a camera knows.
    Raises KeyError when the figure's armature is not in the depsgraph's scene."""
    source = object_in(depsgraph.scene, figure.armature)
    if source is None:
        raise KeyError(figure.name)
    obj = source.evaluated_get(depsgraph)
    positions = np.full((18, 3), np.nan)
    bones = obj.pose.bones
    for index, joint in enumerate(BODY_JOINTS):
        bone = bones.get(figure.joint_map.get(joint, "")) if joint else None
        if bone is not None:
            positions[index] = obj.matrix_world @ bone.head
    head = bones.get(figure.joint_map.get("head", ""))
    if head is not None:
        carry = obj.matrix_world @ head.matrix @ head.bone.matrix_local.inverted()
        points: dict[str, Vector] = landmarks(obj)
        for index, name in BODY_LANDMARKS.items():
            if name in points:
                positions[index] = carry @ points[name]
    return positions, np.isfinite(positions).all(axis=1)
