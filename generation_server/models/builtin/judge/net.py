# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge's network: a picture in, joints, mask, regions and ends of limbs out. It needs torch alone.

A U-shaped convolutional network of residual blocks. It reads squares of 2 × 2 pixels at once and halves four times more, until
every place sees the whole picture: only that tells left from right.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import nn

AREA = 192 * 288
"""Pixels of the pictures that it reads, whatever their shape."""
STRIDE = 32
"""What width and height must be multiples of."""
HEAT = 4
"""Pixels from one place of a heat map to the next."""
JOINTS = 18
REGIONS = ("background", "skin", "hair", "face", "top", "outer", "bottom", "dress", "socks", "shoes", "eyes")
"""What a place of the picture is of, in the order of ``rendering.figures.PARTS``."""
ENDS = ("elbow", "wrist", "knee", "ankle")
"""Joints of either side that are counted, however many there are."""
COUNTS = "num_batches_tracked"
"""End of the names of tensors that only training needs."""

_WIDTHS = (24, 40, 72, 128, 160)
_BLOCKS = (0, 1, 2, 3, 2)
_DECODER = (24, 48, 72, 96)


@dataclass(frozen=True, eq=False)
class Answer:
    """Logits of a batch. ``heat`` (B, 18, H / 4, W / 4): a softmax over places is where each joint is; ``ends`` (B, 4, H / 4,
    W / 4): whether some elbow … is there; ``regions`` (B, 11, H / 2, W / 2); ``mask`` (B, H, W): whether a pixel is the figure's;
    ``visible`` (B, 18): whether a joint is seen; ``face`` (B,): whether a drawn face is seen."""

    heat: torch.Tensor
    ends: torch.Tensor
    regions: torch.Tensor
    mask: torch.Tensor
    visible: torch.Tensor
    face: torch.Tensor


class _Unit(nn.Sequential):
    """A 3 × 3 convolution, batch norm, ReLU."""

    def __init__(self, inside: int, outside: int, stride: int = 1) -> None:
        super().__init__(nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True))


class _Block(nn.Module):
    """Two convolutions, the inner one narrower, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = width // 2
        self.first = _Unit(width, inner)
        self.second = nn.Conv2d(inner, width, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(x + self.norm(self.second(self.first(x))))


class JudgeNet(nn.Module):
    """Pictures (B, 3, H, W), 0 to 1, sides multiples of ``STRIDE`` → ``Answer``."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Unit(12, _WIDTHS[0])
        self.down = nn.ModuleList()
        for inside, outside, blocks in zip(_WIDTHS, _WIDTHS[1:], _BLOCKS[1:], strict=False):
            self.down.append(nn.Sequential(_Unit(inside, outside, 2), *(_Block(outside) for _ in range(blocks))))
        self.lateral = nn.ModuleList(nn.Conv2d(width, out, 1) for width, out in zip(_WIDTHS, _DECODER, strict=False))
        self.lower = nn.ModuleList(
            nn.Conv2d(below, out, 1) for below, out in zip((*_DECODER[1:], _WIDTHS[-1]), _DECODER, strict=True)
        )
        self.merge = nn.ModuleList(_Unit(out, out) for out in _DECODER)
        self.overview = nn.Linear(_WIDTHS[-1], _DECODER[3])
        self.quarter = _Unit(_DECODER[1], 64)
        self.heat = nn.Conv2d(64, JOINTS + len(ENDS), 1)
        assert self.heat.bias is not None
        nn.init.constant_(self.heat.bias.data[JOINTS:], -4.0)
        self.seen = nn.Parameter(torch.zeros(JOINTS, 64 + 2))
        self.face = nn.Linear(_WIDTHS[-1], 1)
        self.fine = nn.Conv2d(_DECODER[0], len(REGIONS) + 4, 1)

    def forward(self, pictures: torch.Tensor) -> Answer:
        levels = [self.stem(functional.pixel_unshuffle(pictures * 2.0 - 1.0, 2))]
        for down in self.down:
            levels.append(down(levels[-1]))
        whole = levels[-1].mean(dim=(2, 3))
        x = levels[-1]
        quarter = x
        for number in (3, 2, 1, 0):
            from_below = functional.interpolate(self.lower[number](x), scale_factor=2, mode="nearest")
            x = functional.relu(self.lateral[number](levels[number]) + from_below)
            if number == 3:
                x = x + self.overview(whole)[:, :, None, None]
            x = self.merge[number](x)
            if number == 1:
                quarter = x
        features = self.quarter(quarter)
        maps = self.heat(features)
        heat, ends = maps[:, :JOINTS], maps[:, JOINTS:]
        places = heat.detach().flatten(2).softmax(dim=2)
        there = torch.einsum("bjp,bcp->bjc", places, features.flatten(2))
        sure = torch.stack((places.amax(dim=2), torch.ones_like(places[:, :, 0])), dim=2)
        visible = (torch.cat((there, sure), dim=2) * self.seen).sum(dim=2)
        fine = self.fine(x)
        regions = fine[:, : len(REGIONS)]
        mask = functional.pixel_shuffle(fine[:, len(REGIONS) :], 2)[:, 0]
        return Answer(heat, ends, regions, mask, visible, self.face(whole)[:, 0])
