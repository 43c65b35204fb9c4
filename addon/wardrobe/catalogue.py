# SPDX-License-Identifier: GPL-3.0-or-later
"""The styles that there are to choose from: those that ship with the extension, and the user's own. No bpy.

A style is a TOML file in ``rigs/wardrobe`` or in the user's folder:

    title, slot, shape, tag   what it is called, where it is worn (``piece.SLOTS``), what makes its mesh (``piece.SHAPES``), and
                              what prompts call it; further tags follow after commas
    [colours]                 part → colour; the first part names the piece in a prompt
    without, occasions,       what chance goes by (see ``piece.Style``); may be left out
    gender

All else is for the shape to understand.
"""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...generation_server.protocol import user_data_dir
from ..armature.skin.body_file import GENDERS
from ..package import RIGS
from ..pose.own_files import write_file
from .colours import FILE as COLOURS_FILE
from .colours import Palette, read_palette
from .piece import SHAPES, SLOTS, Style, WardrobeError

SUFFIX = ".toml"
EXAMPLES = "examples"
"""In the user's folder: what is in here is not worn."""
_KNOWN = ("title", "slot", "shape", "tag", "colours", "without", "occasions", "gender")


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The styles that can be used, sorted by title, the named colours, and a sentence for each file that cannot be used."""

    styles: Mapping[str, Style]
    palette: Palette
    problems: tuple[str, ...] = ()

    def style(self, key: str) -> Style:
        """The style of this name. Raises WardrobeError, which tells of names that are near."""
        if key not in self.styles:
            near = difflib.get_close_matches(key, self.styles, 3, 0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else "choose one from the menu."
            raise WardrobeError(f"There is no style '{key}' in the wardrobe: {hint}")
        return self.styles[key]

    def in_slot(self, slot: str) -> list[Style]:
        """What can be worn there."""
        return [style for style in self.styles.values() if style.slot == slot]


def own_folder() -> Path:
    """Where the user's own styles, colours and outfits lie."""
    return user_data_dir() / "wardrobe"


def write_examples() -> Path:
    """Put copies of the program's styles beside the user's own, to be changed and moved up into that folder. Returns the folder
    of the user's own. Raises WardrobeError."""
    for path in sorted((RIGS / "wardrobe").glob(f"*{SUFFIX}")):
        write_file(own_folder() / EXAMPLES / path.name, path.read_bytes(), WardrobeError)
    return own_folder()


def wardrobe_folders() -> tuple[Path, ...]:
    """Where the wardrobe is looked for. A file of the user's that has the name of one of the program's takes its place."""
    return (own_folder(), RIGS / "wardrobe")


def style_files() -> dict[str, Path]:
    """File stem → file of every style, sorted by name."""
    found: dict[str, Path] = {}
    for folder in reversed(wardrobe_folders()):
        if folder.is_dir():
            found.update((path.stem, path) for path in folder.glob(f"*{SUFFIX}") if path.name != COLOURS_FILE)
    return dict(sorted(found.items()))


def read_catalogue() -> Catalogue:
    """All that there is to wear. A file that is broken does not hide the others. Read anew only where a file has changed."""
    colours = [folder / COLOURS_FILE for folder in reversed(wardrobe_folders()) if (folder / COLOURS_FILE).is_file()]
    return _catalogue(_stamped(colours), _stamped(style_files().values()), own_folder())


@functools.cache
def shipped_catalogue() -> Catalogue:
    """What ships with the program, whatever else a user has: for what must be the same on every machine. Read once."""
    folder = RIGS / "wardrobe"
    styles = sorted(path for path in folder.glob(f"*{SUFFIX}") if path.name != COLOURS_FILE)
    return _catalogue(_stamped([folder / COLOURS_FILE]), _stamped(styles), own_folder())


def read_style(path: Path, palette: Palette, own: bool = False) -> Style:
    """One file of the wardrobe. Raises WardrobeError."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors on Windows may begin files with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise WardrobeError(f"The style file {path} cannot be read ({error}): check the path.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise WardrobeError(f"The style file {path} is not valid TOML ({error}).") from error
    title, slot, shape, tag = (_text(data, name, path) for name in ("title", "slot", "shape", "tag"))
    if slot not in SLOTS:
        raise WardrobeError(f"{path.name}: slot must be one of {', '.join(SLOTS)}, not '{slot}'.")
    if shape not in SHAPES:
        raise WardrobeError(f"{path.name}: shape must be one of {', '.join(SHAPES)}, not '{shape}'.")
    if slot not in SHAPES[shape]:
        raise WardrobeError(f"{path.name}: the slot of the shape '{shape}' must be {' or '.join(SHAPES[shape])}, not '{slot}'.")
    without, occasions = (_texts(data, name, path) for name in ("without", "occasions"))
    if not set(without) <= set(SLOTS):
        raise WardrobeError(f"{path.name}: without must name slots, which are {', '.join(SLOTS)}.")
    gender = data.get("gender", "any")
    if gender not in GENDERS:
        raise WardrobeError(f"{path.name}: gender must be one of {', '.join(GENDERS)}, not {gender!r}.")
    options = {name: value for name, value in data.items() if name not in _KNOWN}
    return Style(path.stem, title, slot, shape, tag, _colours(data, palette, path), options, own, without, occasions, gender)


Stamped = tuple[tuple[Path, int, int], ...]


def _stamped(paths: Iterable[Path]) -> Stamped:
    """Files with what changes when they do."""
    found = []
    for path in paths:
        try:
            state = path.stat()
        except OSError:  # gone since it was listed
            continue
        found.append((path, state.st_mtime_ns, state.st_size))
    return tuple(found)


@functools.lru_cache(maxsize=2)
def _catalogue(colours: Stamped, files: Stamped, own: Path) -> Catalogue:
    styles, problems = [], []
    palette = Palette({}, {})
    for count in range(1, len(colours) + 1):  # the program's come first
        try:
            palette = read_palette(path for path, *_ in colours[:count])
        except WardrobeError as error:
            problems.append(str(error))
    for path, *_ in files:
        try:
            styles.append(read_style(path, palette, path.parent == own))
        except WardrobeError as error:
            problems.append(str(error))
    styles.sort(key=lambda style: (style.own, style.title.casefold(), style.key))
    return Catalogue({style.key: style for style in styles}, palette, tuple(problems))


def _text(data: Mapping[str, Any], name: str, path: Path) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value.strip():
        raise WardrobeError(f'{path.name}: {name} must be given as a text, such as {name} = "…".')
    return value.strip()


def _texts(data: Mapping[str, Any], name: str, path: Path) -> tuple[str, ...]:
    value = data.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise WardrobeError(f"{path.name}: {name} must be a list of texts.")
    return tuple(value)


def _colours(data: Mapping[str, Any], palette: Palette, path: Path) -> dict[str, str]:
    value = data.get("colours")
    if not isinstance(value, dict) or not value or not all(isinstance(colour, str) for colour in value.values()):
        raise WardrobeError(f'{path.name}: [colours] must give at least one part its colour, such as main = "white".')
    for colour in value.values():
        try:
            palette.hex(colour)
        except WardrobeError as error:
            raise WardrobeError(f"{path.name}: {error}") from error
    return dict(value)
