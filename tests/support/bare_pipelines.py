# SPDX-License-Identifier: GPL-3.0-or-later
"""diffusers' own pipelines with the numbers of a request, as a user of diffusers would write them: what the engine's pictures,
and its speed, are measured against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import diffusers
import torch
from PIL import Image
from pose_to_anime.generation_server.protocol import GenerationRequest
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

UNION_MODES = {"openpose": 0, "depth": 1, "canny": 3}
"""Control kind to its number in a union, as diffusers' ``control_mode`` takes it."""

# A picture from noise, from noise with controls, from a picture, and from that with controls.
_SD = (
    diffusers.StableDiffusionPipeline,
    diffusers.StableDiffusionControlNetPipeline,
    diffusers.StableDiffusionImg2ImgPipeline,
    diffusers.StableDiffusionControlNetImg2ImgPipeline,
)
_XL = (
    diffusers.StableDiffusionXLPipeline,
    diffusers.StableDiffusionXLControlNetPipeline,
    diffusers.StableDiffusionXLImg2ImgPipeline,
    diffusers.StableDiffusionXLControlNetImg2ImgPipeline,
)
_UNION = (diffusers.StableDiffusionXLControlNetUnionPipeline, diffusers.StableDiffusionXLControlNetUnionImg2ImgPipeline)
# What the sampler "ddim" means here, beside the settings that a model brings.
_DDIM = {"clip_sample": False, "timestep_spacing": "trailing", "set_alpha_to_one": False, "steps_offset": 1}


class BarePipeline:
    """One of diffusers' pipelines on the CPU, in full precision."""

    def __init__(
        self,
        checkpoint: Path,
        controlnets: Sequence[Path] | Path = (),
        *,
        from_picture: bool = False,
        scheduler: Mapping[str, Any] | None = None,
        loras: Mapping[Path, float] | None = None,
        clip_skip: int = 2,
    ) -> None:
        """``checkpoint`` and ``controlnets``: folders in diffusers layout; one path alone is a union. ``scheduler``: what its
        settings are to be beside those of the sampler "ddim". ``loras``: files and weights. ``clip_skip``: 1 or 2, as A1111
        counts."""
        parts: dict[str, Any] = {
            "vae": _loaded(_kind_of_vae(checkpoint / "vae"), checkpoint / "vae"),
            "text_encoder": _loaded(CLIPTextModel, checkpoint / "text_encoder"),
            "tokenizer": CLIPTokenizer.from_pretrained(checkpoint / "tokenizer"),
            "unet": _loaded(diffusers.UNet2DConditionModel, checkpoint / "unet"),
            "scheduler": diffusers.DDIMScheduler.from_pretrained(checkpoint / "scheduler", **_DDIM, **(scheduler or {})),
        }
        self._is_xl = (checkpoint / "text_encoder_2").is_dir()
        self._is_union = isinstance(controlnets, Path)
        self._from_picture = from_picture
        # SDXL's pipelines leave out the last layer themselves; what others have for it does not know today's transformers.
        self._encodes = not self._is_xl and clip_skip == 2
        if self._is_xl:
            parts["text_encoder_2"] = _loaded(CLIPTextModelWithProjection, checkpoint / "text_encoder_2")
            parts["tokenizer_2"] = CLIPTokenizer.from_pretrained(checkpoint / "tokenizer_2")
        else:
            parts |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        if isinstance(controlnets, Path):
            kind = _UNION[from_picture]
            parts["controlnet"] = _loaded(diffusers.ControlNetUnionModel, controlnets)
        else:
            kind = (_XL if self._is_xl else _SD)[2 * from_picture + bool(controlnets)]
            if controlnets:
                parts["controlnet"] = [_loaded(diffusers.ControlNetModel, folder) for folder in controlnets]
        self._pipeline: Any = kind(**parts)
        self._pipeline.set_progress_bar_config(disable=True)
        if loras:
            for file in loras:
                self._pipeline.load_lora_weights(file.parent, weight_name=file.name, adapter_name=file.stem)
            self._pipeline.set_adapters([file.stem for file in loras], list(loras.values()))

    def picture(self, request: GenerationRequest, images: Mapping[str, Image.Image], **others: Any) -> Image.Image:
        """The request's first picture; ``others`` are passed on."""
        settings: dict[str, Any] = {
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance_scale,
            "generator": torch.Generator().manual_seed(request.seed),
        }
        if self._encodes:
            settings |= {"prompt_embeds": self._encoded(request.prompt)}
            settings |= {"negative_prompt_embeds": self._encoded(request.negative_prompt)}
        else:
            settings |= {"prompt": request.prompt, "negative_prompt": request.negative_prompt}
        if request.controls:
            hints = [images[control.image] for control in request.controls]
            settings |= {
                "control_image" if self._from_picture or self._is_union else "image": hints,
                "controlnet_conditioning_scale": [control.strength for control in request.controls],
                "control_guidance_start": [control.start for control in request.controls],
                "control_guidance_end": [control.end for control in request.controls],
            }
            if self._is_union:
                settings["control_mode"] = [UNION_MODES[control.kind] for control in request.controls]
        if self._from_picture:
            settings |= {"image": images[request.init_image], "strength": request.denoising_strength}
        else:
            settings |= {"width": request.width, "height": request.height}
        picture: Image.Image = self._pipeline(**{**settings, **others}).images[0]
        return picture

    def _encoded(self, text: str) -> torch.Tensor:
        """The last layer but one, normalised: what clip skip 2 means."""
        ids = self._pipeline.tokenizer(text, padding="max_length", max_length=77, return_tensors="pt").input_ids
        with torch.inference_mode():
            hidden = self._pipeline.text_encoder(ids, output_hidden_states=True).hidden_states[-2]
            embeddings: torch.Tensor = self._pipeline.text_encoder.final_layer_norm(hidden)
        return embeddings


class _PlainDC(diffusers.AutoencoderDC):
    """One that pipelines can decode with."""

    def decode(self, z: torch.Tensor, return_dict: bool = True, generator: Any = None) -> Any:
        return super().decode(z, return_dict)


def _kind_of_vae(folder: Path) -> Any:
    is_dc = diffusers.AutoencoderKL.load_config(folder)["_class_name"] == "AutoencoderDC"
    return _PlainDC if is_dc else diffusers.AutoencoderKL


def _loaded(kind: Any, folder: Path) -> Any:
    """In full precision, whichever its files have."""
    variant = "fp16" if any(folder.glob("*.fp16*")) else None
    network = kind.from_pretrained(folder, variant=variant, dtype=torch.float32)
    if kind is _PlainDC:
        network.register_to_config(
            block_out_channels=network.config.decoder_block_out_channels
        )  # for pipelines tell latents' size by them
    return network
