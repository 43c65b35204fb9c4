# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of UNet, ControlNet and text encoder, all at once and from nothing, on latents of the pool.

The networks predict v (Salimans & Ho 2022), all timesteps with the same weight. Weights by signal-to-noise ratio, as is usual for
large models, would leave the noisiest timesteps to the end; here the controls decide the picture, and they decide it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ..architecture import SCHEDULER, make_controlnet, make_text_encoder, make_unet
from .ema import Ema
from .latents import Batch, LatentPool
from .loop import learning_rate_factor
from .recipe import NetRecipe, Recipe, TrainingError
from .vae_training import to_unit
from .words import CaptionEncoder

OPENPOSE, DEPTH = "openpose", "depth"
_EMPTY_PROMPTS = ("", "nsfw")
"""What stands for no text: nothing, and the family's default negative prompt, from which guidance leads away."""


@dataclass(frozen=True)
class Networks:
    unet: Any
    controlnet: Any
    text_encoder: Any

    def modules(self) -> tuple[nn.Module, ...]:
        return self.unet, self.controlnet, self.text_encoder


def make_networks(recipe: Recipe, vocabulary: dict[str, int]) -> Networks:
    net, text, channels = recipe.net, recipe.text, recipe.vae.latent_channels
    return Networks(
        make_unet(net.widths, net.attention, channels, text.width),
        make_controlnet(net.widths, channels, net.hint_widths, text.width),
        make_text_encoder(vocabulary, text.width, text.layers, text.heads),
    )


class NetStage:
    """See the module's text."""

    name = "net"

    def __init__(
        self, networks: Networks, captions: CaptionEncoder, pool: LatentPool, recipe: NetRecipe, seed: int, device: torch.device
    ) -> None:
        from diffusers import DDIMScheduler

        self.steps = recipe.steps
        self.networks = networks
        for module in networks.modules():
            module.to(device, memory_format=torch.channels_last).train()
        self._captions = captions
        self._pool = pool
        self._recipe = recipe
        self._seed = seed
        self._device = device
        self._alphas = DDIMScheduler(**SCHEDULER).alphas_cumprod.to(device)
        parameters = [parameter for module in networks.modules() for parameter in module.parameters()]
        self._parameters = parameters
        self._optimizer = torch.optim.AdamW(parameters, lr=recipe.learning_rate, betas=(0.9, 0.99), weight_decay=0.01)
        self.ema = Ema(networks.modules(), recipe.ema)

    def step(self, index: int) -> Mapping[str, float]:
        recipe = self._recipe
        random = np.random.default_rng((self._seed, index))
        begin, end = recipe.half_shares
        half = bool(random.random() < begin + (end - begin) * index / self.steps)
        batch = self._pool.batch(random, recipe.half_batch if half else recipe.full_batch, half)
        loss = self._loss(batch, random)
        factor = learning_rate_factor(index, self.steps, recipe.warm_up, recipe.decay_from)
        for group in self._optimizer.param_groups:
            group["lr"] = recipe.learning_rate * factor
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimizer.step()
        self.ema.update()
        return {"loss": loss.item(), "gradient": float(norm)}

    def _loss(self, batch: Batch, random: np.random.Generator) -> torch.Tensor:
        device = self._device
        latents = torch.from_numpy(batch.latents).to(device, torch.float32)
        count = len(latents)
        noise = torch.from_numpy(random.standard_normal(latents.shape, np.float32)).to(device)
        # One timestep from each of as many equal parts of the range: steadier losses than with chance alone.
        times = (np.arange(count) + random.random(count)) / count * len(self._alphas)
        timesteps = torch.from_numpy(times.astype(np.int64)).to(device)
        alphas = self._alphas[timesteps][:, None, None, None]
        noisy = alphas.sqrt() * latents + (1 - alphas).sqrt() * noise
        target = alphas.sqrt() * noise - (1 - alphas).sqrt() * latents
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            text = self._encoded(batch, random)
            down, mid = self._controlled(batch, noisy, timesteps, text, random)
            predicted = self.networks.unet(
                noisy,
                timesteps,
                text,
                down_block_additional_residuals=down,
                mid_block_additional_residual=mid,
                return_dict=False,
            )[0]
        return (predicted.float() - target).square().mean()

    def _encoded(self, batch: Batch, random: np.random.Generator) -> torch.Tensor:
        rows = []
        for caption in batch.captions:
            if random.random() < self._recipe.no_text:
                rows.append(self._captions.encoded(str(random.choice(_EMPTY_PROMPTS))))
            else:
                rows.append(self._captions.varied(caption, random))
        ids = torch.from_numpy(np.stack(rows)).to(self._device)
        hidden: torch.Tensor = self.networks.text_encoder(ids).last_hidden_state
        return hidden

    def _controlled(
        self, batch: Batch, noisy: torch.Tensor, timesteps: torch.Tensor, text: torch.Tensor, random: np.random.Generator
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """The ControlNet's residuals: of the pose, of depth, the sum of both, or none, as it is drawn for each sample."""
        shares = self._recipe.controls
        choices = random.choice(list(shares), size=len(noisy), p=np.array(list(shares.values())) / sum(shares.values()))
        shown = [(row, kind) for row, choice in enumerate(choices) for kind in (OPENPOSE, DEPTH) if choice in (kind, "both")]
        if not shown:  # the networks all take part in every step, or the optimiser would see some without a gradient
            shown = [(0, OPENPOSE)]
        images = np.stack([batch.openpose[row] if kind == OPENPOSE else batch.depth[row] for row, kind in shown])
        rows = torch.tensor([row for row, _ in shown], device=self._device)
        hints = (to_unit(images, self._device) + 1) / 2  # control images are 0 to 1, pictures -1 to 1
        down, mid = self.networks.controlnet(noisy[rows], timesteps[rows], text[rows], hints, return_dict=False)

        def gathered(residual: torch.Tensor) -> torch.Tensor:
            return residual.new_zeros((len(noisy), *residual.shape[1:])).index_add(0, rows, residual)

        return [gathered(residual) for residual in down], gathered(mid)

    def state(self) -> dict[str, Any]:
        return {
            "networks": [module.state_dict() for module in self.networks.modules()],
            "optimizer": self._optimizer.state_dict(),
            "ema": self.ema.state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        try:
            for module, saved in zip(self.networks.modules(), state["networks"], strict=True):
                module.load_state_dict(saved)
        except RuntimeError as error:
            raise TrainingError("The checkpoint is of networks of other sizes: use another --work folder.") from error
        self._optimizer.load_state_dict(state["optimizer"])
        self.ema.load(state["ema"])
