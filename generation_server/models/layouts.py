# SPDX-License-Identifier: GPL-3.0-or-later
"""Where models lie: in our own folder of models, in those of A1111 (Forge too) and ComfyUI, in the hub's cache.

A1111 has ``models/Stable-diffusion``, ``VAE``, ``Lora``, ``LyCORIS`` and ``ControlNet``, and its ControlNet extension a folder of
its own; ComfyUI has ``models/checkpoints``, ``vae``, ``loras``, ``controlnet`` and ``diffusers``. Upscalers are in ``ESRGAN`` and
``RealESRGAN``, or in ``upscale_models``. Other folders there (embeddings, text encoders, …) hold what is not a model of its own
here, and are not looked into. Standard library only.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .entry import ModelError
from .loras import FOLDERS as LORA_FOLDERS
from .places import hub_cache

LIST = "folders.txt"
"""In the user's folder of models: further folders of models, a line each. A line that begins with ``#`` is a comment."""

OWN = {"checkpoints": "checkpoints", "loras": "loras", "vaes": "vae", "controlnets": "controlnet"}
"""Folders of our own folder of models, by ``protocol.ModelFolders``' names: ComfyUI's."""
_UPSCALERS = ("upscale_models", "esrgan", "realesrgan")
_LAYOUT = frozenset({"stable-diffusion", "checkpoints", "vae", "controlnet", "diffusers", *LORA_FOLDERS, *_UPSCALERS})
_BELOW = ("models", "extensions/sd-webui-controlnet/models")
"""Where such folders lie below that of a program."""
_ALL_CONTROLNETS = "extensions/sd-webui-controlnet/models"
_DEEPEST = 6  # folders inside each other
_MOST_BELOW = 20_000  # files and folders of one that is no program's: somebody may name the whole disk


@dataclass(frozen=True)
class Candidate:
    """A ``.safetensors`` file, or a folder that may be in diffusers layout."""

    path: Path
    status: os.stat_result
    root: Path | None  # of the other folders of models, the one in which it was found; None: the user's own
    repository: str = ""  # in the hub's cache: whose it is


def other_folders(models_dir: Path) -> list[Path]:
    """Those that the user has named in ``folders.txt``; relative ones are relative to ``models_dir``.

    Raises ModelError where there is such a file and it cannot be read.
    """
    path = models_dir / LIST
    try:
        lines = path.read_text("utf-8-sig").splitlines()  # Windows' editors begin with a mark
    except (FileNotFoundError, NotADirectoryError):
        return []
    except UnicodeDecodeError:
        raise ModelError(f"{path} is not written in UTF-8: save it so in a text editor, or delete it.") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror or error}): make it readable, or delete it.") from error
    texts = (line.strip() for line in lines)
    return [models_dir / Path(text).expanduser() for text in texts if text and not text.startswith("#")]


def name_folders(models_dir: Path, folders: Iterable[Path]) -> None:
    """Writes ``folders.txt`` anew. Raises OSError."""
    models_dir.mkdir(parents=True, exist_ok=True)
    draft = models_dir / f"{LIST}.{os.getpid()}"
    lines = ("# Folders of models of other programs, one a line: of A1111 or ComfyUI, or any other.", *map(str, folders))
    draft.write_text("\n".join(lines) + "\n", "utf-8")
    draft.replace(models_dir / LIST)


def identity(path: Path, status: os.stat_result) -> tuple[int, int] | str:
    """What tells a file from all others by whichever way it is reached; some file systems of Windows number none."""
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.normcase(os.path.realpath(path))


def candidates(models_dir: Path, others: Mapping[Path, Sequence[Path]]) -> Iterator[Candidate]:
    """All that may be a model: in the user's folder, in the others, in the hub's cache, each file once, in a fixed order.

    ``others``: with each of them, the folders elsewhere that it names, of models of one kind.
    """
    seen: set[tuple[int, int] | str] = set()

    def all_of_them() -> Iterator[tuple[Path, Path | None, str]]:
        yield from ((path, None, "") for path in _in_root(models_dir))
        for root, elsewhere in others.items():
            inside = _in_root(root) if _is_program(root) else itertools.islice(_below(root, 1), _MOST_BELOW)
            inside = iter((root,)) if _is_diffusers(root) else inside  # a model itself
            yield from ((path, root, "") for path in inside)
            yield from ((path, root, "") for folder in elsewhere for path in _below(folder, 1))
        yield from ((path, hub_cache(), repository) for path, repository in _cached())

    for path, root, repository in all_of_them():
        try:
            found = Candidate(path, path.stat(), root, repository)
        except OSError:
            continue  # it went while we looked, or is a link to nowhere
        mark = identity(path, found.status)
        if mark not in seen:
            seen.add(mark)
            yield found


def _in_root(root: Path) -> Iterator[Path]:
    bases = [root, *(root / below for below in _BELOW)]
    for base in bases:
        inside = _listed(base)
        # Not of a program's own folder, which is full of other things; of one that a user has named for its models, it is.
        if base == root or base.as_posix().endswith(_ALL_CONTROLNETS):
            yield from inside
        for folder in inside:
            if folder.name.lower() in _LAYOUT and folder.is_dir():
                yield from _below(folder, 1)


def _is_program(root: Path) -> bool:
    """Whether a folder has those that programs have; else it is one of models, as A1111's ``--ckpt-dir`` names one."""
    return any(folder.name.lower() in (*_LAYOUT, "models") and folder.is_dir() for folder in _listed(root))


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """Files and folders in a folder of models of one kind, which users sort into folders of their own."""
    for path in _listed(folder):
        yield path
        if depth < _DEEPEST and path.suffix != ".safetensors" and path.is_dir() and not _is_diffusers(path):
            yield from _below(path, depth + 1)


def _listed(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if not entry.name.startswith("."))
    except OSError:
        return []


def _cached() -> Iterator[tuple[Path, str]]:
    """Of every repository in the hub's cache, the folder in diffusers layout or the files of the revision fetched last."""
    for repository in _listed(hub_cache()):
        if not repository.name.startswith("models--"):
            continue
        name = repository.name.removeprefix("models--").replace("--", "/")
        revisions = _listed(repository / "snapshots")
        try:
            commit = (repository / "refs" / "main").read_text("utf-8").strip()
        except OSError:
            commit = revisions[0].name if len(revisions) == 1 else ""
        for folder in (folder for folder in revisions if folder.name == commit):
            if _is_diffusers(folder):
                yield folder, name
            else:
                yield from ((path, name) for path in _listed(folder) if path.suffix == ".safetensors")


def _is_diffusers(folder: Path) -> bool:
    return (folder / "model_index.json").is_file() or (folder / "config.json").is_file()
