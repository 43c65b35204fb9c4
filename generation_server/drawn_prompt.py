# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist wrote, to what is painted: comments left out, choices made by the seed, LoRAs taken out of the text.

``#`` at the start of a line or after a space begins a comment, to the end of the line. ``{red|blue|green}`` is one of them, and
``__name__`` a line of ``wildcards/name.txt`` in the user's folder (``__animals/cats__`` of a file in a folder there), where empty
lines and comments do not count; both may stand inside each other. ``<lora:name:weight>`` adds a LoRA, as in A1111. A backslash
makes text of what follows it. Braces without ``|`` are text, as before there were choices. Standard library only.
"""

from __future__ import annotations

import dataclasses
import random
import re
from pathlib import Path

from .protocol import SEED_LIMIT, GenerationRequest, Lora, ProtocolError

FOLDER = "wildcards"
"""In the user's folder."""

_DEEPEST = 12  # wildcards and choices inside each other; files that name each other have no end
_MOST = 2000  # choices, for the same reason
_LONGEST = 20_000  # letters of what is drawn: a file may hold a book
_LARGEST = 4 * 1024**2  # bytes of a wildcard file that are read
_NAMED = 20  # wildcards that a sentence names at most

_COMMENT = re.compile(r"(\\.)|(?:(?<=\s)|^)#[^\n]*", re.MULTILINE | re.DOTALL)
_WILDCARD = r"__(?P<name>[A-Za-z0-9][\w./ -]*?)__"
_PIECE = re.compile(rf"\\.|{_WILDCARD}|[{{|}}]|[^\\_{{|}}]+|.", re.DOTALL)
_LORA = re.compile(r"(\\.)|<lora:([^<>:]+)(?::([^<>]*))?>", re.DOTALL)


class PromptError(ValueError):
    """A prompt cannot be drawn as it is written; the text is one sentence that says what to mend."""


class Wildcards:
    """The wildcard files of a user, each read once, when it is first asked for."""

    def __init__(self, user_dir: Path) -> None:
        """``user_dir``: the user's folder (``protocol.user_data_dir()``)."""
        self._folder = user_dir / FOLDER
        self._files: dict[str, Path] | None = None
        self._lines: dict[str, list[str]] = {}

    def lines(self, name: str) -> list[str]:
        """What may stand for ``__name__``. Raises PromptError."""
        if name in self._lines:
            return self._lines[name]
        # Looked up among what is there, so that no name reaches a file elsewhere.
        files = self._known()
        path = files.get(name)
        if path is None:
            known = sorted(files)
            more = f" and {len(known) - _NAMED} others" if len(known) > _NAMED else ""
            there = f"use one of {', '.join(known[:_NAMED])}{more}" if known else f"there are no files in {self._folder}"
            raise PromptError(f"There is no wildcard '__{name:.80}__': {there}.")
        try:
            with path.open("rb") as file:
                text = file.read(_LARGEST).decode("utf-8-sig", "replace")
        except OSError as error:
            raise PromptError(f"The wildcard file {path} cannot be read: {error.strerror or error}.") from error
        lines = [line.strip() for line in without_comments(text).splitlines()]
        if not any(lines):
            raise PromptError(f"The wildcard file {path} is empty: write one choice a line into it.")
        self._lines[name] = [line for line in lines if line]
        return self._lines[name]

    def _known(self) -> dict[str, Path]:
        if self._files is None:
            paths = sorted(self._folder.rglob("*.txt")) if self._folder.is_dir() else []
            files = (path for path in paths if path.is_file())
            self._files = {path.relative_to(self._folder).with_suffix("").as_posix(): path for path in files}
        return self._files


def drawn(request: GenerationRequest, index: int, wildcards: Wildcards) -> GenerationRequest:
    """The request of one of a request's pictures, by its index: its own seed, and its prompts as they are painted.

    The same seed draws the same, whichever picture of a job it is of. Raises PromptError, in a sentence.
    """
    seed = (request.seed + index) % SEED_LIMIT
    prompt, loras = _without_loras(draw(without_comments(request.prompt), f"prompt {seed}", wildcards))
    negative, misplaced = _without_loras(draw(without_comments(request.negative_prompt), f"negative {seed}", wildcards))
    if misplaced:
        raise PromptError(f"The LoRA '{misplaced[0].name:.80}' is in the negative prompt: write it into the prompt.")
    if not prompt.strip():
        raise PromptError("Nothing is left of the prompt without its comments and LoRAs: describe the picture in a few words.")
    try:
        return dataclasses.replace(
            request,
            prompt=prompt,
            negative_prompt=negative,
            seed=seed,
            loras=_together((*request.loras, *loras)),
            batch_size=1,
            batch_count=1,
        )
    except ProtocolError as error:  # weights that are too large together
        raise PromptError(str(error)) from error


def without_comments(text: str) -> str:
    """The text without its comments, and without the lines that are nothing but one."""
    kept = []
    for line in text.split("\n"):
        rest = _COMMENT.sub(lambda match: match.group(1) or "", line)
        if rest.strip() or not line.strip():
            kept.append(rest.rstrip() if rest != line else line)
    return "\n".join(kept)


def draw(text: str, stream: str, wildcards: Wildcards) -> str:
    """The text with its choices made. ``stream`` decides them: the same text, files and stream give the same."""
    return _Drawing(stream, wildcards).of(text, 0)


class _Drawing:
    """One text with all that is drawn for it."""

    def __init__(self, stream: str, wildcards: Wildcards) -> None:
        self._chance = random.Random(stream)
        self._wildcards = wildcards
        self._count = 0

    def of(self, text: str, depth: int) -> str:
        if depth > _DEEPEST:
            raise PromptError("The wildcards or choices of the prompt are inside each other without end: look into their files.")
        pieces = list(_PIECE.finditer(text))
        choices = _choices([piece.group() for piece in pieces])
        result: list[str] = []
        position = 0
        while position < len(pieces):
            piece = pieces[position]
            if piece["name"] is not None:
                lines = self._wildcards.lines(piece["name"].strip())
                result.append(self.of(lines[self._pick(len(lines))], depth + 1))
            elif marks := choices.get(position):
                chosen = self._pick(len(marks) - 1)
                inside = text[pieces[marks[chosen]].end() : pieces[marks[chosen + 1]].start()]
                result.append(self.of(inside, depth + 1))
                position = marks[-1]
            else:
                result.append(piece.group())
            position += 1
        drawn = "".join(result)
        if len(drawn) > _LONGEST:
            raise PromptError(f"The prompt is longer than {_LONGEST} letters with what is drawn: shorten it or its wildcards.")
        return drawn

    def _pick(self, count: int) -> int:
        self._count += 1
        if self._count > _MOST:
            raise PromptError(f"The prompt makes more than {_MOST} choices: shorten it or its wildcards.")
        # random() gives the same in every version of Python, which choice() does not promise.
        return int(self._chance.random() * count)


def _choices(pieces: list[str]) -> dict[int, list[int]]:
    """By the index of an opening brace that holds a choice, those of the brace, of its bars and of the closing one, in order."""
    choices: dict[int, list[int]] = {}
    opened: list[list[int]] = []
    for index, piece in enumerate(pieces):
        if piece == "{":
            opened.append([index])
        elif piece == "|" and opened:
            opened[-1].append(index)
        elif piece == "}" and opened:
            marks = [*opened.pop(), index]
            if len(marks) > 2:
                choices[marks[0]] = marks
    return choices


def _without_loras(text: str) -> tuple[str, tuple[Lora, ...]]:
    """The text without ``<lora:…>``, and what these name."""
    loras: list[Lora] = []

    def take(match: re.Match[str]) -> str:
        if match.group(1):
            return match.group(1)
        name, weight = match.group(2).strip(), match.group(3)
        try:
            loras.append(Lora(name, 1.0 if weight is None else float(weight)))
        except ProtocolError as error:
            raise PromptError(str(error)) from error
        except ValueError:
            raise PromptError(
                f"The LoRA '{name:.80}' has the weight '{weight:.20}': write it as <lora:{name:.80}:0.8>."
            ) from None
        return ""

    rest = _LORA.sub(take, text)
    return (re.sub(r"[ \t]{2,}", " ", rest).strip() if loras else rest), tuple(loras)


def _together(loras: tuple[Lora, ...]) -> tuple[Lora, ...]:
    """Each name once, with all its weights together."""
    weights: dict[str, float] = {}
    for lora in loras:
        weights[lora.name] = weights.get(lora.name, 0.0) + lora.weight
    return tuple(Lora(name, weight) for name, weight in weights.items())
