# SPDX-License-Identifier: GPL-3.0-or-later
"""The tiny models as single files with the names of the original code of Stable Diffusion 1.x and XL."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tiny_models import LAYERS


def write_config(source: Path, folder: Path) -> Path:
    """The configurations of a tiny checkpoint and its ControlNets as a single file needs them beside it: no weights."""
    parts = {part.name for part in source.iterdir() if part.is_dir()}
    for part in parts:
        for config in [*(source / part).glob("*.json"), *(source / part).glob("merges.txt")]:
            _copy(config, folder / part / config.name)
    for beside, part in (("openpose", "controlnet"), ("union", "union")):
        config = source.with_name(f"{source.name}-{beside}") / "config.json"
        if config.is_file():
            _copy(config, folder / part / "config.json")
    index = json.loads((source / "model_index.json").read_text("utf-8"))
    index |= {part: _CLASSES[part.removesuffix("_2")] for part in parts}
    if "text_encoder_2" in parts:
        index["text_encoder_2"] = ["transformers", "CLIPTextModelWithProjection"]
    (folder / "model_index.json").write_text(json.dumps(index), "utf-8")
    return folder


_CLASSES = {
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def write_single_checkpoint(source: Path, file: Path) -> Path:
    """The checkpoint at ``source`` as one file with the original names."""
    xl = (source / "text_encoder_2").is_dir()
    tensors: dict[str, torch.Tensor] = {}
    for name, tensor in load_file(source / "unet" / "diffusion_pytorch_model.safetensors").items():
        tensors["model.diffusion_model." + original_unet_name(name, attention_below=xl)] = tensor
    for name, tensor in load_file(source / "vae" / "diffusion_pytorch_model.safetensors").items():
        original = original_vae_name(name)
        is_convolution = ".attn_1." in original and original.endswith("weight") and ".norm." not in original
        tensors["first_stage_model." + original] = tensor[:, :, None, None].contiguous() if is_convolution else tensor
    first = "conditioner.embedders.0" if xl else "cond_stage_model"
    for name, tensor in load_file(source / "text_encoder" / "model.safetensors").items():
        tensors[f"{first}.transformer.text_model." + name.removeprefix("text_model.")] = tensor
    if xl:
        second = load_file(source / "text_encoder_2" / "model.safetensors")
        tensors |= {"conditioner.embedders.1.model." + name: tensor for name, tensor in open_clip_tensors(second).items()}
    # What such files carry besides, and no part of the pipeline takes.
    tensors[f"{first}.transformer.text_model.embeddings.position_ids"] = torch.arange(77)[None]
    tensors["alphas_cumprod"] = torch.linspace(1, 0, 1000)
    save_file(tensors, file)
    return file


def write_single_controlnet(source: Path, file: Path) -> Path:
    """The ControlNet at ``source`` as one file with the names of the original ControlNet code."""
    tensors = load_file(source / "diffusion_pytorch_model.safetensors")
    save_file({"control_model." + original_unet_name(name): tensor for name, tensor in tensors.items()}, file)
    return file


def original_unet_name(name: str, attention_below: bool = False) -> str:
    """diffusers' name of a tensor of a UNet or ControlNet in the original code.

    ``attention_below``: whether the lowest level has attention, as SDXL's has and SD 1.x's has not.
    """
    parts = name.split(".")
    rest = ".".join(parts[4:])
    match parts:
        case ["time_embedding", layer, end]:
            return f"time_embed.{0 if layer == 'linear_1' else 2}.{end}"
        case ["add_embedding", layer, end]:
            return f"label_emb.0.{0 if layer == 'linear_1' else 2}.{end}"
        case ["conv_in", end]:
            return f"input_blocks.0.0.{end}"
        case ["conv_norm_out", end]:
            return f"out.0.{end}"
        case ["conv_out", end]:
            return f"out.2.{end}"
        case ["controlnet_down_blocks", index, end]:
            return f"zero_convs.{index}.0.{end}"
        case ["controlnet_mid_block", end]:
            return f"middle_block_out.0.{end}"
        case ["controlnet_cond_embedding", "conv_in", end]:
            return f"input_hint_block.0.{end}"
        case ["controlnet_cond_embedding", "conv_out", end]:
            return f"input_hint_block.14.{end}"
        case ["controlnet_cond_embedding", "blocks", index, end]:
            return f"input_hint_block.{2 + 2 * int(index)}.{end}"
        case ["down_blocks", block, "downsamplers", *_]:
            return f"input_blocks.{(int(block) + 1) * (LAYERS + 1)}.0.op.{parts[-1]}"
        case ["down_blocks", block, kind, index, *_]:
            number = 1 + int(block) * (LAYERS + 1) + int(index)
            return f"input_blocks.{number}.{_original_layer(kind, rest)}"
        case ["mid_block", "attentions", "0", *tail]:
            return f"middle_block.1.{'.'.join(tail)}"
        case ["mid_block", "resnets", index, *tail]:
            return f"middle_block.{2 * int(index)}.{_original_resnet('.'.join(tail))}"
        case ["up_blocks", block, "upsamplers", *_]:
            place = 1 if block == "0" and not attention_below else 2  # behind the attention
            return f"output_blocks.{int(block) * (LAYERS + 1) + LAYERS}.{place}.conv.{parts[-1]}"
        case ["up_blocks", block, kind, index, *_]:
            return f"output_blocks.{int(block) * (LAYERS + 1) + int(index)}.{_original_layer(kind, rest)}"
    raise ValueError(name)


def original_vae_name(name: str) -> str:
    """diffusers' name of a tensor of an AutoencoderKL in the original code."""
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = name.replace("mid_block.resnets.0", "mid.block_1").replace("mid_block.resnets.1", "mid.block_2")
    name = name.replace("mid_block.attentions.0.group_norm", "mid.attn_1.norm").replace("mid_block.attentions.0", "mid.attn_1")
    for ours, theirs in (("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")):
        name = name.replace(f"attn_1.{ours}.", f"attn_1.{theirs}.")
    for index in range(4):
        name = name.replace(f"down_blocks.{index}.resnets", f"down.{index}.block")
        name = name.replace(f"down_blocks.{index}.downsamplers.0", f"down.{index}.downsample")
        name = name.replace(f"up_blocks.{index}.resnets", f"up.{3 - index}.block")
        name = name.replace(f"up_blocks.{index}.upsamplers.0", f"up.{3 - index}.upsample")
    return name


def open_clip_tensors(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A CLIPTextModelWithProjection's tensors as open_clip has them: its queries, keys and values are one matrix."""
    renamed: dict[str, torch.Tensor] = {}
    for own, tensor in tensors.items():
        name = own.removeprefix("text_model.")
        for ours, theirs in _OPEN_CLIP.items():
            name = name.replace(ours, theirs)
        if ".q_proj." in name:
            start, end = name.split(".q_proj.")
            renamed[f"{start}.in_proj_{end}"] = torch.cat([tensors[own.replace("q_proj", f"{part}_proj")] for part in "qkv"])
        elif ".k_proj." not in name and ".v_proj." not in name:
            renamed[name] = tensor.T.contiguous() if name == "text_projection" else tensor
    return renamed


_OPEN_CLIP = {
    "embeddings.position_embedding.weight": "positional_embedding",
    "embeddings.token_embedding": "token_embedding",
    "final_layer_norm": "ln_final",
    "text_projection.weight": "text_projection",
    "encoder.layers.": "transformer.resblocks.",
    "layer_norm": "ln_",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn": "attn",
}


def _original_layer(kind: str, rest: str) -> str:
    return f"0.{_original_resnet(rest)}" if kind == "resnets" else f"1.{rest}"


def _original_resnet(name: str) -> str:
    for ours, theirs in (
        ("norm1", "in_layers.0"),
        ("conv1", "in_layers.2"),
        ("time_emb_proj", "emb_layers.1"),
        ("norm2", "out_layers.0"),
        ("conv2", "out_layers.3"),
        ("conv_shortcut", "skip_connection"),
    ):
        name = name.replace(ours, theirs)
    return name


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
