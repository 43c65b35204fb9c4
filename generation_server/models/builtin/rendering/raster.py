# SPDX-License-Identifier: GPL-3.0-or-later
"""Triangles to pixels with torch: many pictures at once, on the processor or a GPU, the same every time.

All triangles of all pictures are one list. Each is spread over the pixel centres of its bounding box; those inside it compete by
depth for their pixel, the lower index winning ties.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

_INDEX_BITS = 26
_MOST = 1 << _INDEX_BITS
_SLACK = 1e-4
"""By how much of its height a triangle reaches over its edges, so that rounding leaves no gaps between neighbours."""
_LARGEST_BATCH = 6_000_000
"""Candidates that are looked at in one go, so that a close-up does not need gigabytes."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """``pixels`` (P,) int64: which pixels show a triangle, as positions in all pictures laid end to end. For each:
    ``triangles`` (P,) int64, ``inside`` (P, 3) float32 the shares of its corners in space (not on the screen), ``depth`` (P,)
    float32 metres."""

    pixels: torch.Tensor
    triangles: torch.Tensor
    inside: torch.Tensor
    depth: torch.Tensor


def rasterise(
    corners: torch.Tensor, picture: torch.Tensor, two_sided: torch.Tensor, width: int, height: int, count: int
) -> Drawn:  # fmt: skip
    """``corners`` (T, 3, 3) float32: x and y in pixels, y down, and depth in metres; ``picture`` (T,) which of ``count``
    pictures of ``width`` × ``height`` a triangle is drawn in; ``two_sided`` (T,) bool whether it is seen from behind too,
    where its corners run clockwise on the screen. A triangle with a corner at or behind the camera (depth ≤ 0) is not drawn."""
    if len(corners) >= _MOST:
        raise ValueError(f"At most {_MOST - 1} triangles can be drawn at once, not {len(corners)}: use smaller batches.")
    # Corners and edges are separate vectors throughout: reducing an axis of three is what processors are slow at.
    x, y, depth = ([corners[:, corner, axis] for corner in range(3)] for axis in range(3))
    left = torch.ceil(_smallest(x) - 0.5).clamp(0, width)
    right = torch.floor(_greatest(x) - 0.5).clamp(-1, width - 1)
    top = torch.ceil(_smallest(y) - 0.5).clamp(0, height)
    bottom = torch.floor(_greatest(y) - 0.5).clamp(-1, height - 1)
    doubled = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    shown = (right >= left) & (bottom >= top) & (_smallest(depth) > 0.0) & ((doubled < 0.0) | (two_sided & (doubled > 0.0)))
    kept = torch.nonzero(shown).squeeze(1)
    left, right, top, bottom = (side[kept] for side in (left, right, top, bottom))
    # Counted from the bounding box's first pixel, so that single precision is enough.
    x, y = [each[kept] - left - 0.5 for each in x], [each[kept] - top - 0.5 for each in y]
    nearness = [1.0 / each[kept] for each in depth]
    inverse = 1.0 / doubled[kept]
    # Each corner's share on the screen as a plane over the pixels: coefficients of x, y and 1.
    planes = [
        ((y[j] - y[k]) * inverse, (x[k] - x[j]) * inverse, (x[j] * y[k] - x[k] * y[j]) * inverse)
        for j, k in ((1, 2), (2, 0), (0, 1))
    ]  # fmt: skip
    near = tuple(sum(plane[axis] * each for plane, each in zip(planes, nearness, strict=True)) for axis in range(3))
    table = torch.stack([*planes[0], *planes[1], *planes[2], *near])  # 1 / depth is linear on the screen, too
    left, top, right, bottom = (side.long() for side in (left, top, right, bottom))
    start = picture[kept].long() * (width * height) + top * width + left
    best = torch.full((count * width * height,), -1, dtype=torch.int64, device=corners.device)
    rows = bottom - top + 1
    ends = torch.cumsum(rows * (right - left + 1), 0)
    first = 0
    while first < len(kept):
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(torch.searchsorted(ends, done + _LARGEST_BATCH, right=True)))
        part = slice(first, last)
        _compete(best, kept[part], table[:, part], rows[part], right[part] - left[part], start[part], width)
        first = last
    pixels = torch.nonzero(best >= 0).squeeze(1)
    triangles = (_MOST - 1) - (best[pixels] & (_MOST - 1))
    row = torch.searchsorted(kept, triangles)
    column = (pixels % width - left[row]).to(table.dtype)
    line = (torch.div(pixels, width, rounding_mode="floor") % height - top[row]).to(table.dtype)
    own = table[:, row]
    distance = 1.0 / (own[9] * column + own[10] * line + own[11])
    shares = [
        (own[3 * k] * column + own[3 * k + 1] * line + own[3 * k + 2]) * nearness[k][row] * distance for k in range(3)
    ]  # fmt: skip
    return Drawn(pixels, triangles, torch.stack(shares, 1), distance)


def _compete(
    best: torch.Tensor, triangles: torch.Tensor, table: torch.Tensor, rows: torch.Tensor, last: torch.Tensor, start: torch.Tensor,
    width: int,
) -> None:  # fmt: skip
    """Enter the pixels of some triangles into ``best``: first their rows, of each the span inside, then the pixels of that.

    ``table`` (12, T): the planes of three corners' shares and of 1 / depth.
    """
    line, y = _spread(rows)
    own = table[:, line]
    height = y.to(table.dtype)
    low, high = torch.zeros_like(height), last[line].to(height.dtype)
    for edge in range(3):
        slope, offset = own[3 * edge], own[3 * edge + 1] * height + own[3 * edge + 2] + _SLACK
        crossing = -offset / slope
        low = torch.where(slope > 0.0, torch.maximum(low, torch.ceil(crossing)), low)
        high = torch.where(slope < 0.0, torch.minimum(high, torch.floor(crossing)), high)
        high = torch.where((slope == 0.0) & (offset < 0.0), torch.full_like(high, -1.0), high)
    span, along = _spread((high - low + 1.0).clamp(min=0.0).long())
    x = low.long()[span] + along
    nearness = (own[10] * height + own[11])[span] + own[9][span] * x.to(table.dtype)
    pixel = (start[line] + y * width)[span] + x
    # Positive floats are ordered as their bits are: depth above, then the triangle, in one number that the largest of wins.
    bits = nearness.clamp(min=1e-9).contiguous().view(torch.int32).long()
    best.scatter_reduce_(0, pixel, (bits << _INDEX_BITS) | (_MOST - 1 - triangles[line])[span], "amax")


def _smallest(corners: list[torch.Tensor]) -> torch.Tensor:
    return torch.minimum(torch.minimum(corners[0], corners[1]), corners[2])


def _greatest(corners: list[torch.Tensor]) -> torch.Tensor:
    return torch.maximum(torch.maximum(corners[0], corners[1]), corners[2])


def _spread(lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For items of these lengths laid end to end: whose each place is, and the how-manieth of it."""
    each = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
    begin = torch.cumsum(lengths, 0) - lengths
    return each, torch.arange(len(each), device=lengths.device) - begin[each]
