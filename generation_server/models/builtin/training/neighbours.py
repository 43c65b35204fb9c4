# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the text encoder begins: knowing of each word which one stands before it.

"blue hair, red dress" means nothing to a network that cannot tell which colour belongs to which thing. A transformer that begins
from chance finds that out late, long after poses and backgrounds. So ours begins with heads that look one place back and add what
they see there to what is here: "hair" then carries "blue" with it. All of it goes on learning.
"""

from __future__ import annotations

import math
from typing import Any

import torch

_SCALE = 0.5
"""Deviation of the embeddings, words and places alike."""
_SHARPNESS = 1.6
"""Of the heads that look back: with it nearly all of their attention is on the place before."""
_GOLDEN = (math.sqrt(5) - 1) / 2


@torch.no_grad()
def look_back(encoder: Any) -> None:
    """Gives a CLIPTextModel with fresh weights these heads in its first layer: all but one, which is left to chance.

    Embeddings are divided: one head's width is for places, as sines and cosines whose frequencies have no common period, the rest
    for words.
    """
    config = encoder.config
    heads, width = config.num_attention_heads, config.hidden_size
    size = width // heads
    words = width - size
    model = getattr(encoder, "text_model", encoder)
    tokens, places = model.embeddings.token_embedding.weight, model.embeddings.position_embedding.weight
    tokens.normal_(0.0, _SCALE)
    tokens[:, words:] = 0.0
    places.zero_()
    frequencies = math.pi * torch.frac(_GOLDEN * torch.arange(1, size // 2 + 1, dtype=torch.float64))
    angles = torch.arange(len(places), dtype=torch.float64)[:, None] * frequencies
    places[:, words::2] = (_SCALE * math.sqrt(2) * angles.sin()).to(places.dtype)
    places[:, words + 1 :: 2] = (_SCALE * math.sqrt(2) * angles.cos()).to(places.dtype)

    back = torch.zeros(size, size)  # turns the place of a word into that of the word before
    for pair, frequency in enumerate(frequencies.tolist()):
        cosine, sine = math.cos(frequency), math.sin(frequency)
        back[2 * pair : 2 * pair + 2, 2 * pair : 2 * pair + 2] = torch.tensor([[cosine, -sine], [sine, cosine]])
    attention = model.encoder.layers[0].self_attn
    for head in range(heads - 1):
        rows = slice(head * size, (head + 1) * size)
        for projection in (attention.q_proj, attention.k_proj, attention.v_proj):
            projection.weight[rows] = 0.0
            projection.bias[rows] = 0.0
        attention.q_proj.weight[rows, words:] = _SHARPNESS * back
        attention.k_proj.weight[rows, words:] = torch.eye(size)
        attention.v_proj.weight[rows, rows] = torch.eye(size)
        attention.out_proj.weight[:, rows] = 0.0
        attention.out_proj.weight[rows, rows] = _SCALE * torch.eye(size)
