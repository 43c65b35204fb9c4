# SPDX-License-Identifier: GPL-3.0-or-later
"""The shaded body on black, which ControlNets for posed 3D figures expect. No bpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .buffers import Buffers, bands, put_grey
from .shading import light_on


def doll_image(buffers: Buffers) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: figures and ticked objects in grey, lit from the upper left; 0 where there is nothing."""
    assert buffers.normals is not None
    height, width = buffers.depth.shape
    image = np.zeros((height, width, 3), dtype=np.uint8)
    box, columns = buffers.box
    for rows in bands(box.stop, box.start):
        light = light_on(*buffers.normals[:, rows, columns])
        light *= np.float32(255.0)
        np.minimum(light, np.float32(255.0), out=light)
        np.copyto(light, np.float32(0.0), where=np.isinf(buffers.depth[rows, columns]))
        put_grey(image[rows, columns], light.astype(np.uint8))
    return image
