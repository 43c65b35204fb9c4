# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model needs of a device's memory: its weights counted, and what is between its layers measured without computing.

A network of the same architecture runs once on torch's device "meta", where tensors have sizes and no content, while the bytes of
all tensors that live at the same time are counted. They grow with a picture's pixels, so that one small run tells them for any
size. Attention counts as its fused kernels do it, which keep no matrix of weights.
"""

from __future__ import annotations

import functools
import json
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .modes import Costs
from .residence import fits_8_bits

_SIDE = 64
"""Latent pixels a side of what is measured."""

_BATCH = 2
"""Pictures that the UNet sees at once: without and with the prompt."""


class _LiveBytes(TorchDispatchMode):
    """Counts the bytes of the tensors that are made and not yet let go."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._now = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        result = function(*arguments, **(named or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._note(tensor.untyped_storage())
        return result

    def _note(self, storage: torch.UntypedStorage) -> None:
        if (key := storage._cdata) not in self._known:
            self._known.add(key)
            self._now += storage.nbytes()
            self.peak = max(self.peak, self._now)
            weakref.finalize(storage, self._forget, key, storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._now -= size


class _FusedAttention(TorchFunctionMode):
    """Attention that makes its result and nothing else."""

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        if function is nn.functional.scaled_dot_product_attention:
            query, _, value = arguments[:3]
            return query.new_empty((*query.shape[:-1], value.shape[-1]))
        return function(*arguments, **(named or {}))


def _measured(run: Callable[[], Any]) -> int:
    live = _LiveBytes()
    with torch.inference_mode(), _FusedAttention(), live:
        run()
    return live.peak


def _twin(network: Any, dtype: torch.dtype) -> Any:
    with torch.device("meta"):
        return type(network).from_config(dict(network.config)).to(dtype).eval()


def weight_bytes(networks: Sequence[nn.Module]) -> int:
    """Bytes of the weights of networks, each counted once."""
    tensors = {id(t): t for network in networks for t in (*network.parameters(), *network.buffers())}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def bytes_in_8_bits(network: nn.Module) -> int:
    """Bytes of a network's weights as mode ``fp8`` keeps them: one a number, and a scale for each output channel."""
    saved = 0
    for name, part in network.named_modules():
        if fits_8_bits(name, part):
            weight: Any = part.weight
            saved += weight.numel() * (weight.element_size() - 1) - weight.shape[0] * weight.element_size()
    return weight_bytes([network]) - saved


def largest_layer(network: nn.Module) -> int:
    """Bytes of the weights of the largest layer."""
    return max(sum(t.numel() * t.element_size() for t in part.parameters(recurse=False)) for part in network.modules())


def unet_bytes(unet: Any, dtype: torch.dtype) -> float:
    """Bytes a pixel of the picture between the layers of a UNet."""
    return _unet_bytes(_Same(unet), dtype)


def vae_bytes(vae: Any, dtype: torch.dtype) -> tuple[float, float]:
    """Bytes a pixel between the layers of a VAE's encoder and of its decoder."""
    return _vae_bytes(_Same(vae), dtype)


class _Same:
    """A network, equal to others of its architecture."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self._key = type(network), json.dumps(dict(network.config), sort_keys=True, default=str)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._key == other._key


@functools.lru_cache(8)
def _unet_bytes(same: _Same, dtype: torch.dtype) -> float:
    twin = _twin(same.network, dtype)
    same.network = None  # the memory of what was measured must not keep the weights
    config = twin.config
    with torch.device("meta"):
        sample = torch.empty(_BATCH, config.in_channels, _SIDE, _SIDE, dtype=dtype)
        text = torch.empty(_BATCH, 77, config.cross_attention_dim, dtype=dtype)
        added = None
        if config.addition_embed_type == "text_time":
            pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
            added = {"text_embeds": torch.empty(_BATCH, pooled, dtype=dtype), "time_ids": torch.empty(_BATCH, 6, dtype=dtype)}
        step = torch.empty((), dtype=torch.long)
        peak = _measured(lambda: twin(sample, step, text, added_cond_kwargs=added))
    return peak / (8 * _SIDE) ** 2


@functools.lru_cache(8)
def _vae_bytes(same: _Same, dtype: torch.dtype) -> tuple[float, float]:
    twin = _twin(same.network, dtype)
    same.network = None
    scale = _scale(twin)
    with torch.device("meta"):
        picture = torch.empty(1, 3, scale * _SIDE, scale * _SIDE, dtype=dtype)
        latents = torch.empty(1, twin.config.latent_channels, _SIDE, _SIDE, dtype=dtype)
        pixels = (scale * _SIDE) ** 2
        return _measured(lambda: twin.encode(picture)) / pixels, _measured(lambda: twin.decode(latents)) / pixels


def _scale(vae: Any) -> int:
    blocks = vae.config.block_out_channels if isinstance(vae, AutoencoderKL) else vae.config.decoder_block_out_channels
    return int(2 ** (len(blocks) - 1))


def residual_bytes(unet: Any, dtype: torch.dtype) -> float:
    """Bytes a pixel of what a ControlNet adds to a UNet: a tensor for each of its skips, and one for its middle."""
    config = unet.config
    widths = list(config.block_out_channels)
    numbers = float(widths[0])
    for level, width in enumerate(widths):
        layers = config.layers_per_block if isinstance(config.layers_per_block, int) else config.layers_per_block[level]
        numbers += layers * width / 4**level
        numbers += width / 4 ** (level + 1) if level < len(widths) - 1 else width / 4**level
    return _BATCH * numbers / 64 * torch.empty(0, dtype=dtype).element_size()


def costs_of(
    parts: dict[str, Any], controlnets: Sequence[nn.Module], dtype: torch.dtype, vae_dtype: torch.dtype, tiled_from: int
) -> Costs:
    """What a model of these ``parts`` (unet, vae, text encoders and others) needs with the ControlNets of a picture."""
    unet, vae = parts["unet"], parts["vae"]
    networks = list(dict.fromkeys([unet, *controlnets]))
    encoding, decoding = vae_bytes(vae, vae_dtype)
    # Of several ControlNets the sum is kept while the next is added to it, and both are there with what comes of them.
    residuals = residual_bytes(unet, dtype) * min(3, len(controlnets))
    tile: Any = getattr(vae, "tile_sample_min_size", None) or getattr(vae, "tile_sample_min_height", 0)
    return Costs(
        encoders=weight_bytes([part for name, part in parts.items() if name.startswith("text_encoder")]),
        denoisers=weight_bytes(networks),
        denoisers_in_8_bits=sum(map(bytes_in_8_bits, networks)),
        largest_layer=max(map(largest_layer, networks)),
        decoder=sum(p.numel() for p in vae.parameters()) * torch.empty(0, dtype=vae_dtype).element_size(),
        denoising=unet_bytes(unet, dtype) + residuals,
        encoding=encoding,
        decoding=decoding,
        tiled_from=tiled_from,
        tile=int(tile) ** 2 or tiled_from,
    )
