# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots by name, as people who draw and film call them. Nothing but the standard library.

A shot is three words: how much of the figure it shows, from which side, and from which height.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UserError

FRAMINGS = ("full", "cowboy", "bust", "portrait")
"""The whole body; down to the middle of the thighs; down to the chest; head and shoulders."""
ANGLES = ("front", "three-quarter", "side", "back")
"""Where the camera stands round the figure, going towards its left hand."""
HEIGHTS = ("eye-level", "low", "high")
"""The camera looks level, up or down."""


@dataclass(frozen=True)
class Shot:
    framing: str = FRAMINGS[0]
    angle: str = ANGLES[0]
    height: str = HEIGHTS[0]


def parse_shot(text: str) -> Shot:
    """The shot that one to three words mean, with slashes between them, in any order: ``side``, ``bust/low``,
    ``portrait/three-quarter/high``. What is not said is the whole body, the front, eye level. Raises UserError."""
    chosen: dict[str, str] = {}
    for word in text.lower().split("/"):
        word = word.strip().replace(" ", "-").replace("_", "-")
        kind = next((kind for kind, words in _WORDS.items() if word in words), None)
        if kind is None:
            raise UserError(f"'{text}' is no shot: use {described()}.")
        if kind in chosen:
            raise UserError(f"The shot '{text}' says '{chosen[kind]}' and '{word}', which exclude each other: use {described()}.")
        chosen[kind] = word
    return Shot(**chosen)


def described() -> str:
    """All words, for help and errors."""
    lists = [", ".join(words[:-1]) + f" or {words[-1]}" for words in _WORDS.values()]
    return "; ".join(lists) + ", joined as in bust/three-quarter/low"


_WORDS = {"framing": FRAMINGS, "angle": ANGLES, "height": HEIGHTS}
