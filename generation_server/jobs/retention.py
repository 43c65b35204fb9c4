# SPDX-License-Identifier: GPL-3.0-or-later
"""How long finished pictures stay: until a limit that the user set is reached, oldest first, and never without a word.

A job whose pictures go says so: in its ``warnings``, by ``removed``, by an event, and in the server's log. The job stays, with
its request and seed, so that the picture can be made again.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable

from ..protocol import JobState, JobStatus, ServerSettings
from .blobs import BlobStore, DiskFull
from .queue import JobQueue
from .store import JobStore

GRACE = 600.0
"""Seconds for which a picture that was just made or asked for stays whatever the limits: time for its client to fetch it."""

_GIB = 1024**3
_DAY = 24 * 3600.0

_log = logging.getLogger(__name__)


class Retention:
    """Knows every picture that is kept. Used by the thread of the queue."""

    def __init__(self, queue: JobQueue, store: JobStore, blobs: BlobStore) -> None:
        self._queue = queue
        self._blobs = blobs
        self._jobs: dict[str, tuple[float, tuple[str, ...]]] = {}  # by id: when it ended, and its pictures; oldest first
        self._sizes: dict[str, int] = {}  # bytes of each picture
        self._owners: Counter[str] = Counter()  # how many jobs have this very picture
        self.size = 0
        """Bytes of all pictures."""
        for status in store.with_results():
            self._count(status)

    def note(self, status: JobStatus) -> None:
        """A job has ended."""
        if status.state is JobState.DONE:
            self._count(status)

    def sweep(self, limits: ServerSettings) -> list[JobStatus]:
        """Remove what is beyond the limits; the jobs that lost their pictures."""
        now = time.time()
        needed = {sha256 for status in self._queue.unfinished() if status.request for _, sha256 in status.request.inputs}
        most = limits.keep_gib * _GIB if limits.keep_gib else float("inf")
        oldest = now - limits.keep_days * _DAY if limits.keep_days else 0.0
        size, leaving = self.size, dict[str, str]()
        owners = self._owners.copy()
        for job_id, (finished, results) in self._jobs.items():
            too_old = finished < oldest
            if not (too_old or size > most) or finished > now - GRACE:
                break  # they are in the order of their ends: the others are younger still
            if not needed.isdisjoint(results) or self._blobs.used_since(results, now - GRACE):
                continue
            size -= self._freed_by(results, owners)
            reason = f"{limits.keep_days:g} days" if too_old else f"{limits.keep_gib:g} GiB of pictures"
            leaving[job_id] = f"Its pictures were removed from the server, which is set to keep {reason}."
        if not leaving:
            return []
        try:
            told = self._queue.results_removed(leaving)  # first: a picture must never be missed by a job that still names it
        except DiskFull as error:
            _log.error("Old pictures cannot be removed now: %s", error)
            return []
        for status in told:
            _log.warning("Job %s, finished %s: %s", status.id, time.ctime(status.finished), leaving[status.id])
            self._drop(self._jobs.pop(status.id)[1])
        return told

    def _count(self, status: JobStatus) -> None:
        self._jobs[status.id] = status.finished, status.results
        for sha256 in set(status.results):
            if not self._owners[sha256]:
                self._sizes[sha256] = self._blobs.size(sha256)
                self.size += self._sizes[sha256]
            self._owners[sha256] += 1

    def _freed_by(self, results: Iterable[str], owners: Counter[str]) -> int:
        """Bytes that become free when one more job lets go of these."""
        freed = 0
        for sha256 in set(results):
            owners[sha256] -= 1
            freed += 0 if owners[sha256] else self._sizes[sha256]
        return freed

    def _drop(self, results: Collection[str]) -> None:
        for sha256 in set(results):
            self._owners[sha256] -= 1
            if not self._owners[sha256]:
                del self._owners[sha256]
                self.size -= self._sizes.pop(sha256)
                self._blobs.remove(sha256)
