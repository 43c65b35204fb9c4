# SPDX-License-Identifier: GPL-3.0-or-later
"""The keypoints of all figures, drawn over the 3D view in the colours of OpenPose: what the control image will be made of.

Points that a figure lacks are named beside its head."""

from __future__ import annotations

from typing import Any

import bpy
import gpu
import numpy as np
from bpy.app.translations import pgettext_iface as iface_
from gpu_extras.batch import batch_for_shader

from ..armature.figures import Figure, figures_in
from ..armature.keypoints import body_keypoints
from ..framing.solve import Array
from ..framing.viewport import to_region
from ..openpose.layout import BODY_COLOURS, BODY_LIMBS, BODY_POINTS, LIMB_COLOURS, NECK, SHOULDERS
from . import labels

_WIDTH, _DOT = 3.0, 9.0  # pixels at an interface scale of 1
_ALPHA = 0.9

_handles: list[Any] = []


def overlay_points(figure: Figure, depsgraph: bpy.types.Depsgraph) -> tuple[Array, np.ndarray, list[str]]:
    """A figure's points (18, 3) in the world with the neck between the shoulders, which there are (18,), and the names of those
    that are missing."""
    positions, present = body_keypoints(figure, depsgraph)
    right, left = SHOULDERS
    positions[NECK] = (positions[right] + positions[left]) / 2.0
    present = present.copy()
    present[NECK] = present[right] and present[left]
    return positions, present, [name.replace("_", " ") for name, there in zip(BODY_POINTS, present, strict=True) if not there]


def _draw() -> None:
    context = bpy.context
    settings = getattr(context.scene, "pose_to_anime", None)
    if settings is None or not settings.keypoints.show or context.region_data is None:
        return
    if not context.space_data.overlay.show_overlays:
        return
    depsgraph = context.evaluated_depsgraph_get()
    perspective = np.array(context.region_data.perspective_matrix, np.float64)
    for figure in figures_in(context.scene, context.view_layer):
        try:
            positions, present, missing = overlay_points(figure, depsgraph)
        except KeyError:
            continue
        pixels, depths = to_region(positions, perspective, context.region.width, context.region.height)
        shown = present & (depths > 0.0)
        _draw_figure(context, pixels, shown)
        if missing and shown.any():
            x, y = pixels[shown].max(axis=0)
            labels.write(context, iface_("Missing: {joints}").format(joints=", ".join(missing)), float(x) + 8.0, float(y))


def _draw_figure(context: bpy.types.Context, pixels: Array, shown: np.ndarray) -> None:
    scale = context.preferences.system.ui_scale
    corners: list[tuple[float, float]] = []
    colours: list[tuple[float, float, float, float]] = []
    for (a, b), colour in zip(BODY_LIMBS, LIMB_COLOURS, strict=True):
        if shown[a] and shown[b]:
            corners += _bar(pixels[a], pixels[b], _WIDTH * scale)
            colours += [_painted(colour, _ALPHA)] * 6
    for index, colour in enumerate(BODY_COLOURS):
        if shown[index]:
            half = np.array((_DOT * scale / 2.0, 0.0))
            corners += _bar(pixels[index] - half, pixels[index] + half, _DOT * scale)
            colours += [_painted(colour, 1.0)] * 6
    if not corners:
        return
    shader = gpu.shader.from_builtin("SMOOTH_COLOR")
    gpu.state.blend_set("ALPHA")
    try:
        batch_for_shader(shader, "TRIS", {"pos": [(x, y, 0.0) for x, y in corners], "color": colours}).draw(shader)
    finally:
        gpu.state.blend_set("NONE")


def _painted(colour: tuple[int, int, int], alpha: float) -> tuple[float, float, float, float]:
    red, green, blue = colour
    return red / 255.0, green / 255.0, blue / 255.0, alpha


def _bar(start: Array, end: Array, width: float) -> list[tuple[float, float]]:
    """Two triangles, six corners: a line of some width."""
    along = end - start
    length = max(float(np.hypot(*along)), 1e-6)
    side = np.array((-along[1], along[0])) / length * width / 2.0
    a, b, c, d = ((float(x), float(y)) for x, y in (start - side, start + side, end + side, end - side))
    return [a, b, c, a, c, d]


CLASSES: tuple[type, ...] = ()


def register() -> None:
    _handles.append(bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    while _handles:
        bpy.types.SpaceView3D.draw_handler_remove(_handles.pop(), "WINDOW")
