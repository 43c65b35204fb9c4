# SPDX-License-Identifier: GPL-3.0-or-later
"""Normals as the "bae" ControlNets know them: blue is the front, red the left, green the top. No bpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .buffers import Buffers, bands

_SIGNS = (-127.5, 127.5, 127.5)
"""For red, green and blue: the networks' x runs to the left."""


def normal_image(buffers: Buffers) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: R = (1 − x) / 2, G = (1 + y) / 2, B = (1 + z) / 2 of the normals in the camera's axes.

    (128, 128, 255), a wall that faces the viewer, where there is nothing.
    """
    assert buffers.normals is not None
    height, width = buffers.depth.shape
    image = np.empty((height, width, 3), dtype=np.uint8)
    for rows in bands(height):
        nothing = np.isinf(buffers.depth[rows])
        for channel, sign in enumerate(_SIGNS):
            value = buffers.normals[channel, rows] * np.float32(sign)
            value += np.float32(128.0)  # and so rounded, as the half that the conversion cuts off is in it
            if channel == 2:
                np.copyto(value, np.float32(255.0), where=nothing)
            np.minimum(value, np.float32(255.0), out=value)
            image[rows, :, channel] = value
    return image
