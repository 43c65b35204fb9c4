# SPDX-License-Identifier: GPL-3.0-or-later
"""Several ControlNets as one, that runs only those which act in the current step.

diffusers' own MultiControlNetModel runs each of them in every step and multiplies by 0 outside of their windows. A ControlNet
costs about half as much as the UNet, so not running it is worth these few lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from diffusers import ControlNetModel
from diffusers.models.controlnets.multicontrolnet import MultiControlNetModel
from torch import nn


class WindowedControlNets(MultiControlNetModel):
    """A MultiControlNetModel for one picture. With none at work it returns (None, None), and the UNet runs without."""

    def __init__(self, controlnets: Sequence[ControlNetModel]) -> None:
        super().__init__(list(controlnets))
        self._hints = [_HintMemory(net) for net in controlnets]

    def forward(  # type: ignore[override]
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | float | int,
        encoder_hidden_states: torch.Tensor,
        controlnet_cond: list[torch.Tensor],
        conditioning_scale: list[float],
        **others: Any,
    ) -> tuple[list[torch.Tensor] | None, torch.Tensor | None]:
        """As MultiControlNetModel's; a scale of 0 in ``conditioning_scale`` leaves that ControlNet out."""
        others["return_dict"] = False
        down: list[torch.Tensor] | None = None
        mid: torch.Tensor | None = None
        for net, hints, image, scale in zip(self.nets, self._hints, controlnet_cond, conditioning_scale, strict=True):
            if scale == 0:
                continue
            with hints.used():
                more_down, more_mid = net(sample, timestep, encoder_hidden_states, image, scale, **others)
            if down is None or mid is None:
                down, mid = list(more_down), more_mid
            else:
                down = [a + b for a, b in zip(down, more_down, strict=True)]
                mid = mid + more_mid
        return down, mid


class _HintMemory:
    """The control image's embedding, which is the same in all steps, computed once."""

    def __init__(self, net: ControlNetModel) -> None:
        self._net = net
        self._image: torch.Tensor | None = None
        self._embedding: torch.Tensor | None = None

    @contextmanager
    def used(self) -> Any:
        """While this lasts, the ControlNet's image encoder answers from memory when it gets the image of the last time."""
        encoder = self._net.controlnet_cond_embedding
        inner: Callable[[torch.Tensor], torch.Tensor] = encoder.forward

        def remembering(conditioning: torch.Tensor) -> torch.Tensor:
            if self._embedding is None or self._image is not conditioning:
                self._image, self._embedding = conditioning, inner(conditioning)
            return self._embedding

        encoder.forward = remembering  # type: ignore[method-assign]
        try:
            yield
        finally:
            del encoder.forward


@contextmanager
def interruptible(modules: Sequence[nn.Module], check: Callable[[], None]) -> Any:
    """Calls ``check`` before each of ``modules`` runs; what it raises ends the computation there, in the middle of a step."""
    handles = [module.register_forward_pre_hook(lambda *_: check()) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
