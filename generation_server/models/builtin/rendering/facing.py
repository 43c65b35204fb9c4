# SPDX-License-Identifier: GPL-3.0-or-later
"""The triangles that compete for the pixels of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class Facing:
    """For each of K triangles, those of the first picture first: ``picture`` (K,) int64 in which it is, ``triangles`` (K,) int64
    which one it is among all that were given; the first and last column and row of pixels whose centres its bounding box
    holds, as whole numbers in float32; and of each of three corners, ``x`` and ``y`` in pixels and ``depth`` in metres, three
    (K,) float32 each."""

    picture: torch.Tensor
    triangles: torch.Tensor
    left: torch.Tensor
    top: torch.Tensor
    right: torch.Tensor
    bottom: torch.Tensor
    x: list[torch.Tensor]
    y: list[torch.Tensor]
    depth: list[torch.Tensor]
