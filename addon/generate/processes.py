# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes beside Blender: ours, and such as are known by their number alone. No bpy."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple

_QUERY = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION, of Windows' processthreadsapi.h
_STILL_ACTIVE = 259  # STILL_ACTIVE, of minwinbase.h


class Talking(NamedTuple):
    """A process of ours, and the files that it writes into instead of a terminal: nobody has to read while it runs."""

    process: subprocess.Popen[bytes]
    out: IO[bytes]
    err: IO[bytes]

    @classmethod
    def start(cls, command: Sequence[str], variables: Mapping[str, str] | None = None) -> Talking:
        """Start a program in a group of its own, without a window. Raises OSError."""
        options: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            options = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  (read when it has ended)
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=variables, **options)
        except OSError:
            out.close()
            err.close()
            raise
        return cls(process, out, err)

    def hear(self) -> tuple[str, str]:
        """What it has written, once it has ended."""
        self.process.wait()
        told = []
        for file in (self.out, self.err):
            with file:
                file.seek(0)
                told.append(file.read().decode("utf-8", "replace").strip())
        return told[0], told[1]


def ask_to_end(pid: int) -> None:
    """Tell a process to end, with all that it has started where it leads a group of its own; one that is gone is no fault."""
    for end in (os.killpg, os.kill):  # one that was begun in a terminal leads no group
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(pid, signal.SIGTERM)
            return


def is_running(pid: int) -> bool:
    """Whether there is a process of this number. One that has ended and that nobody waited for does not run."""
    if pid <= 0:
        return False
    if sys.platform == "win32":
        return _runs_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # of Linux alone
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return True


def _runs_on_windows(pid: int) -> bool:
    """os.kill would end it there."""
    import ctypes

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  (only there)
    handle = kernel.OpenProcess(_QUERY, False, pid)
    if not handle:
        return False
    code = ctypes.c_ulong()
    known = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return bool(known) and code.value == _STILL_ACTIVE
