# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the autoencoder begins: as the principal components of squares of 8 × 8 pixels.

The encoder is the projection to the first components and stays it: latents are known before anything is trained, so that the
decoder and the diffusion model can be trained at once. The decoder begins as the way back, and learns what lines and eyes look
like where the components leave them blurred. Beginning from chance instead, it took longer to learn to fold pixels than to learn
all the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ..architecture import DECODER_WIDTHS, VAE_FACTOR

_CONSTANT = 3.0
"""Of the decoder's fourth channel: large beside pixels, which are from -1 to 1."""
_SHIFT = 2.0
"""Added before the decoder's last activation, which lets nothing pass below 0, and taken off after it."""


@dataclass(frozen=True, eq=False)
class Components:
    """``mean`` (192,), ``basis`` (192, channels) and the ``scale`` (channels,) of each in latents; pixels ordered by colour, row,
    column."""

    mean: torch.Tensor
    basis: torch.Tensor
    scale: torch.Tensor


def principal_components(pictures: torch.Tensor, channels: int) -> Components:
    """Of pictures (N, 3, H, W) from -1 to 1.

    Latents have variance 1 on average. The scale is the root of a component's deviation, not the deviation itself: the first
    ones, on which most of the picture depends, stay the larger ones.
    """
    folded = functional.pixel_unshuffle(pictures.contiguous(), VAE_FACTOR).permute(0, 2, 3, 1).flatten(0, 2).double()
    mean = folded.mean(0)
    centred = folded - mean
    variances, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    deviations = variances.flip(0)[:channels].clamp_min(1e-8).sqrt()
    basis = vectors.flip(1)[:, :channels]
    basis = basis * basis.sum(0).sign()  # a component's sign is chance: the same everywhere
    return Components(mean.float(), basis.float(), (deviations * deviations.mean()).sqrt().float())


@torch.no_grad()
def begin_with(vae: Any, components: Components) -> None:
    """Gives an autoencoder of ``architecture.make_vae`` the weights of the linear map, with blocks that do nothing yet."""
    from diffusers.models.autoencoders.autoencoder_dc import DCDownBlock2d, DCUpBlock2d, ResBlock

    for module in vae.modules():
        if isinstance(module, ResBlock):
            nn.init.zeros_(module.norm.weight)
            nn.init.zeros_(module.norm.bias)
        elif isinstance(module, DCDownBlock2d | DCUpBlock2d):  # their shortcuts fold and unfold without loss
            nn.init.zeros_(module.conv.weight)
            nn.init.zeros_(module.conv.bias)
    pixels = 3 * VAE_FACTOR**2
    for colour in range(3):
        vae.encoder.conv_in.conv.weight[colour, colour, 1, 1] = 1
    into = vae.encoder.conv_out
    nn.init.zeros_(into.weight)
    into.weight[:, :, 1, 1] = (components.basis[_folding(3)] / components.scale).T
    into.bias.copy_(-(components.mean @ components.basis) / components.scale)

    order = _folding(4)
    seen = order < pixels
    out = vae.decoder.conv_in
    nn.init.zeros_(out.weight)
    out.weight[seen, :, 1, 1] = components.basis[order[seen]] * components.scale
    out.bias[seen] = components.mean[order[seen]]
    out.bias[~seen] = _CONSTANT
    finest = DECODER_WIDTHS[1]
    colours = 3 * 4
    norm, last = vae.decoder.norm_out, vae.decoder.conv_out.conv
    norm.weight.fill_(_CONSTANT * ((finest - colours) / finest) ** 0.5)
    norm.bias.fill_(_SHIFT)
    for channel in range(colours):
        last.weight[channel, channel, 1, 1] = 1
    last.bias.fill_(-_SHIFT)


@torch.no_grad()
def project(vae: Any, pictures: torch.Tensor) -> torch.Tensor:
    """``vae.encode(pictures).latent`` as ``begin_with`` leaves the encoder, past the blocks that do nothing."""
    folded = pictures
    for _ in range(3):
        folded = functional.pixel_unshuffle(folded, 2)
    last = vae.encoder.conv_out
    latents: torch.Tensor = functional.conv2d(folded, last.weight[:, :, 1:2, 1:2], last.bias)
    return latents


def _folding(colours: int) -> torch.Tensor:
    """For each channel of a picture that was folded by 2 three times, its place in order of colour, row and column."""
    places = torch.arange(colours * VAE_FACTOR**2).reshape(1, colours, VAE_FACTOR, VAE_FACTOR)
    for _ in range(3):
        places = functional.pixel_unshuffle(places.float(), 2)
    return places.flatten().long()
