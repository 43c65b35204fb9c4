# SPDX-License-Identifier: GPL-3.0-or-later
"""Which triangle is nearest in each pixel, by torch alone: made for GPUs.

Each triangle is spread over the rows of its bounding box, each row over the span inside it; the pixels of those compete by
depth, the lower index winning ties.
"""

from __future__ import annotations

import torch

from .facing import Facing

_INDEX_BITS = 26
_MOST = 1 << _INDEX_BITS
_SLACK = 1e-4
"""By how much of its height a triangle reaches over its edges, so that rounding leaves no gaps between neighbours."""
_LARGEST_BATCH = 6_000_000
"""Candidates that are looked at in one go, so that a close-up does not need gigabytes."""


def find(facing: Facing, width: int, height: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The pixels of ``count`` pictures that show a triangle, as positions in all pictures laid end to end, in order; and which
    of ``facing`` each shows."""
    if len(facing.triangles) >= _MOST:
        raise ValueError(f"At most {_MOST - 1} triangles can be drawn at once, not {len(facing.triangles)}: use smaller batches.")
    # Counted from the bounding box's first pixel, so that single precision is enough.
    x = [each - facing.left - 0.5 for each in facing.x]
    y = [each - facing.top - 0.5 for each in facing.y]
    inverse = 1.0 / ((x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]))
    # Each corner's share on the screen as a plane over the pixels: coefficients of x, y and 1.
    planes = [
        ((y[j] - y[k]) * inverse, (x[k] - x[j]) * inverse, (x[j] * y[k] - x[k] * y[j]) * inverse)
        for j, k in ((1, 2), (2, 0), (0, 1))
    ]  # fmt: skip
    # 1 / depth is linear on the screen, too.
    near = tuple(sum(plane[axis] / each for plane, each in zip(planes, facing.depth, strict=True)) for axis in range(3))
    table = torch.stack([*planes[0], *planes[1], *planes[2], *near])
    left, top, right, bottom = (side.long() for side in (facing.left, facing.top, facing.right, facing.bottom))
    start = facing.picture * (width * height) + top * width + left
    best = torch.full((count * width * height,), -1, dtype=torch.int64, device=start.device)
    number = torch.arange(len(start), device=start.device)
    rows = bottom - top + 1
    ends = torch.cumsum(rows * (right - left + 1), 0)
    first = 0
    while first < len(start):
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(torch.searchsorted(ends, done + _LARGEST_BATCH, right=True)))
        part = slice(first, last)
        _compete(best, number[part], table[:, part], rows[part], right[part] - left[part], start[part], width)
        first = last
    pixels = torch.nonzero(best >= 0).squeeze(1)
    return pixels, (_MOST - 1) - (best[pixels] & (_MOST - 1))


def _compete(
    best: torch.Tensor, number: torch.Tensor, table: torch.Tensor, rows: torch.Tensor, last: torch.Tensor, start: torch.Tensor,
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
    best.scatter_reduce_(0, pixel, (bits << _INDEX_BITS) | (_MOST - 1 - number[line])[span], "amax")


def _spread(lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For items of these lengths laid end to end: whose each place is, and the how-manieth of it."""
    each = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
    begin = torch.cumsum(lengths, 0) - lengths
    return each, torch.arange(len(each), device=lengths.device) - begin[each]
