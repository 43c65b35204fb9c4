# SPDX-License-Identifier: GPL-3.0-or-later
"""The library as artists see it: every pose with its title, group, tags and thumbnail; searched and filtered. No bpy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..package import RIGS
from ..pieces import Pieces, at_once
from .library import load_pose, pose_files, pose_folders
from .normalised import GROUPS, PoseError

ALL, FAVOURITES, OWN = "ALL", "FAVOURITES", "OWN"
"""Filters beside the groups."""


@dataclass(frozen=True)
class Entry:
    """One pose of the library. ``key`` is what ``load_pose`` takes."""

    key: str
    title: str
    group: str
    tags: tuple[str, ...]
    path: Path
    own: bool  # in the user's folder, so that it can be renamed and deleted

    @property
    def preview_path(self) -> Path:
        """Where its thumbnail lies, when it has one."""
        return (own_folder() / "previews" if self.own else shipped_previews()) / f"{self.key}.png"


@dataclass(frozen=True)
class Collection:
    """The poses that can be used, by group and title, and a sentence for each file that cannot."""

    entries: tuple[Entry, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def groups(self) -> list[str]:
        """Groups that hold a pose: first ours, in their order, then the user's own by name."""
        found = {entry.group for entry in self.entries} - {""}
        return [group for group in GROUPS if group in found] + sorted(found - set(GROUPS))

    def entry(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)


def own_folder() -> Path:
    return pose_folders()[0]


def shipped_previews() -> Path:
    return RIGS / "previews" / "poses"


def read_collection() -> Collection:
    """Read all pose files. One that is broken does not hide the others."""
    return at_once(reading_collection())


def reading_collection() -> Pieces[Collection]:
    """The same, a file at a time."""
    entries, problems = [], []
    for key, path in pose_files().items():
        yield
        try:
            pose = load_pose(path)
        except PoseError as error:
            problems.append(str(error))
            continue
        group = pose.group or next((tag for tag in pose.tags if tag in GROUPS), "")
        entries.append(Entry(key, title_of(pose.name), group, pose.tags, path, path.parent == own_folder()))
    entries.sort(key=lambda entry: (_rank(entry.group), entry.group, entry.title.casefold(), entry.key))
    return Collection(tuple(entries), tuple(problems))


def title_of(name: str) -> str:
    """A pose's name as people write it: ``running_sprint`` is a name for files."""
    return name if " " in name or "_" not in name else name.replace("_", " ").capitalize()


def filtered(entries: Iterable[Entry], group: str = ALL, words: str = "", favourites: Sequence[str] = ()) -> list[Entry]:
    """The entries of a group (or of ``ALL``, ``FAVOURITES``, ``OWN``) in which every one of ``words`` occurs: in the title, the
    group or a tag."""
    wanted = words.casefold().split()
    found = []
    for entry in entries:
        if group == FAVOURITES and entry.key not in favourites:
            continue
        if group == OWN and not entry.own:
            continue
        if group not in (ALL, FAVOURITES, OWN) and entry.group != group:
            continue
        text = " ".join((entry.title, entry.group, entry.key, *entry.tags)).casefold()
        if all(word in text for word in wanted):
            found.append(entry)
    return found


def _rank(group: str) -> int:
    return GROUPS.index(group) if group in GROUPS else len(GROUPS) + (not group)
