# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known while clothes are made: the body and the style; and what one table of its file makes."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np

from ..armature.skin.build import Skin
from .options import Options
from .piece import HangingBone, Style
from .sheet import Sheet, borders
from .shell import Layer

MM = 0.001

OFFSET = {"socks": 3.0, "bottom": 6.0, "top": 8.0, "dress": 8.0, "outer": 16.0}
"""Millimetres that the cloth of a slot is off the skin at least, so that layers lie on each other."""


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
