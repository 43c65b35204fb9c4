# SPDX-License-Identifier: GPL-3.0-or-later
"""Normals as the "bae" ControlNets know them: blue is the front, red the left, green the top. No bpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .buffers import Buffers, bands

_NOTHING = (128, 128, 255)
_SIGNS = (-127.5, 127.5, 127.5)
"""For red, green and blue: the networks' x runs to the left."""


def normal_image(buffers: Buffers) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: R = (1 − x) / 2, G = (1 + y) / 2, B = (1 + z) / 2 of the normals in the camera's axes.

    (128, 128, 255), a wall that faces the viewer, where there is nothing.
    """
    assert buffers.normals is not None
    height, width = buffers.depth.shape
    image = np.empty((height, width, 3), dtype=np.uint8)
    for channel, value in enumerate(_NOTHING):
        image[..., channel] = value
    box, columns = buffers.box
    for rows in bands(box.stop, box.start):
        nothing = np.isinf(buffers.depth[rows, columns])
        for channel, sign in enumerate(_SIGNS):
            colour = buffers.normals[channel, rows, columns] * np.float32(sign)
            colour += np.float32(128.0)  # and so rounded, as the half that the conversion cuts off is in it
            if channel == 2:
                np.copyto(colour, np.float32(255.0), where=nothing)
            image[rows, columns, channel] = np.minimum(colour, np.float32(255.0), out=colour)
    return image
