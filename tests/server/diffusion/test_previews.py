# SPDX-License-Identifier: GPL-3.0-or-later
"""Previews look like the picture; samplers are known by all names that families use."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from diffusers import AutoencoderKL, AutoencoderTiny  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.diffusion.interface import GenerationError  # noqa: E402
from pose_to_anime.generation_server.diffusion.previews import DenoisedWatch, LatentColours, TinyPreviews  # noqa: E402
from pose_to_anime.generation_server.diffusion.schedulers import SCHEDULERS, make_scheduler  # noqa: E402
from pose_to_anime.generation_server.families.catalogue import families  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import GenerationRequest  # noqa: E402
from tiny_models import describe  # noqa: E402

CONFIG = {
    "num_train_timesteps": 1000,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
    "prediction_type": "epsilon",
}


class LinearDecoder:
    """A decoder whose colours are a linear function of the latents, as those of trained ones nearly are."""

    config = SimpleNamespace(latent_channels=4, scaling_factor=0.18215)
    device, dtype = torch.device("cpu"), torch.float32
    matrix = torch.tensor([[0.3, -0.1, 0.0], [0.1, 0.2, -0.2], [-0.2, 0.1, 0.2], [0.0, -0.3, 0.1]])
    offset = torch.tensor([0.1, -0.2, 0.0])

    def decode(self, latents: Any, return_dict: bool) -> Any:
        colours = torch.einsum("nchw,cd->ndhw", latents * self.config.scaling_factor, self.matrix)
        return (torch.nn.functional.interpolate(colours + self.offset[:, None, None], scale_factor=8),)


def test_a_preview_has_the_decoders_colours() -> None:
    decoder = LinearDecoder()
    coarse = torch.randn(1, 4, 24, 40, generator=torch.Generator().manual_seed(42))
    latents = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
    preview = LatentColours(decoder).picture(latents)  # 96 × 160 latent pixels
    assert preview.mode == "RGB" and preview.size == (512, 307)
    truth = torch.einsum("chw,cd->hwd", latents[0], decoder.matrix) + decoder.offset
    expected = (truth / 2 + 0.5).clamp(0, 1) * 255
    seen = torch.from_numpy(np.asarray(preview.resize((160, 96))).astype(np.float32))
    assert (seen - expected).abs().median() < 2


def test_large_latents_stay_within_the_limit(tiny: Path) -> None:
    vae = AutoencoderKL.from_pretrained(tiny / "weights" / "tiny" / "vae").eval()
    assert LatentColours(vae).picture(torch.randn(1, 4, 256, 128)).size == (256, 512)
    assert LatentColours(vae).picture(torch.full((1, 4, 8, 8), float("nan"))).size == (32, 32)  # told elsewhere


def tiny_vae() -> Any:
    torch.manual_seed(3)
    widths, blocks = (8,) * 4, (1,) * 4
    return AutoencoderTiny(
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        num_encoder_blocks=blocks,
        num_decoder_blocks=blocks,
    ).eval()


def test_a_tiny_vae_that_is_slow_here_gives_way() -> None:
    vae, colours = tiny_vae(), LatentColours(LinearDecoder())
    latents = torch.randn(2, 4, 24, 16, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        decoded = vae.decode(latents[:1], return_dict=False)[0][0]
    expected = (decoded / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).numpy() * 255
    quick = TinyPreviews(vae, colours, longest=1e9)
    for _ in range(5):
        assert np.abs(np.asarray(quick.picture(latents)).astype(np.float32) - expected).max() <= 0.51
    assert quick.picture(torch.full((1, 4, 256, 128), float("nan"))).size == (256, 512)
    slow = TinyPreviews(vae, colours, longest=0.0)
    assert [slow.picture(latents).size for _ in range(5)] == [(128, 192)] * 2 + [(64, 96)] * 3


@pytest.mark.parametrize("is_whole", [True, False])
def test_previews_come_of_the_familys_tiny_vae_where_it_is_here(tiny: Path, tmp_path: Path, is_whole: bool) -> None:
    models = tmp_path / "models"
    describe(models, "tiny", title="Tiny", family="sd15", kind="checkpoint", path=tiny / "weights" / "tiny")
    tiny_vae().save_pretrained(models / "taesd")
    if not is_whole:
        (models / "taesd" / "diffusion_pytorch_model.safetensors").write_bytes(b"cut off")
    seen = []
    engine = Engine("cpu", ModelCatalogue(tmp_path))
    engine.generate(GenerationRequest("tiny", "1girl", 256, 256, steps=1), {}, seen.append, lambda: False)
    (preview,) = [progress.preview for progress in seen if progress.preview]
    assert preview.size == ((256, 256) if is_whole else (128, 128))  # without it a latent pixel is four


def test_every_familys_samplers_are_known() -> None:
    for family in families().values():
        assert set(family.samplers) <= set(SCHEDULERS)
        assert family.default_sampler in family.samplers
    with pytest.raises(GenerationError, match="no sampler 'magic': use one of ddim"):
        make_scheduler("magic", CONFIG)


@pytest.mark.parametrize("sampler", SCHEDULERS)
@pytest.mark.parametrize("steps", [1, 2, 25])
def test_a_sampler_finds_the_picture_that_a_perfect_network_points_to(sampler: str, steps: int) -> None:
    """With the true noise as prediction, every scheduler ends at the clean latents, and its watch sees them all along."""
    scheduler = make_scheduler(sampler, CONFIG)
    watch = DenoisedWatch(scheduler)
    scheduler.set_timesteps(steps)
    clean = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(2)
    latents = torch.randn(1, 4, 8, 8, generator=generator) * scheduler.init_noise_sigma
    alphas = 1 - torch.linspace(CONFIG["beta_start"] ** 0.5, CONFIG["beta_end"] ** 0.5, 1000, dtype=torch.float64) ** 2
    cumulative = alphas.cumprod(0)
    options: dict[str, Any] = {"generator": generator} if sampler in ("ddim", "euler_a") else {}
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(latents, t)
        signal = torch.tensor(_at(cumulative, float(t)))
        noise = (scaled - signal.sqrt() * clean) / (1 - signal).sqrt()
        latents = scheduler.step(noise.float(), t, latents, return_dict=False, **options)[0]
        assert watch.latents is not None
        torch.testing.assert_close(watch.latents.float(), clean, atol=0.35, rtol=0.1)
    torch.testing.assert_close(latents.float(), clean, atol=0.15, rtol=0.1)


def _at(values: Any, position: float) -> float:
    """``values`` between whole positions."""
    low = int(position)
    high = min(low + 1, len(values) - 1)
    return float(values[low] + (values[high] - values[low]) * (position - low))
