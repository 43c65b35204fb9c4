# SPDX-License-Identifier: GPL-3.0-or-later
"""The words by which models were taught what is good, as ``dialects.toml`` beside this file has them. No bpy."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_suffix(".toml")

PROMPT = "{prompt}"
"""What stands for the prompt in everything that wraps one."""


@dataclass(frozen=True)
class Dialect:
    name: str
    family: str
    words: tuple[str, ...] = ()  # one of which stands in the names of its models; none: all of its family
    frame: str = PROMPT
    negative: str = ""


@functools.cache
def dialects() -> tuple[Dialect, ...]:
    """All dialects, in the order in which they are asked."""
    data = tomllib.loads(_FILE.read_text("utf-8"))
    return tuple(
        Dialect(name, item["family"], tuple(item["words"]), item["frame"], item["negative"]) for name, item in data.items()
    )


def dialect_of(model: str, family: str) -> Dialect:
    """What a model understands, by its name and that of its family; a family of the user's own says nothing of quality."""
    name = model.casefold()
    for dialect in dialects():
        if dialect.family == family and (not dialect.words or any(word in name for word in dialect.words)):
            return dialect
    return Dialect(family, family)
