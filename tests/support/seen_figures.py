# SPDX-License-Identifier: GPL-3.0-or-later
"""What a picture before a plain background shows, told without any network."""

from __future__ import annotations

import numpy as np

_DIFFERENT = 40
"""Of 255: how much a pixel differs from the background, at least, that is not of it."""


def figure_in(picture: np.ndarray) -> np.ndarray:
    """Where (H, W) bool a picture (H, W, 3) uint8 is not as along its upper edge and its sides."""
    border = np.concatenate((picture[0], picture[:, 0], picture[:, -1])).astype(float)
    return np.abs(picture - np.median(border, axis=0)).max(axis=2) > _DIFFERENT
