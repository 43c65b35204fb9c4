# SPDX-License-Identifier: GPL-3.0-or-later
"""The words by which models were taught what is good: those of their family, or what ``dialects.toml`` has. No bpy."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from ...generation_server.families.catalogue import families

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
    sampler: str = ""  # for all of them, unless a style says something of this dialect itself


@functools.cache
def dialects() -> tuple[Dialect, ...]:
    """All dialects, in the order in which they are asked: those of some models, then one of each family."""
    data = tomllib.loads(_FILE.read_text("utf-8"))
    usual = {
        name: Dialect(name, name, (), ", ".join(filter(None, (family.quality_prompt, PROMPT))), family.negative_prompt)
        for name, family in families().items()
    }
    own = (replace(usual[item["family"]], name=name, **{**item, "words": tuple(item["words"])}) for name, item in data.items())
    return (*own, *usual.values())


def dialect_of(model: str, family: str) -> Dialect:
    """What a model understands, by its name and that of its family; of an unknown family it is told nothing of quality."""
    name = model.casefold()
    for dialect in dialects():
        if dialect.family == family and (not dialect.words or any(word in name for word in dialect.words)):
            return dialect
    return Dialect(family, family)
