# SPDX-License-Identifier: GPL-3.0-or-later
"""What the judge sees in a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from safetensors.torch import load_file

from .measures import OTHER_SIDE
from .net import AREA, COUNTS, ENDS, HEAT, STRIDE, Answer, JudgeNet

WEIGHTS = Path(__file__).with_name("judge.safetensors")
"""What the judge has learnt: ``train`` makes it, ``check`` says how good it is."""
_NOT_THERE = "The judge's weights {} are missing or damaged: install this version again, or train the judge."
_END_LEAST = 0.2
"""Probability below which an end of a limb is not worth a mention."""
_AROUND = 2
"""Places of the heat map around its peak whose middle is the joint."""


class JudgeError(Exception):
    """The judge cannot be used. Its text is one sentence."""


@dataclass(frozen=True, eq=False)
class End:
    """An elbow, wrist, knee or ankle of whichever side: its place in pixels, and how sure that is, 0 to 1."""

    joint: str
    x: float
    y: float
    sure: float


@dataclass(frozen=True, eq=False)
class Reading:
    """What is seen in a picture of H × W pixels. ``points`` (18, 3): x, y in pixels, and how likely one sees the joint, 0 to 1.
    ``mask`` (H, W) bool is the figure, ``regions`` (H, W) uint8 what each pixel is of, as ``net.REGIONS`` counts. ``heat`` (18,
    h, w): how likely each joint is in a part of the picture, adding up to one. ``face``: how likely a drawn face is seen."""

    points: np.ndarray
    mask: np.ndarray
    regions: np.ndarray
    heat: np.ndarray
    ends: tuple[End, ...]
    face: float

    def mass(self, joint: int, place: np.ndarray, radius: float) -> float:
        """How likely ``joint`` is within ``radius`` pixels of a place (2,)."""
        height, width = self.mask.shape
        rows, columns = self.heat.shape[1:]
        dx = (np.arange(columns) + 0.5) * (width / columns) - place[0]
        dy = (np.arange(rows) + 0.5) * (height / rows) - place[1]
        reach = max(radius, 0.75 * width / columns)
        return float(self.heat[joint][(dy[:, None] ** 2 + dx[None, :] ** 2) <= reach**2].sum())


class Judge:
    """The network with what it learnt, on one device."""

    def __init__(self, weights: Path = WEIGHTS, device: str = "cpu") -> None:
        """Raises JudgeError where the weights are not there, or are no judge's."""
        self._device = torch.device(device)
        self._net = JudgeNet()
        wanted = self._net.state_dict()
        try:
            state = load_file(weights)
            found = {name: value.to(wanted[name].dtype) for name, value in state.items()}
            self._net.load_state_dict({**{name: wanted[name] for name in wanted if name.endswith(COUNTS)}, **found})
        except Exception as error:  # of many kinds, for files that are cut short or hold something else
            raise JudgeError(_NOT_THERE.format(weights)) from error
        self._net.to(self._device).eval()

    @torch.inference_mode()
    def read(self, pictures: Sequence[np.ndarray]) -> list[Reading]:
        """Readings of pictures (H, W, 3) uint8, each of its own size."""
        return [self._read(picture) for picture in pictures]

    def _read(self, picture: np.ndarray) -> Reading:
        height, width = picture.shape[:2]
        new_width, new_height = network_size(width, height)
        whole = torch.from_numpy(np.array(picture)).to(self._device).permute(2, 0, 1)[None].float() / 255.0
        small = functional.interpolate(
            whole, size=(new_height, new_width), mode="bilinear", align_corners=False, antialias=True
        ).clamp(0.0, 1.0)
        answer = _of_both(self._net(torch.cat((small, small.flip(3)))))
        scale = np.array([width / new_width, height / new_height])
        heat = answer.heat[0].cpu().numpy()
        mask = functional.interpolate(answer.mask[None], size=(height, width), mode="bilinear", align_corners=False)[0, 0] > 0.0
        regions = functional.interpolate(answer.regions, size=(height, width), mode="bilinear", align_corners=False)[0].argmax(0)
        seen = answer.visible[0].sigmoid().cpu().numpy()
        places = np.stack([_peak(each) for each in heat]) * HEAT * scale
        return Reading(
            np.column_stack((places, seen)).astype(np.float32), mask.cpu().numpy(), regions.to(torch.uint8).cpu().numpy(), heat,
            _ends(answer.ends[0].sigmoid(), scale), float(answer.face[0].sigmoid()),
        )  # fmt: skip


def _of_both(answer: Answer) -> Answer:
    """The mean answer to a picture and its mirror image, which came as two: what it takes for left in one is right in the other.
    ``heat`` is no logits any more, but how likely each joint is at each place."""
    heat = answer.heat.flatten(2).softmax(dim=2).view_as(answer.heat)
    others = torch.from_numpy(OTHER_SIDE).to(heat.device)

    def mean(both: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
        return (both[:1] + mirrored) / 2.0

    return Answer(
        mean(heat, heat[1:].flip(3)[:, others]), mean(answer.ends, answer.ends[1:].flip(3)),
        mean(answer.regions, answer.regions[1:].flip(3)), mean(answer.mask, answer.mask[1:].flip(2)),
        mean(answer.visible, answer.visible[1:, others]), mean(answer.face, answer.face[1:]),
    )  # fmt: skip


def network_size(width: int, height: int) -> tuple[int, int]:
    """The size at which the network reads a picture: about ``AREA`` pixels of nearly its shape."""
    factor = math.sqrt(AREA / (width * height))
    return max(STRIDE, round(width * factor / STRIDE) * STRIDE), max(STRIDE, round(height * factor / STRIDE) * STRIDE)


def _peak(heat: np.ndarray) -> np.ndarray:
    """(2,): x and y of the highest place, in places of the map, between them as its neighbours say."""
    columns = heat.shape[1]
    row, column = divmod(int(heat.argmax()), columns)
    top, left = max(0, row - _AROUND), max(0, column - _AROUND)
    part = heat[top : row + _AROUND + 1, left : column + _AROUND + 1]
    part = part / part.sum()
    y = (part.sum(axis=1) * (np.arange(part.shape[0]) + top + 0.5)).sum()
    x = (part.sum(axis=0) * (np.arange(part.shape[1]) + left + 0.5)).sum()
    return np.array([x, y])


def _ends(likely: torch.Tensor, scale: np.ndarray) -> tuple[End, ...]:
    """The peaks of the maps (4, h, w)."""
    highest = functional.max_pool2d(likely[None], 5, 1, 2)[0]
    found = []
    for kind, row, column in ((likely == highest) & (likely > _END_LEAST)).nonzero().tolist():
        x, y = (column + 0.5) * HEAT * scale[0], (row + 0.5) * HEAT * scale[1]
        found.append(End(ENDS[kind], float(x), float(y), float(likely[kind, row, column])))
    return tuple(found)
