# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of this computer: which Python can run one, starting it, and what it said when it ended too early. No bpy."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from ...generation_server.client import Client, find_server
from ...generation_server.endings import describe_end
from ...generation_server.protocol import SERVER_PYTHON_FILE, ServerAddress, default_server_dir, user_data_dir
from .processes import is_running

IDLE_EXIT = 600
"""Seconds without a client and with an empty queue after which a server that Blender started ends."""

SAID_WHY = 2
"""The server's exit code when its last line says what is in the way."""

START_LIMIT = 90.0
"""Seconds in which a started server has to answer: importing torch from a slow disk takes most of them."""

_MOMENT = 1.0  # seconds between the end of a connection and that of its process

ENVIRONMENT = "server-env"
"""In the user's folder: the environment that a set-up makes."""

SET_UP = Path("server-setup", "environment.json")
"""In the user's folder, what requirements/server_setup.py leaves when the environment there is complete."""

PYTHON_VARIABLE = "POSE_TO_ANIME_SERVER_PYTHON"
HOW_TO_START = "No generation server is running: set one up in the Preferences, or start one with “python3 studio.py serve”."

STOP_LIMIT = 20.0
"""Seconds in which a server that is told to end may bring its work in order; then it is ended without asking."""

LAST_WORDS = "Its last words:"
GREETING = "Pose to Anime server at "
"""What a server prints when it is there: no word of its end."""

_ROOT = Path(__file__).absolute().parents[2]  # not resolved: a link called pose_to_anime must stay one
_LOG_LINES = 6
_LIBRARIES = ("lib/python*", "Lib")  # of an environment, on most systems and on Windows


class ServerStartError(Exception):
    """A server could not be started; the text is a sentence for a person, with the server's last words."""


def server_python(data_dir: Path | None = None, root: Path = _ROOT) -> Path | None:
    """The Python of a server's environment: of this checkout, of this user, or the one that the last server on ``data_dir``
    (default: this user's) ran with; None where there is none."""
    if chosen := os.environ.get(PYTHON_VARIABLE):
        return Path(chosen)
    program = Path("Scripts", "python.exe") if sys.platform == "win32" else Path("bin", "python")
    mine = user_data_dir() / ENVIRONMENT / program
    candidates = [root / ".venv" / "server" / program, mine]
    with contextlib.suppress(OSError, ValueError):
        candidates.append(Path(((data_dir or default_server_dir()) / SERVER_PYTHON_FILE).read_text("utf-8").strip()))
    for python in candidates:
        if python == mine:
            whole = (user_data_dir() / SET_UP).is_file()
        else:  # studio.py writes the environment first and the server's packages last
            whole = any(any(python.parents[1].glob(f"{folder}/site-packages/fastapi")) for folder in _LIBRARIES)
        if whole and python.is_file():
            return python
    return None


@dataclass
class ServerProcess:
    """A server that was started from here. It outlives its starter, and ends by itself when it is idle."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    log: Path
    began: float = field(default_factory=time.monotonic)

    def check(self) -> Client | None:
        """A client once it answers, None while it is starting.

        Raises:
            ServerStartError: it ended, or has not answered for too long.
            ServerError: what answers is of another protocol.
        """
        client = find_server(self.data_dir)
        if client is None and (code := self.process.poll()) is not None:
            # Somebody else may have started one in the same moment: then this one has left the folder to it.
            client = find_server(self.data_dir)
            if client is None:
                raise ServerStartError(self._how_it_ended(code))
        if client is None and time.monotonic() - self.began > START_LIMIT:
            self.process.terminate()
            raise ServerStartError(f"The server did not answer within {START_LIMIT:.0f} seconds. {self._last_words()}")
        return client

    def exit_sentence(self) -> str:
        """How it ended, or an empty text while it runs. Its connection can be gone a moment before it is."""
        try:
            return self._how_it_ended(self.process.wait(_MOMENT))
        except subprocess.TimeoutExpired:
            return ""

    def _how_it_ended(self, code: int) -> str:
        """The sentence that it left where a person can mend it, else all that it said last."""
        if code == SAID_WHY and (said := _said(self.log)):
            return said[-1]
        why = describe_end(code, "\n".join(_said(self.log)))
        return f"The server ended ({why}). {self._last_words()}"

    def _last_words(self) -> str:
        return last_lines(self.log) or last_lines(self.data_dir / "server.log") or f"Its log is {self.log}."


def start_server(python: Path, data_dir: Path, device: str = "auto", idle_exit: int = IDLE_EXIT) -> ServerProcess:
    """Start a server on ``data_dir`` and return at once.

    Raises:
        ServerStartError: the program cannot be started.
    """
    log = data_dir / "start.log"
    command = [str(python), "-m", "pose_to_anime.generation_server", "serve"]
    command += ["--data-dir", str(data_dir), "--idle-exit", str(idle_exit), "--device", device]
    if engine := os.environ.get("POSE_TO_ANIME_SERVER_ENGINE"):  # tests of what surrounds the model
        command += ["--engine", engine]
    options: dict[str, object] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        options["start_new_session"] = True
    try:
        data_dir.mkdir(0o700, parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=server_variables(), **options
            )  # type: ignore[call-overload]
    except OSError as error:
        raise ServerStartError(
            f"The server cannot be started with {python} ({error.strerror or error}): try “python3 studio.py serve”."
        ) from error
    return ServerProcess(process, data_dir, log)


def server_variables() -> dict[str, str]:
    """The variables of the system's environment with which the server's Python finds this package."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    variables["PYTHONUTF8"] = "1"  # else what is printed of a path, and files that libraries read, depend on Windows' code page
    if _ROOT.name == "pose_to_anime":  # an extension or a link; the environment of a checkout finds it by itself
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT.parent), os.environ.get("PYTHONPATH")]))
    return variables


@dataclass
class Ending:
    """A server that was told to end."""

    pid: int
    process: subprocess.Popen[bytes] | None  # where it was started from here
    began: float = field(default_factory=time.monotonic)

    def is_over(self) -> bool:
        """Whether it has ended; one that does not is ended without asking."""
        if self.process is not None and self.process.pid == self.pid:
            over = self.process.poll() is not None
        else:
            over = not is_running(self.pid)
        if not over and time.monotonic() - self.began > STOP_LIMIT:
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        return over


def stop_server(data_dir: Path, started: ServerProcess | None) -> Ending | None:
    """Tell the server on ``data_dir`` to end, or ``started``, which does not answer yet; None where there is none.

    Only a process that answers as our server does is ended: a number in a file may be another program's by now.
    """
    process = started.process if started is not None and started.process.poll() is None else None
    address = ServerAddress.read(data_dir)
    pid = address.pid if address is not None and find_server(data_dir) is not None else process.pid if process else 0
    if not pid:
        return None
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGTERM)
    return Ending(pid, process)


def last_lines(path: Path, count: int = _LOG_LINES) -> str:
    """The last lines of a text file in one text, for an error message; empty where there are none."""
    said = [line for line in _said(path) if not line.startswith(GREETING)]
    return f"{LAST_WORDS}\n" + "\n".join(said[-count:]) if said else ""


def _said(path: Path) -> list[str]:
    """The lines of a log that hold something."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [line.rstrip() for line in lines if line.strip()]
