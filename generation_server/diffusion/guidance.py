# SPDX-License-Identifier: GPL-3.0-or-later
"""Guidance rescaled, in any pipeline: diffusers has it in some of them, and in none with ControlNets."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def rescaled(unet: torch.nn.Module, scheduler: Any, factor: float) -> Iterator[None]:
    """While this lasts, what guidance makes of the UNet's predictions keeps the contrast of the one with the prompt (Lin et al.
    2023, "Common diffusion noise schedules and sample steps are flawed", section 3.4): all of it at a ``factor`` of 1."""
    if not factor:
        yield
        return
    last: list[torch.Tensor] = []

    def remember(_unet: Any, _inputs: Any, output: Any) -> None:
        last[:] = [output[0]]

    def step(prediction: torch.Tensor, *arguments: Any, **named: Any) -> Any:
        if last and last[0].shape[0] == 2 * prediction.shape[0]:  # else there was no guidance
            prediction = rescale(prediction, last[0].chunk(2)[1], factor)
        return inner(prediction, *arguments, **named)

    inner = scheduler.step
    # Pipelines look at the signature of step to see whether it takes the random generator: it must stay what it was.
    scheduler.step = functools.wraps(inner)(step)
    handle = unet.register_forward_hook(remember)
    try:
        yield
    finally:
        handle.remove()
        scheduler.step = inner


def rescale(guided: torch.Tensor, prompted: torch.Tensor, factor: float) -> torch.Tensor:
    """``guided`` (N, C, H, W) brought to the deviation of ``prompted``, and mixed with itself by ``factor``."""
    axes = list(range(1, guided.ndim))
    evened = guided * (prompted.std(dim=axes, keepdim=True) / guided.std(dim=axes, keepdim=True))
    return factor * evened + (1 - factor) * guided
