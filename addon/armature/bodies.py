# SPDX-License-Identifier: GPL-3.0-or-later
"""The bodies that there are to choose from: those that ship with the extension, and the user's own. No bpy."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from ...generation_server.protocol import user_data_dir
from ..errors import UserError
from ..package import RIGS
from ..pieces import Pieces, at_once
from .skin.body_file import Body, BodyFileError, read_body
from .skin.inheritance import read_merged

SUFFIX = ".toml"


@dataclass(frozen=True)
class BodyEntry:
    """One body to choose. ``key`` is the name by which figures, files and the command line know it."""

    key: str
    title: str
    age: str
    path: Path
    own: bool  # in the user's folder, so that it can be renamed and deleted


@dataclass(frozen=True)
class Bodies:
    """The bodies that can be used, the program's first, and a sentence for each file that cannot."""

    entries: tuple[BodyEntry, ...] = ()
    problems: tuple[str, ...] = ()

    def entry(self, key: str) -> BodyEntry | None:
        """The body of this name, else of this title."""
        named = (entry for entry in self.entries if entry.key == key)
        titled = (entry for entry in self.entries if entry.title.casefold() == key.strip().casefold())
        return next(named, None) or next(titled, None)


def own_folder() -> Path:
    """Where the user's own bodies lie."""
    return user_data_dir() / "bodies"


def body_folders() -> tuple[Path, ...]:
    """Where bodies are looked for. One of the user's that has the name of one of the program's takes its place."""
    return (own_folder(), RIGS / "mannequins")


def body_files() -> dict[str, Path]:
    """File stem → file of every body, sorted by name."""
    found: dict[str, Path] = {}
    for folder in reversed(body_folders()):
        if folder.is_dir():
            found.update((path.stem, path) for path in folder.glob(f"*{SUFFIX}"))
    return dict(sorted(found.items()))


def read_bodies() -> Bodies:
    """Read all body files. One that is broken does not hide the others."""
    return at_once(reading_bodies())


def reading_bodies() -> Pieces[Bodies]:
    """The same, at most a file at a time."""
    entries, problems = [], []
    for key, path in body_files().items():
        yield
        try:
            read_merged(path)  # half of the work, whose result is kept
            yield
            body = read_body(path)
        except BodyFileError as error:
            problems.append(str(error))
            continue
        entries.append(BodyEntry(key, body.title, body.age, path, path.parent == own_folder()))
    entries.sort(key=lambda entry: (entry.own, entry.title.casefold() if entry.own else "", entry.key))
    return Bodies(tuple(entries), tuple(problems))


def load_body(name: str) -> tuple[BodyEntry, Body]:
    """A body by its name or its title. Raises UserError, with what is wrong in its file where it has one."""
    path = body_files().get(name)
    try:
        if path is not None:
            body = read_body(path)
            return BodyEntry(name, body.title, body.age, path, path.parent == own_folder()), body
        if (entry := read_bodies().entry(name)) is not None:
            return entry, read_body(entry.path)
    except BodyFileError as error:
        raise UserError(str(error)) from error
    known = list(body_files())
    near = difflib.get_close_matches(name, known, 3, 0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Known mannequins: {', '.join(known) or 'none'}."
    raise UserError(f"There is no mannequin '{name}'. {hint}")
