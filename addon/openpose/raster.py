# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling shapes in numpy, pixel for pixel as OpenCV does: the networks were trained on its roundings.

OpenCV works in 16-bit fixed point, without anti-aliasing. A polygon is its outline, drawn with lines, and spans between its left
and right chain of edges. Shapes may lie partly or wholly outside the picture. All functions take many shapes at once and return
``Pixels``: flat indices into the picture, and for each the number of the shape that it belongs to.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Pixels = tuple[Ints, Ints]

_SHIFT = 16
_ONE = 1 << _SHIFT
_HALF = _ONE >> 1


@functools.cache
def _sines() -> NDArray[np.float64]:
    """Sine of 0 to 450 degrees as OpenCV tabulates it: seven decimals in single precision."""
    sines: NDArray[np.float64] = np.round(np.sin(np.radians(np.arange(451.0))), 7).astype(np.float32).astype(np.float64)
    return sines


def ellipse_polygons(centres: Ints, semi_axes: Ints, angles: Ints) -> Ints:
    """Ellipses (n, 2), (n, 2), whole degrees (n,) → polygons (n, 361, 2) of whole pixels, one corner a degree."""
    sines = _sines()
    turned = angles % 360
    sine, cosine = sines[turned][:, None], sines[450 - turned][:, None]
    corner = np.arange(361)
    x = semi_axes[:, :1] * sines[450 - corner]
    y = semi_axes[:, 1:] * sines[corner]
    polygons = np.stack((x * cosine - y * sine, x * sine + y * cosine), axis=-1) + centres[:, None, :]
    return np.rint(polygons).astype(np.int64)


def convex_polygons(polygons: Ints, width: int, height: int) -> Pixels:
    """Filled polygons (n, corners, 2) of whole pixels with their outlines."""
    corners = polygons.shape[1]
    before, after = np.roll(polygons, 1, axis=1).reshape(-1, 2), polygons.reshape(-1, 2)
    long = np.flatnonzero((before != after).any(axis=1))  # most corners of a small ellipse fall onto the one before
    outline, outline_shape = _lines(before[long], after[long], long // corners, width, height)
    filled, filled_shape = _spans(polygons << _SHIFT, polygons[..., 1], width, height)
    return np.concatenate((outline, filled)), np.concatenate((outline_shape, filled_shape))


def thick_lines(starts: Ints, ends: Ints, thickness: int, width: int, height: int) -> Pixels:
    """Lines of ``thickness`` pixels between whole pixels (n, 2), with round ends."""
    # cut to the picture with a margin of one thickness, at whole pixels: that turns a line that leaves the picture a little
    room = (width + 2 * thickness, height + 2 * thickness)
    shape, starts, ends = _clipped(starts + thickness, ends + thickness, *room)
    starts, ends = starts - thickness, ends - thickness
    delta = (ends - starts).astype(np.float64)
    length = np.hypot(delta[:, 0], delta[:, 1])
    scale = (thickness * _HALF + (thickness & 1) * _HALF) / np.where(length > 0.0, length, np.inf)
    across = np.rint(np.stack((-delta[:, 1], delta[:, 0]), axis=1) * scale[:, None]).astype(np.int64)
    first, last = starts << _SHIFT, ends << _SHIFT
    corners = np.stack((first + across, first - across, last - across, last + across), axis=1)
    long = np.flatnonzero(length > 0.0)  # a line of no length is a dot
    corners = corners[long]
    before = np.roll(corners, 1, axis=1)
    outline, outline_line = _fine_lines(before.reshape(-1, 2), corners.reshape(-1, 2), np.repeat(long, 4), width, height)
    filled, filled_line = _spans(corners, (corners[..., 1] + _HALF) >> _SHIFT, width, height)
    caps, cap = discs(np.concatenate((starts, ends)), (thickness * _HALF + _HALF) >> _SHIFT, width, height)
    pixels = np.concatenate((outline, filled, caps))
    return pixels, shape[np.concatenate((outline_line, long[filled_line], cap % max(len(starts), 1)))]


def discs(centres: Ints, radius: int, width: int, height: int) -> Pixels:
    """Filled circles around whole pixels (n, 2)."""
    reach = _disc_reach(radius)
    x0, x1 = centres[:, :1] - reach, centres[:, :1] + reach
    y = centres[:, 1:] + np.arange(-radius, radius + 1)
    shape = np.broadcast_to(np.arange(len(centres))[:, None], y.shape)
    return _rows(y.ravel(), x0.ravel(), x1.ravel(), shape.ravel(), width, height)


@functools.cache
def _disc_reach(radius: int) -> Ints:
    """How far each row of a disc, (2 · radius + 1,), reaches to either side: the midpoint circle algorithm in whole numbers."""
    reach = np.zeros(2 * radius + 1, dtype=np.int64)
    dx, dy, error = radius, 0, 0
    while dx >= dy:
        for row, half in ((dy, dx), (dx, dy)):
            for at in (radius - row, radius + row):
                reach[at] = max(reach[at], half)
        error += 2 * dy + 1
        dy += 1
        if error > 0:
            error -= 2 * dx - 1
            dx -= 1
    return reach


def _rows(y: Ints, x0: Ints, x1: Ints, shape: Ints, width: int, height: int) -> Pixels:
    """Horizontal runs from x0 to x1 inclusive, clipped to the picture."""
    x0, x1 = np.maximum(x0, 0), np.minimum(x1, width - 1)
    kept = np.flatnonzero((y >= 0) & (y < height) & (x0 <= x1))
    lengths = x1[kept] - x0[kept] + 1
    return np.repeat(y[kept] * width + x0[kept], lengths) + _counting(lengths), np.repeat(shape[kept], lengths)


def _counting(lengths: Ints) -> Ints:
    """0, 1, …, n − 1 for each n of ``lengths``, one after the other."""
    if not len(lengths):
        return np.zeros(0, dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    return np.arange(starts[-1] + lengths[-1]) - np.repeat(starts, lengths)


def _spans(corners: Ints, rows: Ints, width: int, height: int) -> Pixels:
    """Rows between both chains of edges of convex polygons.

    ``corners`` (n, corners, 2) in fixed point; ``rows`` (n, corners), the picture rows in which they lie.
    """
    count, number = rows.shape
    top = rows.argmin(axis=1)[:, None]
    step = np.arange(number + 1)
    polygon = np.arange(count)[:, None]
    sides = []
    for order in ((top + step) % number, (top - step) % number):
        x, y = corners[polygon, order, 0], rows[polygon, order]
        which, edge = np.nonzero(y[:, 1:] > y[:, :-1])  # the edges that lead down; after the lowest corner there is none
        sides.append(_chain(which, x[which, edge], y[which, edge], x[which, edge + 1], y[which, edge + 1], height))
    (row, first, shape), (_, second, _) = sides
    left = (np.minimum(first, second) + _HALF) >> _SHIFT
    right = (np.maximum(first, second) + _HALF) >> _SHIFT
    return _rows(row, left, right, shape, width, height)


def _chain(which: Ints, x0: Ints, y0: Ints, x1: Ints, y1: Ints, height: int) -> tuple[Ints, Ints, Ints]:
    """Edges of a chain, polygon by polygon and from top to bottom → for every row in the picture its y, its x, its polygon."""
    tall = y1 - y0
    slope = _truncated((x1 - x0) * 2 + tall, 2 * tall)
    last = np.append(which[1:] != which[:-1], True) if len(which) else np.zeros(0, dtype=bool)
    begin = np.maximum(y0, 0)
    end = np.minimum(y1 + last, height)  # the bottom row belongs to the last edge
    lengths = np.maximum(end - begin, 0)
    row = np.repeat(begin, lengths) + _counting(lengths)
    x = np.repeat(x0, lengths) + np.repeat(slope, lengths) * (row - np.repeat(y0, lengths))
    return row, x, np.repeat(which, lengths)


def _truncated(numerator: Ints, denominator: Ints) -> Ints:
    """Whole division that rounds towards zero, as C does; a denominator of 0 gives 0."""
    size = np.abs(numerator) // np.maximum(np.abs(denominator), 1)
    return np.where((numerator < 0) != (denominator < 0), -size, size)


def _lines(starts: Ints, ends: Ints, shape: Ints, width: int, height: int) -> Pixels:
    """Bresenham's lines between whole pixels, both ends included."""
    kept, starts, ends = _clipped(starts, ends, width, height)
    shape = shape[kept]
    turned = ends[:, 0] < starts[:, 0]
    first, last = np.where(turned[:, None], ends, starts), np.where(turned[:, None], starts, ends)
    dx, dy = last[:, 0] - first[:, 0], last[:, 1] - first[:, 1]
    sign, dy = np.where(dy < 0, -1, 1), np.abs(dy)
    steep = dy > dx
    major, minor = np.where(steep, dy, dx), np.where(steep, dx, dy)
    line = np.repeat(np.arange(len(first)), major + 1)
    along = _counting(major + 1)
    across = (2 * minor[line] * along + np.maximum(major[line] - 1, 0)) // np.maximum(2 * major[line], 1)
    x = first[line, 0] + np.where(steep[line], across, along)
    y = first[line, 1] + np.where(steep[line], along, across) * sign[line]
    return y * width + x, shape[line]


def _fine_lines(starts: Ints, ends: Ints, shape: Ints, width: int, height: int) -> Pixels:
    """Lines between points in fixed point: one pixel a column, or a row where the line is steep."""
    kept, starts, ends = _clipped(starts, ends, width << _SHIFT, height << _SHIFT)
    shape = shape[kept]
    delta = ends - starts
    flat = np.abs(delta[:, 0]) > np.abs(delta[:, 1])
    turned = np.where(flat, delta[:, 0], delta[:, 1]) < 0
    first, last = np.where(turned[:, None], ends, starts), np.where(turned[:, None], starts, ends)
    # along the major axis m in whole pixels, along the other axis n by a slope
    pick = np.where(flat, 0, 1)
    line = np.arange(len(first))
    m0, m1 = first[line, pick], last[line, pick]
    n0, n1 = first[line, 1 - pick], last[line, 1 - pick]
    slope = _truncated((n1 - n0) << _SHIFT, (m1 - m0) | 1)
    number = ((m1 - m0) >> _SHIFT) + 1
    each = np.repeat(line, number)
    along = _counting(number)
    m = ((m0 + _HALF) >> _SHIFT)[each] + along
    n = (n0[each] + _HALF + slope[each] * along) >> _SHIFT
    x, y = np.where(flat[each], m, n), np.where(flat[each], n, m)
    x = np.concatenate((x, (last[:, 0] + _HALF) >> _SHIFT))
    y = np.concatenate((y, (last[:, 1] + _HALF) >> _SHIFT))
    each = np.concatenate((each, line))
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return (y * width + x)[inside], shape[each[inside]]


def _clipped(starts: Ints, ends: Ints, width: int, height: int) -> tuple[Ints, Ints, Ints]:
    """Cohen and Sutherland's clipping with OpenCV's roundings: indices of lines that touch the picture, their new ends.

    Where a line is cut decides the phase of its steps, so that clipping pixels instead would not draw the same.
    """
    right, bottom = width - 1, height - 1
    (x1, y1), (x2, y2) = starts.T.copy(), ends.T.copy()

    def sideways(x: Ints) -> Ints:
        return (x < 0) + 2 * (x > right)

    def upright(y: Ints) -> Ints:
        return 4 * (y < 0) + 8 * (y > bottom)

    def cut(at: Ints, a1: Ints, b1: Ints, a2: Ints, b2: Ints) -> Ints:
        """What the other coordinate moves by, for a line from (a1, b1) to (a2, b2), when b is cut at ``at``."""
        run = b2 - b1
        return ((at - b1).astype(np.float64) * (a2 - a1) / np.where(run == 0, 1, run)).astype(np.int64)

    code1, code2 = sideways(x1) | upright(y1), sideways(x2) | upright(y2)
    if not (code1 | code2).any():
        return np.arange(len(starts)), starts, ends
    crossing = ((code1 & code2) == 0) & ((code1 | code2) != 0)
    for x, y, code, other_x, other_y in ((x1, y1, code1, x2, y2), (x2, y2, code2, x1, y1)):
        now = crossing & ((code & 12) != 0)
        edge = np.where(code < 8, 0, bottom)
        # the second end is cut with the first end already moved, from the second end's own place
        x[now] += cut(edge, x, y, other_x, other_y)[now]
        y[now] = edge[now]
        code[now] = sideways(x)[now]
    crossing &= ((code1 & code2) == 0) & ((code1 | code2) != 0)
    for x, y, code, other_x, other_y in ((x1, y1, code1, x2, y2), (x2, y2, code2, x1, y1)):
        now = crossing & (code != 0)
        edge = np.where(code == 1, 0, right)
        y[now] += cut(edge, y, x, other_y, other_x)[now]
        x[now] = edge[now]
        code[now] = 0
    kept = np.flatnonzero((code1 | code2) == 0)
    return kept, np.stack((x1, y1), axis=1)[kept], np.stack((x2, y2), axis=1)[kept]
