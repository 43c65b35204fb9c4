# SPDX-License-Identifier: GPL-3.0-or-later
"""What the networks foresee of a batch: its captions told, its control images shown, as they are drawn for each sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from .latents import Batch
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


@dataclass(frozen=True, eq=False)
class Hints:
    """Control images (M, 3, H, W) from 0 to 1, and for which of the batch's rows (M,) each is."""

    images: torch.Tensor
    rows: torch.Tensor


class Predictor:
    """The networks on a device, in bfloat16 where that is fast."""

    def __init__(
        self,
        networks: Networks,
        captions: CaptionEncoder,
        controls: Mapping[str, float],
        no_text: float,
        device: torch.device,
    ) -> None:
        """``controls``: none, openpose, depth, both → share of the samples that see these. ``no_text``: of those without text."""
        self.networks = networks
        self.device = device
        self._bfloat16 = device.type == "cuda" or torch.cpu.get_capabilities().get("avx512_bf16", False)
        self._captions = captions
        self._controls = controls
        self._no_text = no_text
        for module in networks.modules():
            module.to(device, memory_format=torch.channels_last).train()

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16)

    def told(self, captions: Sequence[str], random: np.random.Generator) -> torch.Tensor:
        """The text encoder's output (N, tokens, width) for captions in other words and orders, or for no text."""
        return self._encoded(
            [
                self._empty(random) if random.random() < self._no_text else self._captions.varied(caption, random)
                for caption in captions
            ]
        )

    def untold(self, count: int, random: np.random.Generator) -> torch.Tensor:
        """The same for ``count`` samples without text."""
        return self._encoded([self._empty(random) for _ in range(count)])

    def _empty(self, random: np.random.Generator) -> np.ndarray:
        return self._captions.encoded(str(random.choice(_EMPTY_PROMPTS)))

    def _encoded(self, rows: Sequence[np.ndarray]) -> torch.Tensor:
        with self.autocast():
            hidden: torch.Tensor = self.networks.text_encoder(torch.from_numpy(np.stack(rows)).to(self.device)).last_hidden_state
        return hidden

    def hints(self, batch: Batch, random: np.random.Generator) -> Hints:
        """Of the pose, of depth, of both, or none, as it is drawn for each sample."""
        shares = np.array(list(self._controls.values()))
        choices = random.choice(list(self._controls), size=len(batch.captions), p=shares / shares.sum())
        shown = [(row, kind) for row, choice in enumerate(choices) for kind in (OPENPOSE, DEPTH) if choice in (kind, "both")]
        if not shown:  # the networks all take part in every step, or the optimiser would see some without a gradient
            shown = [(0, OPENPOSE)]
        images = np.stack([batch.openpose[row] if kind == OPENPOSE else batch.depth[row] for row, kind in shown])
        unit = (to_unit(images, self.device) + 1) / 2  # control images are 0 to 1, pictures -1 to 1
        return Hints(unit, torch.tensor([row for row, _ in shown], device=self.device))

    def predicted(self, noisy: torch.Tensor, timesteps: torch.Tensor, text: torch.Tensor, hints: Hints) -> torch.Tensor:
        """The picture's latents (N, channels, h, w) float32. Where a row has several control images their effects add up."""
        rows = hints.rows
        with self.autocast():
            down, mid = self.networks.controlnet(noisy[rows], timesteps[rows], text[rows], hints.images, return_dict=False)

            def gathered(residual: torch.Tensor) -> torch.Tensor:
                return residual.new_zeros((len(noisy), *residual.shape[1:])).index_add(0, rows, residual)

            latents: torch.Tensor = self.networks.unet(
                noisy,
                timesteps,
                text,
                down_block_additional_residuals=[gathered(residual) for residual in down],
                mid_block_additional_residual=gathered(mid),
                return_dict=False,
            )[0]
        return latents.float()
