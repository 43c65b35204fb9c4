# SPDX-License-Identifier: GPL-3.0-or-later
"""What controls a picture, as the one ControlNet that diffusers' pipelines see, which runs only what acts in the current step.

diffusers' own MultiControlNetModel runs each ControlNet in every step and multiplies by 0 outside of their windows. A ControlNet
costs about half as much as the UNet, so not running it is worth these few lines.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import torch
from diffusers.models.controlnets.multicontrolnet import MultiControlNetModel
from PIL import Image
from torch import nn

from .adapters import Adapter, Inputs

_REMEMBERED = 4
"""Embeddings of control images that are kept of each ControlNet. One of SDXL's takes 20 MB in half precision."""


@dataclass(frozen=True)
class Steering:
    """One control of a picture: its kind, the network that follows it, and its image, RGB."""

    kind: str
    adapter: Adapter
    net: nn.Module
    image: Image.Image

    @cached_property
    def content(self) -> bytes:
        """What tells its image from others. A megapixel takes three milliseconds."""
        return hashlib.blake2b(self.image.tobytes(), digest_size=16).digest()


class ControlStack(MultiControlNetModel):
    """The controls of one picture. With none at work it returns (None, None), and the UNet runs without."""

    def __init__(self, controls: Sequence[Steering], hints: HintMemory) -> None:
        super().__init__([control.net for control in controls])  # one entry a control, as pipelines count them
        self._controls = controls
        self._hints = hints
        groups: dict[tuple[int, int], list[int]] = {}  # what one run of a network takes: the places of its controls
        for index, control in enumerate(controls):
            groups.setdefault((id(control.net), -1 if control.adapter.takes_many else index), []).append(index)
        self._groups = list(groups.values())

    def forward(  # type: ignore[override]
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | float | int,
        encoder_hidden_states: torch.Tensor,
        controlnet_cond: list[torch.Tensor],
        conditioning_scale: list[float],
        **others: Any,
    ) -> tuple[list[torch.Tensor] | None, torch.Tensor | None]:
        """As MultiControlNetModel's; where all scales of a network are 0 in ``conditioning_scale``, it does not run."""
        inputs = Inputs(sample, timestep, encoder_hidden_states, {**others, "return_dict": False})
        down: list[torch.Tensor] | None = None
        mid: torch.Tensor | None = None
        for group in self._groups:
            if not any(conditioning_scale[index] for index in group):
                continue
            acting = [self._controls[index] for index in group]
            images = [controlnet_cond[index] for index in group]
            net, adapter = acting[0].net, acting[0].adapter
            with self._hints.used(net, {id(image): control.content for image, control in zip(images, acting, strict=True)}):
                more_down, more_mid = adapter.residuals(
                    net, inputs, [control.kind for control in acting], images, [conditioning_scale[index] for index in group]
                )
            if down is None or mid is None:
                down, mid = list(more_down), more_mid
            else:
                down = [a + b for a, b in zip(down, more_down, strict=True)]
                mid = mid + more_mid
        return down, mid


class HintMemory:
    """The embeddings of control images, which are the same in all steps and in all pictures with that image."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[nn.Module, OrderedDict[Any, torch.Tensor]] = WeakKeyDictionary()

    @contextmanager
    def used(self, net: Any, contents: Mapping[int, bytes]) -> Any:
        """While this lasts, the image encoder of a ControlNet answers from memory where it has seen an image.

        ``contents``: what is in the tensors that it will be given, by their ``id``.
        """
        known = self._known.setdefault(net, OrderedDict())
        encoder = net.controlnet_cond_embedding
        inner: Callable[[torch.Tensor], torch.Tensor] = encoder.forward

        def remembering(conditioning: torch.Tensor) -> torch.Tensor:
            content = contents.get(id(conditioning))
            if content is None:
                return inner(conditioning)
            key = content, conditioning.shape, conditioning.dtype
            if key not in known:
                known[key] = inner(conditioning)
                while len(known) > _REMEMBERED:
                    known.popitem(last=False)
            known.move_to_end(key)
            return known[key]

        encoder.forward = remembering
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
