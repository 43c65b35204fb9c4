# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of UNet, ControlNet and text encoder, all at once, on latents of the pool.

First what words and pose decide: pictures are foreseen from noise alone, in small copies, of which many can be seen in little
time. With only some steps of that kind a small network learns to read colours from what noise leaves of the picture, and grey
figures come of it where nothing is left. Then all timesteps, and larger pictures more and more often.

The networks predict the picture's latents. Errors count by the share of noise, as those of v would (Salimans & Ho 2022), up to a
limit: the noisiest timesteps, at which the controls decide the picture, keep their weight beside those where lines get sharp.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from ..architecture import SCHEDULER, make_controlnet, make_text_encoder, make_unet
from .ema import Ema
from .latents import Batch, LatentPool
from .loop import learning_rate_factor, load_modules
from .neighbours import look_back
from .prediction import Networks, Predictor
from .recipe import NetRecipe, Recipe
from .words import CaptionEncoder

_MOST_WEIGHT = 5.0
_FIGURE = 3.0
"""How much more an error counts at a figure than beside it: most of a picture is background, which is learned first anyway."""
_CHECK_EVERY = 100
_MOSTLY_WORDS, _SMALLEST, _WORDS_ALONE = 0.8, 0.75, 0.03
"""While words are learned: part of the steps that are for them alone, so that nothing else is forgotten; part of those that
are at a quarter of the size; and part of the timesteps, the noisiest, at which nothing of the picture is there to copy from."""
_FROM_NOISE, _NOISE_ALONE = 0.25, 0.12
"""Part of all samples that are of the noisiest timesteps, and which part of all timesteps these are."""


def make_networks(recipe: Recipe, vocabulary: dict[str, int]) -> Networks:
    net, text, channels = recipe.net, recipe.text, recipe.vae.latent_channels
    controlnet = make_controlnet(net.widths, channels, net.hint_widths, text.width)
    _open(controlnet)
    encoder = make_text_encoder(vocabulary, text.width, text.layers, text.heads)
    look_back(encoder)
    return Networks(
        make_unet(net.widths, net.attention, channels, text.width),
        controlnet,
        encoder,
    )


def _times(parts: np.ndarray) -> np.ndarray:
    """Timesteps from 0 to 1 for numbers that are spread evenly from 0 to 1, one for each of as many parts of the range: steadier
    losses than with chance alone. The noisier, the more often, and many from noise alone: there pose and words decide, and words
    are what is learned last."""
    early = parts < 1.0 - _FROM_NOISE
    return np.where(early, np.sqrt(parts / (1.0 - _FROM_NOISE)), 1.0 - (1.0 - parts) / _FROM_NOISE * _NOISE_ALONE)


def importance(batch: Batch) -> torch.Tensor:
    """How much errors count at each place (N, 1, h, w): more at figures, hair and skirts a little beside their bodies' depth
    included. The mean is 1."""
    body = torch.from_numpy((batch.depth[..., 0] > 0).astype(np.float32))[:, None]
    figure = nn.functional.max_pool2d(nn.functional.adaptive_max_pool2d(body, batch.latents.shape[2:]), 3, 1, 1)
    weights = 1.0 + (_FIGURE - 1.0) * figure
    return weights / weights.mean()


def _open(controlnet: Any) -> None:
    """A ControlNet begins with convolutions of zeros, so as not to disturb a trained UNet. Ours learns with its UNet, and
    both learn sooner when something passes from the beginning."""
    for convolution in (*controlnet.controlnet_down_blocks, controlnet.controlnet_mid_block):
        nn.init.xavier_uniform_(convolution.weight, gain=0.3)
    nn.init.xavier_uniform_(controlnet.controlnet_cond_embedding.conv_out.weight)


class NetStage:
    """See the module's text."""

    name = "net"

    def __init__(
        self,
        networks: Networks,
        captions: CaptionEncoder,
        pool: LatentPool,
        held_out: Batch,
        recipe: NetRecipe,
        seed: int,
        device: torch.device,
    ) -> None:
        from diffusers import DDIMScheduler

        self.steps = recipe.steps
        self.networks = networks
        self._predictor = Predictor(networks, captions, recipe.controls, recipe.no_text, device)
        self._pool = pool
        self._held_out = held_out
        self._held_out_loss = self._unforeseen = 0.0
        self._recipe = recipe
        self._seed = seed
        self._device = device
        self._alphas = DDIMScheduler(**SCHEDULER).alphas_cumprod.to(device)
        spread = torch.from_numpy(held_out.latents).var((0, 2, 3)).to(device)
        self._visible = (spread / spread.mean())[:, None, None]
        parameters = [parameter for module in networks.modules() for parameter in module.parameters()]
        self._parameters = parameters
        self._optimizer = torch.optim.AdamW(parameters, lr=recipe.learning_rate, betas=(0.9, 0.99), weight_decay=0.01)
        self.ema = Ema(networks.modules(), recipe.ema)

    def step(self, index: int) -> Mapping[str, float]:
        recipe = self._recipe
        random = np.random.default_rng((self._seed, index))
        halvings, times = self._kind_of_step(index, random)
        batch = self._pool.batch(random, recipe.batches[halvings], halvings)
        loss = self._loss(batch, random, times)
        factor = learning_rate_factor(index, self.steps, recipe.warm_up, recipe.decay_from)
        for group in self._optimizer.param_groups:
            group["lr"] = recipe.learning_rate * factor
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimizer.step()
        self.ema.update()
        if index % _CHECK_EVERY == 0:
            self._held_out_loss, self._unforeseen = self._checked()
        return {
            "loss": loss.item(), "held_out": self._held_out_loss, "unforeseen": self._unforeseen, "gradient": float(norm),
        }  # fmt: skip

    def _kind_of_step(self, index: int, random: np.random.Generator) -> tuple[int, np.ndarray | None]:
        """How many times its pictures are halved, and its timesteps, unless they are all kinds."""
        recipe = self._recipe
        if index < recipe.words_until * self.steps and random.random() < _MOSTLY_WORDS:
            halvings = 2 if random.random() < _SMALLEST else 1
            return halvings, len(self._alphas) * (1.0 - _WORDS_ALONE * random.random(recipe.batches[halvings]))
        begin, end = recipe.half_shares
        return int(random.random() < begin + (end - begin) * index / self.steps), None

    @torch.no_grad()
    def _checked(self) -> tuple[float, float]:
        """The mean weights' loss on samples that are never trained on, with the same noise each time; and of what such pictures
        differ in, the part that is not foreseen from noise, control images and words alone."""
        self.ema.swap()
        loss = self._loss(self._held_out, np.random.default_rng(self._seed)).item()
        last = np.full(len(self._held_out.latents), len(self._alphas) - 1)
        noisy = self._loss(self._held_out, np.random.default_rng(self._seed), last).item()
        self.ema.swap()
        latents = torch.from_numpy(self._held_out.latents).to(self._device)
        differs = self._visible * (latents - latents.mean((0, 2, 3), keepdim=True)).square()
        return loss, noisy / (importance(self._held_out).to(self._device) * differs).mean().item()

    def _loss(self, batch: Batch, random: np.random.Generator, times: np.ndarray | None = None) -> torch.Tensor:
        device = self._device
        latents = torch.from_numpy(batch.latents).to(device, torch.float32)
        count = len(latents)
        noise = torch.from_numpy(random.standard_normal(latents.shape, np.float32)).to(device)
        if times is None:
            times = _times((np.arange(count) + random.random(count)) / count) * len(self._alphas)
        timesteps = torch.from_numpy(times.astype(np.int64).clip(max=len(self._alphas) - 1)).to(device)
        alphas = self._alphas[timesteps][:, None, None, None]
        noisy = alphas.sqrt() * latents + (1 - alphas).sqrt() * noise
        # Where little of the picture is left, errors count by what one sees of them: large areas and their colours, which words
        # decide. Lines, which nobody could foresee there, would only drown that.
        weights = (1 / (1 - alphas)).clamp_max(_MOST_WEIGHT) * (alphas + (1 - alphas) * self._visible)
        weights = weights * importance(batch).to(device)
        hints, text = self._predictor.hints(batch, random), self._predictor.told(batch.captions, random)
        predicted = self._predictor.predicted(noisy, timesteps, text, hints)
        return (weights * (predicted - latents).square()).mean()

    def state(self) -> dict[str, Any]:
        return {
            "networks": [module.state_dict() for module in self.networks.modules()],
            "optimizer": self._optimizer.state_dict(),
            "ema": self.ema.state(),
            "held_out": (self._held_out_loss, self._unforeseen),
        }

    def load(self, state: dict[str, Any]) -> None:
        load_modules(self.networks.modules(), state["networks"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.ema.load(state["ema"])
        self._held_out_loss, self._unforeseen = state["held_out"]
