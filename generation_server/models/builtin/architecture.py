# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of the built-in model, with fresh weights: diffusers' and transformers' own classes, only narrower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .vocabulary import END, START

VAE_FACTOR = 8
"""Pixels of the picture on a side of a latent pixel, with four levels in the autoencoder."""

ENCODER_WIDTHS = (12, 12, 48, 192)
"""Three channels of 8 × 8 pixels, folded in three steps."""
DECODER_WIDTHS = (16, 16, 64, 256)
"""The same with a fourth channel, which is constant at first: the decoder's last layer divides by the channels' root mean square,
and a large constant among them keeps that from depending on the picture."""

SCHEDULER: dict[str, Any] = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    # More than SD 1.5's 0.012, and nothing at all left of the picture at the last timestep (Lin et al. 2023), where sampling
    # begins: so the background's brightness is not tied to that of the noise.
    "beta_end": 0.025,
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "steps_offset": 1,  # nothing with this spacing; diffusers' pipelines complain of any other
    "clip_sample": False,
    "set_alpha_to_one": True,
    # The picture itself: what a small network cannot tell comes out soft, where noise or v would leave it noisy.
    "prediction_type": "sample",
}
"""Of its DDIMScheduler."""


def make_vae(latent_channels: int, layers: Sequence[int]) -> Any:
    """An AutoencoderDC, which goes from pixels to latents by folding squares of pixels into channels: with these widths nothing
    is lost on the way but at the last step, so that both directions can begin as linear maps (training/patches.py).

    ``layers``: residual blocks of the decoder's levels, the finest first.
    """
    from diffusers import AutoencoderDC

    levels = len(ENCODER_WIDTHS)
    return AutoencoderDC(
        latent_channels=latent_channels,
        encoder_block_out_channels=ENCODER_WIDTHS,
        decoder_block_out_channels=DECODER_WIDTHS,
        encoder_layers_per_block=(0, *(1,) * (levels - 1)),
        decoder_layers_per_block=tuple(layers),
        encoder_qkv_multiscales=((),) * levels,
        decoder_qkv_multiscales=((),) * levels,
        encoder_out_shortcut=False,
        decoder_in_shortcut=False,
    )


def make_unet(widths: Sequence[int], attention: Sequence[bool], channels: int, text_width: int) -> Any:
    """``attention``: for each level, the finest first, whether it looks at the text and at itself."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=32,
        in_channels=channels,
        out_channels=channels,
        down_block_types=tuple("CrossAttnDownBlock2D" if looks else "DownBlock2D" for looks in attention),
        up_block_types=tuple("CrossAttnUpBlock2D" if looks else "UpBlock2D" for looks in reversed(attention)),
        block_out_channels=tuple(widths),
        layers_per_block=1,
        norm_num_groups=8,
        attention_head_dim=4,  # the number of heads, as in SD 1.5
        cross_attention_dim=text_width,
        # What the text says is also told to every block, beside the time, and makes its channels louder or softer: a channel
        # that knows where a shirt is becomes one that knows where a red shirt is. Attention alone learns that much later.
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=8,
    )


def make_controlnet(widths: Sequence[int], channels: int, hint_widths: Sequence[int], text_width: int) -> Any:
    """One for all kinds of control image, which it tells apart by looking. It reads no text: what is worn is not its matter."""
    from diffusers import ControlNetModel

    return ControlNetModel(
        in_channels=channels,
        down_block_types=("DownBlock2D",) * len(widths),
        mid_block_type="UNetMidBlock2D",
        block_out_channels=tuple(widths),
        layers_per_block=1,
        norm_num_groups=8,
        attention_head_dim=4,
        cross_attention_dim=text_width,
        conditioning_embedding_out_channels=tuple(hint_widths),
    )


def make_text_encoder(vocabulary: dict[str, int], width: int, layers: int, heads: int) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(vocabulary),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            max_position_embeddings=77,
            bos_token_id=vocabulary[START],
            eos_token_id=vocabulary[END],
            pad_token_id=vocabulary[END],
        )
    )
