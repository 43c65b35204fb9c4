# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue: which jobs there are, in which order they run, and how each one ends. Every change is saved and told."""

from __future__ import annotations

import dataclasses
import logging
import time
from typing import Any

from ..protocol import JobState, JobStatus, JobSubmission
from .blobs import DiskFull
from .events import EventLog
from .store import Job, JobStore, canonical

DEFAULT_LIMIT = 100
"""Unfinished jobs that a server accepts."""

LISTED = 200
"""Finished jobs in a list; older ones are still found by their id."""

_log = logging.getLogger(__name__)


class QueueFull(Exception):
    """No room for another job. The text is one sentence."""


class OtherJob(Exception):
    """The id belongs to a job with another content. The text is one sentence."""


class UnknownJob(Exception):
    """There is no job of that id. The text is one sentence."""


class NotWaiting(Exception):
    """What was asked is only possible while a job waits. The text is one sentence."""


class JobQueue:
    """Jobs in memory while they are unfinished, on disk always. One thread uses it."""

    def __init__(self, store: JobStore, events: EventLog, limit: int = DEFAULT_LIMIT) -> None:
        self._store = store
        self._events = events
        self._limit = limit
        self._unfinished: dict[str, Job] = {}
        self._unsaved: dict[str, Job] = {}  # ended while the disk was full: on disk they are still unfinished
        for job in store.unfinished():
            if job.status.state is JobState.RUNNING:
                job = job.with_status(state=JobState.QUEUED, phase="", step=0, started=0.0)
            self._unfinished[job.id] = job
            self._save(job)

    def __len__(self) -> int:
        """Jobs that wait or run."""
        return len(self._unfinished)

    # Asking

    def status(self, job_id: str) -> JobStatus:
        """A job with its request. Raises UnknownJob."""
        return self._told(self._job(job_id))

    def statuses(self) -> list[JobStatus]:
        """Those that run and wait, in order, then the finished, newest first."""
        finished = [job for job in self._store.finished(LISTED) if job.id not in self._unsaved]
        return [self._told(job) for job in (*self._in_order(), *self._unsaved.values(), *finished)]

    def unfinished(self) -> list[JobStatus]:
        return [self._told(job) for job in self._in_order()]

    # What clients do

    def find_same(self, submission: JobSubmission) -> JobStatus | None:
        """The job that was made of this very submission, if there is one. Raises OtherJob when its id is taken."""
        try:
            known = self._job(submission.id)
        except UnknownJob:
            return None
        if canonical(known.submission) != canonical(submission):
            raise OtherJob(f"The id {submission.id} belongs to another job: make a new id for a new request.")
        return self._told(known)

    def require_room(self) -> None:
        """Raise QueueFull when there is no place for another job."""
        if len(self._unfinished) >= self._limit:
            raise QueueFull(f"The queue is full ({self._limit} jobs): wait until one is done, or cancel some.")

    def add(self, submission: JobSubmission) -> JobStatus:
        """Queue a job. Raises QueueFull, DiskFull; then nothing was queued."""
        self.require_room()
        status = JobStatus(submission.id, JobState.QUEUED, steps=submission.request.steps, created=time.time())
        place = max((job.place for job in self._unfinished.values()), default=0.0) + 1.0
        job = Job(submission, status, place)
        self._store.save(job)
        self._unfinished[job.id] = job
        return self._publish(job)

    def move(self, job_id: str, to_front: bool) -> JobStatus:
        """Move a waiting job to the front or the back. Raises UnknownJob, NotWaiting."""
        job = self._job(job_id)
        if job.status.state is not JobState.QUEUED:
            raise NotWaiting(f"The job is {job.status.state}: only a waiting job can be moved.")
        places = [other.place for other in self._unfinished.values()]
        place = min(places) - 1.0 if to_front else max(places) + 1.0
        self._keep(dataclasses.replace(job, place=place))
        self._tell_waiting()
        return self.status(job_id)

    def cancel_waiting(self, job_id: str) -> JobStatus:
        """Cancel a job that waits; one that is finished stays as it is. Raises UnknownJob, NotWaiting for a running one."""
        job = self._job(job_id)
        if job.status.state is JobState.RUNNING:
            raise NotWaiting("The job is running: its worker has to be told.")
        return self._told(job) if job.status.state.is_final else self.end(job_id, JobState.CANCELLED)

    # What the dispatcher does

    def take(self) -> Job | None:
        """The next job, now running, or None when nothing waits."""
        job = next((job for job in self._in_order() if job.status.state is JobState.QUEUED), None)
        if job is None:
            return None
        job = job.with_status(state=JobState.RUNNING, phase="starting", step=0, started=time.time())
        self._keep(job)
        self._tell_waiting()
        return job

    def progress(self, job_id: str, preview: str = "", **changes: Any) -> None:
        """Tell how far a running job is. Not saved: after a crash it starts again."""
        job = self._unfinished[job_id].with_status(**changes)
        self._unfinished[job_id] = job
        self._publish(job, preview)

    def warn(self, job_id: str, *warnings: str) -> None:
        """Add sentences to a job's warnings, each once."""
        former = self._unfinished[job_id].status.warnings
        self.progress(job_id, warnings=(*former, *(w for w in dict.fromkeys(warnings) if w not in former)))

    def end(self, job_id: str, state: JobState, **changes: Any) -> JobStatus:
        """Finish a job: ``state`` is done, failed or cancelled."""
        job = self._unfinished[job_id].with_status(state=state, phase="", finished=time.time(), **changes)
        del self._unfinished[job_id]
        if not self._save(job):
            self._unsaved[job_id] = job
        status = self._publish(job)
        self._tell_waiting()
        return status

    def crashes(self, job_id: str) -> int:
        """How often a worker died while it ran this unfinished job."""
        return self._unfinished[job_id].crashes

    def again(self, job_id: str, warning: str) -> None:
        """Let a running job whose worker died wait once more, where it was in the queue."""
        job = self._unfinished[job_id]
        job = dataclasses.replace(job.with_status(state=JobState.QUEUED, phase="", step=0, started=0.0), crashes=job.crashes + 1)
        self._keep(job.with_status(warnings=(*job.status.warnings, warning)))

    # Within

    def _job(self, job_id: str) -> Job:
        job = self._unfinished.get(job_id) or self._unsaved.get(job_id) or self._store.find(job_id)
        if job is None:
            raise UnknownJob(f"There is no job '{job_id:.80}' on this server.")
        return job

    def _in_order(self) -> list[Job]:
        return sorted(self._unfinished.values(), key=lambda job: (job.status.state is not JobState.RUNNING, job.place))

    def _told(self, job: Job) -> JobStatus:
        """The status as clients get it, with place in the queue and request."""
        position = 0
        if job.status.state is JobState.QUEUED:
            position = next(i for i, other in enumerate(self._in_order()) if other.id == job.id)
        return dataclasses.replace(job.status, position=position, request=job.submission.request)

    def _keep(self, job: Job) -> None:
        self._unfinished[job.id] = job
        self._save(job)
        self._publish(job)

    def _tell_waiting(self) -> None:
        """Tell every waiting job anew: its position has changed."""
        for job in self._in_order():
            if job.status.state is JobState.QUEUED:
                self._publish(job)

    def _publish(self, job: Job, preview: str = "") -> JobStatus:
        status = self._told(job)
        self._events.publish(status, preview)
        return status

    def _save(self, job: Job) -> bool:
        """Save a change that must not be refused. On a full disk the memory holds it until a later change can be saved."""
        try:
            self._store.save(job)
            for unsaved in list(self._unsaved.values()):
                self._store.save(unsaved)
                del self._unsaved[unsaved.id]
        except DiskFull as error:
            _log.error("Job %s is %s, which could not be saved: %s", job.id, job.status.state, error)
            return False
        return True
