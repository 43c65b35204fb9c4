# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in the user's language, where they are shown: what went wrong, what was done, what models may be used for.

Exceptions, logs and the command line are English. ``languages/LOCALE/*.toml`` holds what these sentences are in another language,
as templates with numbered {0} in place of what is filled in; a sentence is looked up as a whole, and else recognised by the
template whose words it has. It is pure Python, so that all of it can be tested without Blender.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PLACEHOLDER = re.compile(r"\{(\w+)[^{}]*\}")

_BETWEEN = re.compile(r"(?<=[.!?])\s+")
"""Where a sentence may end. A template may be longer than one."""
_AND = re.compile(r", | and | or ")
_FULL_STOPS = "。！？：；"
_VALUE = "(.*?)"
_ADDED = r"((?:[,.:;]\s.*?)?)"
"""What follows another value without a word between them: it begins like a clause, or is nothing."""
_QUOTES = ("'", "“", '"')
"""What stands in them is somebody's name for something."""
_MOST_PIECES = 8
"""Sentences of one text: more are a log or a text of somebody else's."""
_MOST_THINGS = 5
"""Things in a row that are more than names."""
_LONGEST = 2000
"""Characters of a text that is looked at."""
_KEPT = 1000
"""Texts whose translation is remembered."""


def read_texts(path: Path) -> dict[str, str]:
    """English text → translation, of one file. Tables in it are only there to put it in order.

    Raises:
        ValueError: it is no TOML, or something in it is no text.
    """
    texts: dict[str, str] = {}
    for table in tomllib.loads(path.read_text("utf-8")).values():
        for english, translated in table.items():
            if not isinstance(translated, str) or not translated.strip():
                raise ValueError(f"{path.name}: the translation of “{english}” must be a text.")
            texts[english] = translated
    return texts


def read_sentences(folder: Path) -> dict[str, str]:
    """English sentence or template → translation, of all files of one language."""
    return {english: text for path in sorted(folder.glob("*.toml")) for english, text in read_texts(path).items()}


@dataclass(frozen=True)
class _Found:
    """A translation and how many characters of the English were recognised for it: 0 where it is the English itself."""

    text: str
    weight: int


@dataclass(frozen=True)
class _Template:
    """A sentence with something filled in."""

    english: str
    translation: str

    @cached_property
    def literals(self) -> list[str]:
        """What stands between what is filled in, the empty ends included."""
        return PLACEHOLDER.split(self.english)[::2]

    @cached_property
    def names(self) -> list[str]:
        return PLACEHOLDER.split(self.english)[1::2]

    @cached_property
    def weight(self) -> int:
        return sum(len(literal) for literal in self.literals)

    @cached_property
    def key(self) -> str:
        """What a sentence of this kind surely has in it."""
        return max(self.literals, key=len)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = [re.escape(self.literals[0])]
        for literal in self.literals[1:]:
            parts.append(_VALUE if len(parts) == 1 or parts[-1] else _ADDED)
            parts.append(re.escape(literal))
        return re.compile("".join(parts), re.DOTALL)

    @cached_property
    def quoted(self) -> list[bool]:
        """For each placeholder: whether it stands in quotes."""
        return [literal.endswith(_QUOTES) for literal in self.literals[:-1]]

    def values(self, text: str) -> tuple[str, ...] | None:
        """What is filled in in ``text``; None where it is another sentence."""
        at = 0
        for literal in self.literals:  # far faster than the pattern, and most texts end here
            at = text.find(literal, at)
            if at < 0:
                return None
            at += len(literal)
        match = self.pattern.fullmatch(text)
        return None if match is None else match.groups()


class Speaker:
    """Says English sentences in one language.

    Args:
        sentences: sentences and templates → what they are there.
        labels: names of things → what they are called there; looked up for what is filled in.
    """

    def __init__(self, sentences: Mapping[str, str], labels: Mapping[str, str]) -> None:
        self._sentences = sentences
        self._labels = labels
        self._kept: dict[str, str] = {}

    @cached_property
    def _templates(self) -> list[_Template]:
        """Those with the most words of their own first."""
        templates = [_Template(*pair) for pair in self._sentences.items() if PLACEHOLDER.search(pair[0])]
        return sorted(templates, key=lambda template: -template.weight)

    def said(self, text: str) -> str:
        """``text`` in this language, sentence by sentence; what is not known stays English."""
        if (kept := self._kept.get(text)) is not None:
            return kept
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[text] = said = text if len(text) > _LONGEST else self._of_text(text).text
        return said

    def _of_text(self, text: str) -> _Found:
        """Sentence by sentence."""
        gaps = [gap.span() for gap in _BETWEEN.finditer(text.rstrip())]
        if len(gaps) >= _MOST_PIECES:
            return self._of_sentence(text) or _Found(text, 0)
        weight, pieces = _divided(text.rstrip(), gaps, self._of_sentence)
        return _Found(_joined(text, pieces), weight)

    def _of_sentence(self, text: str) -> _Found | None:
        """``text`` as one sentence, or None where none of ours is like it."""
        whole = self._sentences.get(text) or (self._labels.get(text) if text.endswith(".") else None)
        if whole is not None:
            return _Found(whole, len(text))
        for template in self._templates:
            if template.key in text and (values := template.values(text)) is not None:
                found = [self._of_value(*pair) for pair in zip(values, template.quoted, strict=True)]
                named = dict(zip(template.names, found, strict=True))
                said = PLACEHOLDER.sub(lambda match, named=named: named[match[1]].text, template.translation)
                return _Found(said, template.weight + sum(value.weight for value in found))
        return None

    def _of_value(self, value: str, quoted: bool) -> _Found:
        """What is filled in: a sentence of its own, the name of a thing or several; somebody's own word stays as it is."""
        if quoted:
            return _Found(value, 0)
        if (label := self._label(value)) is not None:
            return _Found(label, len(value))
        if (things := self._of_things(value)) is not None:
            return things
        found = self._of_text(value)
        if not found.weight and (ended := self._of_text(f"{value}.")).weight:  # errors are put into brackets without full stop
            return _Found(ended.text.rstrip("。"), ended.weight)
        return found if found.weight else _Found(value, 0)

    def _of_things(self, value: str) -> _Found | None:
        """Several things in a row, or None where one of them is not known."""
        gaps = [gap.span() for gap in _AND.finditer(value)]
        labels = [label for part in _AND.split(value) if (label := self._label(part)) is not None]
        if len(labels) > len(gaps):
            return _Found("、".join(labels), len(value))
        if not 0 < len(gaps) < _MOST_THINGS:
            return None
        weight, pieces = _divided(value, gaps, self._of_thing)
        if any(value.startswith(piece, start) for start, piece in pieces):
            return None
        return _Found("、".join(piece for _start, piece in pieces), weight)

    def _of_thing(self, value: str) -> _Found | None:
        label = self._label(value)
        return self._of_sentence(value) if label is None else _Found(label, len(value))

    def _label(self, value: str) -> str | None:
        for spelling in (value, value[:1].upper() + value[1:]):
            for texts in (self._sentences, self._labels):
                if (label := texts.get(spelling)) is not None:
                    return label
        return None


def _divided(text: str, gaps: list[tuple[int, int]], said: Callable[[str], _Found | None]) -> tuple[int, list[tuple[int, str]]]:
    """The division at some gaps of which the most words are known: their weight, and (start, translation) of each piece."""
    starts, ends = [0, *(end for _start, end in gaps)], [*(start for start, _end in gaps), len(text)]
    best: list[tuple[int, list[tuple[int, str]]]] = [(0, [])]  # up to each gap
    for last, end in enumerate(ends):
        ways = []
        for first in range(last + 1):
            weight, before = best[first]
            piece = text[starts[first] : end]
            if (found := said(piece)) is not None:
                ways.append((weight + found.weight, [*before, (starts[first], found.text)]))
            elif first == last:
                ways.append((weight, [*before, (starts[first], piece)]))
        best.append(max(ways, key=lambda way: (way[0], -len(way[1]))))
    return best[-1]


def _joined(text: str, pieces: Iterable[tuple[int, str]]) -> str:
    """Sentences in one text: no space after a full stop that is as wide as a letter; lines stay lines."""
    said = ""
    for start, sentence in pieces:
        space = text[len(text[:start].rstrip()) : start]
        said += sentence if space == " " and said.endswith(tuple(_FULL_STOPS)) else space + sentence
    return said
