# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's lock file: which revision of a repository was downloaded, and size and SHA-256 of its files as the hub gave them then."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LockedFile:
    size: int  # bytes
    sha256: str | None  # of large files; the hub tells none of small ones


class Lock:
    """Reads the file each time: a download in another process writes it while a server runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def revision(self, repository: str) -> str | None:
        """The commit that was downloaded last."""
        revision = self._repository(repository).get("revision")
        return revision if isinstance(revision, str) else None

    def files(self, repository: str) -> dict[str, LockedFile]:
        files = self._repository(repository).get("files", {})
        return {
            name: LockedFile(data["size"], data.get("sha256"))
            for name, data in files.items()
            if isinstance(data.get("size"), int)
        }

    def size(self, repository: str, name: str) -> int | None:
        file = self.files(repository).get(name)
        return file.size if file else None

    def write(self, repository: str, revision: str, files: Mapping[str, LockedFile]) -> None:
        """Remembers what the hub says of a revision, before it is downloaded."""
        data = self._read()
        data[repository] = {
            "revision": revision,
            "files": {name: {"size": file.size, "sha256": file.sha256} for name, file in sorted(files.items())},
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(f".{os.getpid()}.new")
        draft.write_text(json.dumps(data, indent=1, sort_keys=True), "utf-8")
        draft.replace(self.path)

    def _repository(self, repository: str) -> dict[str, Any]:
        data = self._read().get(repository)
        return data if isinstance(data, dict) else {}

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):  # none yet, or spoilt: what it knew is asked from the hub again
            return {}
        return data if isinstance(data, dict) else {}
