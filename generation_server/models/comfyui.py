# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of models that ComfyUI's ``extra_model_paths.yaml`` names: where else than in its own folder it has them.

The file has sections of any name, each with a ``base_path`` and, by kinds of models, one or several paths below it (ComfyUI's
``utils/extra_config.py``). A path that is not absolute, with no base path, is relative to the file.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .entry import ModelError

NAMES = ("extra_model_paths.yaml", "extra_models_config.yaml")
"""The file in ComfyUI's folder; the desktop program calls its own so."""

KINDS = frozenset({"checkpoints", "vae", "loras", "controlnet", "diffusers", "upscale_models"})
"""What of it may be a model here; it names text encoders, embeddings and more besides."""

_LARGEST = 1 << 20  # bytes; a file of a person has a few lines


def extra_folders(program: Path) -> list[Path]:
    """The folders that the file in ComfyUI's folder names, whether they are there or not; none where there is no such file.

    ``program`` may be its folder of models as well. Raises ModelError with a sentence where the file cannot be read.
    """
    found: list[Path] = []
    for folder in (program, program.parent) if program.name == "models" else (program,):
        for name in NAMES:
            path = folder / name
            try:
                status = path.stat()
            except OSError:
                continue
            found += _read(path, status.st_size, status.st_mtime_ns)
    return list(dict.fromkeys(found))


@functools.lru_cache(maxsize=64)
def _read(path: Path, size: int, modified: int) -> tuple[Path, ...]:
    """Read once as long as it stays what it is: models are listed with every picture."""
    import yaml

    if size > _LARGEST:
        raise ModelError(f"{path} is too large to be a list of folders: give the folders with 'models folders --add'.")
    try:
        sections = yaml.safe_load(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:150]
        raise ModelError(f"{path} cannot be read ({reason}): correct it, as ComfyUI cannot read it either.") from error
    return tuple(folder for section in _mapping(sections).values() for folder in _of_section(path.parent, _mapping(section)))


def _of_section(beside: Path, section: dict[Any, Any]) -> Iterator[Path]:
    base = section.get("base_path")
    start = beside / _expanded(base) if isinstance(base, str) and base.strip() else beside
    for kind, paths in section.items():
        if kind in KINDS and isinstance(paths, str):
            yield from (Path(os.path.normpath(start / _expanded(line))) for line in paths.splitlines() if line.strip())


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _expanded(text: str) -> str:
    return os.path.expandvars(os.path.expanduser(text.strip()))
