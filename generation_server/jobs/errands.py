# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client asks of the worker and waits for, beside jobs: sent once it can hear it, answered once, or failed with it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any

MOST_ERRANDS = 8
"""Errands that may wait for the worker or be with it; each holds a picture in memory."""


class TooManyErrands(Exception):
    """There is no room for another. The text is one sentence."""


class ErrandFailed(Exception):
    """The worker refused, or is gone. The text is one sentence."""


class Errands:
    """The errands of one worker, in the server's event loop."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[str, tuple[dict[str, Any], asyncio.Future[Any]]] = {}  # not sent yet
        self._sent: dict[str, asyncio.Future[Any]] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sent)

    async def ask(self, message: Mapping[str, Any], send: Callable[[], Callable[[Mapping[str, Any]], None] | None]) -> Any:
        """The worker's answer to ``message``. ``send()`` is the way to a worker that is ready, or None.

        Raises TooManyErrands at once, ErrandFailed later.
        """
        if len(self) >= MOST_ERRANDS:
            raise TooManyErrands(f"{MOST_ERRANDS} pictures wait to be looked at already: try again once some are done.")
        number = f"errand-{next(self._numbers)}"
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = ({**message, "id": number}, future)
        if (way := send()) is not None:
            self.send_all(way)
        try:
            return await future
        finally:  # a caller that has gone is owed nothing
            self._waiting.pop(number, None)
            self._sent.pop(number, None)

    def send_all(self, way: Callable[[Mapping[str, Any]], None]) -> None:
        """Give a worker that is ready what has waited for it."""
        for number, (message, future) in list(self._waiting.items()):
            del self._waiting[number]
            self._sent[number] = future
            way(message)

    def hear(self, message: Mapping[str, Any]) -> bool:
        """Whether a message of the worker answers one of these, which is then done."""
        future = self._sent.pop(str(message.get("id")), None)
        if future is None:
            return False
        if not future.done():
            if message["kind"] == "answer":
                future.set_result(message["answer"])
            else:
                future.set_exception(ErrandFailed(str(message["error"])))
        return True

    def fail(self, sentence: str, waiting_too: bool) -> None:
        """The worker is gone: what it had gets no answer; what waits gets one from the next, if there is to be one."""
        futures = list(self._sent.values())
        self._sent.clear()
        if waiting_too:
            futures += [future for _, future in self._waiting.values()]
            self._waiting.clear()
        for future in futures:
            if not future.done():
                future.set_exception(ErrandFailed(sentence))
