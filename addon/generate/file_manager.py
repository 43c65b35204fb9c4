# SPDX-License-Identifier: GPL-3.0-or-later
"""A file in the system's file manager: chosen in its folder where that is possible, else the folder alone. No bpy.

Windows' Explorer and macOS' Finder have an option for it; on other desktops the file manager is asked over D-Bus
(https://www.freedesktop.org/wiki/Specifications/file-manager-interface/).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

_PATIENCE = 10.0
"""Seconds after which a way that still runs has worked: some file managers run on as what was started."""

_NAME = "org.freedesktop.FileManager1"
_PLACE = "/org/freedesktop/FileManager1"
_ANSWER = 5  # seconds that the file manager has to start and answer


def ways(path: Path, system: str = sys.platform, which: Callable[[str], str | None] = shutil.which) -> list[list[str]]:
    """Commands that show ``path``, the best first: each is for the case that those before it fail. None of them is a shell's."""
    if system == "win32":
        return [["explorer", "/select,", str(path)]]
    if system == "darwin":
        return [["open", "-R", str(path)]]
    address = path.as_uri()  # in which quotes and commas are escaped
    asked = [
        ["gdbus", "call", "--session", "--timeout", str(_ANSWER), "--dest", _NAME, "--object-path", _PLACE,
         "--method", f"{_NAME}.ShowItems", f"['{address}']", ""],
        ["dbus-send", "--session", "--print-reply", f"--reply-timeout={_ANSWER * 1000}", f"--dest={_NAME}", _PLACE,
         f"{_NAME}.ShowItems", f"array:string:{address}", "string:"],
        ["xdg-open", str(path.parent)],
    ]  # fmt: skip
    return [command for command in asked if which(command[0])]


class Showing:
    """Goes through the ways until one works; ``poll`` now and then, it never waits."""

    def __init__(self, path: Path, commands: list[list[str]] | None = None) -> None:
        self.path = path
        self.has_failed = False
        self._left = list(ways(path) if commands is None else commands)
        self._process: subprocess.Popen[bytes] | None = None
        self._end = 0.0
        self._begin_next()

    @property
    def is_busy(self) -> bool:
        return self._process is not None

    def poll(self) -> bool:
        """Look how it goes; True when that was the end of it."""
        if self._process is None:
            return False
        code = self._process.poll()
        if code is None and time.monotonic() < self._end:
            return False
        if code in (None, 0) or sys.platform == "win32":  # whose Explorer ends with 1 when it has shown the file
            self._process = None
            return True
        self._begin_next()
        return not self.is_busy

    def _begin_next(self) -> None:
        self._process = None
        while self._left:
            try:
                self._process = subprocess.Popen(
                    self._left.pop(0), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            except OSError:
                continue
            self._end = time.monotonic() + _PATIENCE
            return
        self.has_failed = True
