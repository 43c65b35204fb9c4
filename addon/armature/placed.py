# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an armature object has a place and a size in the world: without them it has no picture and takes no controls."""

from __future__ import annotations

import bpy
import numpy as np

NOTHING = 1e-9
"""Metres: an axis of one metre that is shorter than this in the world is scaled to nothing."""


def fault_of_place(obj: bpy.types.Object) -> str:
    """Why an armature object is nowhere, in a sentence; empty where it is somewhere."""
    matrix = np.array(obj.matrix_world, dtype=np.float64)
    if not np.isfinite(matrix).all():
        return f"'{obj.name}' has no valid place: clear its location, rotation and scale (Alt-G, Alt-R, Alt-S)."
    if np.linalg.norm(matrix[:3, :3], axis=0).max() < NOTHING:
        return f"'{obj.name}' is scaled to nothing: give it a size first (Alt-S)."
    return ""
