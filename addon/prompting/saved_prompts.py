# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts that a user keeps, as JSON files in the user's folder: name, prompt, negative prompt. No bpy.

{"version": 1, "title": "Aiko", "prompt": "1girl, …", "negative_prompt": "…"}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...generation_server.protocol import user_data_dir
from ..errors import UserError
from ..pose import own_files

FOLDER = "prompts"
VERSION = 1
SUFFIX = ".json"
_LARGEST = 1_000_000  # bytes of a file
_FIELDS = {"version": int, "title": str, "prompt": str, "negative_prompt": str}


class SavedPromptError(UserError):
    """A saved prompt cannot be read or written; the text is one sentence."""


@dataclass(frozen=True)
class SavedPrompt:
    key: str  # the name of its file
    title: str
    prompt: str
    negative_prompt: str = ""


@dataclass(frozen=True)
class SavedPrompts:
    """All of them, by title, and what is wrong with those that were left out."""

    entries: tuple[SavedPrompt, ...]
    problems: tuple[str, ...] = ()

    def called(self, key: str) -> SavedPrompt:
        """Raises SavedPromptError."""
        for entry in self.entries:
            if entry.key == key:
                return entry
        raise SavedPromptError(f"There is no saved prompt '{key}' any more.")


def folder() -> Path:
    return user_data_dir() / FOLDER


def folders() -> tuple[Path, ...]:
    return (folder(),)


def read_prompts() -> SavedPrompts:
    """Every prompt that can be read."""
    entries, problems = [], []
    try:
        paths = sorted(path for path in folder().glob(f"*{SUFFIX}") if path.is_file())
    except OSError:
        paths = []
    for path in paths:
        try:
            entries.append(read_prompt(path))
        except SavedPromptError as error:
            problems.append(str(error))
    return SavedPrompts(tuple(sorted(entries, key=lambda entry: entry.title.casefold())), tuple(problems))


def read_prompt(path: Path) -> SavedPrompt:
    """The prompt in one file. Raises SavedPromptError."""
    try:
        if path.stat().st_size > _LARGEST:
            raise SavedPromptError(f"The file {path.name} is too large to be a saved prompt.")
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SavedPromptError(f"The saved prompt {path.name} cannot be read ({error.strerror or error}).") from error
    except (ValueError, RecursionError) as error:
        raise SavedPromptError(f"The saved prompt {path.name} is not valid JSON: {str(error).rstrip('.')}.") from error
    if not isinstance(data, Mapping) or not {"version", "title", "prompt"} <= set(data) <= set(_FIELDS):
        raise SavedPromptError(
            f"The saved prompt {path.name} must have version, title and prompt, and nothing but negative_prompt."
        )
    for name, kind in _FIELDS.items():
        if name in data and type(data[name]) is not kind:
            raise SavedPromptError(
                f"In the saved prompt {path.name}, '{name}' must be a {'text' if kind is str else 'whole number'}."
            )
    if data["version"] > VERSION:
        raise SavedPromptError(f"The saved prompt {path.name} is of a newer Pose to Anime: update it.")
    if not data["title"].strip():
        raise SavedPromptError(f"The saved prompt {path.name} has no title: give it one.")
    return SavedPrompt(path.stem, data["title"].strip(), data["prompt"], data.get("negative_prompt", ""))


def save_prompt(title: str, prompt: str, negative_prompt: str, *, replace: bool = False) -> str:
    """Write a prompt; its key. Raises SavedPromptError, with nothing changed, for a name that is empty or taken."""
    key = own_files.key_for(title, "prompt", SavedPromptError)
    if not prompt.strip() and not negative_prompt.strip():
        raise SavedPromptError("There is nothing to save: the prompt is empty.")
    taken = _named(title, key)
    if taken is not None and not replace:
        raise SavedPromptError(
            f"There is already a prompt '{taken.title}': choose another name, or say that it should be replaced."
        )
    if taken is None:
        _refuse_unread(key)
    _write(SavedPrompt(taken.key if taken else key, title.strip(), prompt, negative_prompt))
    return taken.key if taken else key


def rename_prompt(key: str, title: str) -> str:
    """Give a prompt another name; its new key. Raises SavedPromptError."""
    entry = read_prompts().called(key)
    new = own_files.key_for(title, "prompt", SavedPromptError)
    taken = _named(title, new)
    if taken is not None and taken.key != key:
        raise SavedPromptError(f"There is already a prompt '{taken.title}': choose another name.")
    if taken is None:
        _refuse_unread(new)
    _write(SavedPrompt(new, title.strip(), entry.prompt, entry.negative_prompt))
    if new != key:
        own_files.remove_file(_path(key), SavedPromptError)
    return new


def delete_prompt(key: str) -> None:
    """Raises SavedPromptError."""
    read_prompts().called(key)
    own_files.remove_file(_path(key), SavedPromptError)


def _named(title: str, key: str) -> SavedPrompt | None:
    """The prompt that a title would collide with."""
    wanted = title.strip().casefold()
    return next((entry for entry in read_prompts().entries if entry.key == key or entry.title.casefold() == wanted), None)


def _refuse_unread(key: str) -> None:
    """Raises SavedPromptError where a file is in the way that could not be read: somebody wrote it."""
    if _path(key).exists():
        raise SavedPromptError(f"The file {key}{SUFFIX} of your prompts cannot be read, and would be lost: choose another name.")


def _write(entry: SavedPrompt) -> None:
    data = {"version": VERSION, "title": entry.title, "prompt": entry.prompt, "negative_prompt": entry.negative_prompt}
    own_files.write_file(_path(entry.key), f"{json.dumps(data, ensure_ascii=False, indent=1)}\n".encode(), SavedPromptError)


def _path(key: str) -> Path:
    return folder() / f"{key}{SUFFIX}"
