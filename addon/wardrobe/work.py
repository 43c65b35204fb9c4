# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known while clothes are made: the body, the style, and one table of its file."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..armature.skin.build import Skin
from .piece import HangingBone, Style, WardrobeError
from .sheet import Sheet, borders
from .shell import Layer

MM = 0.001

OFFSET = {"socks": 3.0, "bottom": 6.0, "top": 8.0, "dress": 8.0, "outer": 16.0}
"""Millimetres that the cloth of a slot is off the skin at least, so that layers lie on each other."""


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


@dataclass(frozen=True)
class Work:
    """What is being made, for which body; ``normals`` are its skin's."""

    style: Style
    skin: Skin
    normals: np.ndarray
    names: tuple[str, ...]

    def part(self, name: str) -> int:
        """The number of a part, or of the first where the style gives this one no colour."""
        return self.names.index(name) if name in self.names else 0

    def main(self, options: Options) -> int:
        """The part that most of what a table makes is of: what the table says, else the first. Raises WardrobeError."""
        return self.names.index(options.choice("part", self.names[0], self.names))

    @property
    def offset(self) -> float:
        """Metres that the cloth is off the skin at least."""
        return OFFSET[self.style.slot] * MM


@dataclass(frozen=True)
class Made:
    """What a table makes."""

    layers: list[Layer]
    covered: np.ndarray
    bones: list[HangingBone] = field(default_factory=list)


@functools.lru_cache(maxsize=64)
def covers(sheet: Sheet, count: int, rings: int = 4) -> np.ndarray:
    """(count,) bool: the skin's vertices that lie under a sheet, ``rings`` faces or more from its border."""
    edge = np.zeros(len(sheet.rows), dtype=bool)
    edge[borders(sheet.faces)] = True
    for _ in range(rings):
        edge[np.unique(sheet.faces[edge[sheet.faces].any(axis=1)])] = True
    pure = (sheet.shares.max(axis=1) > 0.999) & ~edge
    covered = np.zeros(count, dtype=bool)
    covered[sheet.rows[np.flatnonzero(pure), sheet.shares[pure].argmax(axis=1)]] = True
    return covered
