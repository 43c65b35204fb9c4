# SPDX-License-Identifier: GPL-3.0-or-later
"""Line art and canny edges: white on black, as all line ControlNets expect. No bpy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .buffers import bands, put_grey
from .edges import CREASE, OUTLINE, OVERLAP, Lines

_SOFTNESS = 0.62 / 512.0
"""Standard deviation of a stroke's profile, as a part of the picture's shorter side; lines come out 1 to 2 pixels wide at 512."""
_PRESSURE = np.zeros(4, dtype=np.float32)
_PRESSURE[[CREASE, OVERLAP, OUTLINE]] = 0.72, 1.0, 1.5
"""How hard the pen is pressed at each level: how high a profile is. Harder is wider."""
_BLACK, _WHITE = 0.25, 0.75
"""Where the profile begins to show, and where it is white."""
_DIAGONAL = (math.sqrt(2.0) - 1.0) / 2.0
"""What a neighbour over the corner adds to a pixel's length of line."""
_NARROWEST = 0.5


def canny_image(lines: Lines) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: 255 on lines, which are one pixel thin, else 0."""
    image = np.zeros((*lines.shape, 3), dtype=np.uint8)
    image[lines.rows, lines.columns] = 255
    return image


def lineart_image(lines: Lines) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: smooth strokes, widest around figures and thinnest at creases; thicker in larger pictures."""
    height, width = lines.shape
    image = np.zeros((height, width, 3), dtype=np.uint8)
    if not len(lines.rows):
        return image
    sigma = max(_NARROWEST, min(height, width) * _SOFTNESS)
    reach = math.ceil(2.5 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    # A long straight line of pressure 1 has a profile of height 1.
    kernel = (kernel / math.sqrt(kernel.sum())).astype(np.float32)
    left, right = int(lines.columns.min()) - reach, int(lines.columns.max()) + reach + 1
    ink = _ink(lines)
    order = np.searchsorted(lines.rows, np.arange(height + 1))  # pixels come row by row
    first, last = max(0, int(lines.rows.min()) - reach), min(height, int(lines.rows.max()) + reach + 1)
    for rows in bands(last, first):
        count = rows.stop - rows.start
        canvas = np.zeros((count + 2 * reach, right - left + 2 * reach), dtype=np.float32)
        chosen = slice(order[max(0, rows.start - reach)], order[min(height, rows.stop + reach)])
        canvas[lines.rows[chosen] - rows.start + reach, lines.columns[chosen] - left + reach] = ink[chosen]
        stroke = _blurred(_blurred(canvas, kernel, 0, count), kernel, 1, right - left)
        stroke -= np.float32(_BLACK)
        stroke *= np.float32(255.0 / (_WHITE - _BLACK))
        np.clip(stroke, 0.0, 255.0, out=stroke)
        grey = stroke.astype(np.uint8)
        inside = slice(max(0, left), min(width, right))
        put_grey(image[rows, inside], grey[:, inside.start - left : inside.stop - left])
    return image


def _ink(lines: Lines) -> NDArray[np.float32]:
    """(n,) for each pixel of a line: pressure times the length of line that it stands for."""
    height, width = lines.shape
    mask = np.zeros((height + 2, width + 2), dtype=np.uint8)
    rows, columns = lines.rows + 1, lines.columns + 1
    mask[rows, columns] = 1
    corners = sum(mask[rows + down, columns + along].astype(np.float32) for down in (-1, 1) for along in (-1, 1))
    ink: NDArray[np.float32] = _PRESSURE[lines.levels] * (1.0 + np.float32(_DIAGONAL) * np.minimum(corners, 2.0))
    return ink


def _blurred(canvas: NDArray[np.float32], kernel: NDArray[np.float32], axis: int, count: int) -> NDArray[np.float32]:
    """Weighted sums of ``len(kernel)`` neighbours along ``axis``, ``count`` of them."""
    take = (lambda start: canvas[start : start + count]) if axis == 0 else (lambda start: canvas[:, start : start + count])
    total = take(0) * kernel[0]
    product = np.empty_like(total)
    for start in range(1, len(kernel)):
        np.multiply(take(start), kernel[start], out=product)
        total += product
    return total
