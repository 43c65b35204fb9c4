# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in the user's own folders: names that every system takes, and writing that leaves the old file or none. No bpy.

Every file is written beside its place and then moved there, so that a full disk or a crash leaves the old one or none. What goes
wrong is raised as the caller's own kind of error.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import unicodedata
from pathlib import Path

from ...generation_server.replacing import put_in_place

_LONGEST_NAME = 60
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
"""Names that Windows gives to devices."""


def key_for(name: str, what: str, error: type[Exception]) -> str:
    """The name of the file for a name that a person gave to a ``what`` (pose, body). ``error`` for a name without a letter."""
    text = unicodedata.normalize("NFKC", name).strip()
    if len(text) > _LONGEST_NAME:
        raise error(f"The name is too long: use at most {_LONGEST_NAME} characters.")
    key = re.sub(r"[^\w]+", "_", text.casefold()).strip("_")
    if not key:
        raise error(f"Give the {what} a name with at least one letter or number.")
    return f"{key}_{what}" if key in _RESERVED else key


def write_file(path: Path, data: bytes, error: type[Exception]) -> None:
    """Put ``data`` into a file, and make its folder where there is none."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        put_in_place(part, path)
    except OSError as reason:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if reason.errno == errno.ENOSPC:
            raise error(f"The disk is full: make room for {path.parent}, then try again.") from reason
        raise error(f"{path.parent} cannot be written ({reason.strerror or reason}): nothing was saved.") from reason


def remove_file(path: Path, error: type[Exception]) -> None:
    """Delete a file, if it is there."""
    try:
        path.unlink(missing_ok=True)
    except OSError as reason:
        raise error(f"{path} cannot be deleted ({reason.strerror or reason}).") from reason
