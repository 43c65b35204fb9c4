# SPDX-License-Identifier: GPL-3.0-or-later
"""Depth as ControlNet knows it: disparity, near is white, nothing is black. No bpy.

The networks were trained on MiDaS, which estimates inverse depth up to scale, so that 1/z is what they expect, fitted to the
figures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .buffers import Buffers, bands, put_grey

Range = tuple[float, float]
"""Metres in front of the camera: where depth is white, and where it has its floor."""

_NEAREST = np.float32(1e-6)


def depth_image(buffers: Buffers, *, floor: int = 40, gamma: float = 1.0, fixed: Range | None = None) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: 255 at the nearest pixel of any figure, ``floor`` at the farthest, 0 where there is nothing.

    ``floor`` keeps far feet apart from the background. Other objects go on along the same curve: nearer ones end at 255, farther
    ones fall below the floor, down to 1. ``gamma`` above 1 darkens the middle. With no figure in sight, all objects are fitted.
    ``fixed`` takes the place of the nearest and the farthest pixel, so that the pictures of a sequence share one scale.
    """
    height, width = buffers.depth.shape
    image = np.zeros((height, width, 3), dtype=np.uint8)
    curve = _Curve.of(buffers, fixed)
    if curve is not None:
        box, columns = buffers.box
        for rows in bands(box.stop, box.start):
            grey = curve.levels(buffers.depth[rows, columns], gamma, floor, 255.0, 1.0)
            put_grey(image[rows, columns], grey.astype(np.uint8))
    return image


def depth_image_16(buffers: Buffers, *, floor: int = 40, gamma: float = 1.0, fixed: Range | None = None) -> NDArray[np.uint16]:
    """(height, width) uint16: as ``depth_image``, with 257 finer steps in each of its greys."""
    height, width = buffers.depth.shape
    image = np.zeros((height, width), dtype=np.uint16)
    curve = _Curve.of(buffers, fixed)
    if curve is not None:
        box, columns = buffers.box
        for rows in bands(box.stop, box.start):
            image[rows, columns] = curve.levels(buffers.depth[rows, columns], gamma, floor * 257, 65535.0, 257.0)
    return image


class _Curve:
    """From metres to the part of the way from far (0) to near (1)."""

    def __init__(self, near: float, far: float) -> None:
        self.near, self.far = np.float32(near), np.float32(far)  # as disparity

    @classmethod
    def of(cls, buffers: Buffers, fixed: Range | None) -> _Curve | None:
        """None where there is nothing."""
        if fixed is not None:
            return cls(1.0 / max(fixed[0], float(_NEAREST)), 1.0 / max(fixed[1], float(_NEAREST)))
        for of_figures in (True, False):
            nearest, farthest = np.float32(np.inf), np.float32(0.0)
            box, columns = buffers.box
            for rows in bands(box.stop, box.start):
                depth = buffers.depth[rows, columns]
                fitted = buffers.figures[rows, columns] > 0 if of_figures else depth < np.inf
                nearest = np.minimum(nearest, depth.min(initial=np.inf, where=fitted))
                farthest = np.maximum(farthest, depth.max(initial=0.0, where=fitted))
            if nearest <= farthest:
                return cls(np.float32(1.0) / np.maximum(nearest, _NEAREST), np.float32(1.0) / np.maximum(farthest, _NEAREST))
        return None

    def levels(
        self, depth: NDArray[np.float32], gamma: float, floor: float, highest: float, lowest: float
    ) -> NDArray[np.float32]:
        """Greys (n, width) of some rows, with a half on top for the conversion to cut off: 0 where there is nothing."""
        value = np.maximum(depth, _NEAREST)
        np.divide(np.float32(1.0), value, out=value)
        if self.near > self.far:
            value -= self.far
            value /= self.near - self.far
            if gamma != 1.0:
                np.power(value, np.float32(gamma), out=value, where=value > 0.0)
        else:  # all of it at one distance: all of it is near
            value = np.where(value >= self.far, np.float32(1.0), np.float32(0.0))
        value *= np.float32(highest - floor)
        value += np.float32(floor + 0.5)
        np.clip(value, np.float32(lowest), np.float32(highest), out=value)
        np.copyto(value, np.float32(0.0), where=np.isinf(depth))
        return value
