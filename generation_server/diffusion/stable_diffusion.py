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
from transformers import CLIPTextModel

from ..models.catalogue import ResolvedModel
from ..protocol import GenerationRequest
from ..safety import negative_prompt
from .cache import ComponentCache
from .clip_tokenizer import clip_tokenizer
from .components import Architecture, load_parts
from .memory import Device
from .prompts import PromptEncoder
from .unet_model import Pipelines, UNetModel

ARCHITECTURE = Architecture(
    "sd15",
    StableDiffusionPipeline,
    {"text_encoder": CLIPTextModel},
    {"tokenizer": clip_tokenizer},
    left_out=("safety_checker", "feature_extractor", "requires_safety_checker"),
)


def load(resolved: ResolvedModel, device: Device, cache: ComponentCache) -> StableDiffusion:
    """The model without its ControlNets, which are loaded when a picture first needs them."""
    return StableDiffusion(resolved, device, cache, load_parts(resolved, ARCHITECTURE, device, cache))


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

    def _conditions(self, request: GenerationRequest) -> dict[str, Any]:
        embedding, negative_embedding = self._prompts.encode_pair(request.prompt, negative_prompt(request))
        return {"prompt_embeds": embedding, "negative_prompt_embeds": negative_embedding}

    def _components(self) -> dict[str, Any]:
        return {**super()._components(), **dict.fromkeys(ARCHITECTURE.left_out)}
