# SPDX-License-Identifier: GPL-3.0-or-later
"""A small vocabulary for CLIP's byte pair tokenizer: every byte, so that any text has tokens, and whole words for common tags.

It has the structure of CLIP's own vocabulary (bytes, bytes that end a word, merges, two special tokens), so the tokenizer class
and every line of code behind it are those of the large models. Standard library only.
"""

from __future__ import annotations

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"

_WORDS = """
1 2 solo anime girl boy woman man adult person figure character
blue red green white black pink purple yellow orange brown grey silver blonde dark light
hair eyes long short bob ponytail twin tails bun braid spiky cap bangs
smile open mouth closed looking at viewer from side behind above below front back view
shirt t jacket school uniform dress skirt shorts trousers sports outfit kimono shoes boots hat gloves
running walking standing sitting lying jumping kneeling crouching dancing waving fighting stretching pose
arms up hand hands on hip head legs crossed one leg raised
park beach city street room sky night day sunset forest field water simple plain gradient background outdoors indoors
masterpiece best quality worst low lowres bad anatomy extra limbs fingers signature watermark text nsfw
full body upper portrait close wide shot with and in of the a
"""
WORDS = tuple(_WORDS.split())


def byte_characters() -> list[str]:
    """One printable character for each of the 256 bytes, in CLIP's order: printable bytes stand for themselves, then the others
    by characters from code point 256 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]


def build_vocabulary(words: tuple[str, ...] = WORDS) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary (token to id) and merges, in which every one of ``words`` (lower case, ASCII) is a single token."""
    merges: list[tuple[str, str]] = []
    for word in words:
        pieces = _merge([*word[:-1], word[-1] + WORD_END], merges)
        while len(pieces) > 1:  # from the left, as far as earlier words have not done it already
            merges.append((pieces[0], pieces[1]))
            pieces = _merge(pieces, merges[-1:])
    characters = byte_characters()
    tokens = [*characters, *(c + WORD_END for c in characters), *("".join(pair) for pair in merges), START, END]
    return {token: index for index, token in enumerate(dict.fromkeys(tokens))}, merges


def _merge(pieces: list[str], merges: list[tuple[str, str]]) -> list[str]:
    """``pieces`` after byte pair merging by ``merges``, the earliest merge first."""
    for left, right in merges:
        merged: list[str] = []
        for piece in pieces:
            if merged and merged[-1] == left and piece == right:
                merged[-1] = left + right
            else:
                merged.append(piece)
        pieces = merged
    return pieces
