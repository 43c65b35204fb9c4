# SPDX-License-Identifier: GPL-3.0-or-later
"""A request for several pictures as what an engine makes of it, one batch after the other, and how far all of them are together.

Imports no torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from .diffusion.interface import Progress
from .drawn_prompt import Wildcards, drawn
from .protocol import GenerationRequest


def pictures_of(request: GenerationRequest, wildcards: Wildcards) -> list[GenerationRequest]:
    """The request of each picture alone, in the order of the results. Raises PromptError."""
    return [drawn(request, index, wildcards) for index in range(request.pictures)]


def batches(pictures: list[GenerationRequest], largest: int) -> list[GenerationRequest]:
    """What an engine is asked for: neighbours that differ in the seed alone go together, at most ``largest`` at once.

    Those for which other words or LoRAs were drawn cannot: so each picture is what it would be alone.
    """
    found: list[GenerationRequest] = []
    for picture in pictures:
        last = found[-1] if found else None
        if last is not None and last.batch_size < largest and dataclasses.replace(picture, seed=last.seed) == _alone(last):
            found[-1] = dataclasses.replace(last, batch_size=last.batch_size + 1)
        else:
            found.append(picture)
    return found


def _alone(batch: GenerationRequest) -> GenerationRequest:
    return dataclasses.replace(batch, batch_size=1)


class BatchProgress:
    """Tells several batches as one: loading first, then the denoising steps of all, then the decoding of the last."""

    def __init__(self, report: Callable[[Progress], None], batches: int) -> None:
        self._report = report
        self._batches = batches
        self._index = 0
        self._steps = 0  # of one batch

    def begin(self, index: int) -> None:
        """The batch of this index is made from now on."""
        self._index = index

    def __call__(self, progress: Progress) -> None:
        self._steps = progress.steps or self._steps
        step, steps, phase = progress.step, progress.steps, progress.phase
        is_between = (self._index > 0 and not steps) or (phase == "decoding" and self._index < self._batches - 1)
        if is_between:  # of two batches: it counts as denoising, so that what is left can be told
            phase, steps = "denoising", self._steps
        if steps:
            step, steps = self._index * self._steps + step, self._batches * self._steps
        self._report(dataclasses.replace(progress, phase=phase, step=step, steps=steps))
