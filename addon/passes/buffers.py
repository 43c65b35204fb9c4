# SPDX-License-Identifier: GPL-3.0-or-later
"""What one draw of the geometry leaves behind: every image is computed from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Buffers:
    """``depth`` (height, width) float32: metres in front of the camera's plane, infinite where there is nothing.

    ``figures`` (height, width) uint8: 1 where the first figure is seen, 2 for the second, …; 0 for other objects and for nothing.
    Row 0 is at the top; a pixel says what is at its centre.
    """

    depth: NDArray[np.float32]
    figures: NDArray[np.uint8]

    @classmethod
    def from_layers(cls, depth: NDArray[np.float32], figures: NDArray[np.floating], drawn: NDArray[np.bool_]) -> Buffers:
        """From layers as a renderer gives them, row 0 at the bottom, and where it drew anything."""
        return cls(
            depth=np.where(drawn[::-1], depth[::-1], np.float32(np.inf)),
            figures=(figures[::-1] + np.float32(0.5)).astype(np.uint8),
        )


MOST_FIGURES = 254
"""How many figures ``Buffers.figures`` can tell apart."""
