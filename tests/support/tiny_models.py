# SPDX-License-Identifier: GPL-3.0-or-later
"""Small random models of the true architecture of Stable Diffusion 1.5 and XL: every part and level of it, only narrower.

Written as users have them, as folders in diffusers layout; ``single_files.py`` makes single files of these.
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
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

WIDTHS = (16, 16, 32, 32)
TEXT_WIDTH = 32
SECOND_TEXT_WIDTH = 48  # single files tell SDXL's encoders by their widths
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
    second = _text_config(len(vocabulary), SECOND_TEXT_WIDTH, hidden_act="gelu", projection_dim=SECOND_TEXT_WIDTH)
    CLIPTextModelWithProjection(second).save_pretrained(folder / "text_encoder_2")
    unet = UNet2DConditionModel(
        sample_size=128,
        block_out_channels=WIDTHS[:3],
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=LAYERS,
        transformer_layers_per_block=[1, 2, 3],
        cross_attention_dim=TEXT_WIDTH + SECOND_TEXT_WIDTH,
        norm_num_groups=GROUPS,
        attention_head_dim=[1, 2, 4],
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=SECOND_TEXT_WIDTH + 6 * 8,
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


def _text_config(tokens: int, width: int = TEXT_WIDTH, **others: Any) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=tokens,
        hidden_size=width,
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


def describe(models_dir: Path, name: str, **values: Any) -> None:
    """Writes ``<models_dir>/<name>.toml``."""
    models_dir.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} = {json.dumps(str(value) if isinstance(value, Path) else value)}" for key, value in values.items()]
    (models_dir / f"{name}.toml").write_text("\n".join(lines), "utf-8")
