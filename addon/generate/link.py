# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's end of the bridge: starts the process, hands it commands, reads what it tells. Never waits. No bpy.

Commands are JSON files in a folder of this session, so that a command of any size is handed over without waiting for a reader;
a byte on the socket says that there is one. What the bridge tells comes back over the socket as lines of JSON. Sockets rather
than pipes, because Windows pipes cannot be read without waiting from Python 3.11.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...generation_server.replacing import put_in_place
from .server_process import last_lines

BRIDGE = Path(__file__).absolute().with_name("bridge.py")
CONNECT_LIMIT = 30.0
"""Seconds in which the bridge has to call back."""

LONGEST_LINE = 4 * 1024 * 1024
_READ = 64 * 1024


class LinkError(Exception):
    """The bridge cannot be started or has ended; the text is a sentence for a person."""


class Link:
    """One bridge process and the way to it."""

    def __init__(self, python: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Start the bridge with ``python`` (program and its options). Raises LinkError.

        Args:
            settings: what the bridge needs to find the server: ``url``, ``token``, ``fingerprint``, ``server_dir``.
        """
        self._sequence = 0
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._began = time.monotonic()
        self._listener: socket.socket | None = None
        self._callers: list[socket.socket] = []  # who have not said the whole secret yet
        self._secret = secrets.token_hex(32)
        self.folder = Path()
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="pose-to-anime-"))
            (self.folder / "commands").mkdir()
            self._listener = socket.create_server(("127.0.0.1", 0))
            self._listener.setblocking(False)
            self._log = self.folder / "bridge.log"
            with self._log.open("wb") as log:
                self.process = subprocess.Popen(
                    [*python, "-B", str(BRIDGE)],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    **_without_window(),
                )
            first = {
                "folder": str(self.folder),
                "port": self._listener.getsockname()[1],
                "secret": self._secret,
                "settings": dict(settings),
            }
            assert self.process.stdin is not None
            with self.process.stdin as stdin:  # the secret must not stand in the process list
                stdin.write(json.dumps(first).encode("utf-8"))
        except OSError as error:
            self.stop()
            raise LinkError(
                f"The bridge to the server cannot be started ({error.strerror or error}): "
                f"make sure that there is room in {tempfile.gettempdir()}, then try again."
            ) from error

    def send(self, command: Mapping[str, Any]) -> None:
        """Hand over one command; returns at once. Raises LinkError when it cannot be written."""
        self._sequence += 1
        path = self.folder / "commands" / f"{self._sequence:08d}.json"
        part = path.with_suffix(".part")
        try:
            part.write_text(json.dumps(dict(command)), "utf-8")
            put_in_place(part, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise LinkError(
                f"The folder {self.folder} for temporary files cannot be written ({error.strerror or error}): "
                "make room there, then try again."
            ) from error
        if self._socket is not None:
            # A full socket already wakes the bridge, and a dead one is noticed by poll.
            with contextlib.suppress(OSError):
                self._socket.send(b"\n")

    def poll(self, limit: float = 0.005) -> list[dict[str, Any]]:
        """What the bridge has told since the last call, reading for at most about ``limit`` seconds.

        Raises:
            LinkError: the bridge has ended, or never called back.
        """
        told: list[dict[str, Any]] = []
        end = time.perf_counter() + limit
        if self._socket is None:
            self._accept()
        while self._socket is not None:
            try:
                data = self._socket.recv(_READ)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self._raise_ended()
            self._buffer += data
            *lines, self._buffer = self._buffer.split(b"\n")
            told += [json.loads(line) for line in lines if line]
            if len(self._buffer) > LONGEST_LINE:
                raise LinkError("The bridge to the server talks nonsense: press Generate again to start a new one.")
            if time.perf_counter() > end:
                break
        if self._socket is None:
            if self.process.poll() is not None:
                self._raise_ended()
            if time.monotonic() - self._began > CONNECT_LIMIT:
                raise LinkError("The bridge to the server did not start: is a firewall closing the loopback address?")
        return told

    @property
    def is_connected(self) -> bool:
        return self._socket is not None

    def stop(self) -> None:
        """Close the way; the bridge ends by itself and takes the folder with it."""
        for end in (self._socket, self._listener, *self._callers):
            if end is not None:
                end.close()
        self._socket = self._listener = None
        self._callers = []
        process = getattr(self, "process", None)
        if (process is None or process.poll() is not None) and self.folder != Path():
            shutil.rmtree(self.folder, ignore_errors=True)

    def _accept(self) -> None:
        """Take the bridge's call; one that does not know the secret is none of ours."""
        if self._listener is None:
            return
        with contextlib.suppress(BlockingIOError):
            caller, _ = self._listener.accept()
            caller.setblocking(False)
            self._callers.append(caller)
        for caller in tuple(self._callers):
            expected = self._secret.encode("ascii") + b"\n"
            try:
                # Left in place until it is whole: on a busy computer it comes some calls of the timer later.
                hello = caller.recv(len(expected), socket.MSG_PEEK)
            except BlockingIOError:
                continue
            except OSError:
                hello = b""
            if hello and len(hello) < len(expected):
                continue
            self._callers.remove(caller)
            if hmac.compare_digest(hello, expected):
                caller.recv(len(expected))
                self._take(caller)
                return
            caller.close()

    def _take(self, caller: socket.socket) -> None:
        """From now on this one is the bridge, and nobody else is let in."""
        assert self._listener is not None
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = caller
        for end in (self._listener, *self._callers):
            end.close()
        self._listener, self._callers = None, []
        with contextlib.suppress(OSError):
            caller.send(b"\n")  # for commands that were written before the call

    def _raise_ended(self) -> None:
        # The socket can close a moment before the process is gone.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.01)
        raise LinkError(f"The bridge to the server ended (exit code {self.process.poll()}). {last_lines(self._log)}".rstrip())


def _without_window() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True, "env": {**os.environ, "PYTHONUNBUFFERED": "1"}}  # Ctrl-C in a terminal is for Blender
