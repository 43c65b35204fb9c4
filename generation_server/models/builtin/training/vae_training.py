# SPDX-License-Identifier: GPL-3.0-or-later
"""The decoder's training: squares cut out of pictures, to be given back as they were, lines above all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_dc import ResBlock
from torch.nn import functional

from .ema import Ema
from .loop import learning_rate_factor
from .recipe import VaeRecipe

Squares = Callable[[np.random.Generator, int, int], np.ndarray]
"""(random, count, side) → (count, side, side, 3) uint8."""

_WARM_UP = 100
_DECAY_FROM = 0.5
_NOISE = 0.25
"""Largest deviation of what is added to latents, since those of a diffusion model are never quite right."""


class VaeStage:
    """Trains the decoder of an AutoencoderDC on squares; the encoder stays what it is."""

    name = "vae"

    def __init__(self, vae: Any, recipe: VaeRecipe, squares: Squares, seed: int, device: torch.device) -> None:
        self.steps = recipe.steps
        self._vae = vae.to(device, memory_format=torch.channels_last).train()
        self._recipe = recipe
        self._squares = squares
        self._seed = seed
        self._device = device
        # What unfolds the latents stays the linear map: a step that is right for the blocks would throw it off.
        self._parameters = [p for module in vae.decoder.modules() if isinstance(module, ResBlock) for p in module.parameters()]
        self._optimizer = torch.optim.AdamW(self._parameters, lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.ema = Ema([vae.decoder], recipe.ema)

    def step(self, index: int) -> Mapping[str, float]:
        recipe = self._recipe
        random = np.random.default_rng((self._seed, index))
        pixels = to_unit(self._squares(random, recipe.batch, recipe.crop), self._device)
        with torch.no_grad():
            latents = self._vae.encode(pixels).latent
        noise = torch.from_numpy(random.standard_normal(tuple(latents.shape), np.float32)).to(self._device)
        decoded = self._vae.decode(latents + _NOISE * random.random() * noise).sample
        error, edges = (decoded - pixels).abs().mean(), edge_error(decoded, pixels)
        for group in self._optimizer.param_groups:
            group["lr"] = recipe.learning_rate * learning_rate_factor(index, self.steps, _WARM_UP, _DECAY_FROM)
        self._optimizer.zero_grad(set_to_none=True)
        (error + edges).backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimizer.step()
        self.ema.update()
        return {"pixels": error.item(), "edges": edges.item()}

    def state(self) -> dict[str, Any]:
        return {"vae": self._vae.state_dict(), "optimizer": self._optimizer.state_dict(), "ema": self.ema.state()}

    def load(self, state: dict[str, Any]) -> None:
        self._vae.load_state_dict(state["vae"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.ema.load(state["ema"])


def to_unit(pictures: np.ndarray, device: torch.device) -> torch.Tensor:
    """(N, H, W, 3) uint8 → (N, 3, H, W) from -1 to 1, channels last in memory."""
    tensor = torch.from_numpy(np.array(pictures)).to(device).permute(0, 3, 1, 2)
    return tensor.to(torch.float32).div(127.5).sub(1).contiguous(memory_format=torch.channels_last)


def edge_error(decoded: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """Mean error of the differences between neighbours: without it lines and eyes, which are few pixels, come out blurred."""
    across = functional.l1_loss(decoded.diff(dim=3), pixels.diff(dim=3))
    return across + functional.l1_loss(decoded.diff(dim=2), pixels.diff(dim=2))
