# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose library as a picture: every pose on one figure, under its name, group by group."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import bpy
import numpy as np
from mathutils import Matrix

from .armature.figures import figures_in
from .armature.mannequin import DEFAULT_MANNEQUIN, add_mannequin, is_child
from .armature.pairs import apply_pair
from .armature.posing import apply_pose
from .framing.camera import frame_figures, reset_camera, use_pose_camera
from .framing.subject import figure_points
from .generate.clay_picture import clay_picture
from .passes.contact_sheet import GAP, Image, bordered, cell, rows_of, title
from .pose.normalised import Pose
from .pose.pairs import GROUP, Pair

CELL = (192, 256)
"""Width and height of one picture in pixels."""
COLUMNS = 8
_RATIO = "3:4"  # that of CELL
_TURN = math.radians(32.0)
"""From the front towards the figure's left: most poses show there what they are, and neither arm hides the other."""
_LOW_BODY = 0.75
"""Metres: a figure lower than this is lying, or nearly, and is looked at from above."""
_ELEVATION, _ELEVATION_OF_LYING = math.radians(6.0), math.radians(35.0)


def pose_sheet(
    groups: Mapping[str, Mapping[str, Pose]],
    mannequin: str = "",
    on_progress: Callable[[int, str], None] | None = None,
    pairs: Sequence[Pair] = (),
) -> Image:
    """A contact sheet (H, W, 3) of poses: group → name → pose, as ``pose.library.poses_by_group`` gives them; then
    pairs, of two figures of the same body, those alone that it may take.

    Adds a figure to the current scene and uses its pose camera: for a scene of its own. ``on_progress`` is told how many poses
    are done, and which is next. Raises UserError for an unknown mannequin.
    """
    figure = add_mannequin(bpy.context, mannequin or DEFAULT_MANNEQUIN)
    done = 0
    rows: list[Image] = []
    for group, poses in groups.items():
        rows.append(title((group or "other").capitalize(), COLUMNS * (CELL[0] + GAP)))
        cells = []
        for name, pose in poses.items():
            if on_progress is not None:
                on_progress(done, name)
            apply_pose(figure, pose)
            cells.append(cell([pose_picture(bpy.context.scene)], name))
            done += 1
        rows += rows_of(cells, COLUMNS)
    if pairs := [pair for pair in pairs if not (pair.adults_only and is_child(figure))]:
        rows.append(title(GROUP.capitalize(), COLUMNS * (CELL[0] + GAP)))
        partner = add_mannequin(bpy.context, mannequin or DEFAULT_MANNEQUIN)
        cells = []
        for number, pair in enumerate(pairs):
            if on_progress is not None:
                on_progress(done + number, pair.key)
            apply_pair(figure, partner, pair)
            cells.append(cell([pose_picture(bpy.context.scene)], pair.key))
        rows += rows_of(cells, COLUMNS)
    return bordered(rows)


def pose_picture(scene: bpy.types.Scene, size: tuple[int, int] = CELL) -> Image:
    """The scene's figures as clay, framed from the side where poses read best: (height, width, 3)."""
    view_layer = bpy.context.view_layer
    scene.pose_to_anime.framing.ratio = _RATIO
    camera, figures = use_pose_camera(scene), figures_in(scene, view_layer)
    reset_camera(scene, view_layer, camera, figures)
    tall = float(np.ptp(figure_points(scene, view_layer.depsgraph, figures)[:, 2]))
    down = _ELEVATION_OF_LYING if tall < _LOW_BODY else _ELEVATION
    turn = Matrix.Rotation(_TURN, 4, "Z") @ Matrix.Rotation(-down, 4, "X")
    camera.matrix_world = turn @ camera.matrix_world
    frame_figures(scene, view_layer, camera, figures)
    return clay_picture(camera, size)
