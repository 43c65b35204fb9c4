# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server may take minutes to answer, asked in a thread, so that the bridge hears commands and events meanwhile. No bpy.

Blender may have no thread of Python's; the bridge is a process of its own, and only its errands come here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

from ...generation_server.client import Client
from .errand_runner import Progress

LOOK = 0.1
"""Seconds between two looks whether the answer is there."""

T = TypeVar("T")


class _Question(Generic[T]):
    """Something that is asked of a server by a connection of its own, for one connection serves one thread."""

    def __init__(self, client: Client, ask: Callable[[Client], T]) -> None:
        address = client.address
        self._client = Client(address.url, address.token, client.timeout, address.fingerprint)
        self._ask = ask
        self._answer: list[T] = []
        self._error: BaseException | None = None
        # A daemon: when Blender is closed, or the user does not wait any more, nothing waits for the answer.
        self._thread = threading.Thread(target=self._run, name="question", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer.append(self._ask(self._client))
        except BaseException as error:
            self._error = error
        finally:
            self._client.close()

    @property
    def is_open(self) -> bool:
        return self._thread.is_alive()

    def answer(self) -> T:
        """What came of it, once it is not open. Raises what asking raised."""
        if self._error is not None:
            raise self._error
        return self._answer[0]


def asked(client: Client, ask: Callable[[Client], T], text: str) -> Generator[Progress, None, T]:
    """Part of an errand: what ``ask`` returns for a client of the same server, or raises. ``text`` says what is waited for."""
    question = _Question(client, ask)
    while question.is_open:
        yield Progress(text=text, rest=LOOK)
    return question.answer()
