# SPDX-License-Identifier: GPL-3.0-or-later
"""What is going on, in words over the Image Editor that the picture comes into: the panel may end below a small screen."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ..generate import environment, session, viewing
from . import jobs, labels, set_up

_LEFT = 12.0  # pixels at an interface scale of 1, from the region's lower left
_ROW = 18.0
_handles: list[object] = []


def lines() -> Iterator[str]:
    """From top to bottom: the set-up, where it runs, then the picture that is painted or comes next."""
    server = environment.set_up()
    if server.running and server.progress is not None:
        yield from filter(None, (set_up.phase_text(server.progress), set_up.amount_text(server.progress)))
    first = next(iter(jobs.in_order()), None)
    if first is not None:
        yield jobs.progress_text(first)


def _draw() -> None:
    context = bpy.context
    if not session.session.jobs or context.area.ui_type != "IMAGE_EDITOR":
        return
    if context.space_data.image is not None and not viewing.shows_ours(context.area):
        return  # somebody's own picture, which ours will not replace while it is pinned or painted on
    scale = context.preferences.system.ui_scale
    said = tuple(lines())
    _darken(max(labels.width(context, line) for line in said) + 2.0 * _LEFT * scale, (len(said) * _ROW + _LEFT) * scale)
    for row, line in enumerate(reversed(said)):
        labels.write(context, line, _LEFT * scale, (_LEFT + row * _ROW) * scale)


def _darken(width: float, height: float) -> None:
    """The lower left corner of the region, in pixels: pictures are often white where the words stand."""
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    batch = batch_for_shader(shader, "TRI_FAN", {"pos": [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]})
    gpu.state.blend_set("ALPHA")
    try:
        shader.uniform_float("color", (0.0, 0.0, 0.0, 0.6))
        batch.draw(shader)
    finally:
        gpu.state.blend_set("NONE")


CLASSES: tuple[type, ...] = ()


def register() -> None:
    _handles.append(bpy.types.SpaceImageEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    while _handles:
        bpy.types.SpaceImageEditor.draw_handler_remove(_handles.pop(), "WINDOW")
