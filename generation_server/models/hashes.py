# SPDX-License-Identifier: GPL-3.0-or-later
"""SHA-256 of the user's own model files, remembered as long as a file stays what it was. Standard library only."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from ..replacing import put_in_place


class Hashes:
    """A file that several processes read and write: what one has reckoned, the others need not."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def known(self, file: Path) -> str:
        """In lower-case hexadecimal; empty where it has not been reckoned since the file last changed."""
        entry = self._read().get(str(file))
        with contextlib.suppress(OSError):
            if isinstance(entry, list) and len(entry) == 2 and entry[0] == _stamp(file):
                return str(entry[1])
        return ""

    def of(self, file: Path) -> str:
        """Reckoned where it is not known: seconds for each gigabyte. Raises OSError where the file cannot be read."""
        if known := self.known(file):
            return known
        stamp = _stamp(file)
        with file.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        data = {**self._read(), str(file): [stamp, sha256]}
        draft = self.path.with_suffix(f".{os.getpid()}.new")
        with contextlib.suppress(OSError):  # what cannot be remembered is reckoned again
            draft.write_text(json.dumps(data, indent=1, sort_keys=True), "utf-8")
            put_in_place(draft, self.path)
        return sha256

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}


def _stamp(file: Path) -> str:
    status = file.stat()
    return f"{status.st_size}:{status.st_mtime_ns}"
