# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a set-up works, what it tells while it works, and that only one does. Standard library only, Python 3.11 or newer."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from environments import StudioError, try_lock

BEAT = 0.2
"""Seconds between two writings of the status, at most."""

BEGAN = time.time() - (3 if sys.platform == "win32" else 1)
"""When this process began: not later than a Python takes to come here."""
ELSEWHERE = "set the environment variable POSE_TO_ANIME_HOME to {} folder before Blender starts"
SHORTER = ELSEWHERE.format("a shorter")
JUNCTION = 0xA0000003
"""IO_REPARSE_TAG_MOUNT_POINT, a name that ``stat`` has on Windows alone."""


class Stopped(Exception):
    """The user has stopped the set-up; what is there stays, and the next install goes on with it."""


@dataclass(frozen=True)
class Home:
    """The folders of one user, of which a set-up touches these and no others."""

    folder: Path
    servers: tuple[Path, ...] = ()  # where servers may run that use the environment; none: the usual folder

    @property
    def server_folders(self) -> tuple[Path, ...]:
        return self.servers or (self.folder / "server",)

    @property
    def environment(self) -> Path:
        return self.folder / "server-env"

    @property
    def setup(self) -> Path:
        return self.folder / "server-setup"

    @property
    def wheels(self) -> Path:
        return self.setup / "wheels"

    @property
    def pythons(self) -> Path:
        """Pythons that were fetched because the system has none. Named so that it is nobody else's."""
        return self.folder / "server-python"

    @property
    def state_file(self) -> Path:
        """What is installed. It is written last: where it is, nothing is half-made."""
        return self.setup / "environment.json"

    @property
    def status_file(self) -> Path:
        return self.setup / "status.json"

    @property
    def log(self) -> Path:
        return self.setup / "setup.log"

    @property
    def cancel_file(self) -> Path:
        """Whoever makes it stops the set-up that is running."""
        return self.setup / "cancel"

    def read_state(self) -> dict[str, Any]:
        try:
            state = json.loads(self.state_file.read_text("utf-8"))
            return state if isinstance(state, dict) and isinstance(state["packages"], dict) else {}
        except (OSError, ValueError, KeyError):
            return {}

    def make(self) -> None:
        """The folder of the set-up. Raises StudioError where nothing can be written."""
        try:
            self.setup.mkdir(parents=True, exist_ok=True)
            probe = self.setup / "probe"
            probe.write_bytes(b"x")
            probe.unlink()
        except OSError as error:
            raise StudioError(self.unwritable(error)) from error

    def unwritable(self, error: OSError) -> str:
        return (
            f"The folder {self.folder} cannot be written to ({error.strerror or error}): make it writable, or "
            + ELSEWHERE.format("another")
            + "."
        )


@dataclass
class Status:
    """What is told of a running set-up, and how it ended."""

    pid: int = 0
    command: str = ""
    phase: str = "starting"  # words for a person
    done: int = 0
    total: int = 0  # bytes while downloading and installing, else 0
    note: str = ""  # what it is at
    eta: float | None = None  # seconds, of this phase
    finished: bool = False
    error: str = ""  # one sentence that says what to do
    sentence: str = ""  # what was done
    warning: str = ""  # why pictures will be made on the processor, and the like


class Told:
    """Keeps ``status.json`` up to date and the log, from a thread, while a command works; notices that it is to stop."""

    def __init__(self, home: Home, command: str) -> None:
        self.home = home
        self.status = Status(os.getpid(), command)
        self._marks: list[tuple[float, int]] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.stopped = threading.Event()
        self.watch: Any = None  # called at each beat: how many bytes are done
        self.child: Any = None  # a process that ends when the work is stopped
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Told:
        with contextlib.suppress(OSError):
            if self.home.cancel_file.stat().st_mtime < BEGAN:  # of a work that was killed; a later one is for this one
                self.home.cancel_file.unlink()
        self.write()
        self.log(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {self.status.command}")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            self.home.cancel_file.unlink(missing_ok=True)

    def phase(self, phase: str, total: int = 0, note: str = "") -> None:
        """The next part of the work, of which ``total`` bytes are to be done."""
        self.check()
        with self._lock:
            self._marks = []
            self.watch = None
            self.status.phase, self.status.total, self.status.done = phase, total, 0
            self.status.note, self.status.eta = note, None
        self.log(f"{phase} {note}".rstrip())
        self.write()

    def add(self, count: int) -> None:
        with self._lock:
            self.status.done += count

    def note(self, text: str) -> None:
        self.status.note = text

    def log(self, text: str) -> None:
        with contextlib.suppress(OSError), open(self.home.log, "a", encoding="utf-8") as file:
            file.write(text.rstrip() + "\n")

    def check(self) -> None:
        """Raises Stopped where the user has said so."""
        if self.stopped.is_set() or self.home.cancel_file.exists():
            self.stopped.set()
            raise Stopped

    def finish(self, error: str = "", sentence: str = "") -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.status.finished, self.status.error, self.status.sentence = True, error, sentence
        self.status.eta, self.status.note = None, ""
        if not error:
            self.status.phase = "done"
        self.log(error or sentence)
        self.write()

    def write(self) -> None:
        """The file, whole or not at all; a full disk ends no set-up by this."""
        part = self.home.status_file.with_suffix(f".{os.getpid()}.part")
        with self._lock, contextlib.suppress(OSError):
            part.write_text(json.dumps(asdict(self.status)), "utf-8")
            replace(part, self.home.status_file)

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            if self.home.cancel_file.exists():
                self.stopped.set()
            if self.stopped.is_set() and self.child is not None:
                self.child.kill()
            watch = self.watch
            if watch is not None:
                with contextlib.suppress(OSError):
                    self.status.done = min(watch(), self.status.total)
            self._reckon()
            self.write()

    def _reckon(self) -> None:
        """The time left: of a download from the pace of the last ten seconds, of what goes by leaps from the whole phase's."""
        now, done = time.monotonic(), self.status.done
        kept = self._marks[:1] if self.watch is not None else [mark for mark in self._marks if now - mark[0] < 10]
        self._marks = [*kept, (now, done)]
        seconds, count = now - self._marks[0][0], done - self._marks[0][1]
        left = self.status.total - done
        enough = seconds >= 1 and left >= 0 and (self.watch is None or done * 20 > self.status.total)
        self.status.eta = round(left * seconds / count, 1) if count > 0 and enough else None


def replace(part: Path, path: Path) -> None:
    """``os.replace``, again where Windows' virus scanner or a reader holds the file for a moment."""
    for _ in range(20):
        try:
            os.replace(part, path)
            return
        except PermissionError:
            if sys.platform != "win32":
                raise
            time.sleep(0.05)
    os.replace(part, path)


def is_link(folder: Path) -> bool:
    """Whether it leads elsewhere: a symbolic link or, as uv makes them on Windows, a junction."""
    try:
        told = folder.lstat()
    except OSError:
        return False
    return stat.S_ISLNK(told.st_mode) or getattr(told, "st_reparse_tag", 0) == JUNCTION


def remove_tree(folder: Path, patience: float = 10.0) -> None:
    """Delete a folder, again for a while where something that was cut off still writes into it. Raises StudioError."""
    end = time.monotonic() + patience
    while is_link(folder) or folder.exists():
        try:
            if is_link(folder):
                folder.unlink()
            else:
                shutil.rmtree(folder)
        except OSError as error:
            if time.monotonic() > end:
                raise StudioError(
                    f"{folder} cannot be deleted ({error.strerror or error}): stop the generation server and close what uses it, "
                    "then start this again."
                ) from error
            time.sleep(0.2)


@contextlib.contextmanager
def only_one(home: Home) -> Iterator[None]:
    """One set-up at a time on this folder; the lock goes with its process, however that ends. Raises StudioError."""
    with open(home.setup / "lock", "a+") as handle:
        if not try_lock(handle):
            raise StudioError(f"Another set-up is already working in {home.folder}: wait until it is done.")
        yield


def stop_with(told: Told, input_closes: bool) -> None:
    """Stop in good order when a signal asks for it and, where that is wished, when standard input closes with who started it."""
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: told.stopped.set())
    if input_closes:

        def read() -> None:
            with contextlib.suppress(OSError):
                while os.read(0, 1024):
                    pass
            told.stopped.set()

        threading.Thread(target=read, daemon=True).start()
