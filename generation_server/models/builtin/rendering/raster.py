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
    x, y, depth = corners.unbind(-1)
    left = torch.ceil(x.amin(1) - 0.5).clamp(0, width)
    right = torch.floor(x.amax(1) - 0.5).clamp(-1, width - 1)
    top = torch.ceil(y.amin(1) - 0.5).clamp(0, height)
    bottom = torch.floor(y.amax(1) - 0.5).clamp(-1, height - 1)
    doubled = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    shown = (right >= left) & (bottom >= top) & (depth.amin(1) > 0.0) & ((doubled < 0.0) | (two_sided & (doubled > 0.0)))
    kept = torch.nonzero(shown).squeeze(1)
    x, y, nearness, doubled = x[kept], y[kept], 1.0 / depth[kept], doubled[kept]
    box = torch.stack((left, top, right, bottom), 1)[kept].long()
    # Each corner's share on the screen as a plane over the pixels, counted from the bounding box's first pixel so that single
    # precision is enough; (T, 3 corners, 3 coefficients of x, y and 1).
    x, y = x - box[:, :1] - 0.5, y - box[:, 1:2] - 0.5
    planes = torch.stack(
        [
            torch.stack((y[:, j] - y[:, k], x[:, k] - x[:, j], x[:, j] * y[:, k] - x[:, k] * y[:, j]), 1)
            for j, k in ((1, 2), (2, 0), (0, 1))
        ],
        1,
    ) / doubled[:, None, None]  # fmt: skip
    near = (planes * nearness[:, :, None]).sum(1)  # 1 / depth is linear on the screen
    start = picture[kept].long() * (width * height) + box[:, 1] * width + box[:, 0]
    best = torch.full((count * width * height,), -1, dtype=torch.int64, device=corners.device)
    rows = box[:, 3] - box[:, 1] + 1
    ends = torch.cumsum(rows * (box[:, 2] - box[:, 0] + 1), 0)
    first = 0
    while first < len(kept):
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(torch.searchsorted(ends, done + _LARGEST_BATCH, right=True)))
        part = slice(first, last)
        _compete(best, kept[part], planes[part], near[part], rows[part], box[part, 2] - box[part, 0], start[part], width)
        first = last
    pixels = torch.nonzero(best >= 0).squeeze(1)
    triangles = (_MOST - 1) - (best[pixels] & (_MOST - 1))
    row = torch.searchsorted(kept, triangles)
    within = torch.stack((pixels % width - box[row, 0], pixels // width % height - box[row, 1], torch.ones_like(row)), 1)
    within = within.to(planes.dtype)
    distance = 1.0 / (near[row] * within).sum(1)
    shares = (planes[row] * within[:, None, :]).sum(2) * nearness[row] * distance[:, None]
    return Drawn(pixels, triangles, shares, distance)


def _compete(
    best: torch.Tensor, triangles: torch.Tensor, planes: torch.Tensor, near: torch.Tensor, rows: torch.Tensor, last: torch.Tensor,
    start: torch.Tensor, width: int,
) -> None:  # fmt: skip
    """Enter the pixels of some triangles into ``best``: first their rows, of each the span inside, then the pixels of that."""
    line, y = _spread(rows)
    height = y.to(planes.dtype)[:, None]
    slope = planes[line, :, 0]
    offset = planes[line, :, 1] * height + planes[line, :, 2] + _SLACK
    crossing = -offset / slope
    infinite = torch.full_like(crossing, torch.inf)
    low = torch.where(slope > 0.0, crossing, -infinite).amax(1)
    high = torch.where(slope < 0.0, crossing, infinite).amin(1)
    outside = ((slope == 0.0) & (offset < 0.0)).any(1)
    low = torch.ceil(low).clamp(min=0.0)
    high = torch.minimum(torch.floor(high), last[line].to(high.dtype))
    length = (high - low + 1.0).clamp(min=0.0).masked_fill(outside, 0.0).long()
    span, along = _spread(length)
    x = low.long()[span] + along
    gradient = near[line]
    base = gradient[:, 1] * height[:, 0] + gradient[:, 2]
    nearness = base[span] + gradient[span, 0] * x.to(planes.dtype)
    pixel = (start[line] + y * width)[span] + x
    # Positive floats are ordered as their bits are: depth above, then the triangle, in one number that the largest of wins.
    bits = nearness.clamp(min=1e-9).contiguous().view(torch.int32).long()
    best.scatter_reduce_(0, pixel, (bits << _INDEX_BITS) | (_MOST - 1 - triangles[line])[span], "amax")


def _spread(lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For items of these lengths laid end to end: whose each place is, and the how-manieth of it."""
    each = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
    begin = torch.cumsum(lengths, 0) - lengths
    return each, torch.arange(len(each), device=lengths.device) - begin[each]
