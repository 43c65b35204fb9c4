# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps one worker alive, feeds it one job at a time, and turns what it says into the states of jobs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..protocol import JobState, JobStatus
from .errands import Errands
from .post_mortem import End, Watch
from .process import WorkerProcess, WorkerSilent
from .queue import JobQueue, NotWaiting

SILENCE = 120.0
"""Seconds without a sign of life after which a worker is dead; it gives one every two, but a driver may hold it for long."""

CANCEL_GRACE = 60.0
"""Seconds that a worker has to obey a cancel; then it is ended, for its step or its loading takes too long to wait for."""

STOP_GRACE = 5.0
"""Seconds that a worker has to end when the server does."""

START_ATTEMPTS = 2
"""Failed starts in a row after which waiting jobs are told so."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between the end of a worker and the start of the next."""

_log = logging.getLogger(__name__)


class Dispatcher:
    """Owns the worker. Lives in the server's event loop; no method blocks."""

    def __init__(self, queue: JobQueue, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._queue = queue
        self._command = command
        self._environment = environment
        self._log_path = log
        self._worker: WorkerProcess | None = None
        self._ready = False
        self._stopping = False
        self._current: str | None = None  # id of the job that the worker has
        self._cancelling = False
        self._grace: asyncio.TimerHandle | None = None
        self._unload_after = 0.0
        self._unload: asyncio.TimerHandle | None = None
        self._detector_loaded = False  # the worker was asked for people, and may have the detector on its device since
        self._freeing = False  # the worker was asked to let go of its models, and will after the job that it has
        self._failed_starts = 0
        self._last_words = ""  # why a worker says that it cannot work
        self._wanted = asyncio.Event()  # a job came: try again at once to start a worker
        self._task: asyncio.Task[None] | None = None
        self._errands = Errands()
        self.device = "starting"
        self.memory = (0, 0)
        self.problem = ""

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep_one_alive())

    async def stop(self) -> None:
        """End the worker. A job that it had stays marked as running and is queued again by the next server."""
        self._stopping = True
        self._ready = False
        for timer in (self._grace, self._unload):
            if timer is not None:
                timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)  # whatever it died of, the worker has to end
        if self._worker is not None:
            await self._worker.stop(STOP_GRACE)

    # What clients do

    def feed(self) -> None:
        """Give the worker the next job, if it has none. To be called after every change of the queue."""
        self._wanted.set()
        if not self._ready or self._current is not None or self._worker is None:
            return
        job = self._queue.take()
        self._wait_to_unload(idle=job is None)
        if job is None:
            return
        self._current = job.id
        self._cancelling = False
        self._worker.send({"kind": "job", **job.submission.to_json()})

    def cancel(self, job_id: str) -> JobStatus:
        """Cancel a job: a waiting one at once, a running one within a step. Raises UnknownJob."""
        try:
            status = self._queue.cancel_waiting(job_id)
        except NotWaiting:
            if self._worker is not None and not self._cancelling:
                self._cancelling = True
                self._worker.send({"kind": "cancel", "id": job_id})
                self._queue.progress(job_id, phase="cancelling")
                self._grace = asyncio.get_running_loop().call_later(CANCEL_GRACE, self._cancel_by_force, job_id)
            status = self._queue.status(job_id)
        return status

    async def ask(self, message: Mapping[str, Any]) -> Any:
        """The worker's answer to something that is no job, after the job that it has.

        Raises TooManyErrands, ErrandFailed.
        """
        self._wanted.set()
        try:
            return await self._errands.ask(message, lambda: self._worker.send if self._ready and self._worker else None)
        finally:
            self._detector_loaded = True
            self._wait_to_unload(idle=self._current is None)

    @property
    def has_errands(self) -> bool:
        return bool(len(self._errands))

    def free_memory(self) -> None:
        """Ask the worker to give the device's memory back, after the job that it has."""
        if self._worker is not None:
            self._worker.send({"kind": "free_memory"})
            self._freeing = self._current is not None
            self._detector_loaded = False
            if not self._freeing:
                self._queue.loaded = None

    def set_unload_after(self, seconds: float) -> None:
        """Seconds without a job after which the models leave the device; 0 is never."""
        self._unload_after = seconds
        self._wait_to_unload(idle=self._current is None)

    def _wait_to_unload(self, idle: bool) -> None:
        if self._unload is not None:
            self._unload.cancel()
            self._unload = None
        if idle and self._unload_after and self._is_something_loaded and not self._stopping:
            self._unload = asyncio.get_running_loop().call_later(self._unload_after, self._unload_now)

    def _unload_now(self) -> None:
        self._unload = None
        if self._current is None and self._is_something_loaded:
            _log.info("No job for %g seconds: the models leave the device", self._unload_after)
            self.free_memory()

    @property
    def _is_something_loaded(self) -> bool:
        return self._queue.loaded is not None or self._detector_loaded

    # The worker's life

    async def _keep_one_alive(self) -> None:
        while True:
            try:
                end = await self._one_life()
            except OSError as error:
                end = End(f"it cannot be started ({error.strerror or error})")
            try:
                self._worker_is_gone(end)
            except Exception:  # the next worker must come whatever it is: without one, all wait for ever
                _log.exception("The end of a worker could not be dealt with in full")
            self._wanted.clear()
            # Never at once: a worker that cannot live must not make the machine spin. A new job shortens the long pauses.
            await asyncio.sleep(SHORTEST_PAUSE)
            with contextlib.suppress(TimeoutError):
                if self._failed_starts:
                    await asyncio.wait_for(self._wanted.wait(), min(2.0**self._failed_starts, LONGEST_PAUSE))

    async def _one_life(self) -> End:
        """Run a worker until it ends; how it ended."""
        self._last_words = ""
        watch = Watch(self._log_path, self._environment)
        self._worker = worker = await WorkerProcess.start(self._command, self._environment, self._log_path)
        try:
            async for message in worker.messages(SILENCE):
                self._hear(message)
        except WorkerSilent:
            worker.kill()
            await worker.wait()
            return End(f"it gave no sign of life for {SILENCE:.0f} seconds and was ended", watch.last_lines())
        except Exception:
            _log.exception("The worker said something that cannot be understood; it is ended")
            worker.kill()
            await worker.wait()
            return End("it said something that the server does not understand", watch.last_lines())
        code = await worker.wait()
        return End(self._last_words, watch.last_lines()) if self._last_words else watch.end(code)

    def _worker_is_gone(self, end: End) -> None:
        how = end.how
        was_ready, self._ready, self._worker = self._ready, False, None
        self._failed_starts = 0 if was_ready else self._failed_starts + 1
        self.device, self.memory = "starting", (0, 0)
        self._freeing, self._detector_loaded, self._queue.loaded = False, False, None
        _log.warning("The worker stopped: %s. Its log is %s", how, self._log_path)
        hopeless = self._failed_starts >= START_ATTEMPTS
        self._errands.fail(f"The worker of the server stopped ({how}): try again.", waiting_too=hopeless)
        job_id, self._current = self._current, None
        if job_id is not None:
            if self._cancelling:
                self._end_cancelled(job_id)
            elif self._queue.crashes(job_id) == 0:
                self._queue.again(job_id, f"The worker stopped ({how}); the picture was started again.", end.log)
            else:
                error = f"The worker stopped twice while it made this picture ({how}): try a smaller size or another model."
                self._fail(job_id, error, end.log)
        if self._failed_starts >= START_ATTEMPTS:
            self.problem = f"The worker of the server does not start ({how}). Its log is {self._log_path}."
            self.device = "none"
            for status in self._queue.unfinished():
                self._fail(status.id, self.problem, end.log)

    # What the worker says

    def _hear(self, message: Mapping[str, Any]) -> None:
        kind = message["kind"]
        if "memory" in message:
            total, free = message["memory"]
            self.memory = (int(total), int(free))
        if kind == "ready":
            self.device = str(message["device"])
            self.problem = ""
            self._ready = True
            assert self._worker is not None
            self._errands.send_all(self._worker.send)
            self.feed()
        elif kind == "unfit":
            self._last_words = str(message["error"])
        elif not self._errands.hear(message) and message.get("id") == self._current is not None:
            self._hear_of_job(self._current, kind, message)

    def _hear_of_job(self, job_id: str, kind: str, message: Mapping[str, Any]) -> None:
        if kind == "progress":
            if message["warnings"]:
                self._queue.warn(job_id, *message["warnings"])
            phase = "cancelling" if self._cancelling else sys.intern(message["phase"])  # one text for thousands of events
            self._queue.progress(job_id, message["preview"], phase=phase, step=message["step"], steps=message["steps"])
            return
        if kind == "picture":
            self._queue.keep_picture(job_id, message["index"], message["result"])
            return
        if kind == "cancelled" or self._cancelling:
            self._end_cancelled(job_id)
        elif kind == "done":
            steps = self._queue.status(job_id).steps
            self._end(job_id, JobState.DONE, results=tuple(message["results"]), step=steps)
        elif kind == "failed":
            self._fail(job_id, message["error"])
        else:
            raise ValueError(f"unknown message {kind}")
        self._current = None
        if self._freeing:
            self._freeing, self._queue.loaded = False, None
        self.feed()

    def _fail(self, job_id: str, error: str, log: tuple[str, ...] = ()) -> None:
        """End a job that cannot be finished: it failed, unless some of its pictures are there, which are as good as alone."""
        if self._has_pictures(job_id, error):
            self._end(job_id, JobState.DONE, log=log)
        else:
            self._end(job_id, JobState.FAILED, error=error, log=log)

    def _end_cancelled(self, job_id: str) -> None:
        """With the pictures that were made until then."""
        self._has_pictures(job_id, "The job was cancelled.")
        self._end(job_id, JobState.CANCELLED)

    def _has_pictures(self, job_id: str, reason: str) -> bool:
        """Whether some of a job's pictures are there; then the job says which are missing, for this reason."""
        status = self._queue.status(job_id)
        pictures = status.request.pictures if status.request else 1
        lost = pictures - len(status.results)
        if status.results and lost > 0:
            self._queue.warn(job_id, f"The last {lost} of {pictures} pictures are missing. {reason}")
        return bool(status.results)

    def _end(self, job_id: str, state: JobState, **changes: Any) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        self._cancelling = False
        self._queue.end(job_id, state, **changes)

    def _cancel_by_force(self, job_id: str) -> None:
        if self._worker is not None and self._current == job_id and self._cancelling:
            _log.warning("The worker does not obey a cancel; it is ended")
            self._worker.kill()
