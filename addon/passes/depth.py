# SPDX-License-Identifier: GPL-3.0-or-later
"""Depth as ControlNet knows it: disparity, near is white, nothing is black.

The networks were trained on MiDaS, which estimates inverse depth up to scale, so that 1/z is what they expect, fitted to the
figures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .buffers import Buffers

_GREYS = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(256, 3)


def depth_image(buffers: Buffers, *, floor: int = 40, gamma: float = 1.0) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: 255 at the nearest pixel of any figure, ``floor`` at the farthest, 0 where there is nothing.

    ``floor`` keeps far feet apart from the background. Other objects go on along the same curve: nearer ones end at 255, farther
    ones fall below the floor, down to 1. ``gamma`` above 1 darkens the middle. With no figure in sight, all objects are fitted.
    """
    height, width = buffers.depth.shape
    image = np.zeros((height, width, 3), dtype=np.uint8)
    depths = buffers.depth.reshape(-1)
    drawn = np.flatnonzero(depths < np.inf)
    if not len(drawn):
        return image
    disparity = 1.0 / np.maximum(depths[drawn], np.float32(1e-6))
    fitted = buffers.figures.reshape(-1)[drawn] > 0
    inside = disparity[fitted] if fitted.any() else disparity
    near, far = inside.max(), inside.min()
    if near > far:
        value = (disparity - far) / (near - far)
        if gamma != 1.0:
            value = np.where(value > 0.0, np.maximum(value, 0.0) ** np.float32(gamma), value)
    else:  # all of it at one distance: all of it is near
        value = np.where(disparity >= far, np.float32(1.0), np.float32(0.0))
    grey = np.clip(value * np.float32(255 - floor) + np.float32(floor + 0.5), 1.0, 255.0).astype(np.uint8)
    # a pixel as one item of three bytes is copied faster than a row of three numbers
    image.view("V3").reshape(-1)[drawn] = _GREYS.view("V3").reshape(-1)[grey]
    return image
