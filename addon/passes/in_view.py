# SPDX-License-Identifier: GPL-3.0-or-later
"""Which figures a camera can take a picture of: an error where it shows none, a warning for each that it does not show whole."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from ..armature.characters import why_no_figure
from ..armature.figures import Figure
from ..armature.placed import fault_of_place
from ..errors import UserError
from ..keys import object_in
from ..openpose.person import Person
from .buffers import MOST_FIGURES
from .geometry import Surface
from .view import NEAREST, View


def placed_figures(
    scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, figures: Sequence[Figure], warnings: list[str]
) -> tuple[Figure, ...]:
    """The figures without those that are nowhere, as what is scaled to nothing is; a warning for each of these. Raises UserError
    where none is left, where there are too many, and for one that is gone."""
    if not figures:
        raise UserError(
            why_no_figure(view_layer)
            or "There is no visible figure in this scene: add one with Add ▸ Mannequin, or show the one that is hidden."
        )
    if len(figures) > MOST_FIGURES:
        raise UserError(f"There are {len(figures)} figures in view: hide some, {MOST_FIGURES} can be told apart.")
    placed, faults = [], []
    for figure in figures:
        obj = object_in(scene, figure.armature)
        if obj is None:
            raise UserError(f"The armature “{figure.name}” is not in this scene any more: add the figure again.")
        if fault := fault_of_place(obj):
            faults.append(fault)
        else:
            placed.append(figure)
    if not placed:
        raise UserError(faults[0])
    warnings += faults
    return tuple(placed)


def check_sight(
    figures: Sequence[Figure],
    people: Sequence[Person],
    surfaces: Sequence[Surface],
    view: View,
    camera: bpy.types.Object,
    warnings: list[str],
) -> None:
    """Raise UserError where no figure is in the picture; add a warning for each that is not, or not altogether in front, that the
    camera's clipping cuts, or that has no faces."""
    missing: list[tuple[str, str]] = []
    near, far = camera.data.clip_start, camera.data.clip_end
    for number, (figure, person) in enumerate(zip(figures, people, strict=True), 1):
        points = [surface.seen_places for surface in surfaces if surface.figure == number]
        if not points:
            warnings.append(f"“{figure.name}” has no faces to draw: its skeleton alone is in the pictures.")
        pixels, depth = view.project(np.concatenate(points) if points else np.empty((0, 3)))
        inside = bool(view.contains(pixels).any()) or bool(view.contains(person.body[person.body[:, 2] > 0.0, :2]).any())
        behind, cut = depth <= NEAREST, (depth < near) | (depth > far)
        if not inside:
            missing.append((figure.name, _BEHIND if len(behind) > 0 and behind.all() else _OUTSIDE))
        elif len(cut) and cut.all():
            missing.append((figure.name, _CUT))
        elif behind.any():
            warnings.append(f"A part of “{figure.name}” is behind the camera: move the camera back.")
        elif cut.any():
            warnings.append(f"A part of “{figure.name}” is cut off: {_clipping(camera)}.")
    if len(missing) < len(figures):
        for name, why in missing:
            warnings.append(f"“{name}” is not in the picture{f': {_clipping(camera)}' if why == _CUT else ''}.")
        return
    who = f"“{missing[0][0]}” is" if len(missing) == 1 else "All figures are"
    reasons = {why for _, why in missing}
    if reasons == {_BEHIND}:
        raise UserError(f"{who} behind the camera “{camera.name}”: reset the camera or turn it round.")
    if reasons == {_CUT}:
        raise UserError(f"{who} cut off: {_clipping(camera)}.")
    raise UserError(f"{who} outside the picture of the camera “{camera.name}”: reset the camera or move it.")


_BEHIND, _OUTSIDE, _CUT = "behind", "outside", "cut"


def _clipping(camera: bpy.types.Object) -> str:
    near, far = camera.data.clip_start, camera.data.clip_end
    return f"the camera “{camera.name}” shows what is {near:.4g} to {far:.4g} m away, change its Clip Start and End"
