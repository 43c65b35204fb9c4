# SPDX-License-Identifier: GPL-3.0-or-later
"""The timer's calls, which a Blender without a window never makes by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pose_to_anime.addon.generate import timer
from step_server import wait_for

T = TypeVar("T")


def tick_until(what: Callable[[], T]) -> T:
    """Call the timer until ``what`` gives something true; that."""
    return wait_for(what, timer.tick)


def settle() -> None:
    """Call the timer until no task waits, but for fitting a picture into an editor: here none is ever drawn.

    One call does as many tasks as fit into its few milliseconds, so that their number says nothing about the number of calls.
    """
    timer.tick()
    tick_until(lambda: all(name.startswith("fit ") for name, _ in timer._tasks))
