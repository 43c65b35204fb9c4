# SPDX-License-Identifier: GPL-3.0-or-later
"""DPM++ SDE with noise that a seed decides, whatever the device and whichever pictures are made together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import DPMSolverSDEScheduler
from diffusers.schedulers.scheduling_dpmsolver_sde import BrownianTreeNoiseSampler


class SeededSdeScheduler(DPMSolverSDEScheduler):
    """diffusers' scheduler takes its noise from a Brownian path of torch's global seed, on the device; here each picture has a
    path of its own seed, on the CPU."""

    seeds: Sequence[int] = (0,)
    noise_sampler: Any

    def step(self, model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, return_dict: bool = True) -> Any:
        if self.noise_sampler is None:
            low, high = float(self.sigmas[self.sigmas > 0].min()), float(self.sigmas.max())
            paths = BrownianTreeNoiseSampler(sample.float().cpu(), low, high, list(self.seeds))
            self.noise_sampler = lambda start, end: paths(start.cpu(), end.cpu()).to(sample)
        return super().step(model_output, timestep, sample, return_dict)
