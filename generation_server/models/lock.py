# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's lock file: which revision of a repository was downloaded, with sizes and hashes of its files as the hub told."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..replacing import put_in_place
from .places import HALF

_CHUNK = 1 << 20


@dataclass(frozen=True)
class LockedFile:
    """What the hub says of a file."""

    size: int  # bytes
    sha256: str = ""  # of large files; of the others the hub tells git's hash alone
    git_sha1: str = ""

    def matches(self, path: Path, check: Callable[[], None] = lambda: None) -> bool:
        """Whether the file at ``path`` is this one, by its content. ``check`` is called often, to cancel by raising."""
        try:
            if path.stat().st_size != self.size:
                return False
            digest = hashlib.sha256() if self.sha256 else hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)
            with path.open("rb") as file:
                while data := file.read(_CHUNK):
                    check()
                    digest.update(data)
        except OSError:
            return False
        expected = self.sha256 or self.git_sha1
        return not expected or digest.hexdigest() == expected


def in_half(name: str) -> str:
    """What weights in half precision are called beside those of that name."""
    stem = name.removesuffix(".safetensors")
    return name if stem == name else f"{stem}.{HALF}.safetensors"


class Lock:
    """Reads the file each time: a download in another process writes it while a server runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def revision(self, repository: str) -> str | None:
        """The commit that was downloaded last."""
        revision = self._repository(repository).get("revision")
        return revision if isinstance(revision, str) else None

    def files(self, repository: str) -> dict[str, LockedFile]:
        """Those that the hub had of the repository then, by name."""
        files = self._repository(repository).get("files", {})
        try:
            return {name: LockedFile(**data) for name, data in files.items()}
        except (AttributeError, TypeError):  # edited by hand, or by a newer version: the hub is asked again
            return {}

    def size(self, repository: str, name: str) -> int | None:
        """Bytes of a file as it would be downloaded: in half precision where the repository has it so."""
        files = self.files(repository)
        file = files.get(in_half(name), files.get(name))
        return file.size if file else None

    def write(self, repository: str, revision: str, files: Mapping[str, LockedFile]) -> None:
        """Remembers what the hub says of a revision, before it is downloaded."""
        data = self._read()
        data[repository] = {"revision": revision, "files": {name: asdict(file) for name, file in files.items()}}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(f".{os.getpid()}.new")
        draft.write_text(json.dumps(data, indent=1, sort_keys=True), "utf-8")
        put_in_place(draft, self.path)

    def _repository(self, repository: str) -> dict[str, Any]:
        data = self._read().get(repository)
        return data if isinstance(data, dict) else {}

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):  # none yet, or spoilt: what it knew is asked from the hub again
            return {}
        return data if isinstance(data, dict) else {}
