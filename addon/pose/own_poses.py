# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own poses: saving, renaming, deleting, importing and exporting them, and which poses are favourites. No bpy."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

from ...generation_server.protocol import user_data_dir
from . import own_files
from .collection import own_folder
from .library import SUFFIX, load_pose, pose_files
from .normalised import Pose, PoseError, dumps


def save_pose(pose: Pose, preview: bytes | None = None, *, replace_own: bool = False) -> str:
    """Write a pose, and its thumbnail (a PNG), into the user's folder. Returns its key.

    Raises PoseError where the name is empty or taken (unless it is taken by an own pose and ``replace_own``), and where the
    folder cannot be written; then nothing is changed.
    """
    key = key_for(pose.name)
    if (taken := pose_files().get(key)) is not None and not (replace_own and taken.parent == own_folder()):
        raise PoseError(f"There is already a pose '{pose.name.strip()}' in the library: choose another name.")
    _write_pair(key, pose, preview)
    return key


def rename_pose(key: str, name: str) -> str:
    """Give an own pose another name. Returns its new key. Raises PoseError."""
    path = _own_file(key)
    pose = replace(load_pose(path), name=name.strip())
    new = key_for(name)
    if new != key and new in pose_files():
        raise PoseError(f"There is already a pose '{name.strip()}' in the library: choose another name.")
    _write_pair(new, pose, _read_preview(key))
    if new != key:
        _remove(path)
        with contextlib.suppress(PoseError):  # a thumbnail without a pose is seen by no one
            _remove(_preview(key))
        chosen = favourites()
        if key in chosen:
            _write_favourites([new if each == key else each for each in chosen])
    return new


def delete_pose(key: str) -> None:
    """Delete an own pose with its thumbnail. Raises PoseError."""
    _remove(_own_file(key))
    with contextlib.suppress(PoseError):
        _remove(_preview(key))
    if key in (chosen := favourites()):
        _write_favourites([each for each in chosen if each != key])


def import_pose(source: str | Path, preview: bytes | None = None) -> str:
    """Take a pose file over into the user's folder; a name that is taken gets a number. Returns its key. Raises PoseError."""
    pose = load_pose(Path(source))
    name, number = pose.name, 1
    while key_for(name) in pose_files():
        number += 1
        name = f"{pose.name} {number}"
    return save_pose(replace(pose, name=name), preview)


def export_pose(key: str, target: str | Path) -> Path:
    """Write any pose of the library to a file of its own. Returns the file. Raises PoseError."""
    path = Path(target)
    path = path if path.suffix.lower() == SUFFIX else path.with_name(path.name + SUFFIX)
    _write(path, dumps(load_pose(key)).encode("utf-8"))
    return path


def favourites() -> list[str]:
    """Keys of the poses that the user has marked. A list that cannot be read counts as empty."""
    try:
        found = json.loads(_favourites_file().read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [key for key in found if isinstance(key, str)] if isinstance(found, list) else []


def set_favourite(key: str, wanted: bool) -> None:
    """Mark a pose of the library, or take the mark away. Raises PoseError."""
    if wanted and key not in pose_files():
        raise PoseError(f"There is no pose '{key}' in the library.")
    _write_favourites([each for each in favourites() if each != key] + ([key] if wanted else []))


def key_for(name: str) -> str:
    """The name of the file for a pose's name, which every system takes. Raises PoseError for a name without a letter."""
    return own_files.key_for(name, "pose", PoseError)


def _favourites_file() -> Path:
    return user_data_dir() / "favourite_poses.json"


def _write_favourites(keys: list[str]) -> None:
    _write(_favourites_file(), json.dumps(keys, ensure_ascii=False, indent=1).encode("utf-8"))


def _own_file(key: str) -> Path:
    path = pose_files().get(key)
    if path is None:
        raise PoseError(f"There is no pose '{key}' in the library.")
    if path.parent != own_folder():
        raise PoseError(f"The pose '{key}' came with Pose to Anime: only poses of your own can be renamed or deleted.")
    return path


def _preview(key: str) -> Path:
    return own_folder() / "previews" / f"{key}.png"


def _read_preview(key: str) -> bytes | None:
    try:
        return _preview(key).read_bytes()
    except OSError:
        return None


def _write_pair(key: str, pose: Pose, preview: bytes | None) -> None:
    """The thumbnail first: a pose that is there has it, and one that failed left nothing that is seen."""
    before = _read_preview(key)
    if preview is not None:
        _write(_preview(key), preview)
    try:
        _write(own_folder() / f"{key}{SUFFIX}", dumps(pose).encode("utf-8"))
    except PoseError:
        with contextlib.suppress(PoseError):
            if before is not None:
                _write(_preview(key), before)
            elif preview is not None:
                _remove(_preview(key))
        raise


def _write(path: Path, data: bytes) -> None:
    own_files.write_file(path, data, PoseError)


def _remove(path: Path) -> None:
    own_files.remove_file(path, PoseError)
