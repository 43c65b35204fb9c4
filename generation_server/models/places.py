# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files of an entry lie on this computer. Never asks the network."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..protocol import MissingFile
from .entry import Entry, ModelError

HALF = "fp16"
"""diffusers' name for weights in half precision, part of their file names: half the download and, on a GPU, all that is used."""


@dataclass(frozen=True)
class Place:
    """The weights of an entry on disk: a folder in diffusers layout, or one ``.safetensors`` file."""

    entry: Entry
    folder: Path | None = None
    file: Path | None = None

    @property
    def identity(self) -> str:
        """Changes when the files do, so that what was loaded from them can be told from what is there now."""
        root = self.file or self.folder
        assert root is not None
        files = [root] if self.file else sorted(root.rglob("*.safetensors"))
        marks = (f"{path.relative_to(root)}:{s.st_size}:{s.st_mtime_ns}" for path in files for s in [path.stat()])
        return f"{root}|{'|'.join(marks)}"


@dataclass(frozen=True)
class WeightsFile:
    """A weights file as it is there: its canonical name, and diffusers' variant of it."""

    path: Path
    variant: str | None


def find_weights(folder: Path, name: str) -> WeightsFile | None:
    """The file of canonical name ``name`` in ``folder``: in half precision if it is there; whole, or the index of its shards."""
    if not name.endswith(".safetensors"):  # a detector's, which has no variants
        return WeightsFile(folder / name, None) if (folder / name).is_file() else None
    stem = name.removesuffix(".safetensors")
    for variant in (HALF, None):
        middle = f".{variant}" if variant else ""
        for path in (folder / f"{stem}{middle}.safetensors", folder / f"{stem}.safetensors.index{middle}.json"):
            if path.is_file():
                return WeightsFile(path, variant)
    return None


def missing_weights(folder: Path, names: Iterable[str]) -> list[str]:
    return [name for name in names if find_weights(folder, name) is None]


def hub_cache() -> Path:
    """The folder that huggingface_hub keeps downloads in. Asked anew each time, so that it can be moved."""
    if folder := os.environ.get("HF_HUB_CACHE"):
        return Path(folder).expanduser()
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    return Path(home).expanduser() / "hub"


def check_endpoint() -> None:
    """Raises ModelError where ``HF_ENDPOINT`` is no address. Before the hub's library is imported, which does not take all."""
    given = os.environ.get("HF_ENDPOINT", "")
    try:
        address = urlsplit(given)
        fits = not given or (address.scheme in ("http", "https") and bool(address.hostname))
    except ValueError:
        fits = False
    if not fits:
        raise ModelError(f"HF_ENDPOINT is '{given:.80}', which is no address: write it as https://hf-mirror.com, or unset it.")


def repository_cache(repository: str) -> Path:
    return hub_cache() / f"models--{repository.replace('/', '--')}"


def snapshot(repository: str, revision: str) -> Path | None:
    """The folder of one revision in the hub's cache, if any of it has been downloaded."""
    cache = repository_cache(repository)
    reference = cache / "refs" / revision
    try:
        commit = reference.read_text("utf-8").strip()
    except OSError:
        commit = revision
    folder = cache / "snapshots" / commit
    return folder if commit and folder.is_dir() else None


def locate(entry: Entry, user_models: Path, locked_revision: str | None) -> tuple[Place | None, tuple[MissingFile, ...]]:
    """Where an entry is, or else what is missing of it.

    Looked for, in order: the path that the entry names; a folder or a single file of its name in the user's folder of models; the
    hub's cache, in the revision that was downloaded or that the entry names.
    """
    if entry.path is not None:
        return _at_path(entry, entry.path)
    for path in (user_models / entry.name, user_models / f"{entry.name}.safetensors"):
        place, _ = _at_path(entry, path)
        if place:
            return place, ()
    for revision in filter(None, (locked_revision, entry.revision)):
        folder = snapshot(entry.repository, revision)
        place = _at_path(entry, folder)[0] if folder else None
        if place:
            return place, ()
    here = user_models / entry.name
    return None, tuple(MissingFile(name, entry.repository) for name in missing_weights(here, entry.weights))


def _at_path(entry: Entry, path: Path) -> tuple[Place | None, tuple[MissingFile, ...]]:
    if path.is_file() and path.suffix == ".safetensors":
        return Place(entry, file=path), ()
    if path.is_dir():
        names = missing_weights(path, entry.weights)
        if not names:
            return Place(entry, file=_single(path, entry.weights[0])) if entry.is_single_file else Place(entry, folder=path), ()
        return None, tuple(MissingFile(str(path / name), str(path)) for name in names)
    return None, (MissingFile(str(path), str(path.parent)),)


def _single(folder: Path, name: str) -> Path:
    found = find_weights(folder, name)
    assert found is not None, "asked only where nothing is missing"
    return found.path
