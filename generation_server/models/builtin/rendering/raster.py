# SPDX-License-Identifier: GPL-3.0-or-later
"""Triangles to pixels: many pictures at once, on the processor or a GPU, the same every time.

What is hidden is found by OpenCV's rasteriser on a processor, by torch on a GPU or where OpenCV cannot do it. Both look at the
centres of pixels, and every other number is computed here from the triangle that won.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from . import opencv_winners, torch_winners
from .facing import Facing


@dataclass(frozen=True, eq=False)
class OnScreen:
    """What is drawn in one picture. ``points`` (N, 3) float32: x and y in pixels, y down, and depth in metres; ``triangles``
    (T, 3) int64 of them; ``two_sided`` (T,) bool whether one is seen from behind too, where its corners run clockwise."""

    points: torch.Tensor
    triangles: torch.Tensor
    two_sided: torch.Tensor


@dataclass(frozen=True, eq=False)
class Drawn:
    """``pixels`` (P,) int64: which pixels show a triangle, in order, as positions in all pictures laid end to end. For each:
    ``triangles`` (P,) int64 among those of all pictures, ``inside`` (P, 3) float32 the shares of its corners in space (not on
    the screen), ``depth`` (P,) float32 metres."""

    pixels: torch.Tensor
    triangles: torch.Tensor
    inside: torch.Tensor
    depth: torch.Tensor


def rasterise(pictures: Sequence[OnScreen], width: int, height: int, *, opencv: bool = True) -> Drawn:
    """What each of some pictures of ``width`` × ``height`` pixels shows. A triangle with a corner at or behind the camera
    (depth ≤ 0) is not drawn. Without ``opencv`` torch does it all."""
    facing = _facing(pictures, width, height)
    on_processor = facing.x[0].device.type == "cpu"
    find = opencv_winners.find if opencv and on_processor and opencv_winners.AVAILABLE else torch_winners.find
    pixels, row = find(facing, width, height, len(pictures))
    column = (pixels % width).to(facing.x[0]) + 0.5
    line = (torch.div(pixels, width, rounding_mode="floor") % height).to(column) + 0.5
    # From the pixel's own centre, so that single precision is enough.
    x, y = [taken(each, row) - column for each in facing.x], [taken(each, row) - line for each in facing.y]
    weights = [(x[j] * y[k] - x[k] * y[j]) / taken(facing.depth[i], row) for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1))]
    doubled = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    whole = weights[0] + weights[1] + weights[2]  # 1 / depth is linear on the screen, as a corner's share of it is
    return Drawn(pixels, taken(facing.triangles, row), torch.stack([weight / whole for weight in weights], 1), doubled / whole)


def _facing(pictures: Sequence[OnScreen], width: int, height: int) -> Facing:
    """The triangles that may be seen: before the camera, turned to it, and round the centre of a pixel's row and column."""
    parts, total = [], 0
    for number, picture in enumerate(pictures):
        # Corners and axes are vectors of their own throughout: reducing an axis of three is what processors are slow at.
        columns, corners = picture.points.T.contiguous(), picture.triangles.T.contiguous()
        columns[0][columns[2] <= 0.0] = math.nan  # which compares as false with all
        x, y = ([taken(column, corner) for corner in corners] for column in columns[:2])
        doubled = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
        turned = torch.nonzero((doubled < 0.0) | (picture.two_sided & (doubled > 0.0))).squeeze(1)
        x, y = ([taken(each, turned) for each in axis] for axis in (x, y))
        left = torch.ceil(_smallest(x) - 0.5).clamp(0, width)
        right = torch.floor(_greatest(x) - 0.5).clamp(-1, width - 1)
        top = torch.ceil(_smallest(y) - 0.5).clamp(0, height)
        bottom = torch.floor(_greatest(y) - 0.5).clamp(-1, height - 1)
        hit = torch.nonzero((right >= left) & (bottom >= top)).squeeze(1)
        kept = taken(turned, hit)
        depth = [taken(columns[2], taken(corner, kept)) for corner in corners]
        boxes = [taken(each, hit) for each in (left, top, right, bottom, *x, *y)]
        parts.append([torch.full_like(kept, number), total + kept, *boxes, *depth])
        total += len(picture.triangles)
    joined = [torch.cat(part) for part in zip(*parts, strict=True)]
    return Facing(joined[0], joined[1], *joined[2:6], x=joined[6:9], y=joined[9:12], depth=joined[12:15])


def taken(values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """``values[index]``, which torch does six times as fast on a processor when it is asked for in this way."""
    return torch.index_select(values, 0, index)


def _smallest(corners: list[torch.Tensor]) -> torch.Tensor:
    return torch.minimum(torch.minimum(corners[0], corners[1]), corners[2])


def _greatest(corners: list[torch.Tensor]) -> torch.Tensor:
    return torch.maximum(torch.maximum(corners[0], corners[1]), corners[2])
