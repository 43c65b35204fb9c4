# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own styles on disk: saving, duplicating, deleting. No bpy."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from ..pose import own_files
from .styles import Style, StyleError, Styles, own_folder, parsed, read_styles

SUFFIX = ".json"
_LONGEST_TITLE = 60


def save_style(style: Style, *, replace_own: bool = False) -> Style:
    """Write a style into the user's folder, under the name that its title makes. Returns it as it is read.

    Raises StyleError, with nothing changed: the title is empty or taken (unless by an own style and ``replace_own``), what it
    asks for cannot be, or the folder cannot be written.
    """
    key = key_for(style.title)
    taken = named(read_styles(), style.title)
    if taken is not None and not (replace_own and taken.own):
        more = ", or say that it should be replaced" if taken.own else ""
        raise StyleError(f"There is already a style '{taken.title}': choose another name{more}.")
    if taken is None and _path(key).exists():
        raise StyleError(f"The file {key}{SUFFIX} of your styles cannot be read, and would be lost: choose another name.")
    saved = dataclasses.replace(style, name=taken.name if taken else key, title=style.title.strip(), own=True)
    data = json.dumps(saved.to_json(), ensure_ascii=False, indent=1)
    try:
        parsed(saved.name, json.loads(data))
    except StyleError as error:
        raise StyleError(f"The style cannot be saved: {error}") from error
    own_files.write_file(_path(saved.name), f"{data}\n".encode(), StyleError)
    return saved


def duplicate_style(style: Style) -> Style:
    """An own style that is as ``style``, under a name that is free. Raises StyleError."""
    there = read_styles()
    number = 2
    while named(there, title := f"{style.title[: _LONGEST_TITLE - 5]} {number}") is not None:
        number += 1
    return save_style(dataclasses.replace(style, title=title))


def delete_style(name: str) -> None:
    """Delete an own style. Raises StyleError."""
    found = read_styles().entries.get(name)
    if found is None:
        raise StyleError(f"There is no style '{name}' any more.")
    if not found.own:
        raise StyleError(f"{found.title} came with Pose to Anime and stays: only your own styles can be deleted.")
    own_files.remove_file(_path(name), StyleError)


def key_for(title: str) -> str:
    """The name of the file for a title. Raises StyleError for one without a letter."""
    return own_files.key_for(title, "style", StyleError)


def named(styles: Styles, title: str) -> Style | None:
    """The style that a title would collide with."""
    key = key_for(title)
    return styles.entries.get(key) or next(
        (style for style in styles.entries.values() if style.title.casefold() == title.strip().casefold()), None
    )


def _path(name: str) -> Path:
    return own_folder() / f"{name}{SUFFIX}"
