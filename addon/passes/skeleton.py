# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures to people: their keypoints as the camera sees them, in pixels."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ..armature.figures import Figure
from ..armature.keypoints import body_keypoints
from ..errors import UserError
from ..openpose.person import Person
from .geometry import Surface
from .head import visible_face_points
from .sight import person_at
from .view import View


def person_of(
    scene: bpy.types.Scene,
    depsgraph: bpy.types.Depsgraph,
    figure: Figure,
    surfaces: Sequence[Surface],
    view: View,
    *,
    keep_outside: bool = False,
) -> Person:
    """One figure as OpenPose would find it. ``surfaces`` are the figure's own meshes.

    Limbs are there even where something is in front of them; nose, eyes and ears only where the figure's head does not hide them.
    ``sight.person_at`` says which others are. Raises UserError where the figure's armature is gone.
    """
    try:
        positions, present = body_keypoints(figure, depsgraph)
    except KeyError:
        raise UserError(f"The armature “{figure.name}” is not in this scene any more: add the figure again.") from None
    present = present & visible_face_points(scene, figure, surfaces, view, positions, present)
    return person_at(positions, present, view, keep_outside=keep_outside)
