# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is done a piece at a time: a generator that stops after each piece, and returns what it came to. No bpy."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Pieces = Generator[None, None, Result]


def at_once(pieces: Pieces[Result]) -> Result:
    """All that is left of it."""
    try:
        while True:
            next(pieces)
    except StopIteration as end:
        result: Result = end.value
        return result


def for_a_moment(pieces: Pieces[Result], seconds: float) -> tuple[bool, Result | None]:
    """Pieces until ``seconds`` have passed: whether that was all, and then what it came to."""
    end = time.perf_counter() + seconds
    try:
        while time.perf_counter() < end:
            next(pieces)
    except StopIteration as done:
        return True, done.value
    return False, None
