# SPDX-License-Identifier: GPL-3.0-or-later
"""Where figures are seen, white on black: for inpainting, regional prompts and compositing. No bpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .buffers import Buffers, put_grey


def mask_image(buffers: Buffers, figure: int | None = None) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: 255 where any figure is seen, or where ``figure`` (1 for the first) is; else 0."""
    height, width = buffers.figures.shape
    seen = buffers.figures > 0 if figure is None else buffers.figures == figure
    image = np.empty((height, width, 3), dtype=np.uint8)
    put_grey(image, seen.view(np.uint8) * np.uint8(255))
    return image
