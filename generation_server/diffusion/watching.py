# SPDX-License-Identifier: GPL-3.0-or-later
"""What the person who asked for a picture hears while it is made, and how they stop it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .interface import GenerationCancelled, Progress
from .previews import DenoisedWatch, LatentColours, TinyPreviews

PREVIEW_SECONDS = 0.2
"""The least time between two previews: more would cost time and nobody would see them."""


@dataclass(frozen=True)
class Watcher:
    """The two ways in which a picture in the making talks with who asked for it."""

    report: Callable[[Progress], None]
    cancelled: Callable[[], bool]

    def check(self) -> None:
        if self.cancelled():
            raise GenerationCancelled


class StepReports:
    """A pipeline's ``callback_on_step_end``: reports each step, with a preview now and then, and ends what was cancelled."""

    def __init__(self, scheduler: Any, previews: LatentColours | TinyPreviews, steps: int, watcher: Watcher) -> None:
        self._denoised = DenoisedWatch(scheduler)
        self._order = scheduler.order  # runs of the network a step, each of which a pipeline calls a step
        self._previews = previews
        self._steps = steps
        self._watcher = watcher
        self._last_preview = time.monotonic() - PREVIEW_SECONDS

    def __call__(self, _pipeline: Any, step: int, _timestep: Any, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        self._watcher.check()
        preview = None
        if time.monotonic() - self._last_preview >= PREVIEW_SECONDS:
            best = self._denoised.latents if self._denoised.latents is not None else tensors["latents"]
            preview = self._previews.picture(best)
            self._last_preview = time.monotonic()
        self._watcher.report(Progress("denoising", min(step // self._order + 1, self._steps), self._steps, preview))
        return {}
