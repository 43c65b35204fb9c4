# SPDX-License-Identifier: GPL-3.0-or-later
"""Small random models of the true architecture of Stable Diffusion 1.5 and XL: every part and level of it, only narrower.

Written as users have them: a folder in diffusers layout, and single files with the names of the original code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    ControlNetUnionModel,
    EulerDiscreteScheduler,
    PNDMScheduler,
    UNet2DConditionModel,
)
from pose_to_anime.generation_server.models.builtin.make import awaken
from pose_to_anime.generation_server.models.builtin.tokenizer_files import write_tokenizer
from pose_to_anime.generation_server.models.builtin.vocabulary import build_vocabulary
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

WIDTHS = (16, 16, 32, 32)
TEXT_WIDTH = 32
VAE_WIDTHS = (8, 16, 16, 16)
HINT_WIDTHS = (4, 8, 8, 16)
GROUPS = 8
LAYERS = 2


def make_sd15(folder: Path, seed: int = 1) -> Path:
    """A checkpoint in diffusers layout at ``folder``, with ControlNets beside it (``folder``-openpose, ``folder``-depth)."""
    torch.manual_seed(seed)
    vocabulary, merges = build_vocabulary()
    write_tokenizer(folder / "tokenizer", vocabulary, merges)
    CLIPTextModel(_text_config(len(vocabulary))).save_pretrained(folder / "text_encoder")
    unet = UNet2DConditionModel(
        sample_size=64,
        block_out_channels=WIDTHS,
        layers_per_block=LAYERS,
        cross_attention_dim=TEXT_WIDTH,
        norm_num_groups=GROUPS,
        attention_head_dim=1,
    )
    unet.save_pretrained(folder / "unet")
    _vae().save_pretrained(folder / "vae")
    PNDMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        skip_prk_steps=True,
        set_alpha_to_one=False,
        steps_offset=1,
    ).save_pretrained(folder / "scheduler")
    for kind in ("openpose", "depth"):
        net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=HINT_WIDTHS)
        with torch.no_grad():
            awaken(net)
        net.save_pretrained(folder.with_name(f"{folder.name}-{kind}"))
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}), "utf-8")
    return folder


def make_sdxl(folder: Path, seed: int = 2) -> Path:
    """A checkpoint of SDXL in diffusers layout at ``folder``.

    Beside it are ControlNets (``folder``-openpose, ``folder``-depth), a union (``folder``-union) and a VAE (``folder``-vae).
    """
    torch.manual_seed(seed)
    vocabulary, merges = build_vocabulary()
    for name, padding in (("tokenizer", None), ("tokenizer_2", "!")):
        write_tokenizer(folder / name, vocabulary, merges)
        if padding:
            file = folder / name / "tokenizer_config.json"
            file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "pad_token": padding}), "utf-8")
    CLIPTextModel(_text_config(len(vocabulary))).save_pretrained(folder / "text_encoder")
    second = _text_config(len(vocabulary), hidden_act="gelu", projection_dim=TEXT_WIDTH)
    CLIPTextModelWithProjection(second).save_pretrained(folder / "text_encoder_2")
    unet = UNet2DConditionModel(
        sample_size=128,
        block_out_channels=WIDTHS[:3],
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=LAYERS,
        transformer_layers_per_block=[1, 2, 3],
        cross_attention_dim=2 * TEXT_WIDTH,
        norm_num_groups=GROUPS,
        attention_head_dim=[1, 2, 4],
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=TEXT_WIDTH + 6 * 8,
    )
    unet.save_pretrained(folder / "unet")
    _vae(scaling_factor=0.13025).save_pretrained(folder / "vae")
    _vae(scaling_factor=0.13025, force_upcast=False).save_pretrained(folder.with_name(f"{folder.name}-vae"))
    EulerDiscreteScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, timestep_spacing="leading", steps_offset=1
    ).save_pretrained(folder / "scheduler")
    for kind in ("openpose", "depth", "union"):
        if kind == "union":
            like = {name: value for name, value in unet.config.items() if name in _UNION_LIKE}
            sizes = {"num_trans_channel": WIDTHS[0], "num_proj_channel": WIDTHS[0], "num_trans_head": 2, "num_control_type": 8}
            net = ControlNetUnionModel(**like, **sizes, conditioning_embedding_out_channels=HINT_WIDTHS)
            net.load_state_dict(unet.state_dict(), strict=False)
        else:
            net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=HINT_WIDTHS)
        with torch.no_grad():
            awaken(net)
        net.save_pretrained(folder.with_name(f"{folder.name}-{kind}"))
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionXLPipeline"}), "utf-8")
    return folder


_UNION_LIKE = (
    "block_out_channels",
    "down_block_types",
    "layers_per_block",
    "transformer_layers_per_block",
    "cross_attention_dim",
    "norm_num_groups",
    "attention_head_dim",
    "use_linear_projection",
    "addition_embed_type",
    "addition_time_embed_dim",
    "projection_class_embeddings_input_dim",
)


def _text_config(tokens: int, **others: Any) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=tokens,
        hidden_size=TEXT_WIDTH,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        bos_token_id=tokens - 2,
        eos_token_id=tokens - 1,
        pad_token_id=tokens - 1,
        **others,
    )


def _vae(**others: Any) -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=VAE_WIDTHS,
        layers_per_block=LAYERS,
        norm_num_groups=GROUPS,
        **others,
    )


def write_config(source: Path, folder: Path) -> Path:
    """The configurations of ``make_sd15``'s models as a single file needs them beside it: no weights."""
    for part in ("unet", "vae", "text_encoder", "scheduler"):
        for config in (source / part).glob("*.json"):
            _copy(config, folder / part / config.name)
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        _copy(source / "tokenizer" / name, folder / "tokenizer" / name)
    _copy(source.with_name(f"{source.name}-openpose") / "config.json", folder / "controlnet" / "config.json")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index), "utf-8")
    return folder


def write_single_checkpoint(source: Path, file: Path) -> Path:
    """The checkpoint at ``source`` as one file with the original names of Stable Diffusion 1.x."""
    tensors: dict[str, torch.Tensor] = {}
    for name, tensor in load_file(source / "unet" / "diffusion_pytorch_model.safetensors").items():
        tensors["model.diffusion_model." + original_unet_name(name)] = tensor
    for name, tensor in load_file(source / "vae" / "diffusion_pytorch_model.safetensors").items():
        original = original_vae_name(name)
        is_convolution = ".attn_1." in original and original.endswith("weight") and ".norm." not in original
        tensors["first_stage_model." + original] = tensor[:, :, None, None].contiguous() if is_convolution else tensor
    for name, tensor in load_file(source / "text_encoder" / "model.safetensors").items():
        tensors["cond_stage_model.transformer.text_model." + name.removeprefix("text_model.")] = tensor
    # What such files carry besides, and no part of the pipeline takes.
    tensors["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.arange(77)[None]
    tensors["alphas_cumprod"] = torch.linspace(1, 0, 1000)
    save_file(tensors, file)
    return file


def write_single_controlnet(source: Path, file: Path) -> Path:
    """The ControlNet at ``source`` as one file with the names of the original ControlNet code."""
    tensors = load_file(source / "diffusion_pytorch_model.safetensors")
    save_file({"control_model." + original_unet_name(name): tensor for name, tensor in tensors.items()}, file)
    return file


def original_unet_name(name: str) -> str:
    """diffusers' name of a tensor of a UNet or ControlNet in the original code."""
    parts = name.split(".")
    rest = ".".join(parts[4:])
    match parts:
        case ["time_embedding", layer, end]:
            return f"time_embed.{0 if layer == 'linear_1' else 2}.{end}"
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
            place = 1 if block == "0" else 2  # behind the attention, which the lowest level has not
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


def describe(models_dir: Path, name: str, **values: Any) -> None:
    """Writes ``<models_dir>/<name>.toml``."""
    models_dir.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} = {json.dumps(str(value) if isinstance(value, Path) else value)}" for key, value in values.items()]
    (models_dir / f"{name}.toml").write_text("\n".join(lines), "utf-8")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
