# SPDX-License-Identifier: GPL-3.0-or-later
"""Which model to begin with on a given GPU. Standard library only: both sides ask."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from ..amounts import GIB

_TOLD = 0.9
"""A GPU sold with so many GiB tells a little less of them."""


class Advisable(Protocol):
    """What is asked of a model: ``protocol.ModelStatus`` has it, and so may a line of a menu."""

    @property
    def title(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def advised(self) -> bool: ...
    @property
    def recommended(self) -> bool: ...
    @property
    def advised_memory(self) -> float: ...


M = TypeVar("M", bound=Advisable)


def advised(models: Iterable[M], memory_bytes: int) -> list[M]:
    """The checkpoints that may be chosen for a user, the best to begin with first.

    ``memory_bytes``: of the whole GPU; 0 where there is none, or nobody knows. Those that it has memory for come before others,
    recommended ones before others, and the larger kind first, which draws better; of those that are too large, the smallest.
    """

    def rank(model: M) -> tuple[bool, float, float, str]:
        if model.advised_memory * GIB * _TOLD <= memory_bytes:
            return False, not model.recommended, -model.advised_memory, model.title
        return True, model.advised_memory, not model.recommended, model.title

    return sorted((model for model in models if model.kind == "checkpoint" and model.advised), key=rank)
