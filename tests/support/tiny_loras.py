# SPDX-License-Identifier: GPL-3.0-or-later
"""Small random LoRAs for the small random models, with the names that trainers give: kohya's and diffusers'."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from single_files import original_unet_name

RANK = 4
ALPHA = 2.0
_STRENGTH = 0.5  # of the random weights: enough that a picture of a few steps shows them
_LAYERS = ("to_q", "to_k", "to_v", "to_out.0", "q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
_ENCODERS = {"text_encoder": "te", "text_encoder_2": "te2"}


def write_lora(checkpoint: Path, file: Path, form: str, seed: int = 5, parts: tuple[str, ...] = ("unet", "text_encoder")) -> Path:
    """A LoRA for every attention of ``parts`` of the checkpoint in diffusers layout. ``form``: "kohya" or "diffusers".

    Of SDXL, kohya's names are those of the original code, as its trainer writes them.
    """
    generator = torch.Generator().manual_seed(seed)
    is_xl = (checkpoint / "text_encoder_2").is_dir()
    tensors: dict[str, torch.Tensor] = {}
    for part in parts:
        weights = "diffusion_pytorch_model" if part == "unet" else "model"
        for name, tensor in load_file(checkpoint / part / f"{weights}.safetensors").items():
            if not name.removesuffix(".weight").endswith(_LAYERS):
                continue
            down = torch.randn(RANK, tensor.shape[1], generator=generator) * _STRENGTH
            up = torch.randn(tensor.shape[0], RANK, generator=generator) * _STRENGTH
            if form == "diffusers":
                path = f"{part}.{name.removesuffix('.weight')}"
                tensors |= {f"{path}.lora_A.weight": down, f"{path}.lora_B.weight": up}
                continue
            if part == "unet":
                path = "lora_unet_" + (original_unet_name(name) if is_xl else name)
            else:
                number = _ENCODERS[part] + ("1" if is_xl and part == "text_encoder" else "")
                path = f"lora_{number}_text_model_" + name.removeprefix("text_model.")
            path = path.removesuffix(".weight").replace(".", "_")
            tensors |= {f"{path}.lora_down.weight": down, f"{path}.lora_up.weight": up, f"{path}.alpha": torch.tensor(ALPHA)}
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file)
    return file
