# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes on right now: the bridge, the server, the jobs, the last error. Panels read it, the timer brings it up to date.

Kept in this module rather than in Blender's data, because undo takes back what a timer writes there. What must survive Blender
is in the history on disk.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bpy

from ...generation_server.address import is_loopback
from ...generation_server.protocol import Health, JobState, JobStatus
from ..errors import UserError
from ..pieces import Pieces, for_a_moment
from . import models
from .connection import bridge_settings, may_start_server
from .link import Link, LinkError
from .records import Record, RecordError, read_record, remove, write_record
from .versions import other_version

POLL_LIMIT = 0.008
"""Seconds after which what the bridge has told waits for the next call."""

HELD = "waiting for the set-up"
"""The phase of a job that waits here until there can be a server."""


@dataclass
class Job:
    """A job of this session as the panels show it."""

    record: Record
    state: JobState = JobState.QUEUED
    phase: str = ""
    step: int = 0
    steps: int = 0
    position: int = 0
    eta: float | None = None  # seconds until it is done, where the server knows
    lost: str = ""  # why it waits, when the server is gone
    preview: str = ""  # path of the last preview
    began: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> str:
        return self.record.job_id

    @property
    def progress(self) -> float:
        return self.step / self.steps if self.steps else 0.0


@dataclass
class Server:
    """What is known of the server. ``state``: unknown, starting, connected, down."""

    state: str = "unknown"
    sentence: str = ""
    url: str = ""
    health: Health | None = None

    @property
    def elsewhere(self) -> str:
        """The other computer whose GPU it is; empty for this one's."""
        host = urlsplit(self.url).hostname or ""
        return "" if is_loopback(host) else host

    @property
    def is_getting_ready(self) -> bool:
        """Whether it answers, but what paints is only just being loaded: half a minute, with torch on a slow disk."""
        return self.state == "connected" and self.health is not None and self.health.device == "starting"


@dataclass
class Stats:
    """How long our timer callbacks took, in milliseconds."""

    worst_callback_ms: float = 0.0
    worst_of_part: dict[str, float] = field(default_factory=dict)
    callbacks: int = 0
    click_ms: float = 0.0
    click_parts: dict[str, float] = field(default_factory=dict)

    def note(self, milliseconds: float, part: str) -> None:
        self.callbacks += 1
        self.worst_callback_ms = max(self.worst_callback_ms, milliseconds)
        self.worst_of_part[part] = max(self.worst_of_part.get(part, 0.0), milliseconds)


@dataclass
class Session:
    link: Link | None = None
    server: Server = field(default_factory=Server)
    jobs: dict[str, Job] = field(default_factory=dict)  # unfinished ones, oldest first
    error: str = ""
    warnings: tuple[str, ...] = ()
    notice: str = ""
    said_of_version: str = ""  # the last notice that a server is of another version
    stats: Stats = field(default_factory=Stats)
    settings: dict[str, Any] = field(default_factory=dict)
    told: deque[dict[str, Any]] = field(default_factory=deque)  # by the bridge, and not yet taken in
    taking: Pieces[None] | None = None  # what is left of the event that is being taken in
    errands: set[str] = field(default_factory=set)  # that the bridge is on (see errands.py)
    held: dict[str, Record] = field(default_factory=dict)  # jobs that wait here until there can be a server

    @property
    def is_busy(self) -> bool:
        """Whether something is expected to change soon."""
        waits = self.jobs.keys() - self.held.keys() or self.told or self.taking or self.errands
        is_connecting = self.link is not None and not self.link.is_connected
        return bool(waits) or is_connecting or self.server.state == "starting"


session = Session()
"""The one session of this Blender."""

finished: list[Callable[[Record], None]] = []
"""Called with the record of each job that has come to its end."""

previewed: list[Callable[[Job], None]] = []
"""Called when a job has a new preview."""

ended: list[Callable[[], None]] = []
"""Called when the bridge has ended."""

waits_for_server: list[Callable[[], bool]] = []
"""Each says whether jobs have to wait because a server is only just being set up."""

wake: list[Callable[[], None]] = []
"""Called when there is something to watch: the timer starts itself."""


def fail(sentence: str) -> None:
    """Show an error in the panel until the next one, or until it is closed."""
    session.error = sentence


def connect(start: bool = False) -> None:
    """Have the bridge look for the server; with ``start``, start one where none runs. Raises UserError, LinkError."""
    link = _link()
    session.error = session.server.sentence = ""  # what was wrong is tried anew
    if session.server.state != "connected":
        session.server.state = "starting"
    link.send({"do": "connect", "start": start})


def submit(record: Record, *, start_server: bool | None = None) -> None:
    """Hand a job that is in the history to the bridge. Raises UserError, LinkError, and then it is in the history no more."""
    if start_server is None and any(call() for call in waits_for_server):
        _hold(record)
        return
    start = may_start_server() if start_server is None else start_server
    try:
        _link().send({"do": "submit", "record": str(record.path), "start": start})
    except (UserError, LinkError):
        remove(record)  # or the next Blender would begin what this one has refused
        raise
    session.jobs[record.job_id] = Job(record)
    session.error, session.notice, session.warnings = "", "", ()


def _hold(record: Record) -> None:
    session.held[record.job_id] = record
    session.jobs[record.job_id] = Job(record, phase=HELD)
    for call in tuple(wake):
        call()


def release() -> None:
    """Hand over the jobs that waited for a server. Raises UserError, LinkError; those that are left wait on."""
    for job_id, record in tuple(session.held.items()):
        _link().send({"do": "submit", "record": str(record.path), "start": True})
        session.held.pop(job_id)
        if job := session.jobs.get(job_id):
            job.phase = ""


def resume(record: Record) -> None:
    """Follow a job that an earlier session began. Raises UserError, LinkError."""
    if record.job_id in session.jobs:
        return
    if any(call() for call in waits_for_server):
        _hold(record)
    else:
        _link().send({"do": "resume", "record": str(record.path)})
        session.jobs[record.job_id] = Job(record)


def cancel(job_id: str) -> None:
    """Ask for a job's end; it stays in the list until the server says that it is over."""
    job = session.jobs.get(job_id)
    if job is None:
        return
    if session.link is None or job_id in session.held:  # nobody will ever tell: end it here
        _give_up(job)
        return
    job.phase = "cancelling"
    try:
        session.link.send({"do": "cancel", "job": job_id})
    except LinkError as error:
        fail(str(error))


def free_memory() -> None:
    if session.link is not None:
        session.link.send({"do": "free_memory"})


def send(command: dict[str, Any]) -> None:
    """Hand the bridge a command of a feature of its own. Raises UserError, LinkError."""
    _link().send(command)


def listen(event: str, call: Callable[..., Pieces[None] | None]) -> None:
    """Have ``call`` take in what the bridge tells of ``event``: at once, or in the pieces that it returns."""
    _HANDLERS[event] = call


def poll() -> bool:
    """Take in what the bridge has told; True when something changed."""
    if session.link is not None:
        try:
            session.told.extend(session.link.poll())
        except LinkError as error:
            session.link.stop()
            _end_of_link(error)
            return True
    changed = False
    end = time.perf_counter() + POLL_LIMIT
    while (session.told or session.taking) and (left := end - time.perf_counter()) > 0.0:
        changed = True
        if session.taking is not None:
            is_whole, _ = for_a_moment(session.taking, left)
            if is_whole:
                session.taking = None
            continue
        event = session.told.popleft()
        session.taking = _HANDLERS.get(event.pop("event"), _ignore)(**event)
    return changed


def _end_of_link(error: LinkError) -> None:
    """What follows when the bridge has ended by itself."""
    session.link = session.taking = None
    session.told = deque(event for event in session.told if event["event"] == "final")  # the rest is no longer so
    session.server = Server("down", "")
    fail(f"{error} Your jobs are safe: press Connect to go on." if session.jobs else str(error))
    for job in session.jobs.values():
        job.lost = "The bridge to the server ended."
    _tell_ended()


def stop() -> None:
    """End the bridge; unfinished jobs stay in the history and on the server."""
    if session.link is not None:
        session.link.stop()
    session.link = None
    session.told.clear()
    session.taking = None
    session.jobs.clear()
    session.held.clear()
    session.server = Server()
    _tell_ended()


def _tell_ended() -> None:
    for call in tuple(ended):
        call()


def _link() -> Link:
    """The running bridge, started if need be, with the settings as they are now."""
    settings = bridge_settings()
    if session.link is None:
        session.link = Link([sys.executable, *bpy.app.python_args], settings)
        session.settings = settings
        for job in session.jobs.values():  # those that lost their bridge
            if job.id in session.held:
                continue
            job.lost = ""
            session.link.send({"do": "resume", "record": str(job.record.path)})
    elif settings != session.settings:
        session.link.send({"do": "configure", **settings})
        session.settings = settings
        session.server = Server()
    for call in tuple(wake):
        call()
    return session.link


def _on_server(state: str, sentence: str, url: str = "", health: dict[str, Any] | None = None) -> None:
    if state == "connected" and session.error == session.server.sentence:
        session.error = ""  # that it was gone
    was = session.server.state
    session.server = Server(state, sentence, url or session.server.url, Health.from_json(health) if health else None)
    if state == "connected" and was != state:
        other = other_version(session.server.health, session.server.elsewhere)
        if other or session.notice == session.said_of_version:
            session.notice = session.said_of_version = other
    if state == "down" and sentence:
        fail(sentence)
    if state == "connected":
        for job in session.jobs.values():
            job.lost = ""
        try:
            release()  # what waited for an environment: there is another server
        except (UserError, LinkError) as error:
            fail(str(error))


def _on_models(models: list[dict[str, Any]], problems: list[str]) -> Pieces[None]:
    return _models.taking_list(models, problems=problems)


def _on_job(job: dict[str, Any]) -> None:
    status = JobStatus.from_json(job)
    known = session.jobs.get(status.id)
    if known is None:
        return
    cancelling = known.phase == "cancelling" and not status.state.is_final
    known.state, known.lost, known.position = status.state, "", status.position
    known.step, known.steps, known.eta = status.step, status.steps, status.eta
    known.phase = "cancelling" if cancelling else status.phase
    if status.warnings:
        session.warnings = status.warnings


def _on_preview(job: str, path: str) -> None:
    if known := session.jobs.get(job):
        known.preview = path
        for call in tuple(previewed):
            call(known)


def _on_lost(job: str, sentence: str) -> None:
    if known := session.jobs.get(job):
        known.lost = sentence


def _on_final(job: str, record: str) -> None:
    session.jobs.pop(job, None)
    try:
        written = read_record(Path(record))
    except RecordError as error:
        fail(str(error))
        return
    if written.state is JobState.FAILED:
        fail(written.error or "The server could not make the picture, and did not say why: see its log.")
    for call in tuple(finished):
        call(written)


def _on_error(sentence: str) -> None:
    fail(sentence)


def _ignore(**_what: Any) -> None:
    """An event of a newer bridge."""


def _give_up(job: Job) -> None:
    session.jobs.pop(job.id, None)
    session.held.pop(job.id, None)
    try:
        write_record(job.record.with_changes(state=JobState.CANCELLED))
    except RecordError as error:
        fail(str(error))


_models = models
_HANDLERS: dict[str, Callable[..., Pieces[None] | None]] = {
    "server": _on_server,
    "models": _on_models,
    "job": _on_job,
    "preview": _on_preview,
    "lost": _on_lost,
    "final": _on_final,
    "error": _on_error,
}

CLASSES: tuple[type, ...] = ()


def register() -> None:
    models.load_offline()


def unregister() -> None:
    stop()
    session.error, session.notice, session.warnings = "", "", ()
