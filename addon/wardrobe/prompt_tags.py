# SPDX-License-Identifier: GPL-3.0-or-later
"""An outfit's tags in a prompt, in the place of those that say otherwise: another colour of hair, other shoes. No bpy."""

from __future__ import annotations

import re

from .catalogue import Catalogue
from .outfit import EXPRESSIONS

_HAIR_COLOUR, _EYE_COLOUR, _SKIN, _EXPRESSION = "hair colour", "eye colour", "skin", "expression"
_MORE_COLOURS = {
    "aqua", "blond", "crimson", "gold", "golden", "gradient", "lavender", "maroon", "multicolored", "platinum", "teal",
    "turquoise", "two-tone", "violet", "yellow",
}  # fmt: skip
"""Colours that prompts know beside those of the wardrobe."""
_WEIGHTED = re.compile(r"[(\[{]+(?P<tag>[^()\[\]{}]*?)(?::\s*[\d.]+)?[)\]}]+")
_TOGETHER = {"dress": {"top", "bottom"}, "top": {"dress"}, "bottom": {"dress"}}
"""Slot → those that are empty where it is worn."""


def retold(prompt: str, found: list[str], catalogue: Catalogue, told: str = "") -> str:
    """A prompt that says what an outfit's tags say, in place of what it said otherwise and of ``told``, the tags of another
    outfit."""
    return with_tags(without_contradicted(prompt, found, catalogue), found, told)


def with_tags(prompt: str, found: list[str], told: str = "") -> str:
    """A prompt with these tags at its end, unless it has them already, weighted or not; those of ``told`` that are not among them
    are taken out."""
    gone = {_plain(tag) for tag in told.split(",")} - {_plain(tag) for tag in found}
    kept = [tag.strip() for tag in prompt.split(",") if tag.strip() and _plain(tag) not in gone]
    there = {_plain(tag) for tag in kept}
    return ", ".join([*kept, *(tag for tag in found if _plain(tag) not in there)])


def without_contradicted(prompt: str, found: list[str], catalogue: Catalogue) -> str:
    """A prompt without the tags of which ``found``, in their own way, say something else; all others stay as they are written."""
    said = {topic for tag in found if (topic := topic_of(tag, catalogue))}
    gone = said | {other for topic in said for other in _TOGETHER.get(topic, ())}
    same = {tag.casefold() for tag in found}
    kept = (tag.strip() for tag in prompt.split(","))
    return ", ".join(tag for tag in kept if tag and (_plain(tag) in same or topic_of(tag, catalogue) not in gone))


def topic_of(tag: str, catalogue: Catalogue) -> str:
    """What a tag speaks of, such as "hair colour" or a slot; empty for all that is no outfit's."""
    plain, nouns = _plain(tag), _nouns(catalogue)
    if plain in nouns:
        return nouns[plain]
    words = plain.split()
    for start in range(1, len(words)):
        noun = " ".join(words[start:])
        if noun in ("hair", "eyes"):
            named = words[start - 1] in _MORE_COLOURS or words[start - 1] in _colour_words(catalogue)
            return (_HAIR_COLOUR if noun == "hair" else _EYE_COLOUR) if named else ""
        if noun in nouns and nouns[noun] not in (_SKIN, _EXPRESSION):
            return nouns[noun]
    return ""


def _plain(tag: str) -> str:
    """A tag without the brackets and number that weight it."""
    text = tag.strip().casefold().replace("_", " ")
    weighted = _WEIGHTED.fullmatch(text)
    return weighted["tag"].strip() if weighted else text


def _nouns(catalogue: Catalogue) -> dict[str, str]:
    """What outfits are called → what that speaks of."""
    found = {"footwear": "shoes"}
    found |= {tag: _EXPRESSION for tags in EXPRESSIONS.values() for tag in tags}
    found |= {tone.tag.casefold(): _SKIN for tone in catalogue.palette.skin.values() if tone.tag}
    for style in catalogue.styles.values():
        if style.slot != "face":  # eyes, of which only the colour is said
            found |= {name.strip().casefold(): style.slot for name in style.tag.split(",") if name.strip()}
    return found


def _colour_words(catalogue: Catalogue) -> set[str]:
    return {name.casefold().split()[-1] for name in catalogue.palette.colours}
