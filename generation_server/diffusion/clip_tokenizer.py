# SPDX-License-Identifier: GPL-3.0-or-later
"""CLIP tokenizers without the model hub: from the vocabulary that open_clip carries, or from any other of that structure."""

from __future__ import annotations

import functools
import gzip
from collections.abc import Mapping, Sequence
from importlib import resources

from transformers import CLIPTokenizer

from ..models.builtin.vocabulary import END, START, WORD_END, byte_characters

TOKENS = 77
"""What a CLIP text encoder takes at once, with the start and end tokens."""
_MERGES = 49152 - 256 - 2
"""Merges that CLIP uses of its list (Radford et al. 2021, released code): with 2 · 256 bytes and 2 special ones, 49408 tokens."""


def make_tokenizer(vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], padding: str = END) -> CLIPTokenizer:
    """The tokenizer of a text encoder with this vocabulary; it pads with the end token, as SD 1.5's does, or with another."""
    return CLIPTokenizer(
        vocab=dict(vocabulary),
        merges=[tuple(pair) for pair in merges],
        unk_token=END,
        bos_token=START,
        eos_token=END,
        pad_token=padding,
        model_max_length=TOKENS,
    )


def open_clip_tokenizer() -> CLIPTokenizer:
    """The same as open_clip's encoders use it, SDXL's second among them: they were trained with token 0, a "!", as padding."""
    return clip_tokenizer("!")


@functools.cache
def clip_tokenizer(padding: str = END) -> CLIPTokenizer:
    """CLIP's own tokenizer, that of SD 1.5, made from the list of merges inside the open_clip package."""
    packed = resources.files("open_clip").joinpath("bpe_simple_vocab_16e6.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").split("\n")[1 : _MERGES + 1]
    merges = [(left, right) for left, right in (line.split() for line in lines)]
    characters = byte_characters()
    tokens = [*characters, *(c + WORD_END for c in characters), *("".join(pair) for pair in merges), START, END]
    return make_tokenizer({token: index for index, token in enumerate(tokens)}, merges, padding)
