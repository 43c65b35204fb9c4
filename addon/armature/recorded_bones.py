# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose of a character as data: what its own bones, controls too, are moved by. For the record of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bpy
from mathutils import Matrix

from .characters import is_character
from .mannequin import is_own

_STILL = 1e-6
_DIGITS = 6


def recorded_bones(obj: bpy.types.Object) -> dict[str, list[list[float]]]:
    """Bone → its own matrix against its rest (4, 4), row by row; without those that rest."""
    found = {}
    for bone in obj.pose.bones:
        matrix = bone.matrix_basis
        if max(abs(matrix[row][column] - (row == column)) for row in range(4) for column in range(4)) > _STILL:
            found[bone.name] = [[round(value, _DIGITS) for value in row] for row in matrix]
    return found


def restore_bones(
    obj: bpy.types.Object | None, name: str, bones: Mapping[str, Any], matrix_world: Sequence[Sequence[float]]
) -> list[str]:
    """Bring a character back to what was recorded. Returns sentences about what could not be done. Raises TypeError or
    ValueError for damaged records, with nothing changed."""
    if obj is None or not is_character(obj):
        return [f"The character '{name}' is not in this scene any more: its pose is left out."]
    if not is_own(obj) or obj.library is not None:
        return [f"'{name}' is linked from another file: it keeps its pose."]
    read = {bone: Matrix(rows) for bone, rows in bones.items()}
    place = Matrix(matrix_world)
    for bone in obj.pose.bones:
        bone.matrix_basis = read.get(bone.name, Matrix.Identity(4))
    obj.matrix_world = place
    lost = [bone for bone in read if bone not in obj.pose.bones]
    return [f"'{name}' has no bone '{lost[0]}' any more: its pose is not quite that of the picture."] if lost else []
