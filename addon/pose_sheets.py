# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose library as a picture: every pose on one figure, under its name, group by group."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from .armature.figures import figures_in
from .armature.mannequin import DEFAULT_MANNEQUIN, add_mannequin
from .armature.posing import apply_pose
from .framing.camera import frame_figures, reset_camera, use_pose_camera
from .framing.subject import figure_points
from .generate.clay import shade
from .passes.lettering import lettering
from .passes.render import render_passes
from .passes.sheet import BACKGROUND
from .pose.normalised import Pose

Image = NDArray[np.uint8]

CELL = (192, 256)
"""Width and height of one picture in pixels."""
COLUMNS = 8
_RATIO = "3:4"  # that of CELL
_TURN = math.radians(32.0)
"""From the front towards the figure's left: most poses show there what they are, and neither arm hides the other."""
_LOW_BODY = 0.75
"""Metres: a figure lower than this is lying, or nearly, and is looked at from above."""
_ELEVATION, _ELEVATION_OF_LYING = math.radians(6.0), math.radians(35.0)

_FINER = 2
"""A picture is drawn this many times as large, then made small: its outlines are smooth."""
_GAP = 8
_NAME_HEIGHT, _TITLE_HEIGHT = 15, 26
_INK, _TITLE_INK = (196, 196, 198), (236, 236, 238)


def pose_sheet(
    groups: Mapping[str, Mapping[str, Pose]], mannequin: str = "", on_progress: Callable[[int, str], None] | None = None
) -> Image:
    """A contact sheet (H, W, 3) of poses: group → name → pose, as ``pose.library.poses_by_group`` gives them.

    Adds a figure to the current scene and uses its pose camera: for a scene of its own. ``on_progress`` is told how many poses
    are done, and which is next. Raises UserError for an unknown mannequin.
    """
    figure = add_mannequin(bpy.context, mannequin or DEFAULT_MANNEQUIN)
    done = 0
    rows: list[Image] = []
    for group, poses in groups.items():
        rows.append(_title(group or "other"))
        cells = []
        for name, pose in poses.items():
            if on_progress is not None:
                on_progress(done, name)
            apply_pose(figure, pose)
            cells.append(_cell(pose_picture(bpy.context.scene), name))
            done += 1
        rows += [np.concatenate(row, axis=1) for row in _rows_of(cells)]
    content = np.concatenate(rows)
    sheet = _plain(content.shape[0] + _GAP, content.shape[1] + _GAP)
    sheet[: content.shape[0], : content.shape[1]] = content
    return sheet


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
    width, height = size
    rendered = render_passes(scene, view_layer, camera, (width * _FINER, height * _FINER), kinds=("depth",))
    assert rendered.buffers is not None and rendered.view is not None  # depth was asked for
    fine = shade(rendered.buffers.depth, rendered.view.projection, rendered.view.perspective)
    small = fine.reshape(height, _FINER, width, _FINER, 3).mean(axis=(1, 3))
    return np.rint(small).astype(np.uint8)


def _rows_of(cells: Sequence[Image]) -> Iterator[list[Image]]:
    blank = _plain(*cells[0].shape[:2])
    for start in range(0, len(cells), COLUMNS):
        row = list(cells[start : start + COLUMNS])
        yield row + [blank] * (COLUMNS - len(row))


def _cell(picture: Image, name: str) -> Image:
    height, width = picture.shape[:2]
    cell = _plain(height + _NAME_HEIGHT + 2 * _GAP, width + _GAP)
    cell[:height, _GAP:] = picture
    _write(cell, name, _GAP, height + 3, _NAME_HEIGHT, _INK)
    return cell


def _title(text: str) -> Image:
    title = _plain(_TITLE_HEIGHT + 2 * _GAP, COLUMNS * (CELL[0] + _GAP))
    _write(title, text.capitalize(), _GAP, _GAP, _TITLE_HEIGHT, _TITLE_INK)
    return title


def _write(image: Image, text: str, left: int, top: int, height: int, ink: tuple[int, int, int]) -> None:
    """Put a line of text into a picture; what does not fit is cut off."""
    coverage = lettering(text, height)[:, : image.shape[1] - left, None]
    place = image[top : top + height, left : left + coverage.shape[1]]
    place[:] = np.rint(place * (1.0 - coverage) + np.array(ink) * coverage)


def _plain(height: int, width: int) -> Image:
    image = np.empty((height, width, 3), np.uint8)
    image[:] = BACKGROUND
    return image
