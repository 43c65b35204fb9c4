# SPDX-License-Identifier: GPL-3.0-or-later
"""The light that forms are shaded with, in the camera's axes: from the upper left, filled from the right. No bpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_KEY = (-0.45, 0.65, 0.61)
_FILL = (0.75, 0.10, 0.45)
_AMBIENT, _KEY_SHARE, _FILL_SHARE, _FACING_SHARE = 0.22, 0.62, 0.16, 0.06


def light_on(x: NDArray[Any], y: NDArray[Any], z: NDArray[Any]) -> NDArray[Any]:
    """How bright a surface with unit normals (x, y, z), each of any one shape, is: about 0.1 to 1, in their precision."""
    key, fill = (_lambert(x, y, z, direction) for direction in (_KEY, _FILL))
    facing = np.clip(z, 0.0, 1.0)
    key *= _KEY_SHARE
    fill *= _FILL_SHARE
    key += fill
    np.multiply(facing, _FACING_SHARE, out=fill)
    key += fill
    key += _AMBIENT
    # Darker towards the outline, which keeps overlapping limbs apart.
    np.sqrt(facing, out=facing)
    facing *= 0.45
    facing += 0.55
    key *= facing
    return key


def _lambert(x: NDArray[Any], y: NDArray[Any], z: NDArray[Any], direction: tuple[float, float, float]) -> NDArray[Any]:
    a, b, c = (float(part) for part in np.array(direction) / np.linalg.norm(direction))
    light = x * a
    light += y * b
    light += z * c
    return np.clip(light, 0.0, 1.0, out=light)
