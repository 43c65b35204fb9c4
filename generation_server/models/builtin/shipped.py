# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights that ship with the program, and whether they are whole. Standard library only."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path

FOLDER = Path(__file__).parent / "weights"
MANIFEST = "manifest.json"
REPAIR = "install the extension again, or in a checkout run 'git checkout -- generation_server/models/builtin/weights'"


def is_there() -> bool:
    """Whether this copy of the program came with weights at all."""
    return (FOLDER / MANIFEST).is_file()


def write_manifest(folder: Path) -> None:
    """Size and SHA-256 of every file of a folder, in a file beside them."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST]
    manifest = {path.relative_to(folder).as_posix(): [path.stat().st_size, _hash(path)] for path in files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")


def problems(folder: Path) -> list[str]:
    """A sentence for every file that is missing or is not the one that shipped."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        expected = {name: (int(size), str(digest)) for name, (size, digest) in manifest.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        return [f"The file {folder / MANIFEST} of the built-in model cannot be read ({error}): {REPAIR}."]
    found = []
    for name, (size, digest) in expected.items():
        path = folder / name
        if not path.is_file():
            found.append(f"The file {path} of the built-in model is missing: {REPAIR}.")
        elif path.stat().st_size != size or _known_hash(path, path.stat().st_mtime_ns) != digest:
            found.append(f"The file {path} of the built-in model is damaged: {REPAIR}.")
    return found


@functools.lru_cache(maxsize=256)
def _known_hash(path: Path, _changed: int) -> str:
    """A file's hash, read again only when it has changed: models are resolved for every picture."""
    return _hash(path)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
