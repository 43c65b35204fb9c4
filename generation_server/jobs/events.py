# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened lately, for any number of listeners that come, stall, leave and come back."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable

from ..protocol import JobEvent, JobStatus

KEPT = 1000
"""Events that a listener may fall behind before it is told the present state instead."""

SIGN_OF_LIFE = 10.0
"""Seconds after which a silent stream says that it is alive."""


class EventLog:
    """A log of the last events with one cursor for each listener: a stalled one costs nothing and delays nobody."""

    def __init__(self) -> None:
        # The clock makes numbers grow across restarts, so that a number from before is never mistaken for one to come.
        self._sequence = int(time.time() * 1000)
        self._events: deque[JobEvent] = deque(maxlen=KEPT)  # numbered without a gap, up to ``_sequence``
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
        self._events.append(event)
        if preview or status.state.is_final:
            # Only the latest preview of a job is worth its memory.
            former = self._last_preview.pop(status.id, None)
            if former is not None and former >= self._first:
                number = former - self._first
                self._events[number] = dataclasses.replace(self._events[number], preview="")
        if preview:
            self._last_preview[status.id] = event.sequence
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
                    missed_some, cursor = cursor is not None, self._sequence
                    for status in list(present(missed_some)):
                        yield JobEvent(cursor, dataclasses.replace(status, request=None))
                    continue  # as one who took long to read that may be behind again
                for event in list(itertools.islice(self._events, cursor + 1 - self._first, None)):
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
        return self._first - 1 <= cursor <= self._sequence

    @property
    def _first(self) -> int:
        """The number of the oldest event that the log holds."""
        return self._sequence + 1 - len(self._events)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
