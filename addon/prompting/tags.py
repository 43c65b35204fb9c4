# SPDX-License-Identifier: GPL-3.0-or-later
"""A prompt as a list of tags: cut at the commas that stand outside of brackets, compared without weights. No bpy."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PIECE = re.compile(r"\\.|[()\[\]{}<>,]|[^\\()\[\]{}<>,]+", re.DOTALL)
_WEIGHTED = re.compile(r"[(\[]+(?P<tag>[^()\[\]{}]*?)(?::\s*[\d.]+)?[)\]]+")
_COMMENT_AT_END = re.compile(r"(?:^|\s)#[^\n]*\Z")
_OPENING, _CLOSING = "([{<", ")]}>"


def pieces(prompt: str) -> list[str]:
    """The tags as they are written, weights and all; brackets that are never closed reach to the end."""
    found, depth = [""], 0
    for match in _PIECE.finditer(prompt):
        part = match[0]
        if part == "," and depth == 0:
            found.append("")
            continue
        if len(part) == 1:
            depth = max(0, depth + (part in _OPENING) - (part in _CLOSING))
        found[-1] += part
    return [tag.strip() for tag in found if tag.strip()]


def plain(tag: str) -> str:
    """What a tag says, without brackets and number that weight it: two that say the same are equal."""
    text = " ".join(tag.replace("\\(", "\0").replace("\\)", "\1").casefold().replace("_", " ").split())
    weighted = _WEIGHTED.fullmatch(text)
    return (weighted["tag"].strip() if weighted else text).replace("\0", "(").replace("\1", ")")


def said(prompt: str) -> set[str]:
    """What a prompt says, each tag plain; those inside one pair of brackets count one by one."""
    found: set[str] = set()
    for piece in pieces(prompt):
        found.add(plain(piece))
        inner = _WEIGHTED.fullmatch(piece.replace("\\(", "\0").replace("\\)", "\1"))
        if inner:
            found |= {plain(tag.replace("\0", "\\(").replace("\1", "\\)")) for tag in inner["tag"].split(",")}
    return found


def without(prompt: str, gone: Iterable[str]) -> str:
    """A prompt without these tags, where they stand for themselves. One that has none of them stays as it is, to the letter;
    so does one with comments, which reach to the end of a line whatever stands there."""
    unwanted = {plain(tag) for tag in gone}
    tags = pieces(prompt)
    kept = [tag for tag in tags if plain(tag) not in unwanted]
    return prompt if len(kept) == len(tags) or "#" in prompt else ", ".join(kept)


def joined(*prompts: str) -> str:
    """Prompts one after another, the later ones without what was said already."""
    text = ""
    for prompt in prompts:
        prompt = prompt.strip().strip(",").strip()
        if not text:
            text = prompt
            continue
        there = said(text)
        fresh = [tag for tag in pieces(prompt) if plain(tag) not in there]
        if fresh:  # behind a comment only a new line is read
            text = f"{text}{chr(10) if _COMMENT_AT_END.search(text) else ', '}{', '.join(fresh)}"
    return text
