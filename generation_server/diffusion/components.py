# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a Stable Diffusion model, loaded one by one from disk: safetensors only, no remote code, no network.

Each part is named by its class here, never by what a downloaded ``model_index.json`` says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

# Read by diffusers when it is imported. Also where no worker has prepared the process: this one is not a matter of speed.
os.environ["DIFFUSERS_DISABLE_REMOTE_CODE"] = "true"

import diffusers
import torch
import transformers
from diffusers import AutoencoderDC, AutoencoderKL, ControlNetModel, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTinyOutput
from safetensors import safe_open
from transformers import CLIPTextModel, CLIPTokenizer

from ..models.builtin import shipped
from ..models.entry import Entry
from ..models.places import Place, find_weights
from .clip_tokenizer import clip_tokenizer
from .interface import GenerationError
from .memory import Device, is_out_of_memory

diffusers.utils.logging.disable_progress_bar()
diffusers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()

CONFIGS = Path(__file__).parent / "configs"
"""The architectures of the families as diffusers configurations, for single files, which carry none."""

_Loaded = TypeVar("_Loaded")
_CLASSES: Mapping[str, Any] = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}


class _EncodingAutoencoderDC(AutoencoderDC):
    """An AutoencoderDC whose latents pipelines find where they look for an AutoencoderTiny's: neither has a distribution."""

    def encode(self, x: torch.Tensor, return_dict: bool = True) -> Any:
        (latents,) = super().encode(x, return_dict=False)
        return AutoencoderTinyOutput(latents=latents) if return_dict else (latents,)


_AUTOENCODERS: Mapping[str, Any] = {"kl": AutoencoderKL, "dc": _EncodingAutoencoderDC}


def load_checkpoint(place: Place, device: Device) -> dict[str, Any]:
    """unet, vae, text_encoder (on the device), tokenizer and scheduler (a DDIMScheduler that carries the model's settings)."""
    if place.file:
        return _guarded(place.entry, place.file, lambda: _checkpoint_from_file(place, device))
    folder = place.folder
    assert folder is not None
    parts: dict[str, Any] = {}
    for name in place.entry.weights:
        part = name.split("/")[0]
        kind = _AUTOENCODERS[place.entry.autoencoder] if part == "vae" else _CLASSES[part]
        parts[part] = _part(kind, place.entry, folder, name, device)
    parts["tokenizer"] = _tokenizer(place.entry, folder / "tokenizer")
    parts["scheduler"] = _scheduler(place.entry, folder / "scheduler")
    return parts


def load_controlnet(place: Place, device: Device) -> ControlNetModel:
    if place.folder:
        return _part(ControlNetModel, place.entry, place.folder, place.entry.weights[0], device)
    file = place.file
    assert file is not None

    def load() -> ControlNetModel:
        _check_header(file)
        config = str(place.entry.config or CONFIGS / place.entry.family)
        net = ControlNetModel.from_single_file(
            str(file), config=config, subfolder="controlnet", local_files_only=True, dtype=device.dtype
        )
        return _settled(net, device)

    return _guarded(place.entry, file, load)


def _part(kind: Any, entry: Entry, folder: Path, name: str, device: Device) -> Any:
    """One network of a folder in diffusers layout; ``name`` is the canonical name of its weights."""
    weights = find_weights(folder, name)
    if weights is None:
        raise GenerationError(f"{entry.title} lacks the file {folder / name}: {_remedy(entry)}")

    def load() -> Any:
        if weights.path.suffix == ".safetensors":
            _check_header(weights.path)
        model, told = kind.from_pretrained(
            str((folder / name).parent),
            variant=weights.variant,
            dtype=device.dtype,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
        lacking = [key for key in told["missing_keys"] if not key.endswith("position_ids")]
        if lacking or told["mismatched_keys"]:
            raise ValueError(f"it lacks or misshapes {(lacking or [k[0] for k in told['mismatched_keys']])[0]}")
        return _settled(model, device)

    return _guarded(entry, weights.path, load)


def _checkpoint_from_file(place: Place, device: Device) -> dict[str, Any]:
    _check_header(place.file)
    config = place.entry.config or CONFIGS / place.entry.family
    if not config.is_dir():
        raise ValueError(f"single files of the family {place.entry.family} are not known")
    own_tokenizer = config / "tokenizer"
    pipeline = StableDiffusionPipeline.from_single_file(
        str(place.file),
        config=str(config),
        local_files_only=True,
        dtype=device.dtype,
        tokenizer=_tokenizer(place.entry, own_tokenizer),
        scheduler=_scheduler(place.entry, config / "scheduler"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    parts = {name: _settled(getattr(pipeline, name), device) for name in _CLASSES}
    return {**parts, "tokenizer": pipeline.tokenizer, "scheduler": pipeline.scheduler}


def _tokenizer(entry: Entry, folder: Path) -> CLIPTokenizer:
    """The model's own tokenizer, or CLIP's where it brings none: SD 1.5 and its merges all use that."""
    if not (folder / "vocab.json").is_file():
        return clip_tokenizer()
    return _guarded(entry, folder, lambda: CLIPTokenizer.from_pretrained(str(folder), local_files_only=True))


def _scheduler(entry: Entry, folder: Path) -> DDIMScheduler:
    """The model's noise schedule and prediction type, in whichever scheduler's file they are; SD 1.5's where there is none."""
    if not (folder / "scheduler_config.json").is_file():
        folder = CONFIGS / "sd15" / "scheduler"
    return _guarded(entry, folder, lambda: DDIMScheduler.from_pretrained(str(folder), local_files_only=True))


def _settled(model: torch.nn.Module, device: Device) -> Any:
    """The model as it is used. Raises ValueError where a single file had no tensor for one of its parameters."""
    if lacking := [name for name, parameter in model.named_parameters() if parameter.is_meta]:
        raise ValueError(f"it lacks {lacking[0]}")
    if isinstance(model, AutoencoderDC):  # pipelines ask any autoencoder for this, to learn how much smaller latents are
        model.register_to_config(block_out_channels=model.config.decoder_block_out_channels)
    return model.requires_grad_(False).eval().to(device.torch, device.dtype)


def _check_header(path: Path | None) -> None:
    """Reads a file's table of contents, so that a truncated or foreign file is named before anything is made of it."""
    with safe_open(path, framework="pt") as file:
        if not file.keys():
            raise ValueError("it is empty")


def _guarded(entry: Entry, path: Path, load: Callable[[], _Loaded]) -> _Loaded:
    """``load()``, with whatever a damaged or unfitting file makes the libraries raise told in one sentence."""
    try:
        return load()
    except GenerationError:
        raise
    except Exception as error:  # three libraries, and what a damaged file makes them raise is documented for none
        if is_out_of_memory(error):
            raise
        if "meta tensor" in str(error):  # what diffusers stumbles over when a single file had no tensor for a parameter
            error = ValueError("it lacks some of the tensors")
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        sentence = f"The file {path} of {entry.title} is damaged or does not fit its family ({reason}): {_remedy(entry)}"
        raise GenerationError(sentence) from error


def _remedy(entry: Entry) -> str:
    if entry.made_here:
        return f"{shipped.REPAIR}."
    if entry.repository:
        return f"repair it with 'python3 studio.py models download {entry.name}'."
    return "replace it, or correct its model file."
