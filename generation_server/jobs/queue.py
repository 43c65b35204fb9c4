# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue: which jobs there are, in which order they run, and how each one ends. Every change is saved and told."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..protocol import JobState, JobStatus, JobSubmission
from .blobs import DiskFull
from .events import EventLog
from .order import overtake, running_order
from .pace import Paces, Stopwatch
from .store import Job, JobStore, StoreBusy, canonical

DEFAULT_LIMIT = 500
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

    def __init__(self, store: JobStore, events: EventLog, limit: int = DEFAULT_LIMIT, paces: Paces | None = None) -> None:
        self._store = store
        self._events = events
        self._limit = limit
        self._unfinished: dict[str, Job] = {}
        self._unsaved: dict[str, Job] = {}  # ended while the disk was full or busy: on disk they are still unfinished
        self._loaded: str | None = None
        self._positions: dict[str, int] = {}  # how many jobs run before each that is unfinished, in that order
        self._paces = paces or Paces()
        self._stopwatches: dict[str, Stopwatch] = {}  # of those that run
        self.ended: Callable[[JobStatus], None] = lambda _status: None
        """Called with each job that the dispatcher finishes."""
        self._after_running: dict[str, float | None] = {}  # seconds from then until each waiting job will be done, where known
        for job in store.unfinished():
            if job.status.state is JobState.RUNNING:
                job = job.with_status(state=JobState.QUEUED, phase="", step=0, started=0.0)
            self._unfinished[job.id] = job
            self._save(job)
        self._line_up()

    def __len__(self) -> int:
        """Jobs that wait or run."""
        return len(self._unfinished)

    # Asking

    def status(self, job_id: str) -> JobStatus:
        """A job with its request. Raises UnknownJob."""
        return self._told(self._job(job_id))

    def statuses(self, until: float = 0.0) -> list[JobStatus]:
        """Those that run and wait, in order, then the last that finished, newest first; with ``until`` (seconds since the epoch)
        the last of those that had finished then."""
        if until:
            return [self._told(job) for job in self._store.finished(LISTED, until)]
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

    def require_room(self, submission: JobSubmission) -> None:
        """Raise QueueFull when there is no place for another job."""
        if len(self._unfinished) - len(self._replaced_by(submission)) >= self._limit:
            raise QueueFull(f"The queue is full ({self._limit} jobs): wait until one is done, or cancel some.")

    def add(self, submission: JobSubmission) -> JobStatus:
        """Queue a job where it wants to be. Raises QueueFull, DiskFull, StoreBusy; then nothing was queued or replaced."""
        self.require_room(submission)
        status = JobStatus(submission.id, JobState.QUEUED, steps=submission.request.steps, created=time.time())
        job = Job(submission, status, self._front() if submission.place == "front" else self._back())
        replaced = self._replaced_by(submission)
        self._store.save(job, *replaced)
        self._unfinished[job.id] = job
        self._forget(replaced)
        self._line_up(job)
        return self.status(job.id)

    def move(self, job_id: str, to: str) -> JobStatus:
        """Move a waiting job to one of QUEUE_PLACES. Raises UnknownJob, NotWaiting."""
        job = self._job(job_id)
        if job.status.state is not JobState.QUEUED:
            raise NotWaiting(f"The job is {job.status.state}: only a waiting job can be moved.")
        if to == "replace":
            replaced = self._replaced_by(dataclasses.replace(job.submission, place="replace"))
            self._save(*replaced)
            self._forget(replaced)
        else:
            self._keep(dataclasses.replace(job, place=self._front() if to == "front" else self._back()))
        self._line_up(self._unfinished[job_id])
        return self.status(job_id)

    def cancel_waiting(self, job_id: str) -> JobStatus:
        """Cancel a job that waits; one that is finished stays as it is. Raises UnknownJob, NotWaiting for a running one."""
        job = self._job(job_id)
        if job.status.state is JobState.RUNNING:
            raise NotWaiting("The job is running: its worker has to be told.")
        return self._told(job) if job.status.state.is_final else self.end(job_id, JobState.CANCELLED)

    def cancel_all_waiting(self) -> list[JobStatus]:
        """Cancel every job that waits, at once; these, in the order in which they waited."""
        cancelled = [_ended(job, JobState.CANCELLED) for job in self._in_order() if job.status.state is JobState.QUEUED]
        self._save(*cancelled)
        self._forget(cancelled)
        self._line_up()
        return [self._told(job) for job in cancelled]

    # What the dispatcher does

    @property
    def loaded(self) -> str | None:
        """The model that the worker has on its device, whose jobs may go first; None when there is none."""
        return self._loaded

    @loaded.setter
    def loaded(self, model: str | None) -> None:
        if model != self._loaded:
            self._loaded = model
            self._line_up()

    def take(self) -> Job | None:
        """The next job, now running, or None when nothing waits. Its model counts as loaded from now on."""
        self._line_up()  # time has gone by, and with it somebody's patience
        job = next((job for job in self._in_order() if job.status.state is JobState.QUEUED), None)
        if job is None:
            return None
        for other in self._waiting():
            if other.place < job.place:
                self._unfinished[other.id] = overtake(other, time.time())
        job = job.with_status(state=JobState.RUNNING, phase="starting", step=0, started=time.time())
        loads, self._loaded = self._loaded != job.model, job.model
        request = job.submission.request
        self._stopwatches[job.id] = Stopwatch(self._paces.of(request), loads, request.denoised_steps * request.batch_count)
        self._keep(job)
        self._line_up(job)
        return job

    def progress(self, job_id: str, preview: str = "", **changes: Any) -> None:
        """Tell how far a running job is. Not saved: after a crash it starts again."""
        job = self._unfinished[job_id].with_status(**changes)
        self._unfinished[job_id] = job
        if "phase" in changes:
            self._stopwatches[job_id].hear(job.status.phase, job.status.step, job.status.steps)
        self._publish(job, preview)

    def warn(self, job_id: str, *warnings: str) -> None:
        """Add sentences to a job's warnings, each once."""
        former = self._unfinished[job_id].status.warnings
        self.progress(job_id, warnings=(*former, *(w for w in dict.fromkeys(warnings) if w not in former)))

    def keep_picture(self, job_id: str, index: int, sha256: str) -> None:
        """One of a running job's pictures is in the store, whatever becomes of the others. A job that was begun anew makes the
        same again."""
        results = self._unfinished[job_id].status.results
        job = self._unfinished[job_id].with_status(results=(*results[:index], sha256, *results[index + 1 :]))
        self._keep(job)
        self._publish(job)

    def end(self, job_id: str, state: JobState, **changes: Any) -> JobStatus:
        """Finish a job: ``state`` is done, failed or cancelled. Without other ``results``, it keeps those that it has."""
        job = _ended(self._unfinished[job_id], state, **changes)
        stopwatch = self._stopwatches.pop(job_id, None)
        if stopwatch is not None and state is JobState.DONE:
            stopwatch.close()
            self._paces.remember(job.submission.request, stopwatch.taken)
        self._save(job)
        self._forget([job])
        self._line_up()
        self.ended(job.status)
        return self._told(job)

    def results_removed(self, reasons: Mapping[str, str]) -> list[JobStatus]:
        """The results of these finished jobs are kept no longer, for these reasons; the jobs as they are told from now on.

        Raises DiskFull, StoreBusy; then nothing has changed.
        """
        now = time.time()
        jobs = [self._job(job_id) for job_id in reasons]
        jobs = [job.with_status(results=(), removed=now, warnings=(*job.status.warnings, reasons[job.id])) for job in jobs]
        self._store.save(*jobs)
        for job in jobs:
            self._unsaved.pop(job.id, None)
            self._publish(job)
        return [self._told(job) for job in jobs]

    def crashes(self, job_id: str) -> int:
        """How often a worker died while it ran this unfinished job."""
        return self._unfinished[job_id].crashes

    def again(self, job_id: str, warning: str, log: tuple[str, ...] = ()) -> None:
        """Let a running job whose worker died wait once more, where it was in the queue; ``log``: what that worker said last."""
        self._stopwatches.pop(job_id, None)
        job = self._unfinished[job_id]
        job = dataclasses.replace(job.with_status(state=JobState.QUEUED, phase="", step=0, started=0.0), crashes=job.crashes + 1)
        job = job.with_status(warnings=(*job.status.warnings, warning), log=log)
        self._keep(job)
        self._line_up(job)

    # Within

    def _job(self, job_id: str) -> Job:
        job = self._unfinished.get(job_id) or self._unsaved.get(job_id) or self._store.find(job_id)
        if job is None:
            raise UnknownJob(f"There is no job '{job_id:.80}' on this server.")
        return job

    def _waiting(self) -> list[Job]:
        """Those that wait, by their places."""
        return sorted(
            (job for job in self._unfinished.values() if job.status.state is JobState.QUEUED), key=lambda job: job.place
        )

    def _in_order(self) -> list[Job]:
        """Those that run, then those that wait, as they will run."""
        return [self._unfinished[job_id] for job_id in self._positions]

    def _front(self) -> float:
        return min(0.0, *(job.place for job in self._unfinished.values()), 0.0) - 1.0

    def _back(self) -> float:
        return max(0.0, *(job.place for job in self._unfinished.values()), 0.0) + 1.0

    def _replaced_by(self, submission: JobSubmission) -> list[Job]:
        """The waiting jobs of the same client, as cancelled by this one, if it is to replace them."""
        if submission.place != "replace" or not submission.client:  # those without a name are not one client
            return []
        warning = f"It was replaced by the job {submission.id} before it began."
        return [
            _ended(job, JobState.CANCELLED, warnings=(*job.status.warnings, warning))
            for job in self._waiting()
            if job.submission.client == submission.client and job.id != submission.id
        ]

    def _told(self, job: Job) -> JobStatus:
        """The status as clients get it, with place in the queue, seconds left and request."""
        position = self._positions.get(job.id, 0) if job.status.state is JobState.QUEUED else 0
        return dataclasses.replace(job.status, position=position, eta=self._eta(job), request=job.submission.request)

    def _eta(self, job: Job) -> float | None:
        """Seconds until an unfinished job is done, or None when that is not known."""
        if job.status.state.is_final or job.status.phase == "cancelling":
            return None
        left = [stopwatch.left() for stopwatch in self._stopwatches.values()]
        if job.status.state is JobState.QUEUED:
            left.append(self._after_running.get(job.id))
        known = [seconds for seconds in left if seconds is not None]
        return round(sum(known), 1) if len(known) == len(left) else None

    def _keep(self, job: Job) -> None:
        """Take a change of an unfinished job. ``_line_up`` tells of it."""
        self._unfinished[job.id] = job
        self._save(job)

    def _forget(self, ended: Iterable[Job]) -> None:
        """These are finished: out of the queue, and told. On disk they are so already, unless it is full."""
        for job in ended:
            del self._unfinished[job.id]
            self._positions.pop(job.id, None)
            self._publish(job)

    def _line_up(self, *changed: Job) -> None:
        """Order the unfinished jobs anew, and tell of those that ``changed`` and those whose position did."""
        former = self._positions
        running = [job.id for job in self._unfinished.values() if job.status.state is JobState.RUNNING]
        line = [*running, *running_order(self._waiting(), self._loaded, time.time())]
        self._positions = {job_id: position for position, job_id in enumerate(line)}
        self._after_running = self._expected_ends(line[len(running) :])
        told = {job.id for job in changed}
        for job_id, position in self._positions.items():
            job = self._unfinished[job_id]
            if job_id in told or (job.status.state is JobState.QUEUED and former.get(job_id) != position):
                self._publish(job)

    def _expected_ends(self, waiting: Iterable[str]) -> dict[str, float | None]:
        """Seconds from when the running job is done until each of these is, in their order; None from the first unknown on."""
        ends: dict[str, float | None] = {}
        end: float | None = 0.0
        loaded = self._loaded
        for job_id in waiting:
            request = self._unfinished[job_id].submission.request
            seconds = None if end is None else self._paces.expected(request, loads=request.model != loaded)
            end = None if end is None or seconds is None else end + seconds
            ends[job_id], loaded = end, request.model
        return ends

    def _publish(self, job: Job, preview: str = "") -> None:
        self._events.publish(self._told(job), preview)

    def _save(self, *jobs: Job) -> None:
        """Save changes that must not be refused. The memory holds what cannot be written until a later change can be saved."""
        if not jobs:
            return
        try:
            self._store.save(*jobs)
            if self._unsaved:
                self._store.save(*self._unsaved.values())
                self._unsaved.clear()
        except (DiskFull, StoreBusy) as error:
            for job in jobs:
                _log.error("Job %s is %s, which could not be saved: %s", job.id, job.status.state, error)
                if job.status.state.is_final:
                    self._unsaved[job.id] = job


def _ended(job: Job, state: JobState, **changes: Any) -> Job:
    """The job in its final state."""
    return job.with_status(state=state, phase="", finished=time.time(), **changes)
