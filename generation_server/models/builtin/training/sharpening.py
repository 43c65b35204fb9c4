# SPDX-License-Identifier: GPL-3.0-or-later
"""The last stage: few steps of sampling, and pictures with edges.

What a small network foresees is the mean of what may be there, which is blurred; and with a few large steps of sampling its
own errors come back to it as if they were of the picture, and grow to blots. So UNet, ControlNet, text encoder and decoder go
on together by what comes out of them: a picture foreseen from noise alone, or from noise and what was foreseen before (now
and then a true picture, as where a user's own is painted over), with guidance as users have it. It is compared with the true
picture, and a critic (Goodfellow et al. 2014), which learns beside them to tell true pictures from foreseen ones by their
patches (Isola et al. 2017), sees whether it has the edges and flat colours that pictures have. What its layers see of both is
compared, too (Wang et al. 2018). Its share of the gradient is set by that of the comparison, as in VQGAN (Esser et al. 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_dc import ResBlock
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from ..architecture import SCHEDULER, VAE_FACTOR
from .ema import Ema
from .latents import Batch, LatentPool
from .loop import learning_rate_factor, load_modules
from .net_training import importance
from .prediction import Networks, Predictor
from .recipe import SharpRecipe
from .vae_training import edge_error, to_unit
from .words import CaptionEncoder

_WARM_UP, _DECAY_FROM = 100, 0.6
_CRITIC_HEARD = 200
"""Steps until the critic has its whole say: at first it knows nothing."""
_GUIDED = 0.7
"""Part of the steps with guidance; in the others the networks must be right by themselves, without text as well."""
_HALF = 0.2
"""Part of the steps at half size, as drafts are."""
_FROM_NOISE, _FROM_TRUE = 0.5, 0.15
"""Part of the steps that begin at noise alone, and part of the rest that begin at the true picture with noise, as variations of a
user's picture do."""
_LATER, _THIRD = (0.15, 0.8), 0.4
"""Range of the timesteps (parts of all) of the last step; and part of the steps before which there were two others."""
_STEEP = 60.0
"""How soon the critic takes notice of differences between neighbours: at 1 / 60 of the range from -1 to 1 the logarithm bends."""
_GRAIN = 0.02
"""Deviation of what is laid over all pictures before their differences are taken: what is weaker is not to be chased."""
_ANCHOR = 0.2
"""Weight of the latents' own error: they stay those that the encoder makes."""


class Critic(nn.Module):
    """Tells true pictures from foreseen ones, patch by patch, at full and at half size, beside their control images.

    It is shown, too, how much each pixel differs from its neighbours, in a logarithmic measure: whether areas are flat and edges
    sharp. Without it, 100 steps teach it nothing; with it, it is nearly always right by then.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 128)) -> None:
        super().__init__()
        self.scales = nn.ModuleList(self._scale(widths) for _ in range(2))

    @staticmethod
    def _scale(widths: tuple[int, ...]) -> nn.ModuleList:
        layers: list[nn.Module] = []
        before = 3 + 3 + 3 + 1  # picture, its differences, skeleton, depth
        for number, width in enumerate(widths):
            shrinks = number < len(widths) - 1
            convolution = nn.Conv2d(before, width, 4, 2, 1) if shrinks else nn.Conv2d(before, width, 3, 1, 1)
            layers.append(nn.Sequential(spectral_norm(convolution), nn.LeakyReLU(0.2)))
            before = width
        return nn.ModuleList([*layers, nn.Conv2d(before, 1, 3, 1, 1)])  # free in its scale: few steps must do

    def forward(self, pictures: torch.Tensor, controls: torch.Tensor) -> list[list[torch.Tensor]]:
        """``pictures`` (N, 3, H, W), ``controls`` (N, 4, H, W), both from -1 to 1 → for both sizes what each layer sees; the last
        is a map that is higher where it looks true."""
        seen = []
        for scale, size in zip(self.scales, (1, 2), strict=True):
            picture, beside = (functional.avg_pool2d(image, size) if size > 1 else image for image in (pictures, controls))
            image = torch.cat([picture, _differences(picture), beside], 1)
            layers = []
            for layer in scale:
                image = layer(image)
                layers.append(image)
            seen.append(layers)
        return seen


def _differences(pictures: torch.Tensor) -> torch.Tensor:
    grainy = pictures + _GRAIN * torch.randn_like(pictures[:1])
    means = functional.avg_pool2d(grainy, 3, 1, 1, count_include_pad=False)
    return torch.log1p(_STEEP * (grainy - means).abs()) - 1


class SharpStage:
    """See the module's text."""

    name = "sharp"

    def __init__(
        self,
        networks: Networks,
        vae: Any,
        captions: CaptionEncoder,
        pool: LatentPool,
        recipe: SharpRecipe,
        controls: Mapping[str, float],
        no_text: float,
        seed: int,
        device: torch.device,
    ) -> None:
        from diffusers import DDIMScheduler

        self.steps = recipe.steps
        self._networks = networks
        self._predictor = Predictor(networks, captions, controls, no_text, device)
        self._vae = vae.to(device, memory_format=torch.channels_last).train()
        self._pool = pool
        self._recipe = recipe
        self._seed = seed
        self._device = device
        self._alphas = DDIMScheduler(**SCHEDULER).alphas_cumprod.to(device)
        torch.manual_seed(seed)
        self._critic = Critic().to(device, memory_format=torch.channels_last)
        # What unfolds the latents stays the linear map that it is, as in the decoder's own stage.
        blocks = [p for module in vae.decoder.modules() if isinstance(module, ResBlock) for p in module.parameters()]
        self._parameters = [p for module in networks.modules() for p in module.parameters()] + blocks
        betas = (0.5, 0.99)
        self._optimizer = torch.optim.AdamW(self._parameters, lr=recipe.learning_rate, betas=betas, weight_decay=0.0)
        self._critic_optimizer = torch.optim.AdamW(
            self._critic.parameters(), lr=recipe.critic_rate, betas=betas, weight_decay=0.0
        )
        self.ema = Ema([*networks.modules(), vae.decoder], recipe.ema)

    def step(self, index: int) -> Mapping[str, float]:
        recipe = self._recipe
        random = np.random.default_rng((self._seed, index))
        torch.manual_seed(int(random.integers(2**31)))  # for the grain
        batch = self._pool.batch(random, recipe.batch, int(random.random() < _HALF), pictures=True)
        assert batch.pictures is not None  # it was asked for them
        factor = learning_rate_factor(index, self.steps, _WARM_UP, _DECAY_FROM)
        for optimizer, rate in ((self._optimizer, recipe.learning_rate), (self._critic_optimizer, recipe.critic_rate)):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
        latents = torch.from_numpy(batch.latents).to(self._device)
        weights = importance(batch).to(self._device)
        predicted = self._sampled(batch, latents, random)
        anchor = _ANCHOR * (weights * (predicted - latents).square()).mean()
        window = _Window(latents.shape, recipe.crop // VAE_FACTOR, random)
        true, controls = window.pixels(to_unit(batch.pictures, self._device)), window.pixels(self._controls(batch))
        with self._predictor.autocast():
            decoded = self._vae.decode(window.latents(predicted)).sample
        decoded = decoded.float()
        counts = window.pixels(functional.interpolate(weights, scale_factor=VAE_FACTOR))
        error = (counts * (decoded - true).abs()).mean() + edge_error(decoded, true)
        share = min(1.0, index / _CRITIC_HEARD)
        gradient, _, unlike = self._gradient(decoded, true, error, controls, share)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward([decoded, anchor], [gradient, torch.ones_like(anchor)])
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimizer.step()
        self.ema.update()
        told = self._teach_critic(decoded.detach(), true, controls)
        return {"pixels": error.item(), "latents": anchor.item() / _ANCHOR, "unlike": unlike, "critic": told}

    def _sampled(self, batch: Batch, latents: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
        """What the last of one to three steps of sampling foresees."""
        count, last = len(latents), len(self._alphas) - 1
        noise = torch.from_numpy(random.standard_normal(tuple(latents.shape), np.float32)).to(self._device)
        hints = self._predictor.hints(batch, random)
        guidance = self._recipe.guidance if random.random() < _GUIDED else 1.0
        told = self._predictor.told(batch.captions, random)
        untold = None if guidance == 1.0 else self._predictor.untold(count, random)

        def foreseen(noisy: torch.Tensor, times: np.ndarray) -> torch.Tensor:
            timesteps = torch.from_numpy(times).to(self._device)
            with_text = self._predictor.predicted(noisy, timesteps, told, hints)
            if untold is None:
                return with_text
            with torch.no_grad():
                without = self._predictor.predicted(noisy, timesteps, untold, hints)
            return without + guidance * (with_text - without)

        def renoised(before: torch.Tensor, times: np.ndarray) -> torch.Tensor:
            """As DDIM goes on from there, which began at this noise: exactly for the second step, nearly for a third."""
            alphas = self._alphas[torch.from_numpy(times).to(self._device)][:, None, None, None]
            return alphas.sqrt() * before + (1 - alphas).sqrt() * noise

        begin = np.full(count, last)
        if random.random() < _FROM_NOISE:
            return foreseen(noise, begin)
        times = (random.uniform(*_LATER, count) * last).astype(np.int64)
        before = latents
        if random.random() >= _FROM_TRUE:
            with torch.no_grad():
                before = foreseen(noise, begin)
                if random.random() < _THIRD:
                    between = times + ((last - times) * random.random(count)).astype(np.int64)
                    before = foreseen(renoised(before, between), between)
        return foreseen(renoised(before, times), times)

    def _controls(self, batch: Batch) -> torch.Tensor:
        """(N, 4, H, W): what the critic sees beside the picture, whatever the networks were shown."""
        return torch.cat([to_unit(batch.openpose, self._device), to_unit(batch.depth[..., :1], self._device)], 1)

    def _gradient(
        self, decoded: torch.Tensor, true: torch.Tensor, error: torch.Tensor, controls: torch.Tensor, share: float
    ) -> tuple[torch.Tensor, float, float]:
        """The gradient at the pixels; the critic's doubt; and how unlike the true ones the pictures are to its layers. ``share``:
        how far the critic is to be heard."""
        with self._predictor.autocast():
            with torch.no_grad():
                wanted = self._critic(true, controls)
            seen = self._critic(decoded, controls)
        doubt = -sum(layers[-1].float().mean() for layers in seen) / len(seen)
        pairs = [pair for ours, theirs in zip(seen, wanted, strict=True) for pair in zip(ours[:-1], theirs[:-1], strict=True)]
        unlike = sum((ours.float() - theirs).abs().mean() / theirs.float().abs().mean() for ours, theirs in pairs) / len(pairs)
        (compared,) = torch.autograd.grad(error + share * unlike, decoded, retain_graph=True)
        (doubted,) = torch.autograd.grad(doubt, decoded)
        part = share * self._recipe.adversarial * compared.norm() / (doubted.norm() + 1e-12)
        return compared + part * doubted, doubt.item(), unlike.item()

    def _teach_critic(self, foreseen: torch.Tensor, true: torch.Tensor, controls: torch.Tensor) -> float:
        with self._predictor.autocast():
            seen = self._critic(torch.cat([true, foreseen]), torch.cat([controls, controls]))
        pairs = [layers[-1].float().chunk(2) for layers in seen]
        loss = sum(functional.relu(1 - high).mean() + functional.relu(1 + low).mean() for high, low in pairs) / len(pairs)
        self._critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._critic_optimizer.step()
        return loss.item()

    def state(self) -> dict[str, Any]:
        return {
            "networks": [module.state_dict() for module in (*self._networks.modules(), self._vae, self._critic)],
            "optimizers": [optimizer.state_dict() for optimizer in (self._optimizer, self._critic_optimizer)],
            "ema": self.ema.state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        load_modules((*self._networks.modules(), self._vae, self._critic), state["networks"])
        for optimizer, saved in zip((self._optimizer, self._critic_optimizer), state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.ema.load(state["ema"])


class _Window:
    """A square of each sample, by chance, in latent pixels; smaller where the pictures are."""

    def __init__(self, shape: torch.Size, side: int, random: np.random.Generator) -> None:
        count, _, height, width = shape
        self._height, self._width = min(side, height), min(side, width)
        self._tops = random.integers(height - self._height + 1, size=count)
        self._lefts = random.integers(width - self._width + 1, size=count)

    def latents(self, images: torch.Tensor, unit: int = 1) -> torch.Tensor:
        height, width = self._height * unit, self._width * unit
        rows = [
            image[:, top * unit : top * unit + height, left * unit : left * unit + width]
            for image, top, left in zip(images, self._tops, self._lefts, strict=True)
        ]
        return torch.stack(rows).contiguous(memory_format=torch.channels_last)

    def pixels(self, images: torch.Tensor) -> torch.Tensor:
        return self.latents(images, VAE_FACTOR)
