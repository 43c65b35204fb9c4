# SPDX-License-Identifier: GPL-3.0-or-later
"""What the families with a UNet share: a request to latents to pixels, with previews, cancelling and any number of ControlNets.

A family's loader is a module with ``load(resolved, device, cache)`` that returns its own kind of ``UNetModel``, or another object
with the same ``prepare``, ``has_loras`` and ``generate``, and with ``arrange`` and ``costs`` where it knows more than one way to
lie in memory; the engine finds it by the name that the family's TOML gives.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from diffusers import AutoencoderTiny
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

from ..models.catalogue import ResolvedModel
from ..protocol import GenerationRequest
from .adapters import ADAPTERS, Adapter
from .arrangement import Arrangement, executing_on
from .cache import ComponentCache
from .components import load_beside
from .controlnets import ControlStack, HintMemory, Steering, interruptible
from .costs import costs_of
from .guidance import rescaled
from .interface import GenerationError, Progress
from .loras import ActiveLora, LoraSlots
from .memory import Device
from .modes import Costs, Mode
from .previews import LatentColours, TinyPreviews
from .prompts import unknown_words
from .schedulers import make_scheduler
from .watching import StepReports, Watcher

_log = logging.getLogger(__name__)

TILED_FROM = 1024 * 1024
"""Pixels from which the decoder works in tiles where memory is a GPU's: whole, it would need more than the denoising."""

_ZERO_SNR_RESCALE = 0.7


@dataclass(frozen=True)
class ActiveControl:
    """A control that acts in at least one step, with its image, RGB, of the request's size."""

    kind: str
    image: Image.Image
    strength: float
    start: float
    end: float


class Pipelines(NamedTuple):
    """diffusers' pipelines of a family, by what a picture is made from."""

    text: Any
    picture: Any  # text, and a picture to begin with
    text_with_controls: Any
    picture_with_controls: Any


class UNetModel(ABC):
    """One checkpoint on one device."""

    pipelines: ClassVar[Pipelines]
    upcasts_vae: ClassVar[bool] = False  # whether ``force_upcast`` of a VAE is meant: diffusers writes it into any

    def __init__(self, resolved: ResolvedModel, device: Device, cache: ComponentCache, parts: dict[str, Any]) -> None:
        """``parts``: unet, vae, tokenizer, scheduler (which carries the model's settings), and what else the family has."""
        self._resolved = resolved
        self._device = device
        self._cache = cache
        self._parts = parts
        self._previews: LatentColours | TinyPreviews = LatentColours(parts["vae"], self._decode)
        if tiny := resolved.tiny_vae:
            try:
                decoder = cache.get(tiny, lambda: load_beside(AutoencoderTiny, "tiny_vae", tiny, device).to(device.torch))
                self._previews = TinyPreviews(decoder, self._previews)
            except GenerationError as error:  # no reason to make no picture
                _log.warning("%s", error)
        self._hints = HintMemory()
        self._loras: LoraSlots | None = None
        self._arrangement = Arrangement(device)

    @abstractmethod
    def _conditions(self, request: GenerationRequest) -> dict[str, Any]:
        """What the family's pipelines take instead of the prompt and the negative one, which is ``negative_prompt(request)``."""

    def _components(self) -> dict[str, Any]:
        """What the family's pipelines are made of, but for the scheduler and the ControlNets."""
        return {name: part for name, part in self._parts.items() if name != "scheduler"}

    def prepare(self, resolved: ResolvedModel, kinds: Sequence[str], loras: Sequence[ActiveLora] = ()) -> None:
        """Loads the ControlNets of these kinds, and puts these LoRAs on. ``resolved`` may know what came after the model.

        Raises GenerationError where a LoRA does not fit."""
        self._resolved = resolved
        for kind in kinds:
            self._controlnet(kind)
        if loras and self._loras is None:
            self._loras = LoraSlots(self.pipelines.text(**self._components(), scheduler=self._parts["scheduler"]), self._device)
        if self._loras is not None:
            self._loras.use(loras)

    def arrange(self, request: GenerationRequest, kinds: Sequence[str], below: Mode | None = None) -> Mode:
        """Brings what is loaded to where it is needed for a picture with these controls, in the first of the device's modes that
        fits; with ``below``, of those that need less than that."""
        networks = [*self._networks(), *(self._controlnet(kind)[1] for kind in kinds)]
        mode = self._arrangement.choose(networks, lambda: self.costs(kinds), request, below)
        if below:
            self._hints = HintMemory()  # lies on the device
        return mode

    def costs(self, kinds: Sequence[str]) -> Costs:
        """What this model needs of memory with controls of these kinds."""
        dtype = self._device.dtype
        vae_dtype = torch.float32 if self._decodes_in_full else dtype
        return costs_of(self._parts, [self._controlnet(kind)[1] for kind in kinds], dtype, vae_dtype, TILED_FROM)

    def _networks(self) -> list[torch.nn.Module]:
        return [part for part in self._parts.values() if isinstance(part, torch.nn.Module)]

    def has_loras(self, loras: Sequence[ActiveLora]) -> bool:
        """Whether all of these are loaded."""
        return all(self._loras is not None and lora.place in self._loras for lora in loras)

    def _controlnet(self, kind: str) -> tuple[Adapter, Any]:
        place = self._resolved.controlnets.get(kind)
        if place is None:
            raise GenerationError(self._resolved.missing_controls[kind])
        adapter = ADAPTERS[place.entry.adapter]
        return adapter, self._cache.get(place, lambda: adapter.load(place, self._device))

    def generate(
        self, request: GenerationRequest, controls: Sequence[ActiveControl], start: Image.Image | None, watcher: Watcher
    ) -> list[Image.Image]:
        """The pictures of a request whose settings have been checked; ``start`` is its ``init_image``, RGB, of its size.

        Raises GenerationError or GenerationCancelled."""
        unet, vae = self._parts["unet"], self._parts["vae"]
        stops = [*vae.encoder.down_blocks, *unet.down_blocks, unet.mid_block, *unet.up_blocks, *vae.decoder.up_blocks]
        if self._resolved.family.vocabulary == "closed" and (unknown := unknown_words(request.prompt, self._parts["tokenizer"])):
            words = ", ".join(unknown)
            left_out = f"{self._resolved.entry.title} does not know these words and leaves them out: {words}."
            watcher.report(Progress("reading the prompt", warnings=(left_out,)))
        with torch.inference_mode(), interruptible(stops, watcher.check):
            watcher.report(Progress("reading the prompt"))
            residence = self._arrangement.residence
            with residence.encoding([part for name, part in self._parts.items() if name.startswith("text_encoder")]):
                conditions = self._conditions(request)
            with residence.denoising([unet, *(self._controlnet(control.kind)[1] for control in controls)], vae):
                self._tile(request.width * request.height)  # a starting picture is encoded, and not as the last one was decoded
                latents = self._denoise(request, controls, start, conditions, watcher)
            watcher.report(Progress("decoding", request.denoised_steps, request.denoised_steps))
            with residence.decoding(vae):
                pixels = torch.cat([self._decode(latent) for latent in latents.split(1)])
        return VaeImageProcessor().postprocess(pixels.float().cpu(), output_type="pil")

    def _denoise(
        self,
        request: GenerationRequest,
        controls: Sequence[ActiveControl],
        start: Image.Image | None,
        conditions: dict[str, Any],
        watcher: Watcher,
    ) -> torch.Tensor:
        sampler = request.sampler or self._resolved.family.default_sampler
        scheduler = make_scheduler(sampler, self._parts["scheduler"].config, request.steps, request.seeds)
        settings: dict[str, Any] = {
            **conditions,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance_scale,
            # On the CPU whatever the device, so that a seed means the same noise everywhere.
            "generator": [torch.Generator("cpu").manual_seed(seed) for seed in request.seeds],
            "num_images_per_prompt": request.batch_size,
            "output_type": "latent",
            "callback_on_step_end": StepReports(scheduler, self._previews, request.denoised_steps, watcher),
        }
        if start is None:
            settings |= {"width": request.width, "height": request.height}
        else:
            settings |= {"image": start, "strength": request.denoising_strength}
        if controls:
            steering = [Steering(control.kind, *self._controlnet(control.kind), control.image) for control in controls]
            nets = ControlStack(steering, self._hints)
            kind = self.pipelines.text_with_controls if start is None else self.pipelines.picture_with_controls
            pipeline = executing_on(self._device.torch, kind)(**self._components(), scheduler=scheduler, controlnet=nets)
            settings |= {
                "image" if start is None else "control_image": [control.image for control in controls],
                "controlnet_conditioning_scale": [control.strength for control in controls],
                "control_guidance_start": [control.start for control in controls],
                "control_guidance_end": [control.end for control in controls],
            }
        else:
            kind = self.pipelines.text if start is None else self.pipelines.picture
            pipeline = executing_on(self._device.torch, kind)(**self._components(), scheduler=scheduler)
        pipeline.set_progress_bar_config(disable=True)
        watcher.report(Progress("denoising", 0, request.denoised_steps))
        with rescaled(self._parts["unet"], scheduler, self._guidance_rescale):
            latents: torch.Tensor = pipeline(**settings).images
        if not torch.isfinite(latents).all():
            raise GenerationError(
                "The model gave numbers that are no picture (NaN): try another sampler, a lower guidance scale or more steps."
            )
        return latents

    @property
    def _guidance_rescale(self) -> float:
        """With models that were shown noise without any picture, guidance makes pictures too bright (Lin et al. 2023: 0.7)."""
        if self._resolved.entry.guidance_rescale is not None:
            return self._resolved.entry.guidance_rescale
        config = self._parts["scheduler"].config
        zero_snr = config.prediction_type == "v_prediction" and config.rescale_betas_zero_snr
        return _ZERO_SNR_RESCALE if zero_snr else 0.0

    @property
    def _decodes_in_full(self) -> bool:
        """Whether the VAE is known to need full precision."""
        return bool(self.upcasts_vae and self._parts["vae"].config.force_upcast and self._device.dtype == torch.float16)

    def _tile(self, pixels: int) -> None:
        """Have the VAE work in tiles, or whole, for a picture of that many pixels."""
        vae = self._parts["vae"]
        tiled = self._device.works_in_tiles and pixels > TILED_FROM
        (vae.enable_tiling if tiled else vae.disable_tiling)()

    def _decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pixels (1, 3, H, W) from -1 to 1."""
        vae = self._parts["vae"]
        scaled = latents / vae.config.scaling_factor
        self._tile(scaled.shape[-1] * scaled.shape[-2] * 64)
        if not self._decodes_in_full:
            pixels: torch.Tensor = vae.decode(scaled, return_dict=False)[0]
            if torch.isfinite(pixels).all() or self._device.dtype == torch.float32:
                return pixels
        # Some decoders exceed the range of half precision; in full precision they are slower and right.
        vae.to(torch.float32)
        try:
            return vae.decode(scaled.float(), return_dict=False)[0]
        finally:
            vae.to(self._device.dtype)
