# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures side by side on one sheet. No bpy."""

from collections.abc import Sequence

import numpy as np

GAP = 16
"""Pixels between pictures and around them."""

BACKGROUND = (38, 38, 40)
"""sRGB, near Blender's own dark grey, so that a skeleton on black still shows where it ends."""


def side_by_side(images: Sequence[np.ndarray]) -> np.ndarray:
    """One row of pictures, each (H, W, 3 or 4) uint8 with row 0 at the top, centred vertically on a plain ground.

    The pictures keep their pixels: nothing is scaled, so that a sheet of one size everywhere can be compared by eye.

    Returns:
        (max H + 2·GAP, sum W + (n + 1)·GAP, 3) uint8.
    """
    if not images:
        raise ValueError("A sheet needs at least one picture.")
    height = max(image.shape[0] for image in images) + 2 * GAP
    width = sum(image.shape[1] for image in images) + GAP * (len(images) + 1)
    sheet = np.empty((height, width, 3), np.uint8)
    sheet[:] = BACKGROUND
    left = GAP
    for image in images:
        top = (height - image.shape[0]) // 2
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image[..., :3]
        left += image.shape[1] + GAP
    return sheet
