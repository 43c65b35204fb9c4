# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bridge does beside the jobs, a little at a time: fetch results, set the server, download and copy models. No bpy.

An errand is a generator: it yields a ``Progress`` after each piece of its work, and returns what Blender is told at its end.
Between two pieces the bridge looks after commands and events, so that a cancel never waits for a file of gigabytes.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from ...generation_server.client import Client, ServerError
from .records import RecordError

TELL = 0.2  # seconds between two tellings of how far one is
REST = 1.0  # seconds of a bridge that waits for what the server does


class ErrandError(Exception):
    """It cannot be done; the text is a sentence for a person."""


class ErrandStopped(Exception):
    """Raised inside an errand that the user ends. When Blender is closed, an errand is closed instead, and what others do for it
    goes on."""


@dataclass(frozen=True)
class Progress:
    """How far an errand is. ``total`` 0: not known. ``text`` says what it does now; ``rest``: seconds until its next piece."""

    done: int = 0
    total: int = 0
    text: str = ""
    rest: float = 0.0


Errand = Generator[Progress, None, Any]

Served = Callable[[], Client]
"""Gives the server's client, or raises ServerError."""


@dataclass
class _Running:
    errand: Errand
    told: float = 0.0
    next_piece: float = 0.0
    progress: Progress = Progress()


class ErrandRunner:
    """The errands of one bridge, each by the name that Blender gave it."""

    def __init__(self, served: Served, tell: Callable[..., None]) -> None:
        self._served, self._tell = served, tell
        self._running: dict[str, _Running] = {}

    @property
    def patience(self) -> float:
        """Seconds until a piece of one is due."""
        now = time.monotonic()
        return min((max(0.0, errand.next_piece - now) for errand in self._running.values()), default=float("inf"))

    def take(self, command: Mapping[str, Any]) -> bool:
        """Begin what a command asks for, or end it; False where it asks for something else."""
        if command["do"] == "stop_errand":
            if running := self._running.pop(command["errand"], None):
                self._stop(command["errand"], running.errand)
            return True
        if command["do"] != "errand":
            return False
        name, options = command["errand"], command.get("options", {})
        if name in self._running:
            return True  # pressed twice
        from .errand_list import ERRANDS  # which in turn need what is above

        self._running[name] = _Running(ERRANDS[command["kind"]](self._served, **options))
        return True

    def step(self) -> None:
        """One piece of each that is due."""
        for name, running in list(self._running.items()):
            if running.next_piece > time.monotonic():
                continue
            try:
                running.progress = next(running.errand)
            except StopIteration as end:
                del self._running[name]
                self._end(name, "done", result=end.value)
            except (ErrandError, ServerError, RecordError) as error:
                del self._running[name]
                self._end(name, "failed", str(error))
            except Exception as error:  # one that goes wrong must not end the bridge; the log has the rest
                traceback.print_exc()
                del self._running[name]
                self._end(name, "failed", f"Something went wrong ({type(error).__name__}: {error}): try again.")
            else:
                now = time.monotonic()
                running.next_piece = now + running.progress.rest
                if now - running.told >= TELL:
                    running.told = now
                    progress = running.progress
                    self._tell(
                        "errand", errand=name, state="running", done=progress.done, total=progress.total, sentence=progress.text
                    )

    def _stop(self, name: str, errand: Errand) -> None:
        try:
            errand.throw(ErrandStopped())
        except (ErrandStopped, StopIteration):
            self._end(name, "cancelled")
        except (ErrandError, ServerError, RecordError) as error:
            self._end(name, "failed", str(error))
        else:
            errand.close()
            self._end(name, "cancelled")

    def _end(self, name: str, state: str, sentence: str = "", result: Any = None) -> None:
        self._tell("errand", errand=name, state=state, sentence=sentence, result=result)
