# SPDX-License-Identifier: GPL-3.0-or-later
"""Vertices moved by a matrix, whatever some of them are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def moved(points: NDArray[Any], matrix: NDArray[Any]) -> NDArray[np.float64]:
    """(n, 3) float64: points (n, 3) moved by a matrix (4, 4).

    What a broken modifier threw to infinity, or has made no number, stays so or becomes so, without a warning: whether numpy
    gives one hangs on the processor. Who asks for places of vertices leaves those out.
    """
    with np.errstate(invalid="ignore"):
        places: NDArray[np.float64] = points.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    return places
