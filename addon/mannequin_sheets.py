# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequins as a picture: every body from all sides at one scale, its face, and how it stands up to a pose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import bpy
import numpy as np
from mathutils import Matrix, Vector

from .armature.bodies import load_body
from .armature.mannequin import add_mannequin, landmarks, mannequin_names, remove_mannequin
from .armature.posing import apply_pose
from .generate.clay_picture import clay_picture
from .passes.contact_sheet import GAP, TITLE_INK, Image, plain, write
from .pose.library import load_pose

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
_TITLE_HEIGHT = 20


def mannequin_sheet(names: Sequence[str] = (), on_progress: Callable[[int, str], None] | None = None) -> Image:
    """A contact sheet (H, W, 3) of mannequins, one a row; of all, if no names are given.

    Adds figures to the current scene, and removes them: for a scene of its own. ``on_progress`` is told how many mannequins are
    done, and which is next. Raises UserError for an unknown one.
    """
    chosen = [load_body(name)[0].key for name in names] or mannequin_names()
    rows: list[Image] = []
    for done, name in enumerate(chosen):
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
    _, body = load_body(name)
    title = f"{body.title}   {name}   {body.age}, {height:.2f} m, {height / head:.1f} heads"
    return _labelled(title, pictures)


def _picture(camera: bpy.types.Object, middle: Vector, degrees: float, tall: float) -> Image:
    """What lies round ``middle`` as clay, seen level from so many degrees to the figure's left; ``tall`` metres fit in."""
    camera.data.ortho_scale = tall
    turn = Matrix.Rotation(math.radians(degrees), 4, "Z")
    camera.matrix_world = (
        Matrix.Translation(middle) @ turn @ Matrix.Translation((0.0, -_FAR, 0.0)) @ Matrix.Rotation(math.pi / 2, 4, "X")
    )
    return clay_picture(camera, CELL)


def _labelled(title: str, pictures: Sequence[Image]) -> Image:
    """The pictures in a row, under a line of text."""
    height, width = pictures[0].shape[:2]
    top = _TITLE_HEIGHT + 2 * GAP
    row = plain(top + height, GAP + len(pictures) * (width + GAP))
    for number, picture in enumerate(pictures):
        left = GAP + number * (width + GAP)
        row[top:, left : left + width] = picture
    write(row[:, : row.shape[1] - GAP], title, GAP, GAP, _TITLE_HEIGHT, TITLE_INK)
    return row
