# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of a style's file, read so that what they get wrong is one sentence. No bpy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .piece import Style, WardrobeError

Range = tuple[float, float, float]
"""A number of a table: what it is where the file does not say, the least that it may be, and the most."""


@dataclass(frozen=True)
class Options:
    """One table of a style's file."""

    style: str
    table: str
    values: Mapping[str, Any]
    asked: set[str] = field(default_factory=set)
    """The names that have been asked for: those that there are."""

    def __post_init__(self) -> None:
        if not isinstance(self.values, Mapping):
            raise WardrobeError(f"{self.style}.toml: [{self.table}] must be a table.")

    def number(self, name: str, usual: float, low: float, high: float) -> float:
        """A number in a range. Raises WardrobeError."""
        self.asked.add(name)
        value = self.values.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise WardrobeError(f"{self.style}.toml: {name} in [{self.table}] must be a number from {low:g} to {high:g}.")
        return float(value)

    def choice(self, name: str, usual: str, of: tuple[str, ...]) -> str:
        """One of some words. Raises WardrobeError."""
        self.asked.add(name)
        value = self.values.get(name, usual)
        if value not in of:
            raise WardrobeError(f"{self.style}.toml: {name} in [{self.table}] must be one of {', '.join(of)}.")
        return str(value)

    def refuse_others(self) -> None:
        """Raises WardrobeError where the table says what nothing has asked for."""
        others = sorted(set(self.values) - self.asked)
        if others:
            raise WardrobeError(
                f"{self.style}.toml: [{self.table}] has no {others[0]}; it may have {', '.join(sorted(self.asked))}."
            )


def numbers_of(style: Style, table: str, known: Mapping[str, Range]) -> dict[str, float]:
    """The numbers of one table of a style; all of them as usual where there is none. Raises WardrobeError."""
    options = Options(style.key, table, style.options.get(table, {}))
    found = {name: options.number(name, *limits) for name, limits in known.items()}
    options.refuse_others()
    return found


def refuse_other_tables(style: Style, known: Iterable[str]) -> None:
    """Raises WardrobeError where a style has a table that its shape does not know."""
    unknown = sorted(set(style.options) - set(known))
    if unknown:
        raise WardrobeError(f"{style.key}.toml: there is no table [{unknown[0]}]; use {', '.join(known)}.")
