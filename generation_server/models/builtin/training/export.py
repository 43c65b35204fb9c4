# SPDX-License-Identifier: GPL-3.0-or-later
"""Trained networks as they ship: diffusers layout, half precision, with a manifest of every file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..architecture import SCHEDULER, make_text_encoder
from ..shipped import write_manifest
from ..tokenizer_files import write_tokenizer
from ..vocabulary import build_vocabulary
from .prediction import Networks
from .recipe import TrainingError

_VARIANT = "fp16"
_SHARD = "15MB"  # no file of 16 MiB or more


def export(folder: Path, networks: Networks, vae: Any, words: Sequence[str], card: str) -> None:
    """Writes the model into ``folder``, which is emptied first. ``words``: those that it has learned, of the tokenizer's words.

    The networks are left in half precision.
    """
    from diffusers import DDIMScheduler

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    vocabulary, merges = build_vocabulary(tuple(words))
    write_tokenizer(folder / "tokenizer", vocabulary, merges)
    parts = {"unet": networks.unet, "controlnet": networks.controlnet, "vae": vae, "text_encoder": networks.text_encoder}
    for name, module in parts.items():
        module.to("cpu", torch.float16, memory_format=torch.contiguous_format)
        module.save_pretrained(folder / name, variant=_VARIANT, max_shard_size=_SHARD)
    DDIMScheduler(**SCHEDULER).save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderDC"],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2), "utf-8")
    (folder / "README.md").write_text(card, "utf-8")
    write_manifest(folder)


@torch.no_grad()
def with_words(networks: Networks, known: Sequence[str], kept: Sequence[str]) -> Networks:
    """The networks for the vocabulary of ``kept``, a part of the words ``known`` that they were trained with.

    Words that no caption had are taken out, so that somebody who prompts one of them is told.
    """
    before, _ = build_vocabulary(tuple(known))
    after, _ = build_vocabulary(tuple(kept))
    config = networks.text_encoder.config
    encoder = make_text_encoder(after, config.hidden_size, config.num_hidden_layers, config.num_attention_heads)
    _take_words(encoder, after, networks.text_encoder.state_dict(), before)
    return Networks(networks.unet, networks.controlnet, encoder)


@torch.no_grad()
def take_weights(folder: Path, networks: Networks, vocabulary: dict[str, int]) -> None:
    """Fills networks of the same sizes with exported weights, whatever words they know: that is all that travels from one machine
    to another. Raises TrainingError where they are of another recipe, or cannot be read."""
    try:
        for name, module in (("unet", networks.unet), ("controlnet", networks.controlnet)):
            module.load_state_dict(type(module).from_pretrained(folder / name, variant=_VARIANT).state_dict())
        encoder = type(networks.text_encoder).from_pretrained(folder / "text_encoder", variant=_VARIANT)
        before = json.loads((folder / "tokenizer" / "vocab.json").read_text("utf-8"))
        _take_words(networks.text_encoder, vocabulary, encoder.state_dict(), before)
    except RuntimeError as error:
        raise TrainingError(
            f"The weights in {folder} are of other sizes than this recipe's: train them with their own."
        ) from error
    except (OSError, ValueError) as error:
        raise TrainingError(f"The weights in {folder} cannot be read: {error}") from error


@torch.no_grad()
def take_autoencoder(folder: Path, vae: Any) -> None:
    """Like ``take_weights``: the autoencoder's, whose encoder is the linear map of the pictures that it began with."""
    try:
        vae.load_state_dict(type(vae).from_pretrained(folder / "vae", variant=_VARIANT).state_dict())
    except RuntimeError as error:
        raise TrainingError(f"The autoencoder in {folder} is of another size than this recipe's.") from error
    except (OSError, ValueError) as error:
        raise TrainingError(f"The autoencoder in {folder} cannot be read: {error}") from error


def _take_words(encoder: Any, vocabulary: dict[str, int], state: dict[str, torch.Tensor], before: dict[str, int]) -> None:
    """Gives a text encoder the weights ``state`` of another one, whose tokens were ``before``; new tokens keep their vectors."""
    (name,) = (key for key in state if key.endswith("token_embedding.weight"))
    vectors = encoder.state_dict()[name].clone()
    for token, row in vocabulary.items():
        if token in before:
            vectors[row] = state[name][before[token]]
    encoder.load_state_dict(state | {name: vectors})
