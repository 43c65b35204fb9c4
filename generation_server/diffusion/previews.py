# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures of what is being denoised, cheap enough for every step.

A latent pixel's colour is nearly a linear function of its channels. The function is fitted to each model's own decoder once, so
that it holds for any of them and no table of constants is needed. Where a tiny VAE of the family is here and is quick on this
device, previews are its pictures instead, which are sharp.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image

LONGEST_SIDE = 512
_ENLARGE = 4  # a latent pixel is 8 × 8 of the picture's; half of that is as much as the colours carry
_SAMPLE_SIZE = 32  # latent pixels on a side of what the fit decodes
_COARSE = 4  # latent pixels: the size of its forms, since a decoder sees neighbours and real latents are smooth
_GRAIN = 0.3  # and of the noise over them, since no latents are quite smooth

LONGEST_DECODING = 0.03
"""Seconds that a preview may take: on a GPU a tiny VAE needs a few milliseconds, on a processor more than a step of its own."""
_PATIENCE = 2  # slow ones in a row: the first also has to wake the device


class LatentColours:
    """The linear function from a model's latents to RGB, fitted when first used."""

    def __init__(self, vae: Any, decode: Callable[[torch.Tensor], torch.Tensor] | None = None) -> None:
        """``decode``: latents in the UNet's scale to pixels from -1 to 1, where the plain way is not safe for this VAE."""
        self._vae = vae
        self._decode = decode or (lambda latents: vae.decode(latents / vae.config.scaling_factor, return_dict=False)[0])
        self._matrix: torch.Tensor | None = None

    @torch.inference_mode()
    def picture(self, latents: torch.Tensor) -> Image.Image:
        """The first of ``latents`` (N, C, H, W), in the UNet's scale, as a small RGB picture."""
        if self._matrix is None:
            self._matrix = self._fit()
        sample = latents[0].to(self._matrix)
        colours = torch.einsum("chw,cd->hwd", sample, self._matrix[:-1]) + self._matrix[-1]
        pixels = (colours / 2 + 0.5).nan_to_num().clamp(0, 1).mul(255).round().byte().cpu().numpy()
        image = Image.fromarray(pixels, "RGB")
        factor = min(_ENLARGE, LONGEST_SIDE / max(image.size))
        return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)

    def _fit(self) -> torch.Tensor:
        """(C + 1, 3): least squares between random latents and what the decoder makes of them, averaged per latent pixel."""
        vae = self._vae
        channels, count = vae.config.latent_channels, _SAMPLE_SIZE // _COARSE
        generator = torch.Generator().manual_seed(0)
        forms = torch.randn(1, channels, count, count, generator=generator)
        grain = torch.randn(1, channels, _SAMPLE_SIZE, _SAMPLE_SIZE, generator=generator)
        smooth = torch.nn.functional.interpolate(forms, scale_factor=_COARSE, mode="bilinear")
        latents = smooth / smooth.std() + _GRAIN * grain
        decoded = self._decode(latents.to(vae.device, vae.dtype))
        colours = torch.nn.functional.adaptive_avg_pool2d(decoded.float().cpu(), _SAMPLE_SIZE)
        known = torch.cat([latents, torch.ones_like(latents[:, :1])], 1).flatten(2)[0].T
        return torch.linalg.lstsq(known, colours.flatten(2)[0].T).solution


class TinyPreviews:
    """Pictures of a tiny VAE, whose latents are the UNet's, as long as each is quick; then those of ``colours``."""

    def __init__(self, vae: Any, colours: LatentColours, longest: float = LONGEST_DECODING) -> None:
        """``vae``: a diffusers AutoencoderTiny. ``longest``: seconds."""
        self._vae = vae
        self._colours = colours
        self._longest = longest
        self._slow = 0

    @torch.inference_mode()
    def picture(self, latents: torch.Tensor) -> Image.Image:
        """As ``LatentColours.picture``."""
        if self._slow >= _PATIENCE:
            return self._colours.picture(latents)
        begun = time.monotonic()
        sample = latents[:1].to(self._vae.device, self._vae.dtype)
        if (factor := LONGEST_SIDE / 8 / max(sample.shape[-2:])) < 1:  # before, not after: it bounds time and memory
            sample = torch.nn.functional.interpolate(sample, scale_factor=factor, mode="area")
        decoded = self._vae.decode(sample, return_dict=False)[0][0]
        pixels = (decoded.float() / 2 + 0.5).nan_to_num().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
        self._slow = self._slow + 1 if time.monotonic() - begun > self._longest else 0
        return Image.fromarray(pixels, "RGB")


class DenoisedWatch:
    """Keeps what a scheduler takes the clean latents to be after each step: they make a clearer preview than the noisy ones."""

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        self._inner = scheduler.step
        self.latents: torch.Tensor | None = None
        # Pipelines look at the signature of step to see whether it takes the random generator: it must stay what it was.
        scheduler.step = functools.wraps(self._inner)(lambda *arguments, **named: self._step(*arguments, **named))

    def _step(self, *args: Any, **kwargs: Any) -> Any:
        result = self._inner(*args, **kwargs)
        if isinstance(result, tuple) and len(result) > 1:
            self.latents = result[1]
        elif getattr(self._scheduler, "model_outputs", None):  # multistep solvers keep their history of predictions
            self.latents = self._scheduler.model_outputs[-1]
        return result
