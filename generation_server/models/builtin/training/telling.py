# SPDX-License-Identifier: GPL-3.0-or-later
"""Before any picture is trained on: the text encoder, and what sums up its words for the UNet, learn to say what a caption says.

Which colour the hair has, which the shirt, what is behind the figure. A small network that must find this out from pictures finds
poses and backgrounds in minutes and colours of clothes hardly ever. To learn it from the captions alone takes a minute: a linear
layer has to read all of a caption's facts from the one vector that every block of the UNet is told.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .....addon.wardrobe.catalogue import shipped_catalogue
from .....addon.wardrobe.prompt_tags import topic_of
from .loop import learning_rate_factor
from .words import SEPARATOR, CaptionEncoder

_BATCH = 128
_RATE, _WARM_UP, _DECAY_FROM = 1e-3, 30, 2.0 / 3.0


def facts_of(caption: str) -> list[str]:
    """What a caption says: each tag; of a tag with a colour, what has the colour, and what there is."""
    return [fact for tag in caption.split(SEPARATOR) for fact in _facts_of_tag(tag)]


@functools.cache
def _facts_of_tag(tag: str) -> tuple[str, ...]:
    catalogue = shipped_catalogue()
    topic, colour = topic_of(tag, catalogue), catalogue.palette.leading(tag)
    if not topic or not colour:
        return (tag,)
    return f"{topic} is {colour}", f"there is {tag.removeprefix(colour).strip()}"


def learn_to_tell(networks: Any, captions: CaptionEncoder, texts: Sequence[str], steps: int, seed: int) -> float:
    """Trains ``networks.text_encoder`` and the UNet's ``add_embedding`` on captions alone. Returns which part of the facts of
    captions can then be read, as the share of right ones among as many as were there."""
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    encoder, summary = networks.text_encoder, networks.unet.add_embedding
    known = {fact: number for number, fact in enumerate(sorted({fact for text in texts for fact in facts_of(text)}))}
    device = next(encoder.parameters()).device
    reader = nn.Linear(summary.proj.out_features, len(known)).to(device)
    nn.init.constant_(reader.bias, -4.0)  # a fact is rarely so
    parameters = [*encoder.parameters(), *summary.parameters(), *reader.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=_RATE, betas=(0.9, 0.99))
    share = 0.0
    for step in range(steps):
        ids, said = [], np.zeros((_BATCH, len(known)), dtype=np.float32)
        for row in range(_BATCH):
            text = captions.some_tags(str(texts[int(random.integers(len(texts)))]), random)
            ids.append(captions.encoded(text))
            said[row, [known[fact] for fact in facts_of(text) if fact in known]] = 1.0
        for group in optimizer.param_groups:
            group["lr"] = _RATE * learning_rate_factor(step, steps, _WARM_UP, _DECAY_FROM)
        target = torch.from_numpy(said).to(device)
        told = reader(summary(encoder(torch.from_numpy(np.stack(ids)).to(device)).last_hidden_state))
        loss = functional.binary_cross_entropy_with_logits(told, target, reduction="sum") / _BATCH
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if (step + 1) % 50 == 0 or step + 1 == steps:
            count = target.sum(1).long()
            hits = [target[row, told[row].topk(int(n)).indices].sum() / n for row, n in enumerate(count) if n]
            share = float(torch.stack(hits).mean())
            print(f"words {step + 1}/{steps}  loss {loss.item():.3f}  facts {share:.3f}", flush=True)
    return share
