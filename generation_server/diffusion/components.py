# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a Stable Diffusion model, loaded one by one from disk: safetensors only, no remote code, no network.

Each part is named by its class here, never by what a downloaded ``model_index.json`` says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

# Read by diffusers when it is imported. Also where no worker has prepared the process: this one is not a matter of speed.
os.environ["DIFFUSERS_DISABLE_REMOTE_CODE"] = "true"

import diffusers
import torch
import transformers
from diffusers import AutoencoderDC, AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTinyOutput
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from ..models.builtin import shipped
from ..models.catalogue import ResolvedModel
from ..models.entry import Entry
from ..models.places import Place, find_weights
from .cache import ComponentCache
from .interface import GenerationError
from .memory import Device, is_out_of_memory

diffusers.utils.logging.disable_progress_bar()
diffusers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()

CONFIGS = Path(__file__).parent / "configs"
"""The architectures of the families as diffusers configurations, for single files, which carry none."""

_Loaded = TypeVar("_Loaded")
_DIFFUSERS_NAMES = {"time_embedding.linear_1.weight", "encoder.conv_norm_out.weight"}
"""Tensors of a ControlNet and of a VAE that only diffusers names so: their original code says time_embed.0 and norm_out."""
_V_PREDICTION_MARK, _ZERO_SNR_MARK = "v_pred", "ztsnr"
"""Empty tensors that trainers put into single files (NoobAI's are so marked, and ComfyUI and Forge read them)."""


class _EncodingAutoencoderDC(AutoencoderDC):
    """An AutoencoderDC whose latents pipelines find where they look for an AutoencoderTiny's: neither has a distribution."""

    def encode(self, x: torch.Tensor, return_dict: bool = True) -> Any:
        (latents,) = super().encode(x, return_dict=False)
        return AutoencoderTinyOutput(latents=latents) if return_dict else (latents,)


_AUTOENCODERS: Mapping[str, Any] = {"kl": AutoencoderKL, "dc": _EncodingAutoencoderDC}


@dataclass(frozen=True)
class Architecture:
    """Of what the checkpoints of some families consist."""

    config: str  # the folder in CONFIGS with what single files do not say
    pipeline: Any  # diffusers' class that takes a single file apart
    text_encoders: Mapping[str, Any]  # by part
    tokenizers: Mapping[str, Callable[[], CLIPTokenizer]]  # by part: what is used where a model brings none
    left_out: tuple[str, ...] = ()  # parts of the pipeline that are not used here


def load_parts(resolved: ResolvedModel, architecture: Architecture, device: Device, cache: ComponentCache) -> dict[str, Any]:
    """unet, vae and the text encoders, the tokenizers, and scheduler: a DDIMScheduler with the model's settings.

    The VAE is the one that the model is used with, where it has such a companion.
    """
    place, other = resolved.place, resolved.vae
    vae = cache.get(other, lambda: load_beside(AutoencoderKL, "vae", other, device)) if other else None
    parts: dict[str, Any] = cache.get(place, lambda: load_checkpoint(place, architecture, device, vae))
    return parts


def load_checkpoint(place: Place, architecture: Architecture, device: Device, vae: Any = None) -> dict[str, Any]:
    """As ``load_parts``; ``vae`` takes the place of the model's own."""
    if place.file:
        return _guarded(place.entry, place.file, lambda: _checkpoint_from_file(place, architecture, device, vae))
    folder = place.folder
    assert folder is not None
    classes = {"unet": UNet2DConditionModel, "vae": _AUTOENCODERS[place.entry.autoencoder], **architecture.text_encoders}
    parts: dict[str, Any] = {"vae": vae} if vae else {}
    for name in place.entry.weights:
        part = name.split("/")[0]
        if part not in parts:
            parts[part] = _part(classes[part], place.entry, folder, name, device)
    for name in architecture.tokenizers:
        parts[name] = _tokenizer(place.entry, folder / name, architecture.tokenizers[name])
    parts["scheduler"] = _scheduler(place.entry, folder / "scheduler", architecture)
    return parts


def load_beside(kind: Any, config: str, place: Place, device: Device) -> Any:
    """A network beside a checkpoint: a ControlNet, a VAE. ``config`` is its folder in its family's, for single files."""
    if place.folder:
        return _part(kind, place.entry, place.folder, place.entry.weights[0], device)
    file = place.file
    assert file is not None
    folder = (place.entry.config or CONFIGS / place.entry.family) / config

    def load() -> Any:
        names = _check_header(file)
        if not (folder / "config.json").is_file():
            raise ValueError(f"single files of the family {place.entry.family} are not known")
        if names & _DIFFUSERS_NAMES:
            return _settled(_from_own_names(kind, folder, file), device)
        return _settled(kind.from_single_file(str(file), config=str(folder), local_files_only=True, dtype=device.dtype), device)

    return _guarded(place.entry, file, load)


def _from_own_names(kind: Any, folder: Path, file: Path) -> Any:
    """A network from a file with diffusers' names, whatever its class; how many kinds of control a union knows is in its file."""
    tensors = load_file(file)
    config = kind.load_config(str(folder))
    if (tasks := tensors.get("task_embedding")) is not None:
        config["num_control_type"] = len(tasks)
    with torch.device("meta"):
        model = kind.from_config(config)
    model.load_state_dict(tensors, strict=False, assign=True)
    return model


def pipeline_setting(place: Place, architecture: Architecture, name: str, default: Any) -> Any:
    """What a model's ``model_index.json`` says of its pipeline; for a single file the one of its family."""
    folder = place.folder or place.entry.config or CONFIGS / architecture.config
    try:
        return json.loads((folder / "model_index.json").read_text("utf-8")).get(name, default)
    except (OSError, ValueError, AttributeError):
        return default


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


def _checkpoint_from_file(place: Place, architecture: Architecture, device: Device, vae: Any) -> dict[str, Any]:
    assert place.file is not None
    names = _check_header(place.file)
    config = place.entry.config or CONFIGS / place.entry.family
    if not config.is_dir():
        raise ValueError(f"single files of the family {place.entry.family} are not known")
    tokenizers = {name: _tokenizer(place.entry, config / name, own) for name, own in architecture.tokenizers.items()}
    pipeline = architecture.pipeline.from_single_file(
        str(place.file),
        config=str(config),
        local_files_only=True,
        dtype=device.dtype,
        scheduler=_scheduler(place.entry, config / "scheduler", architecture, names),
        **tokenizers,
        **({"vae": vae} if vae else {}),
        **dict.fromkeys(architecture.left_out),
    )
    networks = ("unet", "vae", *architecture.text_encoders)
    parts = {name: _settled(getattr(pipeline, name), device) for name in networks}
    return {**parts, **tokenizers, "scheduler": pipeline.scheduler}


def _tokenizer(entry: Entry, folder: Path, otherwise: Callable[[], CLIPTokenizer]) -> CLIPTokenizer:
    """The model's own tokenizer, or CLIP's where it brings none: Stable Diffusion and its merges all use that."""
    if not (folder / "vocab.json").is_file():
        return otherwise()
    return _guarded(entry, folder, lambda: CLIPTokenizer.from_pretrained(str(folder), local_files_only=True))


def _scheduler(entry: Entry, folder: Path, architecture: Architecture, names: Collection[str] = ()) -> DDIMScheduler:
    """The model's noise schedule and prediction type, in whichever scheduler's file they are; the architecture's where there is
    none. ``names`` are the tensors of a single file: makers mark in them what such a file cannot say otherwise."""
    if not (folder / "scheduler_config.json").is_file():
        folder = CONFIGS / architecture.config / "scheduler"
    settings: dict[str, Any] = {}
    if entry.prediction or _V_PREDICTION_MARK in names:
        settings["prediction_type"] = entry.prediction or "v_prediction"
    if entry.zero_snr is not None or _ZERO_SNR_MARK in names:
        settings["rescale_betas_zero_snr"] = entry.zero_snr if entry.zero_snr is not None else True
    return _guarded(entry, folder, lambda: DDIMScheduler.from_pretrained(str(folder), local_files_only=True, **settings))


def _settled(model: torch.nn.Module, device: Device) -> Any:
    """The model as it is used, in the computer's memory: what goes to the device, and when, is chosen for each picture.

    Raises ValueError where a single file had no tensor for one of its parameters.
    """
    if lacking := [name for name, parameter in model.named_parameters() if parameter.is_meta]:
        raise ValueError(f"it lacks {lacking[0]}")
    if isinstance(model, AutoencoderDC):  # pipelines ask any autoencoder for this, to learn how much smaller latents are
        model.register_to_config(block_out_channels=model.config.decoder_block_out_channels)
    return model.requires_grad_(False).eval().to(device.dtype)


def _check_header(path: Path) -> set[str]:
    """The names of a file's tensors; so that a truncated or foreign file is told before anything is made of it."""
    with safe_open(path, framework="pt") as file:
        if not file.keys():
            raise ValueError("it is empty")
        return set(file.keys())


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
