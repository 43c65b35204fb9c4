# SPDX-License-Identifier: GPL-3.0-or-later
"""What the judge's network is to answer, and how wrong an answer is."""

from __future__ import annotations

import torch
import torch.nn.functional as functional

from .augment import Batch
from .net import ENDS, HEAT, JOINTS, REGIONS, Answer

_SPREAD = 0.9
"""Standard deviation of a joint's place, in places of the heat map."""
_HIDDEN = 0.35
"""How much a joint counts that is in the picture but hidden."""
_PEAK = 20.0
"""How much more an end of a limb counts than a place without one."""
_REGION_WEIGHTS = {"eyes": 4.0, "face": 2.5, "socks": 1.5, "shoes": 1.5}
_FACE_FROM, _FACE_BELOW = 0.003, 0.0006
"""Part of the picture from which on a face is seen, and below which none is."""
_SIDES = [(3, 6), (4, 7), (9, 12), (10, 13)]  # of ENDS, right and left
_EXTRA = ((0, 1), (2, 3))  # of ENDS: what the two points of an extra arm, or leg, are


def losses(answer: Answer, batch: Batch) -> dict[str, torch.Tensor]:
    """Name → mean loss, to be added up."""
    return {
        "heat": _heat(answer.heat, batch.points),
        "ends": 4.0 * _ends(answer.ends, batch),
        "mask": 3.0 * functional.binary_cross_entropy_with_logits(answer.mask, batch.masks),
        "regions": functional.cross_entropy(answer.regions, batch.parts, _region_weights(answer.regions)),
        "visible": 0.3 * _visible(answer.visible, batch.points),
        "face": 0.3 * _face(answer.face, batch.parts),
    }


def bumps(points: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """(B, N, H, W): a bump of height one around each of ``points`` (B, N, 2), in places of the map."""
    x = torch.arange(width, device=points.device) + 0.5
    y = torch.arange(height, device=points.device) + 0.5
    dx = (x - points[..., :1]) ** 2
    dy = (y - points[..., 1:2]) ** 2
    return torch.exp(-(dy[..., :, None] + dx[..., None, :]) / (2.0 * _SPREAD**2))


def _heat(heat: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    height, width = heat.shape[2:]
    place = points[..., :2] / HEAT
    known = _inside(place, width, height)
    target = bumps(torch.nan_to_num(place), width, height).flatten(2)
    target = target / target.sum(dim=2, keepdim=True).clamp(min=1e-6)
    wrong = -(target * heat.flatten(2).log_softmax(dim=2)).sum(dim=2)
    weight = known * torch.where(points[..., 2] > 0.5, 1.0, _HIDDEN)
    return (wrong * weight).sum() / weight.sum().clamp(min=1.0)


def _ends(ends: torch.Tensor, batch: Batch) -> torch.Tensor:
    count, _, height, width = ends.shape
    place = torch.nan_to_num(batch.points[..., :2] / HEAT, nan=-1e4)
    hill = bumps(place, width, height)
    seen = (batch.points[..., 2] > 0.5).float()[..., None, None]
    shown, hidden = hill * seen, hill * (1.0 - seen)
    target = torch.stack([torch.maximum(shown[:, a], shown[:, b]) for a, b in _SIDES], 1)
    ignored = torch.stack([torch.maximum(hidden[:, a], hidden[:, b]) for a, b in _SIDES], 1)
    more = bumps(batch.ends[..., :2] / HEAT, width, height) * (batch.ends[..., 2] > 0.5).float()[..., None, None]
    extra = more.new_zeros(count, len(ENDS), height, width)
    legs = batch.ends[..., 2].amax(dim=1) > 1.5
    for which, (first, second) in enumerate(_EXTRA):
        mine = (legs if which else ~legs).float()[:, None, None]
        extra[:, first] = more[:, 0] * mine
        extra[:, second] = more[:, 1] * mine
    target = torch.maximum(target, extra)
    weight = (1.0 + _PEAK * target) * (1.0 - torch.where(target < 0.3, ignored, torch.zeros_like(ignored)))
    return (functional.binary_cross_entropy_with_logits(ends, target, reduction="none") * weight).mean()


def _visible(visible: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    known = ~points[..., 2].isnan()
    wrong = functional.binary_cross_entropy_with_logits(visible, torch.nan_to_num(points[..., 2]), reduction="none")
    return (wrong * known).sum() / JOINTS / len(points)


def _face(face: torch.Tensor, parts: torch.Tensor) -> torch.Tensor:
    share = ((parts == REGIONS.index("face")) | (parts == REGIONS.index("eyes"))).float().mean(dim=(1, 2))
    known = ((share >= _FACE_FROM) | (share < _FACE_BELOW)).float()
    wrong = functional.binary_cross_entropy_with_logits(face, (share >= _FACE_FROM).float(), reduction="none")
    return (wrong * known).mean()


def _inside(place: torch.Tensor, width: int, height: int) -> torch.Tensor:
    x, y = place[..., 0], place[..., 1]
    return ((x >= 0) & (y >= 0) & (x < width) & (y < height)).float()


def _region_weights(like: torch.Tensor) -> torch.Tensor:
    return torch.tensor([_REGION_WEIGHTS.get(name, 1.0) for name in REGIONS], device=like.device)
