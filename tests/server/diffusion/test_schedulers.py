# SPDX-License-Identifier: GPL-3.0-or-later
"""Every sampler beside a denoiser that knows the picture: whatever the steps, it must come to that picture from pure noise."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from diffusers import DDIMScheduler  # noqa: E402
from pose_to_anime.generation_server.diffusion.schedulers import SCHEDULERS, make_scheduler  # noqa: E402
from pose_to_anime.generation_server.families.catalogue import families  # noqa: E402
from pose_to_anime.generation_server.families.samplers import SAMPLERS  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import FOLDER  # noqa: E402
from pose_to_anime.generation_server.models.entry import read_entry  # noqa: E402

SD15 = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
ZERO_SNR = {**SD15, "prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
PICTURE = torch.linspace(-1, 1, 64).reshape(1, 1, 8, 8)


def config(settings: dict[str, Any]) -> Any:
    return DDIMScheduler(**settings, set_alpha_to_one=False, clip_sample=False).config


def came_to(sampler: str, steps: int, settings: dict[str, Any], seeds: tuple[int, ...] = (3,)) -> Any:
    """What is left of pure noise, as many pictures as seeds."""
    scheduler = make_scheduler(sampler, config(settings), steps, seeds)
    scheduler.set_timesteps(steps)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    noise = torch.cat([torch.randn(1, 1, 8, 8, generator=generator) for generator in generators])
    latents = noise * scheduler.init_noise_sigma
    known = torch.as_tensor(DDIMScheduler(**settings).alphas_cumprod).double().clamp(min=1e-8)
    log_sigmas = (((1 - known) / known) ** 0.5).log()
    extra = {"generator": generators} if "generator" in inspect.signature(scheduler.step).parameters else {}
    for timestep in scheduler.timesteps:
        at = float(timestep)
        low = min(int(at), 998)
        sigma = torch.lerp(log_sigmas[low], log_sigmas[low + 1], at - low).exp().float()
        signal, spread = 1 / (sigma**2 + 1).sqrt(), sigma / (sigma**2 + 1).sqrt()
        seen = scheduler.scale_model_input(latents, timestep)
        noise_in_it = (seen - signal * PICTURE) / spread
        is_velocity = settings.get("prediction_type") == "v_prediction"
        answer = signal * noise_in_it - spread * PICTURE if is_velocity else noise_in_it
        latents = scheduler.step(answer, timestep, latents, return_dict=False, **extra)[0]
    return latents


@pytest.mark.parametrize("sampler", SCHEDULERS)
@pytest.mark.parametrize("settings", [SD15, ZERO_SNR], ids=["sd15", "zero_snr"])
def test_comes_to_the_picture(sampler: str, settings: dict[str, Any]) -> None:
    for steps in (1, 2, 5, 52):
        found = came_to(sampler, steps, settings)
        assert (found - PICTURE).abs().max() < 0.15, f"{sampler} with {steps} steps"


@pytest.mark.parametrize("sampler", ["euler_a", "dpmpp_sde_karras", "dpmpp_2m_sde_karras", "lcm"])
def test_noise_in_the_steps_is_each_seeds_own(sampler: str) -> None:
    """Halfway, where it is still there: the same for a seed alone and with others."""
    both = came_to(sampler, 5, {**SD15, "prediction_type": "v_prediction"}, (3, 9))
    for index, seed in enumerate((3, 9)):
        assert torch.allclose(
            both[index], came_to(sampler, 5, {**SD15, "prediction_type": "v_prediction"}, (seed,))[0], atol=1e-5
        )


def test_every_family_names_what_there_is() -> None:
    assert SAMPLERS.keys() == SCHEDULERS.keys()
    assert len({sampler.title for sampler in SAMPLERS.values()}) == len(SAMPLERS)
    for sampler in SAMPLERS:
        assert make_scheduler(sampler, config(SD15)).order == SAMPLERS[sampler].evaluations
    for family in families().values():
        few = [preset.sampler for preset in family.few_steps]
        assert {*family.samplers} >= {*few, family.default_sampler, *([family.draft.sampler] if family.draft else [])}
        assert {*family.samplers} <= SAMPLERS.keys()
        assert all("nsfw" in text.split(", ") for text in (family.negative_prompt, *family.negative_presets.values()))
        for preset in family.few_steps:
            entry = read_entry(FOLDER / f"{preset.lora}.toml")
            assert (entry.kind, entry.family) == ("lora", family.name)
            assert family.steps.lowest <= preset.steps <= family.steps.highest
            assert family.guidance_scale.lowest <= preset.guidance_scale <= family.guidance_scale.highest
