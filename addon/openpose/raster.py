# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling shapes in numpy, pixel for pixel as OpenCV does: the networks were trained on its roundings.

OpenCV works in 16-bit fixed point, without anti-aliasing. A polygon is its outline, drawn with lines, and spans between its left
and right chain of edges. Shapes may lie partly or wholly outside the picture. All functions take many shapes at once and return
``Runs``, which ``paint`` puts onto a picture all at once: for so few pixels every step of numpy's costs more than its work.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Runs = tuple[Ints, Ints, Ints, Ints]
"""Of pieces of rows: y, first and last x, which may lie outside the picture, and the number of the shape that they belong to."""
Image = NDArray[np.uint8]

_SHIFT = 16
_ONE = 1 << _SHIFT
_HALF = _ONE >> 1


@functools.cache
def _sines() -> NDArray[np.float64]:
    """Sine of 0 to 450 degrees as OpenCV tabulates it: seven decimals in single precision."""
    sines: NDArray[np.float64] = np.round(np.sin(np.radians(np.arange(451.0))), 7).astype(np.float32).astype(np.float64)
    return sines


def ellipse_polygons(centres: Ints, semi_axes: Ints, angles: Ints) -> tuple[Ints, Ints]:
    """Ellipses (n, 2), (n, 2), whole degrees (n,) → x and y (n, 361) of polygons of whole pixels, one corner a degree."""
    sines = _sines()
    turned = angles % 360
    sine, cosine = sines[turned][:, None], sines[450 - turned][:, None]
    corner = np.arange(361)
    x = semi_axes[:, :1] * sines[450 - corner]
    y = semi_axes[:, 1:] * sines[corner]
    turned_x, turned_y = x * cosine - y * sine + centres[:, :1], x * sine + y * cosine + centres[:, 1:]
    return np.rint(turned_x).astype(np.int64), np.rint(turned_y).astype(np.int64)


def convex_polygons(x: Ints, y: Ints, width: int, height: int) -> Runs:
    """Filled polygons, of whole pixels x and y (n, corners), with their outlines."""
    across, down = _steps(x), _steps(y)
    # Most edges of an ellipse lead to the same or the next pixel: of these the end is enough, for the edge before has the start.
    length = np.maximum(np.abs(across), np.abs(down))
    near, end = np.nonzero(length == 1)
    polygon, corner = np.nonzero(length > 1)
    starts, ends = (np.stack((x[polygon, at], y[polygon, at]), axis=1) for at in (corner - 1, corner))
    dots = y[near, end], x[near, end], x[near, end], near
    return joined(dots, _lines(starts, ends, polygon, width, height), _spans(x, y, _SHIFT, height))


def thick_lines(starts: Ints, ends: Ints, thickness: int, width: int, height: int) -> Runs:
    """Lines of ``thickness`` pixels between whole pixels (n, 2), with round ends unless they are one pixel thick."""
    if thickness == 1:
        return _lines(starts, ends, np.arange(len(starts)), width, height)
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
    outline = _fine_lines(before.reshape(-1, 2), corners.reshape(-1, 2), shape[long].repeat(4), width, height)
    y, x0, x1, filled = _spans(corners[..., 0], (corners[..., 1] + _HALF) >> _SHIFT, 0, height)
    caps = discs(np.concatenate((starts, ends)), np.full(2 * len(shape), (thickness * _HALF + _HALF) >> _SHIFT))
    return joined(outline, (y, x0, x1, shape[long[filled]]), (*caps[:3], shape[caps[3] % max(len(shape), 1)]))


def discs(centres: Ints, radii: Ints) -> Runs:
    """Filled circles around whole pixels (n, 2)."""
    if not len(centres):
        return joined()
    rows = np.arange(-int(radii.max()), int(radii.max()) + 1)
    reach = np.full((len(centres), len(rows)), -1)
    for radius in np.unique(radii).tolist():
        middle = len(rows) // 2
        reach[radii == radius, middle - radius : middle + radius + 1] = _disc_reach(radius)
    shape, row = np.nonzero(reach >= 0)
    reach, x = reach[shape, row], centres[shape, 0]
    return centres[shape, 1] + rows[row], x - reach, x + reach, shape


def joined(*runs: Runs) -> Runs:
    """All of them, one after the other."""
    if not runs:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, nothing, nothing
    y, x0, x1, shape = (np.concatenate(part) for part in zip(*runs, strict=True))
    return y, x0, x1, shape


def paint(canvas: Image, runs: Runs, colours: NDArray[np.uint8]) -> None:
    """Colour the runs (height, width, 3) by their shapes' ``colours`` (n, 3). Where shapes overlap the one of the highest number
    is seen."""
    height, width = canvas.shape[:2]
    y, x0, x1, shape = runs
    x0, x1 = np.maximum(x0, 0), np.minimum(x1, width - 1)
    kept = np.flatnonzero((y >= 0) & (y < height) & (x0 <= x1))
    # a radix sort for so small a type, unless somebody draws hundreds of people
    small = shape[kept].astype(np.uint16 if len(colours) <= 1 << 16 else np.int64)
    kept = kept[np.argsort(small, kind="stable")]
    x0 = x0[kept]
    lengths = x1[kept] - x0 + 1
    # a pixel as one item of three bytes is copied three times as fast as a row of three numbers
    pixels = colours.view("V3").reshape(-1).take(shape[kept].repeat(lengths))
    np.put(canvas.view("V3").reshape(-1), _counting(y[kept] * width + x0, lengths), pixels)


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


def _counting(first: Ints, lengths: Ints) -> Ints:
    """f, f + 1, …, f + n − 1 for each f of ``first`` and n of ``lengths``, one after the other."""
    if not len(lengths):
        return np.zeros(0, dtype=np.int64)
    ends = np.cumsum(lengths)
    counted: Ints = (first - ends + lengths).repeat(lengths)
    counted += np.arange(ends[-1])
    return counted


def _steps(values: Ints) -> Ints:
    """(n, corners): from the corner before to each corner of polygons."""
    steps = np.empty_like(values)
    np.subtract(values[:, 1:], values[:, :-1], out=steps[:, 1:])
    np.subtract(values[:, 0], values[:, -1], out=steps[:, 0])
    return steps


def _spans(x: Ints, rows: Ints, shift: int, height: int) -> Runs:
    """Rows between both chains of edges of convex polygons.

    ``x`` (n, corners), in fixed point once it is shifted by so many bits; ``rows`` (n, corners), the picture rows of the corners.
    """
    steps = _steps(rows)
    polygon, corner = np.nonzero(steps)
    down = steps[polygon, corner] > 0
    sides = []
    for one in (down, ~down):  # edges that lead down round the polygon, and those that do so the other way round
        which, last = polygon[one], corner[one]
        top, bottom = (last - 1, last) if one is down else (last, last - 1)
        y0 = rows[which, top]
        order = np.argsort(which * (1 << 32) + y0, kind="stable")
        which, top, bottom = which[order], top[order], bottom[order]
        sides.append(_chain(which, x[which, top] << shift, y0[order], x[which, bottom] << shift, rows[which, bottom], height))
    (row, first, shape), (_, second, _) = sides
    left = (np.minimum(first, second) + _HALF) >> _SHIFT
    right = (np.maximum(first, second) + _HALF) >> _SHIFT
    return row, left, right, shape


def _chain(which: Ints, x0: Ints, y0: Ints, x1: Ints, y1: Ints, height: int) -> tuple[Ints, Ints, Ints]:
    """Edges of a chain, polygon by polygon and from top to bottom → for every row in the picture its y, its x, its polygon."""
    tall = y1 - y0
    slope = _truncated((x1 - x0) * 2 + tall, 2 * tall)
    last = np.append(which[1:] != which[:-1], True) if len(which) else np.zeros(0, dtype=bool)
    begin = np.maximum(y0, 0)
    end = np.minimum(y1 + last, height)  # the bottom row belongs to the last edge
    lengths = np.maximum(end - begin, 0)
    row = _counting(begin, lengths)
    x = (x0 - slope * y0).repeat(lengths) + slope.repeat(lengths) * row
    return row, x, which.repeat(lengths)


def _truncated(numerator: Ints, denominator: Ints) -> Ints:
    """Whole division that rounds towards zero, as C does; a denominator of 0 gives 0."""
    size = np.abs(numerator) // np.maximum(np.abs(denominator), 1)
    return np.where((numerator < 0) != (denominator < 0), -size, size)


def _lines(starts: Ints, ends: Ints, shape: Ints, width: int, height: int) -> Runs:
    """Bresenham's lines between whole pixels, both ends included."""
    kept, starts, ends = _clipped(starts, ends, width, height)
    shape = shape[kept]
    (x0, y0), (x1, y1) = starts.T, ends.T
    turned = x1 < x0
    dx, dy = np.abs(x1 - x0), np.where(turned, y0 - y1, y1 - y0)
    x0, y0 = np.where(turned, x1, x0), np.where(turned, y1, y0)
    sign, dy = np.where(dy < 0, -1, 1), np.abs(dy)
    steep = dy > dx
    major, minor = np.where(steep, dy, dx), np.where(steep, dx, dy)
    line = np.arange(len(x0)).repeat(major + 1)
    along = _counting(np.zeros_like(major), major + 1)
    across = ((2 * minor)[line] * along + np.maximum(major - 1, 0)[line]) // np.maximum(2 * major, 1)[line]
    steep = steep[line]
    x = x0[line] + np.where(steep, across, along)
    y = y0[line] + np.where(steep, along, across) * sign[line]
    return y, x, x, shape[line]


def _fine_lines(starts: Ints, ends: Ints, shape: Ints, width: int, height: int) -> Runs:
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
    each = line.repeat(number)
    along = _counting(np.zeros_like(number), number)
    m = ((m0 + _HALF) >> _SHIFT)[each] + along
    n = (n0[each] + _HALF + slope[each] * along) >> _SHIFT
    x, y = np.where(flat[each], m, n), np.where(flat[each], n, m)
    x = np.concatenate((x, (last[:, 0] + _HALF) >> _SHIFT))
    y = np.concatenate((y, (last[:, 1] + _HALF) >> _SHIFT))
    each = np.concatenate((each, line))
    return y, x, x, shape[each]


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
