# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bridge process does: commands from Blender to the server, events from the server to Blender. No bpy.

One loop waits for two sockets: Blender's and the server's events. Everything that takes longer than a moment (a server that is
starting or lost) is a state that the loop looks at again, so that a cancel is never kept waiting. What a job comes to is written
to its record on disk before Blender is told, so nothing depends on Blender being there.
"""

from __future__ import annotations

import json
import select
import socket
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...generation_server.client import Client, RequestRefused, ServerError, ServerUnreachable, find_server
from ...generation_server.protocol import Health, JobEvent, JobState, JobStatus, default_server_dir
from ..png import PngError
from .clay import make_picture
from .delivery import cancel_jobs, fetch_pictures, send_inputs
from .errand_runner import ErrandRunner
from .event_stream import EventStream
from .records import Record, RecordError, read_record, write_record
from .server_process import HOW_TO_START, Ending, ServerProcess, ServerStartError, server_python, start_server, stop_server
from .telling import Teller

BUSY_TICK = 0.25  # seconds between looks at a server that is starting
RETRY = 3.0  # seconds between attempts to find a server that was lost
LOOK = 5.0  # seconds without an event of any job after which they are asked for: one may have ended before the stream began
SOON = 2.0  # seconds until a server that is loading what paints is asked again
PING = 45.0  # seconds between signs that Blender is still here: a server that it started would end after ten idle minutes


class Relay:
    """The state of one bridge."""

    def __init__(self, blender: socket.socket, folder: Path, settings: Mapping[str, Any]) -> None:
        self._blender = blender
        self._tell = Teller(blender)
        self._folder = folder
        self._settings = dict(settings)
        self._client: Client | None = None
        self._stream: EventStream | None = None
        self._last_event_id: int | None = None
        self._server: ServerProcess | None = None
        self._starting = False
        self._ending: Ending | None = None  # a server that was told to end
        self._start_then = False  # and whether another is to start after it
        self._waiting: dict[str, Record] = {}  # to be submitted, once there is a server
        self._jobs: dict[str, Record] = {}  # submitted and not final
        self._next_try = 0.0
        self._next_ping = 0.0
        self._next_look = 0.0
        self._unwanted: set[str] = set()  # jobs that were cancelled while there was no server to tell
        self._errands = ErrandRunner(self._served, self._tell)

    def run(self) -> None:
        """Until Blender closes its end."""
        while self._wait():
            self._do_commands()
            self._look_after_server()
            self._read_events()
            self._errands.step()

    # Blender's side

    def _wait(self) -> bool:
        """Wait for something to do; False when Blender is gone."""
        if self._starting or self._ending:
            patience = BUSY_TICK
        elif self._is_lost:
            patience = max(0.05, self._next_try - time.monotonic())
        else:
            patience = max(0.05, self._next_ping - time.monotonic()) if self._client else PING
        if self._jobs and not self._is_lost:
            patience = min(patience, LOOK)
        patience = min(patience, self._errands.patience)
        sockets: list[Any] = [self._blender, *([self._stream] if self._stream else [])]
        readable, _, _ = select.select(sockets, [], [], min(patience, PING))
        if self._blender in readable:
            try:
                return bool(self._blender.recv(4096))
            except OSError:
                return False
        return True

    def _do_commands(self) -> None:
        for path in sorted((self._folder / "commands").glob("*.json")):
            try:
                command = json.loads(path.read_text("utf-8"))
                path.unlink()
                if not self._errands.take(command):
                    getattr(self, f"_do_{command.pop('do')}")(**command)
            except (ServerError, ServerStartError, RecordError) as error:
                self._tell("error", sentence=str(error))
            except Exception as error:  # one bad command must not end the bridge; the log has the rest
                traceback.print_exc()
                path.unlink(missing_ok=True)
                self._tell("error", sentence=f"The bridge stumbled over a command ({type(error).__name__}: {error}).")

    def _do_configure(self, **settings: Any) -> None:
        if settings != self._settings:
            self._settings = settings
            self._forget_server()

    def _do_connect(self, start: bool = False) -> None:
        """Find the server and tell what it has; ``start`` starts one where none runs."""
        if not self._starting:
            self._forget_server()  # what is there now: it may have ended, or got other models
        try:
            self._find(start)
        except (ServerError, ServerStartError) as error:
            self._lose(str(error))

    def _do_submit(self, record: str, start: bool = True) -> None:
        """Send the job of a record, also one that an earlier bridge has sent: the server knows it by its id."""
        job = read_record(Path(record))
        if job.state.is_final or job.job_id in self._jobs:
            return
        self._waiting[job.job_id] = job
        try:
            self._find(start)
        except (ServerError, ServerStartError) as error:
            if self._waiting.pop(job.job_id, None):
                self._end(job, JobState.FAILED, str(error))
            self._lose(str(error))

    def _do_resume(self, record: str) -> None:
        """Follow a job that was sent before Blender was closed; without a server it waits for one."""
        job = read_record(Path(record))
        if job.state.is_final or job.job_id in self._waiting or job.job_id in self._jobs:
            return
        if self._client is None:
            self._jobs[job.job_id] = job
            self._next_try = 0.0
            return
        self._waiting[job.job_id] = job
        try:
            self._submit_waiting()
        except ServerError as error:
            self._lose(str(error))

    def _do_cancel(self, job: str) -> None:
        if self._client is not None and job in self._jobs:
            try:
                self._client.cancel(job)
                return
            except RequestRefused:
                pass  # the server does not know it any more
            except ServerError as error:
                self._lose(str(error))
        if self._client is None:
            self._unwanted.add(job)
        if record := self._waiting.pop(job, None) or self._jobs.pop(job, None):
            self._end(record, JobState.CANCELLED)

    def _do_free_memory(self) -> None:
        if self._client is not None:
            self._client.free_memory()
            self._next_ping = 0.0

    def _do_stop_server(self, restart: bool = False) -> None:
        """End the server of this computer; its jobs wait for the next one."""
        if self._ending is None and (ending := stop_server(self._server_dir, self._server)):
            self._server, self._ending, self._start_then = None, ending, restart
            self._forget_server()
            self._tell.server("starting" if restart else "down", "")
            self._jobs, self._waiting = self._jobs | self._waiting, {}
            self._tell.lost(self._jobs | self._waiting, "The server was stopped.")
        elif self._ending is None and restart:
            self._do_connect(start=True)

    # The server's side

    def _find(self, start: bool) -> None:
        """Have a client, or be on the way to one. Raises ServerError or ServerStartError."""
        if self._ending is not None:
            self._start_then |= start
            return
        if self._client is not None or self._starting:
            try:
                self._submit_waiting()
                return
            except ServerUnreachable:  # it ended since it was last heard: look for another, or start one
                self._forget_server()
        if client := self._chosen():
            self._connected(client)
            return
        if client := find_server(self._server_dir):
            self._connected(client)
            return
        python = server_python(self._server_dir)
        if python is None or not start:
            raise ServerUnreachable(HOW_TO_START)
        self._server = start_server(python, self._server_dir)
        self._starting = True
        self._tell.server("starting", "The generation server is starting.")

    def _served(self) -> Client:
        """The server, for what can do without one as well as with it. Raises ServerError."""
        self._find(start=False)
        if self._client is None:
            raise ServerUnreachable("The generation server is still starting: try again in a moment.")
        return self._client

    @property
    def _server_dir(self) -> Path:
        return Path(str(self._settings.get("server_dir") or default_server_dir()))

    def _chosen(self) -> Client | None:
        """A client of the server that the Preferences name, None where they name none."""
        url, token, fingerprint = (str(self._settings.get(name, "")) for name in ("url", "token", "fingerprint"))
        return Client(url, token, fingerprint=fingerprint) if url else None

    def _connected(self, client: Client) -> None:
        """Take ``client`` once it has shown that it is ours and takes our token."""
        health = client.health()
        models, problems = client.models(), client.model_problems()
        self._client = client
        self._starting = False
        cancel_jobs(client, self._unwanted)
        # Sent again: the same id is the same job, and one that the server has lost begins anew.
        self._waiting = self._jobs | self._waiting
        self._jobs = {}
        self._tell_health(client, health)
        self._tell.models(models, problems)
        self._submit_waiting()

    def _tell_health(self, client: Client, health: Health) -> None:
        self._next_ping = time.monotonic() + (SOON if health.device == "starting" else PING)
        self._tell("server", state="connected", sentence="", url=client.url, health=health.to_json())

    def _look_after_server(self) -> None:
        now = time.monotonic()
        try:
            if self._ending is not None:
                if self._ending.is_over():
                    self._ending = None
                    if self._start_then:
                        self._find(start=True)
            elif self._starting and self._server is not None:
                if client := self._server.check():
                    self._connected(client)
            elif self._is_lost:
                if now >= self._next_try:
                    self._next_try = now + RETRY
                    self._find_again()
            elif self._client is not None and now >= self._next_ping:
                self._next_ping = now + PING
                self._tell_health(self._client, self._client.health())
            elif self._client is not None and self._jobs and now >= self._next_look:
                self._next_look = now + LOOK
                self._look_at_jobs(self._client)
        except (ServerError, ServerStartError) as error:
            if self._starting:
                self._starting = False
                self._tell.server("down", str(error))
                self._fail_waiting(str(error))
            elif self._client is not None:
                self._lose(str(error))
            else:  # one is there by now, and it has another reason: its protocol, its token; or none could be started again
                if self._start_then:
                    self._tell.server("down", str(error))
                self._start_then = False
                self._tell.lost(self._jobs | self._waiting, str(error))

    def _look_at_jobs(self, client: Client) -> None:
        for record in list(self._jobs.values()):
            try:
                status = client.job(record.job_id)
            except RequestRefused as error:
                self._jobs.pop(record.job_id, None)
                self._end(record, JobState.FAILED, str(error))
                continue
            if status.state.is_final:
                self._finish(record, status)
            if self._client is not client:
                return  # lost while the picture was fetched

    def _find_again(self) -> None:
        client = self._chosen() or find_server(self._server_dir)
        if client is not None:
            self._connected(client)

    @property
    def _is_lost(self) -> bool:
        """Whether there are jobs and no server: one is looked for until there is."""
        return self._client is None and not self._starting and bool(self._jobs or self._waiting)

    def _lose(self, sentence: str) -> None:
        """The server is gone: jobs wait for its return, for it queues interrupted ones again."""
        if self._server is not None and (words := self._server.exit_sentence()):
            sentence = words
            self._server = None
        self._forget_server()
        self._tell.server("down", sentence)
        self._jobs, self._waiting = self._jobs | self._waiting, {}
        self._tell.lost(self._jobs | self._waiting, sentence)

    def _forget_server(self) -> None:
        self._client = None
        self._starting = False
        self._next_try = time.monotonic() + RETRY
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    # Jobs

    def _submit_waiting(self) -> None:
        for job_id, record in list(self._waiting.items()):
            if self._client is None:
                return  # none yet, or lost on the way
            try:
                self._submit(record)
            except RequestRefused as error:
                del self._waiting[job_id]
                self._end(record, JobState.FAILED, str(error))
            except OSError as error:
                del self._waiting[job_id]
                self._end(record, JobState.FAILED, f"A control image is missing ({error.strerror}): press Generate again.")

    def _submit(self, record: Record) -> None:
        assert self._client is not None
        if self._stream is None:
            self._stream = EventStream(self._client.address, self._last_event_id)
        send_inputs(self._client, record)
        status = self._client.submit(record.submission())
        del self._waiting[record.job_id]
        self._jobs[record.job_id] = record
        self._tell.job(status)
        make_picture(record)
        if status.state.is_final:  # it ended while nobody was listening
            self._finish(record, status)

    def _fail_waiting(self, sentence: str) -> None:
        for record in list(self._waiting.values()):
            self._end(record, JobState.FAILED, sentence)
        self._waiting.clear()

    def _read_events(self) -> None:
        if self._stream is None:
            return
        try:
            events = self._stream.read()
        except ServerError as error:
            self._lose(str(error))
            return
        stream = self._stream
        for event in events:
            if self._stream is not stream:
                return  # lost while a picture was fetched; what is left is told again by the next stream
            self._last_event_id = event.sequence
            self._next_look = time.monotonic() + LOOK
            if record := self._jobs.get(event.job.id):
                self._pass_on(record, event)

    def _pass_on(self, record: Record, event: JobEvent) -> None:
        if event.job.state.is_final:
            self._finish(record, event.job)
            return
        self._tell.job(event.job)
        if event.preview:
            self._tell.preview(self._folder, record.job_id, event.preview)

    def _finish(self, record: Record, status: JobStatus) -> None:
        """A job is final: fetch what it came to, write it down, tell Blender."""
        if status.state is not JobState.DONE and not status.results:  # one that was cancelled may have some
            self._jobs.pop(record.job_id, None)
            self._end(record, status.state, status.error, status.warnings)
            return
        assert self._client is not None
        try:
            fetch_pictures(self._client, record, status)
        except ServerUnreachable as error:
            self._lose(str(error))
            return
        except RecordError as error:
            # The picture is safe on the server; it is fetched again when the disk has room and the job is taken up again.
            self._tell("lost", job=record.job_id, sentence=f"{error} The picture stays on the server until then.")
            self._forget_server()
            return
        except (ServerError, PngError) as error:
            self._jobs.pop(record.job_id, None)
            self._end(record, JobState.FAILED, f"The picture cannot be used ({str(error).rstrip('.')}): press Generate again.")
            return
        self._jobs.pop(record.job_id, None)
        self._end(record, JobState.DONE, "", status.warnings)

    def _end(self, record: Record, state: JobState, error: str = "", warnings: tuple[str, ...] = ()) -> None:
        try:
            write_record(record.with_changes(state=state, error=error, warnings=warnings))
        except RecordError as problem:
            self._tell("error", sentence=str(problem))
        self._tell.job(JobStatus(id=record.job_id, state=state, error=error, warnings=warnings))
        self._tell("final", job=record.job_id, record=str(record.path))
