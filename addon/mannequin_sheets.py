# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequins as a picture: every body from all sides at one scale, its face, and how it stands up to a pose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import bpy
import numpy as np
from mathutils import Matrix, Vector
from numpy.typing import NDArray

from .armature.mannequin import add_mannequin, landmarks, mannequin_names, remove_mannequin
from .armature.posing import apply_pose
from .armature.skin.body_file import read_body
from .errors import UserError
from .generate.clay import shade
from .package import RIGS
from .passes.lettering import lettering
from .passes.render import render_passes
from .passes.sheet import BACKGROUND
from .pose.library import load_pose

Image = NDArray[np.uint8]

CELL = (192, 256)
"""Width and height of one picture in pixels."""
TURNS = (0.0, 35.0, 90.0, 180.0)
"""Degrees round the figure of the pictures at rest: front, three-quarter, side, back."""
FACE_TURNS = (0.0, 40.0)
POSES = ("running", "sitting")

_TALL = 2.12
"""Metres that a picture's height shows: one scale for all, so that a child looks like a child beside a hero."""
_FACE_MARGIN = 1.45
_FAR = 5.0
_FINER = 2
"""A picture is drawn this many times as large, then made small: its outlines are smooth."""
_GAP = 8
_TITLE_HEIGHT = 20
_INK = (236, 236, 238)


def mannequin_sheet(names: Sequence[str] = (), on_progress: Callable[[int, str], None] | None = None) -> Image:
    """A contact sheet (H, W, 3) of mannequins, one a row; of all, if no names are given.

    Adds figures to the current scene, and removes them: for a scene of its own. ``on_progress`` is told how many mannequins are
    done, and which is next. Raises UserError for an unknown one.
    """
    known = mannequin_names()
    for name in names:
        if name not in known:
            raise UserError(f"There is no mannequin '{name}'. Known mannequins: {', '.join(known)}.")
    rows: list[Image] = []
    for done, name in enumerate(names or known):
        if on_progress is not None:
            on_progress(done, name)
        rows.append(_row(name))
    return np.concatenate(rows)


def _row(name: str) -> Image:
    scene = bpy.context.scene
    figure = add_mannequin(bpy.context, name)
    camera_data = bpy.data.cameras.new("Sheet")
    camera = bpy.data.objects.new("Sheet", camera_data)
    scene.collection.objects.link(camera)
    camera_data.type = "ORTHO"
    try:
        marks = landmarks(figure)
        height, head = marks["head_top"].z, marks["head_top"].z - marks["chin"].z
        middle = Vector((0.0, 0.0, 0.47 * _TALL))
        face = Vector((0.0, 0.0, marks["chin"].z + 0.47 * head))
        pictures = [_picture(camera, middle, turn, _TALL) for turn in TURNS]
        pictures += [_picture(camera, face, turn, _FACE_MARGIN * head) for turn in FACE_TURNS]
        for pose in POSES:
            apply_pose(figure, load_pose(pose))
            pictures.append(_picture(camera, middle, 35.0, _TALL))
    finally:
        remove_mannequin(figure)
        bpy.data.objects.remove(camera)
        bpy.data.cameras.remove(camera_data)
    body = read_body(RIGS / "mannequins" / f"{name}.toml")
    title = f"{body.title}   {name}   {body.age}, {height:.2f} m, {height / head:.1f} heads"
    return _labelled(title, pictures)


def _picture(camera: bpy.types.Object, middle: Vector, degrees: float, tall: float) -> Image:
    """What lies round ``middle`` as clay, seen level from so many degrees to the figure's left; ``tall`` metres fit in."""
    width, height = CELL
    camera.data.ortho_scale = tall
    turn = Matrix.Rotation(math.radians(degrees), 4, "Z")
    camera.matrix_world = (
        Matrix.Translation(middle) @ turn @ Matrix.Translation((0.0, -_FAR, 0.0)) @ Matrix.Rotation(math.pi / 2, 4, "X")
    )
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    view_layer.update()
    rendered = render_passes(scene, view_layer, camera, (width * _FINER, height * _FINER), kinds=("depth",))
    assert rendered.buffers is not None and rendered.view is not None  # depth was asked for
    fine = shade(rendered.buffers.depth, rendered.view.projection, rendered.view.perspective)
    small = fine.reshape(height, _FINER, width, _FINER, 3).mean(axis=(1, 3))
    return np.rint(small).astype(np.uint8)


def _labelled(title: str, pictures: Sequence[Image]) -> Image:
    """The pictures in a row, under a line of text."""
    height, width = pictures[0].shape[:2]
    top = _TITLE_HEIGHT + 2 * _GAP
    row = np.empty((top + height, _GAP + len(pictures) * (width + _GAP), 3), np.uint8)
    row[:] = BACKGROUND
    for number, picture in enumerate(pictures):
        left = _GAP + number * (width + _GAP)
        row[top:, left : left + width] = picture
    coverage = lettering(title, _TITLE_HEIGHT)[:, : row.shape[1] - _GAP, None]
    place = row[_GAP : _GAP + _TITLE_HEIGHT, _GAP : _GAP + coverage.shape[1]]
    place[:] = np.rint(place * (1.0 - coverage) + np.array(_INK) * coverage)
    return row
