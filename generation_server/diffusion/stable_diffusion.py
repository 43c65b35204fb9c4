# SPDX-License-Identifier: GPL-3.0-or-later
"""The loader of the Stable Diffusion 1.x families: text, and a picture to begin with or none, to a picture, with any number of
ControlNets, none included.
"""

from __future__ import annotations

from typing import Any

from diffusers import (
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
)

from ..models.catalogue import ResolvedModel
from .cache import ComponentCache
from .components import load_checkpoint
from .memory import Device
from .prompts import PromptEncoder
from .unet_model import Pipelines, UNetModel


def load(resolved: ResolvedModel, device: Device, cache: ComponentCache) -> StableDiffusion:
    """The model without its ControlNets, which are loaded when a picture first needs them."""
    parts = cache.get(resolved.place, lambda: load_checkpoint(resolved.place, device))
    return StableDiffusion(resolved, device, cache, parts)


class StableDiffusion(UNetModel):
    """Stable Diffusion 1.x, and the built-in model, which has its layout."""

    pipelines = Pipelines(
        StableDiffusionPipeline,
        StableDiffusionImg2ImgPipeline,
        StableDiffusionControlNetPipeline,
        StableDiffusionControlNetImg2ImgPipeline,
    )

    def __init__(self, resolved: ResolvedModel, device: Device, cache: ComponentCache, parts: dict[str, Any]) -> None:
        super().__init__(resolved, device, cache, parts)
        self._prompts = PromptEncoder(parts["tokenizer"], parts["text_encoder"], resolved.family.clip_skip)

    def _text(self, prompt: str, negative_prompt: str) -> dict[str, Any]:
        embedding, negative_embedding = self._prompts.encode_pair(prompt, negative_prompt)
        return {"prompt_embeds": embedding, "negative_prompt_embeds": negative_embedding}

    def _components(self) -> dict[str, Any]:
        return {**super()._components(), "safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
