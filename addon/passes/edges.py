# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a draughtsman would set a line: outlines, overlaps and creases, found in the geometry itself. No bpy.

Between two neighbouring pixels there is a line where they belong to different figures or parts, where depth jumps farther than
the slopes beside it explain, and where the surface turns more sharply than beside it. Depth is compared as disparity, which is
linear on a plane in perspective: a floor seen at a grazing angle has no jumps in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .buffers import Buffers, bands
from .thinning import thin
from .view import View

OUTLINE, OVERLAP, CREASE = 3, 2, 1
"""Levels of lines: around figures; where one part of a figure hides another; where parts meet and surfaces turn."""

_SLOPE = np.float32(1.2)
"""How many times the slope beside it a step of depth must be to be a jump."""
_STEP = 2.0
"""Widths of a pixel, at its distance, that a jump is larger than that; and metres on top of it."""
_LEAST = 0.001
_TURN = np.float32(0.13)
"""1 − cos of the angle by which a surface turns at a crease beyond what it turns beside it: 30°."""
_FAR = np.float32(-1e6)
_SHORTEST = 5.0 / 512.0
"""Of the picture's shorter side: what is shorter than this is no line, but a speck."""
_ROWS = 48


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines one pixel thin: ``rows`` and ``columns`` (n,) of their pixels, and their ``levels`` (n,) uint8."""

    shape: tuple[int, int]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    levels: NDArray[np.uint8]


def lines_of(buffers: Buffers, view: View) -> Lines:
    """The lines of detailed buffers, each on the nearer side of what it divides."""
    height, width = buffers.depth.shape
    levels = np.zeros((height + 2, width + 2), dtype=np.uint8)  # with a border of one pixel
    seen = np.flatnonzero((buffers.depth < np.inf).any(axis=1))
    if len(seen):
        columns = np.flatnonzero((buffers.depth < np.inf).any(axis=0))
        box = slice(max(0, columns[0] - 2), min(width, columns[-1] + 3))
        top = int(max(0, seen[0] - 2))
        for rows in bands(int(min(height, seen[-1] + 3)) - top, _ROWS):
            _mark(levels, buffers, view, slice(top + rows.start, top + rows.stop), box)
    kept, kept_levels = thin(levels, max(3, round(min(height, width) * _SHORTEST)), OUTLINE)
    down, across = np.divmod(kept, width + 2)
    return Lines((height, width), down - 1, across - 1, kept_levels)


def _mark(levels: NDArray[np.uint8], buffers: Buffers, view: View, rows: slice, box: slice) -> None:
    """Write the levels of the lines between the pixels of some rows, and between those and the next row."""
    height = len(buffers.depth)
    first, last = max(0, rows.start - 1), min(height, rows.stop + 2)
    around = (slice(first, last), box)
    nearness, least = _nearness(buffers.depth[around], view)
    assert buffers.normals is not None and buffers.parts is not None
    x, y, z = (buffers.normals[axis][around] for axis in range(3))
    figures, parts = buffers.figures[around], buffers.parts[around]
    inside = slice(rows.start - first, rows.start - first + min(rows.stop, height - 1) - rows.start)
    target = levels[first + 1 : last + 1, box.start + 1 : box.stop + 1]
    for axis in (0, 1):
        a, b = (slice(None, -1), slice(1, None)) if axis == 0 else ((slice(None), slice(None, -1)), (slice(None), slice(1, None)))
        step = nearness[b] - nearness[a]
        jump = _beyond(step, axis) > np.maximum(least[a], least[b])
        turn = x[a] * x[b]
        turn += y[a] * y[b]
        turn += z[a] * z[b]
        np.subtract(np.float32(1.0), turn, out=turn)
        crease = turn - _beside(turn, axis, np.maximum) > _TURN
        other = parts[a] != parts[b]
        outline = (figures[a] != figures[b]) | (other & ((parts[a] == 0) | (parts[b] == 0)))
        level = np.maximum((crease | other).view(np.uint8), jump.view(np.uint8) * np.uint8(OVERLAP))
        np.copyto(level, np.uint8(OUTLINE), where=outline)
        # The nearer side; else one that stays the same along the line: of two parts the later, of two slopes the steeper.
        second = np.where(other, parts[b] > parts[a], z[b] < z[a])
        np.copyto(second, step > 0.0, where=jump | outline)
        keep = inside if axis == 0 else slice(rows.start - first, rows.stop - first)
        level, second = level[keep], second[keep]
        for side, chosen in ((a, ~second), (b, second)):
            place = target[side][keep]
            np.maximum(place, level * chosen, out=place)


def _nearness(depth: NDArray[np.float32], view: View) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Something linear on planes that grows towards the viewer, and from how large a step on a jump is one."""
    width_of_pixel = 2.0 / (view.height * view.projection[1, 1])  # metres, at one metre in perspective
    if view.perspective:
        disparity = np.maximum(depth, np.float32(1e-6))
        np.divide(np.float32(1.0), disparity, out=disparity)
        return disparity, disparity * (np.float32(_STEP * width_of_pixel) + np.float32(_LEAST) * disparity)
    nearness = np.maximum(-depth, _FAR)
    return nearness, np.full_like(nearness, _STEP * width_of_pixel + _LEAST)


def _beside(step: NDArray[np.float32], axis: int, choose: np.ufunc) -> NDArray[np.float32]:
    """Of the steps before and after each along ``axis`` the one that ``choose`` prefers; 0 counts for those beyond the edge."""
    result = np.zeros_like(step)
    before, after = (slice(None, -1), slice(1, None))
    if axis == 0:
        choose(result[after], step[before], out=result[after])
        choose(result[before], step[after], out=result[before])
    else:
        choose(result[:, after], step[:, before], out=result[:, after])
        choose(result[:, before], step[:, after], out=result[:, before])
    return result


def _beyond(step: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """How far each step goes beyond the steeper of its neighbours that go the same way."""
    up, down = _beside(step, axis, np.maximum), _beside(step, axis, np.minimum)
    up *= -_SLOPE
    up += step
    down *= _SLOPE
    down -= step
    return np.maximum(up, down, out=up)
