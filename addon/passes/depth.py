# SPDX-License-Identifier: GPL-3.0-or-later
"""Depth as ControlNet knows it: disparity, near is white, nothing is black.

The networks were trained on MiDaS, which estimates inverse depth up to scale, so that 1/z is what they expect, fitted to the figures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .buffers import Buffers


def depth_image(buffers: Buffers, *, floor: int = 40, gamma: float = 1.0) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: 255 at the nearest pixel of any figure, ``floor`` at the farthest, 0 where there is nothing.

    ``floor`` keeps far feet apart from the background. Other objects go on along the same curve: nearer ones end at 255, farther ones
    fall below the floor, down to 1. ``gamma`` above 1 darkens the middle. Without a figure in sight all objects take its place.
    """
    image = np.zeros((*buffers.depth.shape, 3), dtype=np.uint8)
    drawn = np.isfinite(buffers.depth)
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not len(rows):
        return image
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    seen = drawn[part]
    disparity = 1.0 / np.maximum(buffers.depth[part], np.float32(1e-6))  # nothing is at 1 / infinity = 0
    fitted = seen & (buffers.figures[part] > 0)
    inside = disparity[fitted if fitted.any() else seen]
    near, far = float(inside.max()), float(inside.min())
    if near > far:
        value = (disparity - far) / (near - far)
        if gamma != 1.0:
            value = np.where(value > 0.0, np.maximum(value, 0.0) ** gamma, value)
    else:  # all of it at one distance: all of it is near
        value = np.where(disparity >= far, 1.0, 0.0)
    grey = np.clip(floor + (255 - floor) * value + 0.5, 1.0, 255.0).astype(np.uint8)
    image[part] = (grey * seen)[..., None]
    return image
