# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own bodies: saving, renaming, deleting, importing and exporting them. No bpy.

A body that was made by sliders is saved as what differs from one of the program's, so that no other own body must stay for it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from ..errors import UserError
from ..pose import own_files
from .bodies import SUFFIX, body_files, load_body, own_folder, read_bodies
from .skin.body_file import Body, BodyFileError, read_body
from .skin.sliders import SliderError, apply_sliders, file_text_of

_MADE_BY_SLIDERS = {"base", "title", "age", "proportions"}
"""What a file holds that says nothing but proportions."""


def save_body(title: str, base: str, sliders: Mapping[str, float], *, replace_own: bool = False) -> str:
    """Save the body ``base`` with these sliders in the user's folder. Returns its key. It has the age of its base.

    Raises UserError where the name is empty or taken (unless by an own body and ``replace_own``), where the base is gone, and
    where the folder cannot be written; then nothing is changed.
    """
    key = _free_key(title, replace_own)
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


def rename_body(key: str, title: str) -> str:
    """Give an own body another name. Returns its new key. Raises UserError."""
    path = _own_file(key)
    new = key_for(title)
    if new != key:
        _free_key(title, replace_own=False)
        _refuse_if_needed(key, "renamed")
    _write(new, _retitled(path, title))
    if new != key:
        own_files.remove_file(path, UserError)
    return new


def delete_body(key: str) -> None:
    """Delete an own body. Figures that have it keep their form. Raises UserError."""
    path = _own_file(key)
    _refuse_if_needed(key, "deleted")
    own_files.remove_file(path, UserError)


def import_body(source: str | Path) -> str:
    """Take a body file over into the user's folder; a name that is taken gets a number. Returns its key. Raises UserError."""
    path = Path(source)
    try:
        wanted = read_body(path).title
    except BodyFileError as error:
        raise UserError(str(error)) from error
    title, number = wanted, 1
    while _is_taken(title):
        number += 1
        title = f"{wanted} {number}"
    key = key_for(title)
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


def is_own(key: str) -> bool:
    """Whether a body lies in the user's folder."""
    path = body_files().get(key)
    return path is not None and path.parent == own_folder()


def _tidy(title: str) -> str:
    return " ".join(title.split())


def _is_taken(title: str) -> bool:
    titles = {entry.title.casefold() for entry in read_bodies().entries}
    return key_for(title) in body_files() or _tidy(title).casefold() in titles


def _free_key(title: str, replace_own: bool) -> str:
    key = key_for(title)
    if _is_taken(title) and not (is_own(key) and replace_own):
        hint = "choose another name, or say that it should be replaced" if is_own(key) else "choose another name"
        raise UserError(f"There is already a body '{_tidy(title)}': {hint}.")
    return key


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


def _refuse_if_needed(key: str, verb: str) -> None:
    for other, path in body_files().items():
        if other == key or path.parent != own_folder():
            continue
        try:
            base = tomllib.loads(_text(path)).get("base")
        except (UserError, tomllib.TOMLDecodeError, RecursionError):
            continue
        if base == key:
            raise UserError(f"The body '{other}' is based on '{key}', which therefore cannot be {verb}: delete '{other}' first.")


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
