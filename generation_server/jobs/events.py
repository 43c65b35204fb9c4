# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened lately, for any number of listeners that come, stall, leave and come back."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Iterable

from ..protocol import JobEvent, JobStatus

KEPT = 2000
"""Events that a listener may fall behind before it is told the present state instead."""

SIGN_OF_LIFE = 10.0
"""Seconds after which a silent stream says that it is alive."""


class EventLog:
    """A log of the last events with one cursor for each listener: a stalled one costs nothing and delays nobody."""

    def __init__(self) -> None:
        # The clock makes numbers grow across restarts, so that a number from before is never mistaken for one to come.
        self._sequence = int(time.time() * 1000)
        self._events: dict[int, JobEvent] = {}
        self._last_preview: dict[str, int] = {}
        self._news = asyncio.Event()
        self._closed = False
        self.listeners = 0

    @property
    def sequence(self) -> int:
        """The number of the latest event."""
        return self._sequence

    def publish(self, status: JobStatus, preview: str = "") -> None:
        self._sequence += 1
        event = JobEvent(self._sequence, dataclasses.replace(status, request=None), preview)
        self._events[event.sequence] = event
        if preview or status.state.is_final:
            # Only the latest preview of a job is worth its memory.
            former = self._last_preview.pop(status.id, None)
            if former in self._events:
                self._events[former] = dataclasses.replace(self._events[former], preview="")
        if preview:
            self._last_preview[status.id] = event.sequence
        while len(self._events) > KEPT:
            del self._events[next(iter(self._events))]
        self._wake()

    def close(self) -> None:
        """End every stream: the server stops."""
        self._closed = True
        self._wake()

    async def listen(
        self, present: Callable[[bool], Iterable[JobStatus]], last_seen: int | None, wanted: Callable[[JobStatus], bool]
    ) -> AsyncIterator[JobEvent | None]:
        """Events as they happen, None as a sign of life.

        ``present`` tells how things stand to one who is new (False) or who missed more than the log holds (True).
        """
        self.listeners += 1
        try:
            cursor = last_seen
            while not self._closed:
                news = self._news  # before reading the log, so that nothing slips in between
                if cursor is None or not self._reaches(cursor):
                    cursor = self._sequence
                    for status in list(present(last_seen is not None)):
                        yield JobEvent(cursor, dataclasses.replace(status, request=None))
                for event in [event for number, event in self._events.items() if number > cursor]:
                    cursor = event.sequence
                    if wanted(event.job):
                        yield event
                try:
                    await asyncio.wait_for(news.wait(), SIGN_OF_LIFE)
                except TimeoutError:
                    yield None
        finally:
            self.listeners -= 1

    def _reaches(self, cursor: int) -> bool:
        """Whether the log still holds everything after ``cursor``."""
        return cursor <= self._sequence and cursor >= next(iter(self._events), self._sequence + 1) - 1

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
