# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of this computer that are known by their number alone. No bpy."""

from __future__ import annotations

import os
import sys

_QUERY = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION, of Windows' processthreadsapi.h
_STILL_ACTIVE = 259  # STILL_ACTIVE, of minwinbase.h


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
