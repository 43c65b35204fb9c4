# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of networks that control a UNet from beside it. A model's file names its kind (``adapter``).

A further kind is a class here, or in a module of its own, and a line in ``ADAPTERS``. What changes the UNet's own layers instead
of adding to their output sets them in ``residuals``, which is called before each run of the UNet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from diffusers import ControlNetModel, ControlNetUnionModel
from torch import nn

from ..models.places import Place
from .components import load_beside
from .memory import Device

Residuals = tuple[Sequence[torch.Tensor], torch.Tensor]
"""What is added to the UNet's down blocks and to its middle."""


@dataclass(frozen=True)
class Inputs:
    """What a UNet gets in one step, and a ControlNet with it. The batch is (negative, positive) where there is guidance."""

    sample: torch.Tensor
    timestep: torch.Tensor | float | int
    text: torch.Tensor
    others: Mapping[str, Any]


class Adapter(Protocol):
    """One kind of network beside a UNet."""

    takes_many: bool  # whether all controls of one network act in one run of it

    def load(self, place: Place, device: Device) -> nn.Module:
        """The network, in which ``controlnet_cond_embedding`` reads control images. Raises GenerationError."""

    def residuals(
        self, net: Any, inputs: Inputs, kinds: Sequence[str], images: Sequence[torch.Tensor], scales: Sequence[float]
    ) -> Residuals:
        """What the network adds in one step. ``kinds``, ``images`` and ``scales`` are those of its controls, and not all 0."""


class _ControlNet:
    """A ControlNet for one control (Zhang et al. 2023)."""

    takes_many = False

    def load(self, place: Place, device: Device) -> nn.Module:
        return load_beside(ControlNetModel, "controlnet", place, device)

    def residuals(
        self, net: Any, inputs: Inputs, kinds: Sequence[str], images: Sequence[torch.Tensor], scales: Sequence[float]
    ) -> Residuals:
        residuals: Residuals = net(inputs.sample, inputs.timestep, inputs.text, images[0], scales[0], **inputs.others)
        return residuals


class _Union:
    """xinsir's ControlNet++ for SDXL: one network that is told which kinds of images it gets."""

    takes_many = True
    modes: Mapping[str, int] = {"openpose": 0, "depth": 1, "lineart": 3, "canny": 3, "normal": 4, "segmentation": 5}
    """Control kind to its number in the network (ControlNetPlus' README); 2 is for soft edges, 6 for tiles, 7 for repainting."""

    def load(self, place: Place, device: Device) -> nn.Module:
        return load_beside(ControlNetUnionModel, "union", place, device)

    def residuals(
        self, net: Any, inputs: Inputs, kinds: Sequence[str], images: Sequence[torch.Tensor], scales: Sequence[float]
    ) -> Residuals:
        """A control of several whose window is over stays as an image of weight 0, as in diffusers' pipeline: the others' effect
        depends on how many there are."""
        modes = [self.modes[kind] for kind in kinds]
        types = torch.zeros(net.config.num_control_type)
        types[modes] = 1
        control_type = types.to(inputs.text).repeat(inputs.sample.shape[0], 1)
        residuals: Residuals = net(
            inputs.sample, inputs.timestep, inputs.text, list(images), control_type, modes, list(scales), **inputs.others
        )
        return residuals


ADAPTERS: Mapping[str, Adapter] = {"controlnet": _ControlNet(), "union": _Union()}
