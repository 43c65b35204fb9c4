# SPDX-License-Identifier: GPL-3.0-or-later
"""How long finished pictures stay: until a limit that the user set is reached, oldest first, and never without a word.

A job whose pictures go says so: in its ``warnings``, by ``removed``, by an event, and in the server's log. The job stays, with
its request and seed, so that the picture can be made again.
"""

from __future__ import annotations

import logging
import time
from collections import Counter

from ..amounts import GIB
from ..protocol import JobStatus, ServerSettings
from .blobs import BlobStore, DiskFull
from .queue import JobQueue, UnknownJob
from .store import JobStore, StoreBusy

GRACE = 600.0
"""Seconds for which a picture that was just made or asked for stays whatever the limits: time for its client to fetch it."""

_DAY = 24 * 3600.0

_log = logging.getLogger(__name__)


class Retention:
    """Knows every result that is kept. Used by the thread of the queue."""

    def __init__(self, queue: JobQueue, store: JobStore, blobs: BlobStore) -> None:
        """Raises DiskFull."""
        self._queue = queue
        self._store = store
        self._blobs = blobs
        store.reconcile_results(blobs.size)
        self.size = store.results_size()
        """Bytes of all results."""

    def note(self, status: JobStatus) -> None:
        """A job has ended."""
        if not status.results:
            return
        sizes = {sha256: self._blobs.size(sha256) for sha256 in status.results}
        new = sum(size for sha256, size in sizes.items() if not self._store.owners(sha256))
        try:
            self._store.list_results(status.id, status.finished, sizes)
        except (DiskFull, StoreBusy) as error:  # the next start lists them
            _log.error("The results of job %s are not counted: %s", status.id, error)
            return
        self.size += new

    def sweep(self, limits: ServerSettings) -> list[JobStatus]:
        """Remove what is beyond the limits; the jobs that lost their results."""
        now = time.time()
        most = limits.keep_gib * GIB if limits.keep_gib else float("inf")
        oldest = now - limits.keep_days * _DAY if limits.keep_days else 0.0
        unfinished = self._queue.unfinished()
        needed = {sha256 for status in unfinished if status.request for _, sha256 in status.request.inputs}
        needed.update(sha256 for status in unfinished for sha256 in status.results)
        size = self.size
        leaving: dict[str, str] = {}
        losses: Counter[str] = Counter()  # how many of those that leave have each result
        unneeded: list[str] = []
        for job_id, finished, results in self._store.oldest_results():
            too_old = finished < oldest
            if not (too_old or size > most) or finished > now - GRACE:
                break  # the others are younger still
            if not needed.isdisjoint(results) or self._blobs.used_since(results, now - GRACE):
                continue
            if not self._can_tell(job_id):
                continue
            reason = f"{limits.keep_days:g} days" if too_old else f"{limits.keep_gib:g} GiB of pictures"
            leaving[job_id] = f"Its pictures were removed from the server, which is set to keep {reason}."
            losses.update(results.keys())
            for sha256, bytes_ in results.items():
                if losses[sha256] == self._store.owners(sha256):
                    unneeded.append(sha256)
                    size -= bytes_
        if not leaving:
            return []
        try:
            # First of all: no job may name a picture that is gone.
            told = self._queue.results_removed(leaving)
            self._store.unlist_results(leaving)
        except (DiskFull, StoreBusy) as error:
            _log.error("Old pictures cannot be removed now: %s", error)
            return []
        for status in told:
            _log.warning("Job %s, finished %s: %s", status.id, time.ctime(status.finished), leaving[status.id])
        for sha256 in unneeded:
            self._blobs.remove(sha256)
        self.size = size
        return told

    def _can_tell(self, job_id: str) -> bool:
        """Whether this server can read the job, and so say in it that its pictures went."""
        try:
            self._queue.status(job_id)
        except UnknownJob:
            return False
        return True
