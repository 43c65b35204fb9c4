# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the small untrained model: a complete Stable Diffusion pipeline with ControlNets for pose and depth, from a seed.

It has every part of the large models in plain diffusers layout and goes through the same code, but nobody has trained it: what it
draws is a test pattern that depends on prompt, seed and control images. Its random weights are scaled so that the pattern is
neither flat nor saturated, and its ControlNets' output convolutions are not zero, so that controls are seen to act.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .tokenizer_files import write_tokenizer
from .vocabulary import END, START, build_vocabulary

if TYPE_CHECKING:
    pass

RECIPE = 1
"""Raised with every change of what is made here, so that an older copy on a disk is not used for it."""
SEED = 20_25
MANIFEST = "made.json"

_WIDTHS = (48, 96, 128)  # of the UNet's levels
_TEXT_WIDTH = 96
_HINT_WIDTHS = (8, 16, 32, 48)  # of the ControlNet's image encoder, which works at full resolution: most of its time
_VAE_WIDTHS = (16, 32, 48, 48)

UNET_CONFIG: dict[str, Any] = {
    "sample_size": 32,
    "in_channels": 4,
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    "block_out_channels": _WIDTHS,
    "layers_per_block": 1,
    "norm_num_groups": 16,
    "attention_head_dim": 4,  # the number of heads, as in SD 1.5
    "cross_attention_dim": _TEXT_WIDTH,
}


def folder_in(models_dir: Path) -> Path:
    """Where the model of this recipe lives inside a folder of models."""
    return models_dir / "builtin" / f"untrained-{RECIPE}"


def is_whole(folder: Path) -> bool:
    """Whether every file that was made is there with its size."""
    try:
        sizes = json.loads((folder / MANIFEST).read_text("utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def ensure(models_dir: Path) -> Path:
    """The folder with the model, made now (in a few seconds) unless it is there. Raises OSError when it cannot be written."""
    folder = folder_in(models_dir)
    if is_whole(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Made beside its place and moved there whole: a killed process or two at once never leave half a model.
    workshop = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        made = workshop / folder.name
        make(made)
        if folder.exists() and not is_whole(folder):
            folder.rename(workshop / "damaged")
        try:
            made.rename(folder)
        except OSError:
            if not is_whole(folder):  # else another process was quicker
                raise
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return folder


def make(folder: Path, seed: int = SEED) -> None:
    """Writes the model into ``folder``: unet, vae, text_encoder, tokenizer, scheduler, controlnet_openpose, controlnet_depth."""
    import torch

    state = torch.random.get_rng_state()
    try:
        torch.manual_seed(seed)
        with torch.no_grad():
            _make(folder)
    finally:
        torch.random.set_rng_state(state)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    manifest = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")


def _make(folder: Path) -> None:
    from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    vocabulary, merges = build_vocabulary()
    write_tokenizer(folder / "tokenizer", vocabulary, merges)
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(vocabulary),
            hidden_size=_TEXT_WIDTH,
            intermediate_size=2 * _TEXT_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=77,
            bos_token_id=vocabulary[START],
            eos_token_id=vocabulary[END],
            pad_token_id=vocabulary[END],
        )
    )
    unet = UNet2DConditionModel(**UNET_CONFIG)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(_VAE_WIDTHS),
        up_block_types=("UpDecoderBlock2D",) * len(_VAE_WIDTHS),
        block_out_channels=_VAE_WIDTHS,
        layers_per_block=1,
        norm_num_groups=8,
        sample_size=256,
        scaling_factor=1.0,
    )
    # Predicting v keeps the latents of a network that knows nothing at unit scale; noise prediction would let them grow.
    scheduler = DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction",
    )
    _level_decoder(vae)
    _level_unet(unet)
    text_encoder.eval().save_pretrained(folder / "text_encoder")
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    scheduler.save_pretrained(folder / "scheduler")
    for kind in ("openpose", "depth"):
        controlnet = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=_HINT_WIDTHS)
        awaken(controlnet)
        controlnet.save_pretrained(folder / f"controlnet_{kind}")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "feature_extractor": [None, None],
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2), "utf-8")


def _level_decoder(vae: Any) -> None:
    """Scales the decoder's last convolution so that unit latents give values of mean 0 and deviation 0.5 of the range -1 … 1."""
    import torch

    latents = torch.nn.functional.interpolate(torch.randn(1, 4, 6, 6), scale_factor=4, mode="bilinear")
    picture = vae.eval().decode(latents).sample
    last = vae.decoder.conv_out
    mean, deviation = picture.mean((0, 2, 3)), picture.std((0, 2, 3))
    last.bias -= mean
    last.weight *= (0.5 / deviation)[:, None, None, None]
    last.bias *= 0.5 / deviation


def _level_unet(unet: Any) -> None:
    """Scales the UNet's last convolution so that its prediction has mean 0 and deviation 1, as v has."""
    import torch

    out = unet.eval()(torch.randn(2, 4, 32, 32), 500, torch.randn(2, 77, _TEXT_WIDTH)).sample
    mean, deviation = out.mean((0, 2, 3)), out.std((0, 2, 3))
    last = unet.conv_out
    last.bias -= mean
    last.weight *= (1 / deviation)[:, None, None, None]
    last.bias *= 1 / deviation


def awaken(controlnet: Any) -> None:
    """Gives the convolutions that training would find at zero random weights, so that the control image reaches the UNet.

    The image's embedding has deviation 3 for coloured patches and is 0 for black, which is what surrounds figures.
    """
    import torch

    encoder = controlnet.eval().controlnet_cond_embedding
    for convolution in [encoder.conv_in, *encoder.blocks, encoder.conv_out]:
        torch.nn.init.orthogonal_(convolution.weight)
        torch.nn.init.zeros_(convolution.bias)  # else black would not be 0, and the picture's border would outshine the figure
    patches = torch.rand(1, 3, 8, 8).repeat_interleave(16, 2).repeat_interleave(16, 3)
    encoder.conv_out.weight *= 3 / encoder(patches).std()
    for block in [*controlnet.controlnet_down_blocks, controlnet.controlnet_mid_block]:
        torch.nn.init.orthogonal_(block.weight)
        torch.nn.init.zeros_(block.bias)
