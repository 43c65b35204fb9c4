# SPDX-License-Identifier: GPL-3.0-or-later
"""What is never painted: sexual content where a child is in view, or meant by the prompt. No setting reaches this.

What is looked at is what is painted: a request whose wildcards and choices have been drawn (``drawn_prompt``).
The words are data, in ``safety.toml``. Standard library only.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from pathlib import Path

from .protocol import GenerationRequest

FILE = Path(__file__).with_suffix(".toml")

ADULT_AGE = 18
LEAST_GUIDANCE = 1.5
"""At a guidance scale of 1 a negative prompt does nothing, and just above it next to nothing."""

REFUSAL = "Sexual content is refused where a child is in view or in the prompt: take '{word}' out of {place}."
UNDRESSING = "Where a child is in view or in the prompt, clothes stay on: take '{word}' out of {place}."
UNGUIDED = (
    "Where a child is in view or in the prompt, the guidance scale must be at least {least:g}, so that the fixed negative prompt "
    "works: raise it from {given:g}{advice}."
)
FEW_STEPS = "; of the LoRAs for few steps, Hyper-SD and LCM work so"

_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen"),
)
_YEARS = r"(?:years?|yrs?)(?: of age| olds?)\b|y ?[o/]\b|y\.o\b"
_AGES = (
    re.compile(rf"(?<![\d.])(\d{{1,3}}) ?(?:{_YEARS})"),
    re.compile(rf"\b({'|'.join(_NUMBERS)}) (?:{_YEARS})"),
    re.compile(r"\bage[ds]?(?: of)? ?:? ?(\d{1,3})\b(?! ?(?:century|centuries|decades))"),
)
_EMPHASIS = re.compile(r"[()\[\]{}\\]|:\s*[+-]?[\d.]+")
_BRACKETS = re.compile(r"[()\[\]]")
_NEGATIVE_WEIGHT = re.compile(r":\s*-\s*[\d.]")


def shows_child(request: GenerationRequest) -> bool:
    """Whether a child's body is in the picture, or the prompt or a LoRA's name means a child."""
    if request.child_in_view:
        return True
    return any(_found("child", _plain(text)) or _is_minors_age(text) for text, _ in _painted(request))


def refusal(request: GenerationRequest) -> str:
    """The sentence with which the request is refused, or an empty text."""
    if not shows_child(request):
        return ""
    for text, place in _painted(request):
        if word := _found("sexual", _plain(text)):
            return REFUSAL.format(word=word, place=place)
    # What is taken away can undress as well as what is asked for; and taking away with a negative weight is asking for.
    prompt, negative = request.prompt, request.negative_prompt
    if word := _found("covering", _plain(negative)):
        return UNDRESSING.format(word=word, place="the negative prompt")
    if _NEGATIVE_WEIGHT.search(prompt) and (word := _found("covering", _plain(prompt))):
        return UNDRESSING.format(word=word, place="the prompt")
    if _NEGATIVE_WEIGHT.search(negative) and (word := _found("sexual", _plain(negative))):
        return REFUSAL.format(word=word, place="the negative prompt, where its weight is below zero")
    if request.guidance_scale < LEAST_GUIDANCE:
        advice = FEW_STEPS if request.loras else ""  # Lightning's are made for 1
        return UNGUIDED.format(least=LEAST_GUIDANCE, given=request.guidance_scale, advice=advice)
    return ""


def negative_prompt(request: GenerationRequest) -> str:
    """The negative prompt that is painted with: the request's, and what is fixed where a child is shown."""
    if not shows_child(request):
        return request.negative_prompt
    # Weights are evened out over a chunk: in one of its own, nobody's weights can make the fixed words light.
    own = request.negative_prompt.strip()
    joint = " BREAK " if _BRACKETS.search(own) else ", "
    return joint.join(filter(None, (_words()["negative"], own)))


def _painted(request: GenerationRequest) -> list[tuple[str, str]]:
    """Every text that says what is painted, and what it is called in a sentence."""
    loras = [(lora.name, f"the LoRAs ({lora.name:.40})") for lora in request.loras]
    return [(request.prompt, "the prompt"), (request.style, "the style"), *loras]


def _letters(text: str) -> str:
    """Lower case, in plain letters: other forms of a letter, accents and what cannot be seen must not hide a word."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    seen = "".join(c for c in parts if unicodedata.category(c) not in ("Mn", "Cf"))
    return re.sub(r"[\s_\u2010-\u2015-]+", " ", seen)


def _plain(prompt: str) -> str:
    """A prompt as words alone: without weights and brackets, and with spaces for underscores and hyphens."""
    return re.sub(r"\s+", " ", _EMPHASIS.sub("", _letters(prompt)))


def _is_minors_age(text: str) -> bool:
    # With weights too, which ":12" after "age" looks like.
    for form in (_plain(text), _letters(text)):
        for pattern in _AGES:
            for age in pattern.findall(form):
                if (_NUMBERS.index(age) if age in _NUMBERS else int(age)) < ADULT_AGE:
                    return True
    return False


def _found(kind: str, text: str) -> str:
    match = _pattern(kind).search(text)
    return match.group() if match else ""


@functools.cache
def _words() -> dict:
    return tomllib.loads(FILE.read_text("utf-8"))


@functools.cache
def _pattern(kind: str) -> re.Pattern[str]:
    words = sorted((_letters(word) for word in _words()[kind]), key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, words)) + r")(?:s|es)?(?!\w)")
