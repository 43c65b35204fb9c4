# SPDX-License-Identifier: GPL-3.0-or-later
"""The loader of the Stable Diffusion XL family: two text encoders, the size as a condition, and any number of ControlNets, each
for one control or a union for several, none included.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import (
    StableDiffusionXLControlNetImg2ImgPipeline,
    StableDiffusionXLControlNetPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
)
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from ..models.catalogue import ResolvedModel
from ..protocol import GenerationRequest
from ..safety import negative_prompt
from .cache import ComponentCache
from .clip_tokenizer import clip_tokenizer, open_clip_tokenizer
from .components import Architecture, load_parts, pipeline_setting
from .memory import Device
from .prompts import PromptEncoder
from .unet_model import Pipelines, UNetModel

ARCHITECTURE = Architecture(
    "sdxl",
    StableDiffusionXLPipeline,
    {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection},
    {"tokenizer": clip_tokenizer, "tokenizer_2": open_clip_tokenizer},
    left_out=("feature_extractor", "image_encoder"),
)


def load(resolved: ResolvedModel, device: Device, cache: ComponentCache) -> StableDiffusionXL:
    """The model without its ControlNets, which are loaded when a picture first needs them."""
    return StableDiffusionXL(resolved, device, cache, load_parts(resolved, ARCHITECTURE, device, cache))


class StableDiffusionXL(UNetModel):
    """Stable Diffusion XL and what was made of it."""

    # A union goes through the pipelines of single ControlNets, so that both kinds can act in one picture.
    pipelines = Pipelines(
        StableDiffusionXLPipeline,
        StableDiffusionXLImg2ImgPipeline,
        StableDiffusionXLControlNetPipeline,
        StableDiffusionXLControlNetImg2ImgPipeline,
    )
    upcasts_vae = True

    def __init__(self, resolved: ResolvedModel, device: Device, cache: ComponentCache, parts: dict[str, Any]) -> None:
        super().__init__(resolved, device, cache, parts)
        skip = resolved.family.clip_skip
        self._prompts = [
            PromptEncoder(parts[f"tokenizer{number}"], parts[f"text_encoder{number}"], skip, final_norm=False)
            for number in ("", "_2")
        ]
        self._zeros_for_empty = pipeline_setting(resolved.place, ARCHITECTURE, "force_zeros_for_empty_prompt", True)

    def _conditions(self, request: GenerationRequest) -> dict[str, Any]:
        prompt, negative = request.prompt, negative_prompt(request)
        pairs = [encoder.encode_pair(prompt, negative) for encoder in self._prompts]
        embedding, negative_embedding = (torch.cat(both, -1) for both in zip(*pairs, strict=True))
        pooled, negative_pooled = self._prompts[1].pooled(prompt), self._prompts[1].pooled(negative)
        if self._zeros_for_empty and not negative.strip():
            negative_embedding, negative_pooled = torch.zeros_like(negative_embedding), torch.zeros_like(negative_pooled)
        size = (request.height, request.width)
        return {
            "prompt_embeds": embedding,
            "negative_prompt_embeds": negative_embedding,
            "pooled_prompt_embeds": pooled,
            "negative_pooled_prompt_embeds": negative_pooled,
            # As if it had been trained on a picture of just this size, whole.
            "original_size": size,
            "target_size": size,
            "crops_coords_top_left": (0, 0),
        }

    def _components(self) -> dict[str, Any]:
        return {**super()._components(), "add_watermarker": False}
