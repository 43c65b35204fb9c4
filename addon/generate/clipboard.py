# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a result in X11's clipboard, where Blender itself cannot put it: kept there by a program that ends with Blender."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import bpy

from . import session, timer

NOT_TAKEN = "The system did not take the picture into its clipboard: press “Show in Folder” and drag the file."

_KEEPER = Path(__file__).with_name("x_clipboard.py")
_PATIENCE = 5.0  # seconds after which a keeper that still runs has done it


class _Kept:
    """The program that keeps the clipboard."""

    process: subprocess.Popen[bytes] | None = None
    end = 0.0

    @property
    def is_busy(self) -> bool:
        return self.process is not None and time.monotonic() < self.end

    def poll(self) -> bool:
        if self.process is None or self.process.poll() is None:
            return False
        code, self.process = self.process.returncode, None
        if code:
            session.fail(NOT_TAKEN)
        return bool(code)

    def let_go(self) -> None:
        """Its clipboard is not wanted any more."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None


_kept = _Kept()


def keep(path: Path) -> None:
    """Put a PNG into the clipboard, as it is. Raises OSError."""
    _kept.let_go()
    command = [sys.executable, *bpy.app.python_args, str(_KEEPER), str(path)]
    _kept.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _kept.end = time.monotonic() + _PATIENCE
    timer.start()


CLASSES: tuple[type, ...] = ()


def register() -> None:
    timer.watchers.append(_kept)


def unregister() -> None:
    timer.watchers.remove(_kept)
    _kept.let_go()
