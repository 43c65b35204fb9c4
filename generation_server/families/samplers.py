# SPDX-License-Identifier: GPL-3.0-or-later
"""Samplers as artists know them: by the names of A1111, which Civitai and most front ends share. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sampler:
    """How a sampler is called, and what it costs."""

    name: str  # A1111's ``Sampler``
    schedule: str = ""  # and its ``Schedule type``
    evaluations: int = 1  # runs of the network a step

    @property
    def title(self) -> str:
        return f"{self.name} {self.schedule}".rstrip()


SAMPLERS: Mapping[str, Sampler] = {
    "euler_a": Sampler("Euler a"),
    "euler": Sampler("Euler"),
    "euler_sgm_uniform": Sampler("Euler", "SGM Uniform"),
    "dpmpp_2m": Sampler("DPM++ 2M"),
    "dpmpp_2m_karras": Sampler("DPM++ 2M", "Karras"),
    "dpmpp_sde": Sampler("DPM++ SDE", evaluations=2),
    "dpmpp_sde_karras": Sampler("DPM++ SDE", "Karras", evaluations=2),
    "dpmpp_2m_sde": Sampler("DPM++ 2M SDE"),
    "dpmpp_2m_sde_karras": Sampler("DPM++ 2M SDE", "Karras"),
    "unipc": Sampler("UniPC"),
    "ddim": Sampler("DDIM"),
    "heun": Sampler("Heun", evaluations=2),
    "lms": Sampler("LMS"),
    "lms_karras": Sampler("LMS", "Karras"),
    "dpm2": Sampler("DPM2", evaluations=2),
    "lcm": Sampler("LCM"),
}
"""By the names that requests and the families' files use. ``diffusion/schedulers.py`` has what they are."""
