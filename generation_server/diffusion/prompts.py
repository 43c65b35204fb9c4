# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts as artists write them: weights in A1111's notation, and longer than CLIP's 77 tokens.

``(tag)`` weighs 1.1, ``[tag]`` 1 / 1.1, ``(tag:1.3)`` as much as it says; they nest by multiplication. ``\\(`` and its like stand
for the character itself. ``BREAK`` starts a new chunk. What exceeds 75 tokens goes on in a further chunk; the text encoder sees
each by itself, and the UNet sees them all in a row.
"""

from __future__ import annotations

import functools
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from ..families.catalogue import families
from .interface import GenerationError
from .loras import changed_by

CHUNK = 75
"""Tokens of text in one run of CLIP's text encoder: 77 without start and end."""
_STEP = 1.1  # A1111's factor of one pair of brackets
_LOOK_BACK = (
    20  # a chunk ends at a comma if one is among its last tokens, as many as A1111 looks at, so that no tag is cut in two
)
_CACHED = 64
MOST_WEIGHT = 100.0
"""Of any text: more than anybody means, and little enough for half precision. Without a limit, brackets inside each other and
long numbers became infinite, and pictures black."""
MOST_CHUNKS = 100
"""Of one prompt, 7,500 tokens: the UNet looks at all of them in every step."""
_ESCAPED = "()[]\\:#{}|_<"  # also what would mean something before: see drawn_prompt.py
_WORD = re.compile(r"[^\W\d_]+")  # as CLIP's tokenizer cuts text; it takes every digit by itself

_PIECES = re.compile(r"\\.|\\|\(|\[|:\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*\)|\)|\]|\bBREAK\b|[^\\()\[\]:B]+|:|B", re.DOTALL)


@dataclass(frozen=True)
class Weighted:
    """A piece of a prompt and its weight; ``text`` None stands for BREAK."""

    text: str | None
    weight: float = 1.0


def parse_weights(prompt: str) -> list[Weighted]:
    """The pieces of a prompt in order. A bracket that is never closed holds to the end; one that only closes is text."""
    texts: list[str | None] = []
    opened: list[tuple[str, int]] = []  # bracket and the index of the first piece inside
    spans: list[tuple[int, int, float]] = []  # first piece inside of a pair of brackets, first one after it, and its factor

    def close(bracket: str, factor: float) -> bool:
        if not opened or opened[-1][0] != bracket:
            return False
        spans.append((opened.pop()[1], len(texts), factor))
        return True

    for match in _PIECES.finditer(prompt):
        piece = match.group()
        if piece in ("(", "["):
            opened.append((piece, len(texts)))
            continue
        if (piece == ")" and close("(", _STEP)) or (piece == "]" and close("[", 1 / _STEP)):
            continue
        if match.group(1) and close("(", float(match.group(1))):
            continue
        if piece.startswith("\\") and len(piece) == 2:
            piece = piece[1] if piece[1] in _ESCAPED else piece
        texts.append(None if piece == "BREAK" else piece)
    spans += [(start, len(texts), _STEP if bracket == "(" else 1 / _STEP) for bracket, start in opened]
    return _joined(texts, _multiplied(spans, len(texts)))


def _multiplied(spans: list[tuple[int, int, float]], count: int) -> list[float]:
    """The weight of each of ``count`` pieces, in one pass over them, however many brackets there are inside each other."""
    weights: list[float] = []
    around: list[tuple[int, float]] = []  # of the brackets about a piece: where they end, and the product up to them
    left = sorted(spans, key=lambda span: (-span[0], span[1]))  # the next one at the end, outer ones before inner ones
    for index in range(count):
        while around and around[-1][0] <= index:
            around.pop()
        while left and left[-1][0] <= index:
            _, end, factor = left.pop()
            if end > index:
                product = (around[-1][1] if around else 1.0) * max(-MOST_WEIGHT, min(MOST_WEIGHT, factor))
                around.append((end, max(-MOST_WEIGHT, min(MOST_WEIGHT, product))))
        weights.append(around[-1][1] if around else 1.0)
    return weights


def _joined(texts: Sequence[str | None], weights: Sequence[float]) -> list[Weighted]:
    """Neighbours of one weight as one piece, so that the tokenizer sees whole words."""
    pieces: list[Weighted] = []
    for text, weight in zip(texts, weights, strict=True):
        if text is not None and pieces and pieces[-1].text is not None and pieces[-1].weight == weight:
            pieces[-1] = Weighted(pieces[-1].text + text, weight)
        else:
            pieces.append(Weighted(text, weight if text is not None else 1.0))
    return pieces


def unknown_words(prompt: str, tokenizer: Any) -> list[str]:
    """The words of a prompt that a tokenizer has no token for, in order, each once; weights, brackets and punctuation are none.

    Says something only of a vocabulary that has whole words for all that its model was taught. What every front end adds to
    prompts, whichever the model, is not the user's word: it is left out; so is "solo", which asks for nothing that "1girl" does
    not.
    """
    text = " ".join(piece.text for piece in parse_weights(prompt) if piece.text)
    words = dict.fromkeys(_WORD.findall(text.lower()))
    ids = {word: tokenizer(word, add_special_tokens=False, truncation=False, verbose=False).input_ids for word in words}
    return [word for word in words if len(ids[word]) > 1 and word not in _added_words()]


@functools.cache
def _added_words() -> frozenset[str]:
    texts = (text for family in families().values() for text in (family.quality_prompt, family.negative_prompt))
    return frozenset({"solo", *(word for text in texts for word in _WORD.findall(text.lower()))})


@dataclass(frozen=True)
class Chunk:
    """At most 75 token ids and the weight of each."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


def chunked(pieces: Sequence[Weighted], tokenizer: Any) -> list[Chunk]:
    """The tokens of a prompt in chunks: at least one, which may be empty. Raises GenerationError where they are too many."""
    comma = tokenizer.convert_tokens_to_ids(",</w>")
    chunks: list[Chunk] = []
    ids: list[int] = []
    weights: list[float] = []

    def flush(count: int) -> None:
        chunks.append(Chunk(tuple(ids[:count]), tuple(weights[:count])))
        del ids[:count], weights[:count]

    for piece in pieces:
        if piece.text is None:
            flush(len(ids))
            continue
        for token in tokenizer(piece.text, add_special_tokens=False, truncation=False, verbose=False).input_ids:
            ids.append(token)
            weights.append(piece.weight)
            if len(ids) > CHUNK:
                ends = [i + 1 for i in range(CHUNK - _LOOK_BACK, CHUNK) if ids[i] == comma]
                flush(ends[-1] if ends else CHUNK)
    if ids or not chunks:
        flush(len(ids))
    if len(chunks) > MOST_CHUNKS:
        raise GenerationError(
            f"The prompt, or the negative one, has {len(chunks)} parts of up to {CHUNK} tokens, and {MOST_CHUNKS} are possible: "
            "shorten it, or use BREAK less often."
        )
    return chunks


class Encoding(NamedTuple):
    """A text as its encoder gives it."""

    embedding: torch.Tensor  # (1, tokens, width)
    pooled: torch.Tensor | None = None  # (1, width), of an encoder with a projection


class PromptEncoder:
    """A text encoder with its tokenizer, which remembers what it has encoded."""

    def __init__(self, tokenizer: Any, text_encoder: Any, clip_skip: int, final_norm: bool = True) -> None:
        """``clip_skip`` as A1111 counts: 1 takes the last layer, 2 the last but one.

        ``final_norm``: whether an earlier layer than the last goes through the encoder's last normalisation, as in SD 1.x.
        """
        self._tokenizer = tokenizer
        self._encoder = text_encoder
        self._clip_skip = clip_skip
        self._final_norm = final_norm
        self._memory: OrderedDict[tuple[str, str], Encoding] = OrderedDict()

    def encode_pair(self, prompt: str, negative_prompt: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings (1, 77 · n, width) of both, of the same n chunks: the shorter one goes on with empty chunks."""
        both = [self.encode(prompt), self.encode(negative_prompt)]
        longest = max(embedding.shape[1] for embedding in both)
        for index, embedding in enumerate(both):
            if lacking := (longest - embedding.shape[1]) // self._tokenizer.model_max_length:
                both[index] = torch.cat([embedding, *[self.encode("")] * lacking], 1)
        return both[0], both[1]

    def encode(self, prompt: str) -> torch.Tensor:
        """The embedding (1, 77 · n, width) of a prompt in n chunks."""
        return self._encoded(prompt).embedding

    def pooled(self, prompt: str) -> torch.Tensor:
        """The one vector (1, width) of a prompt's first chunk, as A1111 takes it; of an encoder with a projection."""
        pooled = self._encoded(prompt).pooled
        assert pooled is not None
        return pooled

    @torch.no_grad()
    def _encoded(self, prompt: str) -> Encoding:
        key = (changed_by(self._encoder), prompt)
        if key in self._memory:
            self._memory.move_to_end(key)
            return self._memory[key]
        chunks = chunked(parse_weights(prompt), self._tokenizer)
        encoded = [self._encode_chunk(chunk) for chunk in chunks]
        encoding = Encoding(torch.cat([chunk.embedding for chunk in encoded], 1), encoded[0].pooled)
        self._memory[key] = encoding
        if len(self._memory) > _CACHED:
            self._memory.popitem(last=False)
        return encoding

    def _encode_chunk(self, chunk: Chunk) -> Encoding:
        tokenizer = self._tokenizer
        fill = CHUNK - len(chunk.ids)
        ids = [tokenizer.bos_token_id, *chunk.ids, tokenizer.eos_token_id, *[tokenizer.pad_token_id] * fill]
        output = self._encoder(torch.tensor([ids], device=self._encoder.device), output_hidden_states=True)
        if self._clip_skip > 1:
            hidden = output.hidden_states[-self._clip_skip]
            if self._final_norm:
                # transformers before 5.6 keeps the layers one level deeper
                hidden = getattr(self._encoder, "text_model", self._encoder).final_layer_norm(hidden)
        else:
            hidden = output.last_hidden_state
        pooled = getattr(output, "text_embeds", None)
        if all(weight == 1 for weight in chunk.weights):
            return Encoding(hidden, pooled)
        weights = hidden.new_tensor([1.0, *chunk.weights, *[1.0] * (fill + 1)])
        return Encoding(_reweighted(hidden, weights), pooled)


def _reweighted(hidden: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Each token's vector times its weight, then all of them scaled to the mean from before, as A1111 does.

    An encoder whose vectors have no mean to speak of (an untrained one) keeps the plain product: the quotient would mean nothing.
    """
    product = hidden * weights[None, :, None]
    before, after = hidden.float().mean(), product.float().mean()
    if before.abs() < 0.01 * hidden.float().std() or not 0.2 < float(after / before) < 5:
        return product
    return product * (before / after).to(product.dtype)
