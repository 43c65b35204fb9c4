# SPDX-License-Identifier: GPL-3.0-or-later
"""The armature maps that there are: those that ship with the extension, and the user's own. No bpy.

One of the user's that is called as one of ours takes its place. Files are read anew when one has changed."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...generation_server.protocol import user_data_dir
from ..errors import UserError
from ..pose import own_files
from .joint_map import MAPPED, SUFFIX, ArmatureMap, read_armature_map, shipped_maps

MANNEQUIN = "mannequin"
_LOOK_AGAIN = 1.0  # seconds


@dataclass(frozen=True)
class Maps:
    """The maps that can be used, the user's first, and a sentence for each file that cannot. ``number`` tells one reading of
    the files from another."""

    entries: tuple[ArmatureMap, ...] = ()
    problems: tuple[str, ...] = ()
    number: int = 0

    def entry(self, key: str) -> ArmatureMap | None:
        return next((entry for entry in self.entries if entry.key == key), None)


_numbers = itertools.count(1)
_read: list[tuple[tuple[object, ...], float, Maps]] = []


def own_folder() -> Path:
    return user_data_dir() / "armature_maps"


def known_maps() -> Maps:
    """The maps that there are now; files are looked at once a second."""
    if _read and time.monotonic() - _read[0][1] < _LOOK_AGAIN:
        return _read[0][2]
    stamp = _stamp()
    found = _read[0][2] if _read and _read[0][0] == stamp else _read_all()
    _read[:] = [(stamp, time.monotonic(), found)]
    return found


def refresh() -> Maps:
    """Read all maps again."""
    _read.clear()
    return known_maps()


def save_map(title: str, joints: Mapping[str, str], *, replace_own: bool = False) -> str:
    """Save joint → bone as a map of the user's. Returns its key.

    Raises UserError where the name is empty or taken (unless by an own map and ``replace_own``), where two joints have one
    bone, and where the folder cannot be written; then nothing is changed."""
    key = own_files.key_for(title, "map", UserError)
    if len(set(joints.values())) != len(joints) or not joints:
        raise UserError("One bone is used for two joints: choose another one before you save the map.")
    path = own_folder() / f"{key}{SUFFIX}"
    if (shipped_maps() / path.name).exists() or (path.exists() and not replace_own):
        hint = ", or say that it should be replaced" if path.exists() else ""
        raise UserError(f"There is already a map '{title.strip()}': choose another name{hint}.")
    lines = [f"title = {_quoted(' '.join(title.split()))}", "", "[joints]"]
    lines += [f"{joint} = {_quoted(joints[joint])}" for joint in MAPPED if joint in joints]
    own_files.write_file(path, ("\n".join(lines) + "\n").encode("utf-8"), UserError)
    refresh()
    return key


def delete_map(key: str) -> None:
    """Delete a map of the user's. Raises UserError."""
    path = own_folder() / f"{key}{SUFFIX}"
    if not path.is_file():
        raise UserError(f"There is no map '{key}' of your own.")
    own_files.remove_file(path, UserError)
    refresh()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _stamp() -> tuple[object, ...]:
    try:
        with os.scandir(own_folder()) as files:
            own = sorted(
                (file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files if file.name.endswith(SUFFIX)
            )
    except OSError:
        own = []
    return (str(own_folder()), *own)


def _read_all() -> Maps:
    entries: dict[str, ArmatureMap] = {}
    problems = []
    for folder, own in ((own_folder(), True), (shipped_maps(), False)):
        for path in sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else ():
            try:
                entries.setdefault(path.stem, read_armature_map(path, own))
            except UserError as error:
                problems.append(str(error))
    return Maps(tuple(entries.values()), tuple(problems), next(_numbers))
