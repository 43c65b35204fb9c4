# SPDX-License-Identifier: GPL-3.0-or-later
"""A prompt as its tags: cut at commas, weighed, added, taken out, and put together again without a character lost.

Weights are A1111's: ``(tag)`` 1.1, ``[tag]`` 1 / 1.1, ``(tag:1.3)`` as much as it says, nested by multiplication; the number of
``<lora:name:0.8>`` is its weight. A comma within brackets cuts nothing: ``(blue eyes, smile:1.2)`` is one entry of two tags.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from .tags import plain, said

STEP = 0.1
"""Of one press, as in A1111's text fields."""
LOWEST, HIGHEST = 0.0, 2.0

_BRACKETS = 1.1  # A1111's factor of one pair of round brackets
_DIGITS = 3
_CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}
_ESCAPED = ("(", ")", "[", "]", "{", "}", "<", ">", "\\")
_NUMBER = re.compile(r":\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*$")
_LORA = re.compile(r"<(lora|lyco|hypernet):([^:<>]+):\s*([+-]?(?:\d+\.?\d*|\.\d+))((?::[^<>]*)?)>", re.IGNORECASE)


@dataclass(frozen=True)
class Tag:
    """One entry of a prompt: ``name`` without brackets and number, ``weight``, and where it stands (``start``, ``end``), without
    the white space around it."""

    name: str
    weight: float
    start: int
    end: int


@functools.lru_cache(16)
def tags_of(prompt: str) -> tuple[Tag, ...]:
    """The entries of a prompt in order, without empty ones. A panel asks for each of its numbers: the last ones are kept."""
    found = []
    for start, end in _cuts(prompt):
        piece = prompt[start:end]
        core = piece.strip()
        if core:
            start += len(piece) - len(piece.lstrip())
            name, weight = _weighed(core)
            found.append(Tag(name, weight, start, start + len(core)))
    return tuple(found)


def with_weight(prompt: str, index: int, weight: float) -> str:
    """The prompt after its entry ``index`` was given a weight. Brackets within its outermost pair stay; at weight 1 that
    pair goes. What has brackets that are never closed cannot be weighed: the prompt then stays as it is.

    Raises IndexError where there is no such entry."""
    tags = tags_of(prompt)
    tag = tags[index]
    weight = min(max(weight, LOWEST), HIGHEST)
    changed = prompt[: tag.start] + _reweighed(prompt[tag.start : tag.end], weight) + prompt[tag.end :]
    return changed if [found.name for found in tags_of(changed)] == [found.name for found in tags] else prompt


def stepped(weight: float, steps: int) -> float:
    """A weight so many steps on, on the grid of whole steps: 1.07 and one step are 1.1, not 1.17."""
    grid = round(weight / STEP, 6)
    whole = math.floor(grid) if steps > 0 else math.ceil(grid)
    return min(max(round((whole + steps) * STEP, _DIGITS), LOWEST), HIGHEST)


def has_tag(prompt: str, tag: str) -> bool:
    """Whether a prompt says it, weighted or not."""
    return plain(tag) in said(prompt)


def with_tag(prompt: str, tag: str) -> str:
    """The prompt with a tag at its end; as it was where it says it already."""
    if not tag.strip() or has_tag(prompt, tag):
        return prompt
    kept = prompt.rstrip().rstrip(",").rstrip()
    return f"{kept}, {tag.strip()}" if kept else tag.strip()


def without_tag(prompt: str, tag: str) -> str:
    """The prompt without a tag, wherever and however often it stands as an entry of its own."""
    wanted = plain(tag)
    return _without(prompt, lambda found: plain(found.name) == wanted)


def without_entry(prompt: str, index: int) -> str:
    """The prompt without its entry ``index``. Raises IndexError where there is no such entry."""
    gone = tags_of(prompt)[index]
    return _without(prompt, lambda found: found == gone)


def written(tag: str) -> str:
    """A tag of a list as prompts write it: spaces for underscores, and brackets that weigh nothing. ``^_^`` and its like stay."""
    words = tag.replace("_", " ") if re.search(r"[^\W_]{2}", tag) else tag
    return re.sub(r"(?<!\\)([()\[\]])", r"\\\1", words)


def _without(prompt: str, is_gone: Callable[[Tag], bool]) -> str:
    for tag in reversed(tags_of(prompt)):
        if is_gone(tag):
            before, after = prompt[: tag.start].rstrip(" \t"), prompt[tag.end :].lstrip(" \t")
            if after.startswith(","):
                after = after[1:].lstrip(" \t")
            elif before.endswith(","):
                before = before[:-1].rstrip(" \t")
            gap = " " if before and after and not before.endswith("\n") and not after.startswith(("\n", ",")) else ""
            prompt = before + gap + after
    return prompt


def _cuts(prompt: str) -> list[tuple[int, int]]:
    """Where the pieces between commas and line ends are. A bracket that is never closed, and one that only closes, are text."""
    pairs, opened = _pairs(prompt), 0
    closing = set(pairs.values())
    cuts, start, skip = [], 0, False
    for index, character in enumerate(prompt):
        if skip:
            skip = False
        elif character == "\\":
            skip = prompt[index + 1 : index + 2] in _ESCAPED
        elif index in pairs:
            opened += 1
        elif index in closing:
            opened -= 1
        elif opened == 0 and character in ",\n":
            cuts.append((start, index))
            start = index + 1
    return [*cuts, (start, len(prompt))]


def _pairs(text: str) -> dict[int, int]:
    """Opening bracket → its closing one, by their places."""
    found: dict[int, int] = {}
    waiting: list[int] = []
    skip = False
    for index, character in enumerate(text):
        if skip:
            skip = False
        elif character == "\\":
            skip = text[index + 1 : index + 2] in _ESCAPED
        elif character in _CLOSING:
            waiting.append(index)
        elif character in _CLOSING.values():
            matching = [n for n, place in enumerate(waiting) if _CLOSING[text[place]] == character]
            if matching:
                found[waiting[matching[-1]]] = index
                del waiting[matching[-1] :]
    return found


def _opened(text: str) -> tuple[str, float] | None:
    """What is within a text's outermost brackets, and what these alone weigh; None where no one pair holds all of it."""
    if text[:1] not in ("(", "[") or _pairs(text).get(0) != len(text) - 1:
        return None
    inside = text[1:-1]
    if text[0] == "[":
        return inside, 1.0 / _BRACKETS
    number = _NUMBER.search(inside)
    # A number belongs to these brackets unless it stands within others: "((a:1.2))" has it further inside.
    return (inside[: number.start()], float(number[1])) if number else (inside, _BRACKETS)


def _weighed(text: str) -> tuple[str, float]:
    weight = 1.0
    if lora := _LORA.fullmatch(text):
        return f"<{lora[1]}:{lora[2]}>", float(lora[3])
    while (found := _opened(text)) is not None:
        text, factor = found[0].strip(), found[1]
        weight *= factor
    return text, round(weight, 6)


def _reweighed(text: str, weight: float) -> str:
    if lora := _LORA.fullmatch(text):
        return f"<{lora[1]}:{lora[2]}:{_number(weight)}{lora[4]}>"
    found = _opened(text)
    inside = text if found is None else found[0]
    within = _weighed(inside.strip())[1]
    own = round(weight / within, _DIGITS) if within else weight
    return inside if own == 1.0 else f"({inside}:{_number(own)})"


def _number(value: float) -> str:
    return f"{round(value, _DIGITS):g}"
