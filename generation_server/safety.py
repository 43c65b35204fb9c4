# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not painted: sexual content where a child is in view, or meant by the prompt, which no setting reaches; and explicit
content where nobody has said that it may be.

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
EXPLICIT = (
    "Explicit content is switched off: take '{word}' out of {place}, or, as an adult, switch it on in Blender's Preferences."
)
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
    re.compile(r"(?<![\d.])(\d{1,3}) ?(?:[歳才岁歲]|(?:ans|anos|anni|jahre|лет)\b)"),
)
_EMPHASIS = re.compile(r"[()\[\]{}\\]|:\s*[+-]?[\d.]+")
_BRACKETS = re.compile(r"[()\[\]]")
_KATAKANA = r"[\u30a1-\u30ff]"
_WITHOUT_SPACES = re.compile(r"[\u1100-\u11ff\u3040-\u9fff]")
"""Letters of languages that put no spaces between words; Hangul as it is taken apart by ``_letters``."""
_NEGATIVE_WEIGHT = re.compile(r":\s*-\s*[\d.]")


def shows_child(request: GenerationRequest) -> bool:
    """Whether a child's body is in the picture, or the prompt or a LoRA's name means a child."""
    if request.child_in_view:
        return True
    return any(_found("child", _plain(text)) or _is_minors_age(text) for text, _ in _painted(request))


def refusal(request: GenerationRequest) -> str:
    """The sentence with which the request is refused, or an empty text."""
    child = shows_child(request)
    if not child and request.explicit:
        return ""
    sentence = REFUSAL if child else EXPLICIT
    kind = "sexual" if child else "explicit"
    for text, place in _painted(request):
        if word := _found(kind, _plain(text)):
            return sentence.format(word=word, place=place)
    if word := _taken_away_twice(kind, request.negative_prompt):
        return sentence.format(word=word, place="the negative prompt, where its weight is below zero")
    return _undressing(request) if child else ""


def _taken_away_twice(kind: str, negative: str) -> str:
    """A word of this kind in an entry of the negative prompt in which something has a weight below zero."""
    entry, depth = "", 0
    for character in f"{negative},":
        if character == "," and depth == 0:
            if _NEGATIVE_WEIGHT.search(entry) and (word := _found(kind, _plain(entry))):
                return word
            entry = ""
        else:
            depth = max(0, depth + (character in "([") - (character in ")]"))
            entry += character
    return _found(kind, _plain(entry)) if _NEGATIVE_WEIGHT.search(entry) else ""


def _undressing(request: GenerationRequest) -> str:
    """Why a request that shows a child, and in which no word is sexual, is refused all the same; else an empty text."""
    # What is taken away can undress as well as what is asked for; and taking away with a negative weight is asking for.
    prompt, negative = request.prompt, request.negative_prompt
    if word := _found("covering", _plain(negative)):
        return UNDRESSING.format(word=word, place="the negative prompt")
    if _NEGATIVE_WEIGHT.search(prompt) and (word := _found("covering", _plain(prompt))):
        return UNDRESSING.format(word=word, place="the prompt")
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
    return _listed(kind).get(match.group(), match.group()) if match else ""


@functools.cache
def _words() -> dict:
    return tomllib.loads(FILE.read_text("utf-8"))


@functools.cache
def _listed(kind: str) -> dict[str, str]:
    """The words of a kind as they are compared, each with how it is written. What is explicit is sexual too."""
    words = [*_words()[kind], *(_words()["explicit"] if kind == "sexual" else ())]
    return {_letters(word): word for word in words}


@functools.cache
def _pattern(kind: str) -> re.Pattern[str]:
    spaced: list[str] = []
    kana: list[str] = []
    others: list[str] = []
    for word in sorted(_listed(kind), key=len, reverse=True):
        alone = re.fullmatch(f"{_KATAKANA}+", word)
        (kana if alone else others if _WITHOUT_SPACES.search(word) else spaced).append(re.escape(word))
    forms = (
        rf"(?<!\w)(?:{'|'.join(spaced)})(?:s|es)?(?!\w)",
        rf"(?<!{_KATAKANA})(?:{'|'.join(kana)})(?!{_KATAKANA})",  # the word for yellow has that for erotic in it
        "|".join(others),
    )
    return re.compile("|".join(form for form, words in zip(forms, (spaced, kana, others), strict=True) if words))
