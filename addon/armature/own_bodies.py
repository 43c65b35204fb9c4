# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own bodies: saving, renaming, deleting, importing and exporting them. No bpy.

A body that was made by sliders is saved as what differs from one of the program's, so that no other own body must stay for it.
A body keeps its key, the name of its file, when it is given another name: by it figures know their body, those of other files and
those that an undo brings back, too.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from ..errors import UserError
from ..pose import own_files
from .bodies import SUFFIX, Bodies, BodyEntry, body_files, load_body, own_folder, read_bodies
from .skin.body_file import Body, BodyFileError, read_body
from .skin.sliders import SliderError, apply_sliders, file_text_of

_MADE_BY_SLIDERS = {"base", "title", "age", "proportions"}
"""What a file holds that says nothing but proportions."""


def save_body(title: str, base: str, sliders: Mapping[str, float], *, replace_own: bool = False) -> str:
    """Save the body ``base`` with these sliders in the user's folder. Returns its key. It has the age of its base.

    Raises UserError where the name is empty or taken (unless by an own body and ``replace_own``), where the base is gone, and
    where the folder cannot be written; then nothing is changed.
    """
    key = _key_to_save(title, replace_own)
    entry, body = load_body(base)
    anchor, anchor_body = _anchor(entry.key, body)
    if anchor == key:
        raise UserError(f"“{_tidy(title)}” was written by hand, and this body is based on it: choose another name.")
    try:
        text = file_text_of(title, anchor, anchor_body, apply_sliders(body, sliders))
    except SliderError as error:
        raise UserError(str(error)) from error
    _write(key, text)
    return key


def rename_body(key: str, title: str) -> None:
    """Give an own body another name; its key stays. Raises UserError."""
    path = _own_file(key)
    if _holder(title) not in (None, key):
        raise _taken(title, "choose another name")
    _write(key, _retitled(path, title))


def delete_body(key: str) -> None:
    """Delete an own body. Figures that have it keep their form. Raises UserError."""
    path = _own_file(key)
    _refuse_if_needed(key)
    own_files.remove_file(path, UserError)


def import_body(source: str | Path) -> str:
    """Take a body file over into the user's folder; a name that is taken gets a number. Returns its key. Raises UserError."""
    path = Path(source)
    try:
        wanted = read_body(path).title
    except BodyFileError as error:
        raise UserError(str(error)) from error
    title, number = wanted, 1
    while _holder(title) is not None:
        number += 1
        title = f"{wanted} {number}"
    key = _unused_key(title)
    _write(key, _retitled(path, title))
    try:
        read_body(own_folder() / f"{key}{SUFFIX}")  # its base may have lain beside it
    except BodyFileError as error:
        own_files.remove_file(own_folder() / f"{key}{SUFFIX}", UserError)
        raise UserError(str(error)) from error
    return key


def export_body(key: str, target: str | Path) -> Path:
    """Write any body to a file of its own. Returns the file. Raises UserError."""
    entry, body = load_body(key)
    path = Path(target)
    path = path if path.suffix.lower() == SUFFIX else path.with_name(path.name + SUFFIX)
    anchor, anchor_body = _anchor(entry.key, body)
    text = _text(entry.path) if anchor == entry.key else file_text_of(body.title, anchor, anchor_body, body)
    own_files.write_file(path, text.encode("utf-8"), UserError)
    return path


def key_for(title: str) -> str:
    """The name of the file for a body's name. Raises UserError for a name without a letter."""
    return own_files.key_for(title, "body", UserError)


def named(found: Bodies, title: str) -> BodyEntry | None:
    """Which of some bodies has a name already, as its title or as its file's name. An own body that was called otherwise once
    gives that name free. Raises UserError as ``key_for``."""
    key, name = key_for(title), _tidy(title).casefold()
    titled = next((entry for entry in found.entries if entry.title.casefold() == name), None)
    return titled or next((entry for entry in found.entries if entry.key == key and not _was_renamed(entry)), None)


def is_own(key: str) -> bool:
    """Whether a body lies in the user's folder."""
    path = body_files().get(key)
    return path is not None and path.parent == own_folder()


def _tidy(title: str) -> str:
    return " ".join(title.split())


def _was_renamed(entry: BodyEntry) -> bool:
    try:
        return entry.own and entry.key != key_for(entry.title)
    except UserError:  # a title that someone wrote into the file, of which no name of a file can be made
        return True


def _holder(title: str) -> str | None:
    """The key of what has a name already: of a body, or of a file that cannot be read."""
    found, key = read_bodies(), key_for(title)
    if (entry := named(found, title)) is not None:
        return entry.key
    return key if key in body_files() and all(entry.key != key for entry in found.entries) else None


def _key_to_save(title: str, replace_own: bool) -> str:
    key = _holder(title)
    if key is None:
        return _unused_key(title)
    if is_own(key) and replace_own:
        return key
    raise _taken(title, "choose another name, or say that it should be replaced" if is_own(key) else "choose another name")


def _unused_key(title: str) -> str:
    key, number = key_for(title), 1
    while (unused := key if number == 1 else f"{key}_{number}") in body_files():
        number += 1
    return unused


def _taken(title: str, hint: str) -> UserError:
    return UserError(f"There is already a body '{_tidy(title)}': {hint}.")


def _anchor(key: str, body: Body) -> tuple[str, Body]:
    """The nearest body up the line of bases that is more than another one with sliders: the one to save differences from."""
    while is_own(key):
        path = body_files()[key]
        data = tomllib.loads(_text(path))
        base = data.get("base", key)
        if set(data) - _MADE_BY_SLIDERS or base == key:
            break
        key, body = base, load_body(base)[1]
    return key, body


def _refuse_if_needed(key: str) -> None:
    for other, path in body_files().items():
        if other == key or path.parent != own_folder():
            continue
        try:
            base = tomllib.loads(_text(path)).get("base")
        except (UserError, tomllib.TOMLDecodeError, RecursionError):
            continue
        if base == key:
            raise UserError(f"The body '{other}' is based on '{key}', which therefore cannot be deleted: delete '{other}' first.")


def _own_file(key: str) -> Path:
    path = body_files().get(key)
    if path is None:
        raise UserError(f"There is no body '{key}' any more.")
    if path.parent != own_folder():
        raise UserError(f"The body '{key}' came with Pose to Anime: only bodies of your own can be renamed or deleted.")
    return path


def _retitled(path: Path, title: str) -> str:
    """The text of a body file with another title; all else stays as it was written."""
    quoted = json.dumps(_tidy(title), ensure_ascii=False).replace("\x7f", "\\u007f")
    text = re.sub(r"(?m)^\s*title\s*=.*$", lambda _: f"title = {quoted}", _text(path), count=1)
    try:
        done = tomllib.loads(text).get("title") == _tidy(title)
    except tomllib.TOMLDecodeError:
        done = False
    if not done:
        raise UserError(f"The title in {path.name} is written in an unusual way: change it there by hand.")
    return text


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The body file {path} cannot be read ({error}): check the path.") from error


def _write(key: str, text: str) -> None:
    own_files.write_file(own_folder() / f"{key}{SUFFIX}", text.encode("utf-8"), UserError)
