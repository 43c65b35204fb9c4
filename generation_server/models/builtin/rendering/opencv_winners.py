# SPDX-License-Identifier: GPL-3.0-or-later
"""Which triangle is nearest in each pixel, by the rasteriser of OpenCV 5: on a processor three times as fast as torch."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch

from .facing import Facing

try:
    import cv2

    AVAILABLE = hasattr(cv2, "triangleRasterize")
except ImportError:  # training also runs where torch and diffusers are all there is
    AVAILABLE = False

_BACKGROUND = 2.0
"""A colour that no triangle has."""
_BYTE = 256
_MARGIN = 1.01
"""How much nearer and farther than every corner the picture begins and ends."""


def find(facing: Facing, width: int, height: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """As ``torch_winners.find``."""
    # OpenCV takes points in space, before a camera that looks along −z through a square angle, y upwards.
    depth = torch.stack(facing.depth, 1)
    half = height / 2.0
    x = (torch.stack(facing.x, 1) - width / 2.0) * (depth / half)
    y = (half - torch.stack(facing.y, 1)) * (depth / half)
    space = torch.stack((x, y, -depth), 2).numpy()
    ends = torch.searchsorted(facing.picture, torch.arange(count), right=True).tolist()
    pixels, rows, first = [], [], 0
    for number, last in enumerate(ends):
        if last > first:
            mine = _winners(space[first:last], width, height)
            seen = np.flatnonzero(mine >= 0)
            pixels.append(seen + number * (width * height))
            rows.append(mine[seen] + first)
        first = last
    if not pixels:
        return torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    return torch.from_numpy(np.concatenate(pixels)), torch.from_numpy(np.concatenate(rows))


def _winners(space: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height × width,) int64: which of triangles (K, 3, 3) each pixel of a picture shows, −1 for none."""
    count = len(space)
    corners, colours = _numbered(1 << max(10, (count - 1).bit_length()))
    nearest, farthest = -float(space[..., 2].max()) / _MARGIN, -float(space[..., 2].min()) * _MARGIN
    painted = np.full((height, width, 3), _BACKGROUND, dtype=np.float32)
    depth = np.full((height, width), farthest, dtype=np.float32)
    drawn, _depth = cv2.triangleRasterize(
        space.reshape(-1, 3), corners[:count], colours[: 3 * count], painted, depth, np.eye(4, dtype=np.float32), math.pi / 2.0,
        nearest, farthest, _settings(),
    )  # fmt: skip
    low, middle, high = cv2.split(drawn)
    number = ((high * _BYTE + middle) * _BYTE + low) * _BYTE  # exact: whole numbers below 2 ** 24
    return np.where(low < 1.0, number, -1.0).ravel().astype(np.int64)


@functools.cache
def _numbered(count: int) -> tuple[np.ndarray, np.ndarray]:
    """For triangles that share no corner: (count, 3) their corners, and (3 × count, 3) a colour for each of these, which is the
    triangle's number in three bytes."""
    number = np.arange(count, dtype=np.int32)
    digits = np.stack((number % _BYTE, number // _BYTE % _BYTE, number // (_BYTE * _BYTE)), 1)
    return np.arange(3 * count, dtype=np.int32).reshape(-1, 3), np.repeat((digits / _BYTE).astype(np.float32), 3, axis=0)


def _settings() -> cv2.TriangleRasterizeSettings:
    settings = cv2.TriangleRasterizeSettings()
    settings.setShadingType(cv2.RASTERIZE_SHADING_FLAT)
    settings.setCullingMode(cv2.RASTERIZE_CULLING_NONE)
    return settings
