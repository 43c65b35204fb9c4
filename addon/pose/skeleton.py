# SPDX-License-Identifier: GPL-3.0-or-later
"""A skeleton at rest, whatever program it comes from: names, who hangs on whom, and where. No bpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Skeleton:
    """``parents`` by number, −1 for a root; ``heads`` (n, 3) where the joints are, ``tails`` (n, 3) where their bones end, NaN
    where that is not known. Any unit, any axes."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    heads: Array
    tails: Array

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def children(self) -> list[list[int]]:
        """For each joint the numbers of those that hang on it."""
        found: list[list[int]] = [[] for _ in self.names]
        for index, parent in enumerate(self.parents):
            if parent >= 0:
                found[parent].append(index)
        return found

    @cached_property
    def sizes(self) -> list[int]:
        """For each joint how many hang on it, near or far, and itself."""
        found = [1] * len(self)
        for index in sorted(range(len(self)), key=lambda joint: len(self.way_up(joint)), reverse=True):
            if self.parents[index] >= 0:
                found[self.parents[index]] += found[index]
        return found

    def way_up(self, index: int) -> list[int]:
        """A joint and those above it, the nearest first."""
        way = [index]
        while self.parents[way[-1]] >= 0:
            way.append(self.parents[way[-1]])
        return way

    def below(self, index: int) -> list[int]:
        """All joints that hang on one, near or far."""
        found: list[int] = []
        todo = list(self.children[index])
        while todo:
            joint = todo.pop()
            found.append(joint)
            todo += self.children[joint]
        return found

    def common(self, indices: Sequence[int]) -> int | None:
        """The lowest joint that carries all of these; None for fewer than two, or where there is none."""
        if len(indices) < 2:
            return None
        ways = [self.way_up(index)[1:] for index in indices]
        return next((index for index in ways[0] if all(index in way for way in ways[1:])), None)
