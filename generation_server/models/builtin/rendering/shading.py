# SPDX-License-Identifier: GPL-3.0-or-later
"""From drawn triangles to a cel-shaded picture with outlines, for many pictures at once."""

from __future__ import annotations

import torch
import torch.nn.functional as functional

SHADE = torch.tensor([0.76, 0.70, 0.80])
DEEP = torch.tensor([0.60, 0.54, 0.68])
"""What a colour is multiplied by in the shadow, and in its darkest third: towards violet, as painters of cels do."""
_SHADE_BELOW, _DEEP_BELOW = 0.08, -0.5
"""Cosines between surface and light at which the tones change."""
LINE = 0.28
"""Brightness of an outline, of the colour beside it."""
_STEP = 0.035
"""Difference of nearness (1 / depth), as a part of it, at which one surface stands before another."""
_STRENGTH = 0.92


def toned(colours: torch.Tensor, facing: torch.Tensor, flat: torch.Tensor) -> torch.Tensor:
    """Colours (P, 3) of surfaces whose cosine to the light is ``facing`` (P,); those that are ``flat`` (P,) stay as they are."""
    shade, deep = SHADE.to(colours), DEEP.to(colours)
    lit = torch.ones_like(colours)
    tone = torch.where((facing < _SHADE_BELOW)[:, None], shade, lit)
    tone = torch.where((facing < _DEEP_BELOW)[:, None], deep, tone)
    return colours * torch.where(flat[:, None], lit, tone)


def outlined(pictures: torch.Tensor, layers: torch.Tensor, nearness: torch.Tensor) -> torch.Tensor:
    """Pictures (B, 3, H, W) with soft outlines where ``layers`` (B, H, W) change (−1 is the background) or ``nearness`` (B, H, W;
    1 / depth, 0 in the background) jumps."""
    count, _, height, width = pictures.shape
    lines = torch.zeros(count, 1, height, width, dtype=pictures.dtype, device=pictures.device)
    for dim in (1, 2):
        size = layers.shape[dim]
        first, second = layers.narrow(dim, 0, size - 1), layers.narrow(dim, 1, size - 1)
        near, far = nearness.narrow(dim, 0, size - 1), nearness.narrow(dim, 1, size - 1)
        edge = (first != second) | ((near - far).abs() > _STEP * torch.maximum(near, far))
        # The line lies on the nearer surface, whose outline it is.
        target = lines[:, 0]
        target.narrow(dim, 0, size - 1).copy_(torch.maximum(target.narrow(dim, 0, size - 1), (edge & (near >= far)).to(lines)))
        target.narrow(dim, 1, size - 1).copy_(torch.maximum(target.narrow(dim, 1, size - 1), (edge & (near < far)).to(lines)))
    soft = _mean_around(functional.pad(lines, (1, 1, 1, 1)))
    alpha = (torch.maximum(lines * 0.8, soft * 1.4)).clamp(max=_STRENGTH)
    # Next to a line the colours of both sides run together, or the steps of the pixels would show through it.
    mixed = _mean_around(functional.pad(pictures, (1, 1, 1, 1), mode="replicate"))
    smooth = torch.where(soft > 0.0, 0.5 * pictures + 0.5 * mixed, pictures)
    return smooth * (1.0 - alpha) + mixed * LINE * alpha


def _mean_around(padded: torch.Tensor) -> torch.Tensor:
    """The mean of the 3 × 3 pixels around each that is not at the border: sums of shifted pictures, which is what processors do
    faster than pooling."""
    height, width = padded.shape[-2] - 2, padded.shape[-1] - 2
    rows = padded.narrow(-2, 0, height) + padded.narrow(-2, 1, height)
    rows += padded.narrow(-2, 2, height)
    columns = rows.narrow(-1, 0, width) + rows.narrow(-1, 1, width)
    columns += rows.narrow(-1, 2, width)
    return columns.div_(9.0)
