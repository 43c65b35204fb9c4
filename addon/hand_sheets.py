# SPDX-License-Identifier: GPL-3.0-or-later
"""The hand shapes as a picture: the palm and the back of each, with its name, group by group."""

from __future__ import annotations

import math
from collections.abc import Callable

import bpy
from mathutils import Matrix, Vector

from .armature.hands import apply_hand
from .armature.joint_map import joint_map
from .armature.mannequin import DEFAULT_MANNEQUIN, add_mannequin, remove_mannequin
from .armature.posing import apply_pose
from .generate.clay_picture import clay_picture
from .passes.contact_sheet import GAP, Image, bordered, cell, rows_of, title
from .pose.hands import GROUPS, hand_names, load_hand
from .pose.normalised import Pose

CELL = (176, 200)
"""Width and height of one picture in pixels."""
COLUMNS = 4
VIEWS = (18.0, -162.0)
"""Degrees about the hand's long axis from straight at the palm: a little beside the palm and the back, so that fingers which
point at the eye show what they do, and the thumb is in sight."""

_TITLES = {"basic": "Basic", "gesture": "Gestures", "grip": "Grips"}
_TALL = 1.36
"""How much a picture's height shows, in lengths of the hand from wrist to the tip of the straight middle finger."""
_MIDDLE = 0.47
"""Where the picture's middle is on the way from the wrist to that tip."""
_FAR = 0.6


def hand_sheet(mannequin: str = "", on_progress: Callable[[int, str], None] | None = None) -> Image:
    """A contact sheet (H, W, 3) of every hand shape on a mannequin's left hand.

    Adds a figure to the current scene, and removes it: for a scene of its own. ``on_progress`` is told how many shapes are done,
    and which is next. Raises UserError for an unknown mannequin.
    """
    figure = add_mannequin(bpy.context, mannequin or DEFAULT_MANNEQUIN)
    camera_data = bpy.data.cameras.new("Sheet")
    camera = bpy.data.objects.new("Sheet", camera_data)
    bpy.context.scene.collection.objects.link(camera)
    camera_data.type = "ORTHO"
    camera_data.clip_start = 0.01
    rows: list[Image] = []
    done = 0
    try:
        # The arms out to the sides, and nothing of the body near the hand.
        apply_pose(figure, Pose("T", {}))
        places = [hand_view(figure, degrees, _MIDDLE) for degrees in VIEWS]
        for group in GROUPS:
            cells = []
            for name in (name for name in hand_names() if load_hand(name).group == group):
                if on_progress is not None:
                    on_progress(done, name)
                apply_hand(figure, "L", load_hand(name))
                pictures = []
                for length, camera.matrix_world in places:
                    camera_data.ortho_scale = length * _TALL
                    pictures.append(clay_picture(camera, CELL))
                cells.append(cell(pictures, name))
                done += 1
            rows.append(title(_TITLES[group], COLUMNS * (len(VIEWS) * CELL[0] + GAP)))
            rows += rows_of(cells, COLUMNS)
    finally:
        remove_mannequin(figure)
        bpy.data.objects.remove(camera)
        bpy.data.cameras.remove(camera_data)
    return bordered(rows)


def hand_view(figure: bpy.types.Object, degrees: float, middle: float) -> tuple[float, Matrix]:
    """The length in metres of a figure's left hand, and the place of a camera that sees it upright, ``degrees`` about its long
    axis from straight at the palm. In the middle of the picture is the point so far (0 … 1) on the way from wrist to fingertip.

    For a figure in the T-pose with straight fingers.
    """
    bones = joint_map("mannequin")
    hand, tip = figure.pose.bones[bones["leftHand"]], figure.pose.bones[bones["leftMiddleDistal"]]
    wrist, end = figure.matrix_world @ hand.head, figure.matrix_world @ tip.tail
    along = (end - wrist).normalized()
    # The hand lies palm down in the T-pose, its thumb to the front.
    palm = Vector((0.0, 0.0, -1.0))
    palm = Matrix.Rotation(math.radians(degrees), 3, along) @ (palm - along * palm.dot(along)).normalized()
    axes = Matrix((along.cross(palm), along, palm)).transposed()
    place = wrist + (end - wrist) * middle + palm * _FAR
    return (end - wrist).length, Matrix.LocRotScale(place, axes, None)
