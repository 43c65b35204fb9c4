# SPDX-License-Identifier: GPL-3.0-or-later
"""Files by content: control images that came in, results that go out. A file is there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Container, Iterable
from pathlib import Path

from ..replacing import put_in_place

DEFAULT_RESERVE = 128 * 1024 * 1024
"""Bytes of the disk that stay free: enough to finish the jobs that are under way, and for the system to live on."""

UPLOAD_LIFETIME = 7 * 24 * 3600.0
"""Seconds for which an upload that no job refers to is kept."""

_log = logging.getLogger(__name__)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}


class DiskFull(Exception):
    """There is no room for what was to be written, and nothing of it was written. The text is one sentence."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"The server's disk is full ({folder}): free some space there and try again.")


class BadBlob(ValueError):
    """A name that is no SHA-256, or bytes that have another one. The text is one sentence."""


def is_disk_full(error: OSError) -> bool:
    return error.errno in _FULL


class BlobStore:
    """A folder of files named by their SHA-256. Several processes may use it at once."""

    def __init__(self, folder: Path, reserve: int = DEFAULT_RESERVE) -> None:
        """``reserve``: bytes that must stay free on the disk after a ``put``."""
        self.folder = folder
        self.reserve = reserve
        self._incoming = folder / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where the file is, or would be. Raises BadBlob for a name that is no SHA-256."""
        if not _SHA256.fullmatch(sha256):
            raise BadBlob("The name of a file must be its SHA-256 in lower-case hexadecimal.")
        return self.folder / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether the file is here. Asking keeps it for another while, so that a caller may rely on the answer."""
        try:
            os.utime(self.path(sha256))
        except OSError:
            return False
        return True

    def get(self, sha256: str) -> bytes | None:
        try:
            return self.path(sha256).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, data: bytes, expected: str | None = None) -> str:
        """Keep ``data`` and return its SHA-256. Raises BadBlob when that is not ``expected``, DiskFull when there is no room."""
        sha256 = hashlib.sha256(data).hexdigest()
        if expected is not None and sha256 != expected:
            raise BadBlob(f"The data sent has the SHA-256 {sha256}, not {expected}: send it again.")
        if self.has(sha256):
            return sha256
        self.require_space(len(data))
        target = self.path(sha256)
        draft = None
        try:
            target.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._incoming, delete=False) as file:
                draft = Path(file.name)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            put_in_place(draft, target)
        except OSError as error:
            if draft is not None:
                draft.unlink(missing_ok=True)
            if is_disk_full(error):
                raise DiskFull(self.folder) from error
            raise
        return sha256

    def size(self, sha256: str) -> int:
        """Bytes of a file; 0 where it is not here."""
        try:
            return self.path(sha256).stat().st_size
        except OSError:
            return 0

    def used_since(self, names: Iterable[str], moment: float) -> bool:
        """Whether one of these files was put here or asked for since then (seconds since the epoch)."""
        for sha256 in names:
            with contextlib.suppress(OSError):
                if self.path(sha256).stat().st_mtime > moment:
                    return True
        return False

    def remove(self, sha256: str) -> None:
        """Delete a file, if it is here."""
        try:
            self.path(sha256).unlink(missing_ok=True)
        except OSError as error:  # Windows: somebody reads it; a later start finds it unused
            _log.warning("The file %s cannot be removed: %s", sha256, error)

    def require_space(self, size: int) -> None:
        """Raise DiskFull unless ``size`` bytes fit and the reserve stays free."""
        if shutil.disk_usage(self.folder).free - size < self.reserve:
            raise DiskFull(self.folder)

    def remove_drafts(self) -> None:
        """Delete halves that a crash left. For a server that has just started: later they are what somebody writes."""
        for draft in self._incoming.iterdir():
            draft.unlink(missing_ok=True)

    def remove_unused(self, used: Container[str]) -> None:
        """Delete files that are not ``used`` and that nobody has sent or asked for in UPLOAD_LIFETIME. Any thread may do it."""
        oldest = time.time() - UPLOAD_LIFETIME
        removed = 0
        for path in self.folder.glob("??/*"):
            with contextlib.suppress(OSError):  # gone meanwhile, or on Windows read by somebody: the next time
                if path.name not in used and path.stat().st_mtime < oldest:
                    path.unlink()
                    removed += 1
        if removed:
            _log.info("%d files that no job needs and nobody has asked for in a week were removed", removed)
