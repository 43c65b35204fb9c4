# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's environment as it is being made: a process of its own does that, this follows it. Never waits. No bpy.

``requirements/server_setup.py`` makes, checks, mends, renews and removes the environment, and says in a file of the user's folder
how far it is. It outlives the Blender that began it; the next one, or one beside it, follows it by that file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from .processes import Talking, ask_to_end, is_running
from .server_process import LAST_WORDS, SET_UP

PROGRAM = Path(__file__).absolute().parents[2] / "requirements" / "server_setup.py"
LOCK = PROGRAM.with_name("server.txt")
"""The packages that this version needs."""

FOLDER = "server-setup"
"""In the user's folder: what the process says."""

STATUS_FILE = "status.json"
LOG_FILE = "setup.log"
CANCEL_FILE = "cancel"

COMMANDS = ("install", "verify", "repair", "update", "remove")

SILENCE = 60.0
"""Seconds after which a process that says nothing more is held to be another one that got its number: it writes some times a
second, also while it waits for pip."""

INTERRUPTED = "The set-up was interrupted: it goes on where it stopped."

_LAST_WORDS = 400  # characters
_FRESH = 600.0  # seconds for which a plan holds: disks fill, servers get installed elsewhere
_T = TypeVar("_T")


class SetUpError(Exception):
    """The process cannot be started. The text is one sentence for a person."""


@dataclass(frozen=True)
class Plan:
    """What an installation would do here, as the process says; sizes in bytes."""

    state: str = "missing"  # missing, ready, outdated, broken, partial
    folder: str = ""
    python: Mapping[str, Any] | None = None  # its "version", and "how" it is had: system, uv
    gpu: str = ""
    torch: str = ""
    why_cpu: str = ""
    download_bytes: int = 0
    disk_bytes: int = 0
    free_bytes: int = 0
    minutes: float = 0.0
    error: str = ""  # why it cannot be installed


@dataclass(frozen=True)
class Progress:
    """How far the process is, as its file says."""

    pid: int = 0
    command: str = ""
    phase: str = ""
    done: float = 0.0
    total: float = 0.0
    note: str = ""
    eta: float | None = None  # seconds
    finished: bool = False
    error: str = ""
    sentence: str = ""
    warning: str = ""

    @property
    def factor(self) -> float:
        return min(1.0, self.done / self.total) if self.total else 0.0


class SetUp:
    """The set-up of one user's folder."""

    def __init__(self, python: Sequence[str], home: Path, program: Path = PROGRAM) -> None:
        """``python`` is a program and its options, for running ``program``."""
        self._start = [*python, "-B", str(program)]
        self._home = home
        self._status = home / FOLDER / STATUS_FILE
        self.log = home / FOLDER / LOG_FILE
        self._process: Talking | None = None
        self._asked: Talking | None = None
        self._words = ""  # what a work that came to no end has said
        self._planned_at = 0.0
        self._seen = (0, 0)  # time and size of the file when it was read last
        self.plan: Plan | None = None
        self.progress: Progress | None = None
        self.running = False
        self.cancelled = False
        self._read()
        self.running = self._lives()

    # What the panels ask

    @property
    def is_planning(self) -> bool:
        return self._asked is not None

    @property
    def has_plan(self) -> bool:
        """Whether there is a plan that still holds."""
        return self.plan is not None and time.monotonic() - self._planned_at < _FRESH

    def is_outdated(self) -> bool:
        """Whether what is installed is what another version of the extension needs. Reads two files."""
        try:
            lock = json.loads((self._home / SET_UP).read_text("utf-8"))["lock"]
            return bool(lock != hashlib.sha256(LOCK.read_bytes()).hexdigest())
        except (OSError, ValueError, KeyError, TypeError):
            return False

    @property
    def problem(self) -> str:
        """Why the last work did not come to its end; empty where it did, or still goes on."""
        if self.running or self.progress is None or self.cancelled:
            return ""
        if not self.progress.finished:
            return f"{INTERRUPTED} {self._words}".strip()
        return self.progress.error

    # What the user asks

    def ask_plan(self) -> None:
        """Have the process look at this computer; ``plan`` is there some calls of ``poll`` later. Raises SetUpError."""
        if self._asked is not None:
            return
        self._asked = self._run("plan")

    def begin(self, command: str, server_dirs: Sequence[Path] = ()) -> None:
        """Start one of ``COMMANDS``. Where it changes files, it waits for the end of a server on any of ``server_dirs``.

        Raises SetUpError, also while another one runs.
        """
        if self.running:
            raise SetUpError("The set-up is at work already: wait for its end, or cancel it.")
        with contextlib.suppress(OSError):  # of the work before; the log has what there is to tell of it
            self._status.unlink(missing_ok=True)
        self._process = self._run(command, *(word for folder in server_dirs for word in ("--server-dir", str(folder))))
        self.progress, self._seen, self.cancelled, self._words = Progress(command=command), (0, 0), False, ""
        self.running = True

    def cancel(self) -> None:
        """End the work. What was downloaded stays, and the next installation goes on from there."""
        if not self.running or self.progress is None:
            return
        self.cancelled = True
        with contextlib.suppress(OSError):  # it looks for this file, and then ends in good order
            (self._home / FOLDER / CANCEL_FILE).touch()
        if sys.platform != "win32" and self._process is not None:  # a signal is a request there, and this is our own child
            ask_to_end(self._process.process.pid)

    def poll(self) -> bool:
        """Look at what is going on; True when something changed."""
        changed = self._poll_plan()
        if not self.running or self.progress is None:
            return changed
        # Asked before the file is read: what it wrote last, it wrote before it ended.
        lives = self._lives()
        changed = self._read() or changed
        over = not lives if self._process is not None else not lives or self.progress.finished
        if over:  # its own process has ended: nothing here waits for one that only says that it is done
            self.running = False
            if self._process is not None:
                self._end(self._process)
                self._process = None
            self.plan = None  # it says how things stood before
            changed = True
        return changed

    def close(self) -> None:
        """Ask for nothing more. A work that goes on goes on."""
        if self._asked is not None:
            self._asked.process.kill()
            self._asked.hear()
            self._asked = None

    # How it is done

    def _run(self, command: str, *options: str) -> Talking:
        try:
            return Talking.start([*self._start, command, *options, "--home", str(self._home)])
        except OSError as error:
            raise SetUpError(
                f"The set-up cannot be started ({error.strerror or error}): see that {self._start[0]} can be run."
            ) from error

    def _poll_plan(self) -> bool:
        if self._asked is None or self._asked.process.poll() is None:
            return False
        code = self._asked.process.returncode
        answer, words = self._asked.hear()
        self._asked = None
        try:
            self.plan = _taken(Plan, json.loads(answer))
        except (ValueError, TypeError):
            why = words.splitlines()[-1] if words else f"exit code {code}"
            self.plan = Plan(error=f"The set-up could not look at this computer ({why.rstrip('.')}): try again.")
        self._planned_at = time.monotonic()
        return True

    def _end(self, talking: Talking) -> None:
        """Take in the last status, which the process prints: its file may be gone with what it removed."""
        answer, words = talking.hear()
        try:
            self.progress = _taken(Progress, json.loads(answer.splitlines()[-1]))
        except (ValueError, TypeError, IndexError):
            self._words = f"{LAST_WORDS}\n{words[-_LAST_WORDS:]}" if words else ""

    def _read(self) -> bool:
        """Take in what the file says; True where it is new."""
        try:
            status = self._status.stat()
            if (mark := (status.st_mtime_ns, status.st_size)) == self._seen:
                return False
            said = _taken(Progress, json.loads(self._status.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return False
        if self._process is not None and said.pid != self._process.process.pid:
            return False  # of another Blender's, which ended as this one began
        self._seen, self.progress = mark, said
        return True

    def _lives(self) -> bool:
        progress = self.progress
        if self._process is not None:
            return self._process.process.poll() is None
        if progress is None or progress.finished or not progress.pid:
            return False
        return time.time() - self._seen[0] / 1e9 < SILENCE and is_running(progress.pid)


def _taken(kind: type[_T], data: Any) -> _T:
    """An object of this class from what JSON says; what it does not know is left out, null is what is not known."""
    if not isinstance(data, dict):
        raise TypeError("not an object")
    names = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in data.items() if name in names and value is not None})
