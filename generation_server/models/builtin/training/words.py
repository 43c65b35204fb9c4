# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that captions may use, and captions as tokens."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .....addon.wardrobe.catalogue import shipped_catalogue
from .....addon.wardrobe.outfit import EXPRESSIONS
from ..vocabulary import WORDS, build_vocabulary

TOKENS = 77
"""Of CLIP's text encoder, with the start and end tokens."""
SEPARATOR = ", "

_WORD = re.compile(r"[a-z]+|[0-9]")  # as CLIP's tokenizer cuts ASCII text; punctuation is bytes anyway
_DROPPED = 0.1  # share of a caption's tags that are left out, so that a short prompt is nothing new


def words_of(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in _WORD.findall(text.lower())}


def caption_words() -> tuple[str, ...]:
    """Every word of the general list and of the wardrobe's data, sorted: what a pool that goes on growing may yet have."""
    catalogue = shipped_catalogue()
    texts = [style.tag for style in catalogue.styles.values()]
    texts += [*catalogue.palette.colours, *(tone.tag for tone in catalogue.palette.skin.values())]
    texts += [tag for tags in EXPRESSIONS.values() for tag in tags]
    return tuple(sorted(words_of([*WORDS, *texts])))


class CaptionEncoder:
    """Captions of tags → token ids (77,) as the pipeline makes them, tags in any order and some left out."""

    def __init__(self, words: Sequence[str]) -> None:
        from ....diffusion.clip_tokenizer import make_tokenizer

        self.vocabulary, self.merges = build_vocabulary(tuple(words))
        self.tokenizer: Any = make_tokenizer(self.vocabulary, self.merges)
        self._ids = functools.lru_cache(maxsize=None)(self._tokens)

    def _tokens(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids)

    def varied(self, caption: str, random: np.random.Generator) -> np.ndarray:
        """The tokens of ``some_tags``."""
        return self.encoded(self.some_tags(caption, random))

    @staticmethod
    def some_tags(caption: str, random: np.random.Generator) -> str:
        """Most tags of a caption in another order. The first, which says who is seen, stays the first."""
        first, *others = caption.split(SEPARATOR)
        kept = [others[place] for place in random.permutation(len(others)) if random.random() >= _DROPPED]
        return SEPARATOR.join([first, *kept])

    def encoded(self, caption: str) -> np.ndarray:
        ids: list[int] = []
        comma = self._ids(",")
        for number, tag in enumerate(caption.split(SEPARATOR) if caption else ()):
            ids += [*(comma if number else ()), *self._ids(tag)]
        ids = [self.tokenizer.bos_token_id, *ids[: TOKENS - 2], self.tokenizer.eos_token_id]
        return np.array(ids + [self.tokenizer.pad_token_id] * (TOKENS - len(ids)))
