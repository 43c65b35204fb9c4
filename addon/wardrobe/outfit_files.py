# SPDX-License-Identifier: GPL-3.0-or-later
"""Outfits that are ready to wear: those that ship with the extension, and those that the user saved. No bpy."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..armature.skin.body_file import Gender
from ..pose import own_files
from .catalogue import Catalogue, wardrobe_folders
from .catalogue import own_folder as own_wardrobe
from .chance import random_outfit
from .outfit import Outfit, dumps, loads
from .piece import WardrobeError

SUFFIX = ".json"
NONE = "none"
RANDOM = "random:"


@dataclass(frozen=True, eq=False)
class Outfits:
    """Key → outfit, the program's first, and a sentence for each file that cannot be used."""

    entries: Mapping[str, Outfit]
    own: frozenset[str]
    problems: tuple[str, ...] = ()


def own_folder() -> Path:
    """Where the user's own outfits lie."""
    return own_wardrobe() / "outfits"


def outfit_files() -> dict[str, Path]:
    """File stem → file of every outfit, sorted by name. The user's take the place of the program's of the same name."""
    found: dict[str, Path] = {}
    for folder in reversed(wardrobe_folders()):
        if (folder / "outfits").is_dir():
            found.update((path.stem, path) for path in (folder / "outfits").glob(f"*{SUFFIX}"))
    return dict(sorted(found.items()))


def read_outfits() -> Outfits:
    """All ready outfits. A file that is broken does not hide the others."""
    entries, problems = {}, []
    files = outfit_files()
    own = frozenset(key for key, path in files.items() if path.parent == own_folder())
    for key in sorted(files, key=lambda key: (key in own, key)):
        try:
            entries[key] = _read(files[key])
        except WardrobeError as error:
            problems.append(str(error))
    return Outfits(entries, own, tuple(problems))


def named_outfit(name: str, catalogue: Catalogue, gender: Gender = "any") -> Outfit:
    """The outfit that a text means: the key or title of a ready one, ``random:SEED`` for a body of this
    ``gender``, or ``none``. Raises WardrobeError."""
    if name == NONE:
        return Outfit()
    if name.startswith(RANDOM):
        try:
            return random_outfit(int(name.removeprefix(RANDOM)), catalogue, gender=gender)
        except ValueError as error:
            raise WardrobeError(f"A random outfit needs a whole number, such as {RANDOM}7, not '{name}'.") from error
    files = outfit_files()
    if name in files:
        return _read(files[name])
    found = read_outfits()
    titled = (outfit for outfit in found.entries.values() if outfit.title.casefold() == name.strip().casefold())
    if (outfit := next(titled, None)) is not None:
        return outfit
    near = difflib.get_close_matches(name, files, 3, 0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Known outfits: {', '.join((*files, RANDOM + 'SEED', NONE))}."
    raise WardrobeError(f"There is no outfit '{name}'. {hint}")


def save_outfit(title: str, outfit: Outfit, *, replace_own: bool = False) -> str:
    """Save an outfit in the user's folder. Returns its key. Raises WardrobeError where the name is empty or taken (unless by an
    own outfit and ``replace_own``) and where the folder cannot be written."""
    key = own_files.key_for(title, "outfit", WardrobeError)
    if key == NONE:
        raise WardrobeError(f"An outfit cannot be called '{NONE}', which means that nothing is worn: choose another name.")
    taken = outfit_files().get(key)
    if taken is not None and not (replace_own and taken.parent == own_folder()):
        raise WardrobeError(f"There is already an outfit '{' '.join(title.split())}': choose another name.")
    text = dumps(replace(outfit, title=" ".join(title.split())))
    own_files.write_file(own_folder() / f"{key}{SUFFIX}", text.encode("utf-8"), WardrobeError)
    return key


def delete_outfit(key: str) -> None:
    """Delete an own outfit. Figures that wear it keep it. Raises WardrobeError."""
    own_files.remove_file(own_folder() / f"{key}{SUFFIX}", WardrobeError)


def _read(path: Path) -> Outfit:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WardrobeError(f"The outfit file {path} cannot be read ({error}): check the path.") from error
    outfit = loads(text, f"The outfit file {path.name}")
    return outfit if outfit.title else replace(outfit, title=path.stem.replace("_", " ").capitalize())
