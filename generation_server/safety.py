# SPDX-License-Identifier: GPL-3.0-or-later
"""What is never painted: sexual content where a child is in view, or meant by the prompt. No setting reaches this.

The words are data, in ``safety.toml``. Standard library only.
"""

from __future__ import annotations

import functools
import re
import tomllib
from pathlib import Path

from .protocol import GenerationRequest

FILE = Path(__file__).with_suffix(".toml")

ADULT_AGE = 18
REFUSAL = "Sexual content is refused where a child is in view or in the prompt: take '{word}' out of the prompt."

_AGE = re.compile(r"\b(\d{1,3})\s*[- ]?(?:years?[- ]old|year[- ]olds?|yo|y/o|yrs? old)\b")
_EMPHASIS = re.compile(r"[()\[\]{}\\]|:\s*[\d.]+")


def shows_child(request: GenerationRequest) -> bool:
    """Whether a child's body is in the picture, or the prompt means a child."""
    text = _text(request)
    return request.child_in_view or _found("child", text) != "" or any(int(age) < ADULT_AGE for age in _AGE.findall(text))


def refusal(request: GenerationRequest) -> str:
    """The sentence with which the request is refused, or an empty text."""
    if not shows_child(request):
        return ""
    word = _found("sexual", _text(request))
    return REFUSAL.format(word=word) if word else ""


def negative_prompt(request: GenerationRequest) -> str:
    """The negative prompt that is painted with: the request's, and what is fixed where a child is shown."""
    if not shows_child(request):
        return request.negative_prompt
    return ", ".join(filter(None, (_words()["negative"], request.negative_prompt.strip())))


def _text(request: GenerationRequest) -> str:
    """What the picture is made of, as words: the prompt, and the LoRAs, which are named for what they draw."""
    return _plain(", ".join((request.prompt, *(lora.name for lora in request.loras))))


def _plain(prompt: str) -> str:
    """A prompt as words alone: lower case, without weights and brackets, which must not hide a word."""
    return re.sub(r"\s+", " ", _EMPHASIS.sub("", prompt.lower()).replace("_", " "))


def _found(kind: str, text: str) -> str:
    match = _pattern(kind).search(text)
    return match.group() if match else ""


@functools.cache
def _words() -> dict:
    return tomllib.loads(FILE.read_text("utf-8"))


@functools.cache
def _pattern(kind: str) -> re.Pattern[str]:
    words = sorted(_words()[kind], key=len, reverse=True)
    return re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, words)) + r")(?![\w-])")
