# SPDX-License-Identifier: GPL-3.0-or-later
"""Samplers by the names that the family files use, as diffusers schedulers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import diffusers
import torch

from .interface import GenerationError
from .sde_scheduler import SeededSdeScheduler

# k-diffusion, whose pictures artists know these samplers by, spreads its steps evenly from the noisiest to the cleanest timestep;
# diffusers' default for SD 1.5 ("leading") starts below the noisiest.
_EVEN = {"timestep_spacing": "linspace"}
_KARRAS = {"use_karras_sigmas": True}
_DPMPP = {**_EVEN, "algorithm_type": "dpmsolver++", "use_karras_sigmas": False}
_DPMPP_SDE = {**_DPMPP, "algorithm_type": "sde-dpmsolver++"}

SCHEDULERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    # DDIM steps by whole strides, so its even spread is the one that ends at the noisiest timestep.
    "ddim": (
        "DDIMScheduler",
        {"timestep_spacing": "trailing", "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1},
    ),
    "euler": ("EulerDiscreteScheduler", _EVEN),
    "euler_a": ("EulerAncestralDiscreteScheduler", _EVEN),
    # Stability's own code and the LoRAs for few steps begin at the noisiest timestep and leave out the cleanest.
    "euler_sgm_uniform": ("EulerDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "heun": ("HeunDiscreteScheduler", _EVEN),
    "lms": ("LMSDiscreteScheduler", _EVEN),
    "lms_karras": ("LMSDiscreteScheduler", {**_EVEN, **_KARRAS}),
    "dpm2": ("KDPM2DiscreteScheduler", _EVEN),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", _DPMPP),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", {**_DPMPP, **_KARRAS}),
    "dpmpp_2m_sde": ("DPMSolverMultistepScheduler", _DPMPP_SDE),
    "dpmpp_2m_sde_karras": ("DPMSolverMultistepScheduler", {**_DPMPP_SDE, **_KARRAS}),
    "dpmpp_sde": ("SeededSdeScheduler", _EVEN),
    "dpmpp_sde_karras": ("SeededSdeScheduler", {**_EVEN, **_KARRAS}),
    "unipc": ("UniPCMultistepScheduler", _EVEN),
    # The steps that consistency models were distilled for, of 50; it picks from them by itself.
    "lcm": ("LCMScheduler", {"clip_sample": False}),
}
"""Sampler name to diffusers class and what it changes in the model's own scheduler configuration."""

_LCM_STEPS = 50
_CLEANEST = 2**-24
"""What is left of the picture in the last timestep of a schedule that should leave nothing: with nothing, k-diffusion's samplers
would divide by zero. diffusers' Euler takes the same."""


def make_scheduler(sampler: str, config: Mapping[str, Any], steps: int = 1, seeds: Sequence[int] = (0,)) -> Any:
    """A fresh scheduler for a model whose scheduler configuration is ``config``: they keep state, so each batch gets one.

    ``steps`` and ``seeds`` are those of the batch, for samplers that must know them beforehand.
    """
    try:
        name, changes = SCHEDULERS[sampler]
    except KeyError:
        raise GenerationError(f"There is no sampler '{sampler}': use one of {', '.join(SCHEDULERS)}.") from None
    kind = SeededSdeScheduler if name == SeededSdeScheduler.__name__ else getattr(diffusers, name)
    settings = dict(changes)
    takes = inspect.signature(kind.__init__).parameters
    if config.get("rescale_betas_zero_snr") and "rescale_betas_zero_snr" not in takes:
        settings["trained_betas"] = _zero_snr_betas(kind.from_config(dict(config)).betas)
    if "original_inference_steps" in takes and steps > _LCM_STEPS:
        settings["original_inference_steps"] = steps
    # Not merged with the configuration: diffusers leaves out what that notes as its own class's default.
    scheduler = kind.from_config(dict(config), **settings)
    if isinstance(scheduler, SeededSdeScheduler):
        scheduler.seeds = seeds
    _begin_at_the_first(scheduler)
    return scheduler


def _begin_at_the_first(scheduler: Any) -> None:
    """Some schedules have the noisiest timestep twice, rounded; diffusers would look it up, begin at the second, and end beyond
    the last. Pipelines that begin later say so themselves."""
    inner = scheduler.set_timesteps

    @functools.wraps(inner)
    def set_timesteps(*arguments: Any, **named: Any) -> None:
        inner(*arguments, **named)
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(0)

    scheduler.set_timesteps = set_timesteps


def _zero_snr_betas(betas: torch.Tensor) -> list[float]:
    """A noise schedule stretched so that its last timestep has nothing of the picture (Lin et al. 2023, algorithm 1)."""
    roots = (1.0 - betas.double()).cumprod(0).sqrt()
    roots = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    products = roots**2
    products[-1] = _CLEANEST
    alphas = torch.cat([products[:1], products[1:] / products[:-1]])
    found: list[float] = (1.0 - alphas).tolist()
    return found
