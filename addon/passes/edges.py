# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a draughtsman would set a line: outlines, overlaps and creases, found in the geometry itself. No bpy.

Between two neighbouring pixels there is a line where they belong to different figures or parts, where depth jumps farther than
the slopes beside it explain, and where the surface turns more sharply than beside it. Depth is compared as disparity, which is
linear on a plane in perspective: a floor seen at a grazing angle has no jumps in it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .buffers import PART_BITS, Buffers, bands
from .thinning import thin
from .view import View

Floats = NDArray[np.float32]

OUTLINE, OVERLAP, CREASE = 3, 2, 1
"""Levels of lines: around figures; where one part of a figure hides another; where parts meet and surfaces turn."""

_SLOPE = np.float32(1.2)
"""How many times the slope beside it a step of depth must be to be a jump."""
_STEP = 2.0
"""Widths of a pixel, at its distance, that a jump is larger than that; and metres on top of it."""
_LEAST = 0.001
_TURN = np.float32(0.13)
"""1 − cos of the angle by which a surface turns at a crease beyond what it turns beside it: 30°."""
_FACING = np.float32(1.0) - _TURN
_FAR = np.float32(-1e6)
_SHORTEST = 5.0 / 512.0
"""Of the picture's shorter side: what is shorter than this is no line, but a speck."""


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
    flat = levels.reshape(-1)
    rows, columns = buffers.box
    for axis, found in enumerate(_candidates(buffers, view, _wider(rows, height), _wider(columns, width))):
        level, second = _Pairs(buffers, view, axis, found).judged()
        down, across = np.divmod(found, width)
        places = (down + 1) * (width + 2) + across + 1
        places[second] += width + 2 if axis == 0 else 1
        for value in (CREASE, OVERLAP, OUTLINE):  # a pixel that is named twice keeps the highest
            chosen = places[level == value]
            flat[chosen] = np.maximum(flat[chosen], np.uint8(value))
    kept, kept_levels = thin(levels, max(3, round(min(height, width) * _SHORTEST)), OUTLINE)
    down, across = np.divmod(kept, width + 2)
    return Lines((height, width), down - 1, across - 1, kept_levels)


def _wider(part: slice, end: int) -> slice:
    return slice(max(0, part.start - 1), min(end, part.stop + 1))


def _candidates(buffers: Buffers, view: View, rows: slice, columns: slice) -> list[NDArray[np.intp]]:
    """For both axes, which pixels of a part of the picture may have a line between them and the next: few, to be judged well."""
    height, width = buffers.depth.shape
    assert buffers.normals is not None and buffers.parts is not None
    found: list[list[NDArray[np.intp]]] = [[], []]
    for band in bands(rows.stop, rows.start):
        around = (slice(band.start, min(band.stop + 1, height)), columns)
        nearness, least = _nearness(buffers.depth[around], view)
        normals = [buffers.normals[axis][around] for axis in range(3)]
        parts = buffers.parts[around]
        own = slice(0, band.stop - band.start)
        for axis in (0, 1):
            if axis == 0:
                a, b = (slice(None, -1), slice(None)), (slice(1, None), slice(None))
            else:
                a, b = (own, slice(None, -1)), (own, slice(1, None))
            step = nearness[b] - nearness[a]
            candidates = np.abs(step, out=step) > least[a]
            product = np.empty_like(step)
            facing = np.multiply(normals[0][a], normals[0][b], out=step)
            for part in normals[1:]:
                facing += np.multiply(part[a], part[b], out=product)
            candidates |= facing < _FACING
            candidates &= (parts[a] | parts[b]) > 0
            candidates |= parts[a] != parts[b]
            down, across = np.divmod(np.flatnonzero(candidates), max(1, candidates.shape[1]))
            found[axis].append((down + band.start) * width + (across + columns.start))
    return [np.concatenate(places) if places else np.empty(0, np.intp) for places in found]


class _Pairs:
    """Pairs of neighbours that a line may run between: pixels (n,) as flat indices, and those beyond them along ``axis``."""

    def __init__(self, buffers: Buffers, view: View, axis: int, first: NDArray[np.intp]) -> None:
        assert buffers.normals is not None and buffers.parts is not None
        height, width = buffers.depth.shape
        place, end = (first // width, height - 1) if axis == 0 else (first % width, width - 1)
        stride = width if axis == 0 else 1
        # Beyond the edge of the picture lies what is on it.
        row = (first - stride * (place > 0), first, first + stride, first + stride + stride * (place + 1 < end))
        self._nearness, least = zip(*(_nearness(buffers.depth.reshape(-1)[pixels], view) for pixels in row), strict=True)
        self._least = np.maximum(least[1], least[2])
        self._normals = [[normal.reshape(-1)[pixels] for normal in buffers.normals] for pixels in row]
        self._parts = [buffers.parts.reshape(-1)[pixels] for pixels in row[1:3]]

    def judged(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The level (n,) of the line in each pair, 0 for none, and whether it belongs on the second pixel."""
        before, step, after = (b - a for a, b in itertools.pairwise(self._nearness))
        # Beyond the steeper of the slopes beside it that go the same way.
        up = step - _SLOPE * np.maximum(np.maximum(before, after), np.float32(0.0))
        down = _SLOPE * np.minimum(np.minimum(before, after), np.float32(0.0)) - step
        jump = np.maximum(up, down) > self._least
        turn_before, turn, turn_after = (
            np.float32(1.0) - sum(x * y for x, y in zip(a, b, strict=True)) for a, b in itertools.pairwise(self._normals)
        )
        crease = turn - np.maximum(turn_before, turn_after) > _TURN
        first, second = self._parts
        other = first != second
        outline = ((first >> PART_BITS) != (second >> PART_BITS)) | (other & ((first == 0) | (second == 0)))
        level = np.maximum((crease | other).view(np.uint8), jump.view(np.uint8) * np.uint8(OVERLAP))
        level[outline] = OUTLINE
        # The nearer side; else one that stays the same along the line: of two parts the later, of two slopes the steeper.
        on_second = np.where(other, second > first, self._normals[2][2] < self._normals[1][2])
        clear = jump | outline
        on_second[clear] = step[clear] > 0.0
        return level, on_second


def _nearness(depth: NDArray[np.float32], view: View) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Something linear on planes that grows towards the viewer, and from how large a step on a jump is one."""
    width_of_pixel = 2.0 / (view.height * view.projection[1, 1])  # metres, at one metre in perspective
    if view.perspective:
        disparity = np.maximum(depth, np.float32(1e-6))
        np.divide(np.float32(1.0), disparity, out=disparity)
        return disparity, disparity * (np.float32(_STEP * width_of_pixel) + np.float32(_LEAST) * disparity)
    nearness = np.maximum(-depth, _FAR)
    return nearness, np.full_like(nearness, _STEP * width_of_pixel + _LEAST)
