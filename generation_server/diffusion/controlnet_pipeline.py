# SPDX-License-Identifier: GPL-3.0-or-later
"""The loader of the Stable Diffusion 1.x families: text, and a picture to begin with or none, to a picture, with any number of
ControlNets, none included.

A loader is a module with ``load(resolved, device, cache)`` that returns a ``LoadedModel``; the engine finds it by the name that
the family's TOML gives.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
)
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

from ..models.catalogue import ResolvedModel
from ..protocol import GenerationRequest
from ..safety import negative_prompt
from .cache import ComponentCache
from .components import load_checkpoint, load_controlnet
from .controlnets import WindowedControlNets, interruptible
from .interface import GenerationCancelled, GenerationError, Progress
from .memory import Device
from .previews import DenoisedWatch, LatentColours
from .prompts import PromptEncoder, unknown_words
from .schedulers import make_scheduler

PREVIEW_SECONDS = 0.2
"""The least time between two previews: more would cost time and nobody would see them."""
_TILED_FROM = 1024 * 1024
"""Pixels from which the decoder works in tiles where memory is a GPU's: whole, it would need more than the denoising."""


@dataclass(frozen=True)
class ActiveControl:
    """A control that acts in at least one step, with its image, RGB, of the request's size."""

    kind: str
    image: Image.Image
    strength: float
    start: float
    end: float


@dataclass(frozen=True)
class Watcher:
    """The two ways in which a picture in the making talks with who asked for it."""

    report: Callable[[Progress], None]
    cancelled: Callable[[], bool]

    def check(self) -> None:
        if self.cancelled():
            raise GenerationCancelled


def load(resolved: ResolvedModel, device: Device, cache: ComponentCache) -> LoadedModel:
    """The model without its ControlNets, which are loaded when a picture first needs them."""
    parts = cache.get(resolved.place, lambda: load_checkpoint(resolved.place, device))
    return LoadedModel(resolved, device, cache, parts)


class LoadedModel:
    """One checkpoint on one device."""

    def __init__(self, resolved: ResolvedModel, device: Device, cache: ComponentCache, parts: dict[str, Any]) -> None:
        self._resolved = resolved
        self._device = device
        self._cache = cache
        self._parts = parts
        self._prompts = PromptEncoder(parts["tokenizer"], parts["text_encoder"], resolved.family.clip_skip)
        self._colours = LatentColours(parts["vae"])

    def prepare(self, resolved: ResolvedModel, kinds: Sequence[str]) -> None:
        """Loads the ControlNets of these kinds. ``resolved`` may know ones that came after the model was loaded."""
        self._resolved = resolved
        for kind in kinds:
            self._controlnet(kind)

    def _controlnet(self, kind: str) -> Any:
        place = self._resolved.controlnets.get(kind)
        if place is None:
            raise GenerationError(self._resolved.missing_controls[kind])
        return self._cache.get(place, lambda: load_controlnet(place, self._device))

    def generate(
        self, request: GenerationRequest, controls: Sequence[ActiveControl], start: Image.Image | None, watcher: Watcher
    ) -> list[Image.Image]:
        """The picture of a request whose settings have been checked; ``start`` is its ``init_image``, RGB, of its size.

        Raises GenerationError or GenerationCancelled."""
        unet, vae = self._parts["unet"], self._parts["vae"]
        stops = [*vae.encoder.down_blocks, *unet.down_blocks, unet.mid_block, *unet.up_blocks, *vae.decoder.up_blocks]
        if self._resolved.family.vocabulary == "closed" and (unknown := unknown_words(request.prompt, self._parts["tokenizer"])):
            known_to = self._resolved.entry.title
            watcher.report(Progress("reading the prompt", warnings=(f"Not known to {known_to}: {', '.join(unknown)}.",)))
        with torch.inference_mode(), interruptible(stops, watcher.check):
            watcher.report(Progress("reading the prompt"))
            embeddings = self._prompts.encode_pair(request.prompt, negative_prompt(request))
            latents = self._denoise(request, controls, start, embeddings, watcher)
            watcher.report(Progress("decoding", request.denoised_steps, request.denoised_steps))
            pixels = self._decode(latents)
        return VaeImageProcessor().postprocess(pixels.float().cpu(), output_type="pil")

    def _denoise(
        self,
        request: GenerationRequest,
        controls: Sequence[ActiveControl],
        start: Image.Image | None,
        embeddings: tuple[torch.Tensor, torch.Tensor],
        watcher: Watcher,
    ) -> torch.Tensor:
        scheduler = make_scheduler(request.sampler or self._resolved.family.default_sampler, self._parts["scheduler"].config)
        denoised = DenoisedWatch(scheduler)
        last_preview = time.monotonic() - PREVIEW_SECONDS

        def on_step_end(_pipeline: Any, step: int, _timestep: Any, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            nonlocal last_preview
            watcher.check()
            preview = None
            if time.monotonic() - last_preview >= PREVIEW_SECONDS:
                best = denoised.latents if denoised.latents is not None else tensors["latents"]
                preview = self._colours.picture(best)
                last_preview = time.monotonic()
            watcher.report(Progress("denoising", step + 1, request.denoised_steps, preview))
            return {}

        settings: dict[str, Any] = {
            "prompt_embeds": embeddings[0],
            "negative_prompt_embeds": embeddings[1],
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance_scale,
            # On the CPU whatever the device, so that a seed means the same noise everywhere.
            "generator": torch.Generator("cpu").manual_seed(request.seed),
            "output_type": "latent",
            "callback_on_step_end": on_step_end,
        }
        if start is None:
            settings |= {"width": request.width, "height": request.height}
        else:
            settings |= {"image": start, "strength": request.denoising_strength}
        if controls:
            nets = WindowedControlNets([self._controlnet(control.kind) for control in controls])
            kind = StableDiffusionControlNetPipeline if start is None else StableDiffusionControlNetImg2ImgPipeline
            pipeline = kind(**self._shared(scheduler), controlnet=nets)
            settings |= {
                "image" if start is None else "control_image": [control.image for control in controls],
                "controlnet_conditioning_scale": [control.strength for control in controls],
                "control_guidance_start": [control.start for control in controls],
                "control_guidance_end": [control.end for control in controls],
            }
        else:
            kind = StableDiffusionPipeline if start is None else StableDiffusionImg2ImgPipeline
            pipeline = kind(**self._shared(scheduler))
        pipeline.set_progress_bar_config(disable=True)
        watcher.report(Progress("denoising", 0, request.denoised_steps))
        latents: torch.Tensor = pipeline(**settings).images
        if not torch.isfinite(latents).all():
            raise GenerationError(
                "The model gave numbers that are no picture (NaN): try another sampler, a lower guidance scale or more steps."
            )
        return latents

    def _shared(self, scheduler: Any) -> dict[str, Any]:
        parts = {name: self._parts[name] for name in ("vae", "text_encoder", "tokenizer", "unet")}
        return {
            **parts,
            "scheduler": scheduler,
            "safety_checker": None,
            "feature_extractor": None,
            "requires_safety_checker": False,
        }

    def _decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pixels (1, 3, H, W) from -1 to 1."""
        vae = self._parts["vae"]
        scaled = latents / vae.config.scaling_factor
        tiled = self._device.torch.type != "cpu" and scaled.shape[-1] * scaled.shape[-2] * 64 > _TILED_FROM
        (vae.enable_tiling if tiled else vae.disable_tiling)()
        pixels: torch.Tensor = vae.decode(scaled, return_dict=False)[0]
        if torch.isfinite(pixels).all() or self._device.dtype == torch.float32:
            return pixels
        # Some decoders exceed the range of half precision; in full precision they are slower and right.
        vae.to(torch.float32)
        try:
            return vae.decode(scaled.float(), return_dict=False)[0]
        finally:
            vae.to(self._device.dtype)
