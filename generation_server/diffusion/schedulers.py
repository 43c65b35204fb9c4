# SPDX-License-Identifier: GPL-3.0-or-later
"""Samplers by the names that the family files use, as diffusers schedulers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import diffusers

from .interface import GenerationError

# k-diffusion, whose pictures artists know these samplers by, spreads its steps evenly from the noisiest to the cleanest timestep;
# diffusers' default for SD 1.5 ("leading") starts below the noisiest.
_EVEN = {"timestep_spacing": "linspace"}

SCHEDULERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    # DDIM steps by whole strides, so its even spread is the one that ends at the noisiest timestep.
    "ddim": (
        "DDIMScheduler",
        {"timestep_spacing": "trailing", "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1},
    ),
    "euler": ("EulerDiscreteScheduler", _EVEN),
    "euler_a": ("EulerAncestralDiscreteScheduler", _EVEN),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {**_EVEN, "algorithm_type": "dpmsolver++", "use_karras_sigmas": False}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", {**_EVEN, "algorithm_type": "dpmsolver++", "use_karras_sigmas": True}),
    "unipc": ("UniPCMultistepScheduler", _EVEN),
}
"""Sampler name to diffusers class and what it changes in the model's own scheduler configuration."""


def make_scheduler(sampler: str, config: Mapping[str, Any]) -> Any:
    """A fresh scheduler for a model whose scheduler configuration is ``config``: they keep state, so each picture gets one."""
    try:
        name, changes = SCHEDULERS[sampler]
    except KeyError:
        raise GenerationError(f"There is no sampler '{sampler}': use one of {', '.join(SCHEDULERS)}.") from None
    return getattr(diffusers, name).from_config(dict(config), **changes)
