# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies that say only what differs from another body: reads a file with its base, and the base's base, as one table."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any

from ...package import RIGS
from .proportions import PROPORTIONS, combined

MOST_BASES = 8
"""How long a line of bodies may be, each based on the next."""

MOST_BYTES = 1_000_000
"""No body file is larger: what is would only keep the reader busy."""

OWN_KEYS = ("title", "age")
"""What each file says itself and takes from no base."""


class BodyFileError(ValueError):
    """A body file that cannot be used; the text names the file and says what to change."""


def read_merged(path: Path) -> dict[str, Any]:
    """The tables of a body file, completed by those of its bases.

    A base is looked for beside the file, then among the program's own bodies. Tables are replaced key by key, brushes and
    smoothing by their ``note``; proportions multiply. Not to be changed: parts are kept for the next reader.

    Raises:
        BodyFileError: a file cannot be read, is no TOML, or its base is missing or leads back to itself.
    """
    line: list[tuple[Path, dict[str, Any]]] = []
    following: Path | None = path
    while following is not None:
        if any(following == seen for seen, _ in line):
            names = " → ".join([seen.stem for seen, _ in line] + [following.stem])
            raise BodyFileError(
                f"Body file {path.name}: its bases lead back to themselves ({names}); give one of them another base."
            )
        if len(line) == MOST_BASES:
            raise BodyFileError(
                f"Body file {path.name}: more than {MOST_BASES} bodies are based on one another; name a nearer base."
            )
        data = _read(following)
        line.append((following, data))
        following = _base(following, data)
    merged = line[-1][1]
    for each, data in reversed(line[:-1]):
        merged = _laid_over(merged, data, each.name)
    return merged


def _base(path: Path, data: dict[str, Any]) -> Path | None:
    name = data.get("base")
    if name is None:
        return None
    if not isinstance(name, str) or not name or "/" in name or "\\" in name:
        raise BodyFileError(f"Body file {path.name}: 'base' must be the name of another body in quotes, such as \"adult_woman\".")
    own = RIGS / "mannequins"
    for folder in (path.parent, own):
        found = folder / f"{name}.toml"
        # A body may be named as the one it changes: the user's "elder" can be based on the program's.
        if found.is_file() and not (found == path and folder != own):
            return found
    known = sorted({each.stem for folder in (path.parent, own) for each in folder.glob("*.toml")} - {path.stem})
    raise BodyFileError(f"Body file {path.name}: there is no body '{name}' to base it on; known are {', '.join(known)}.")


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BodyFileError(f"The body file {path.name} is too large: a body needs less than {MOST_BYTES // 1_000_000} MB.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BodyFileError(f"The body file {path} cannot be read ({error}): check the path.") from error
    return _parsed(text, path.name)


@functools.lru_cache(maxsize=24)
def _parsed(text: str, file: str) -> dict[str, Any]:
    """The tables of a text; not to be changed, as they are kept for the next reader."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BodyFileError(f"The body file {file} is not valid TOML: {error}.") from error
    except RecursionError as error:
        raise BodyFileError(f"The body file {file} is not valid TOML: its lists are nested too deeply.") from error


def _laid_over(base: dict[str, Any], data: dict[str, Any], file: str) -> dict[str, Any]:
    """The base's tables with what the file says in place of theirs."""
    if base.get("age") == "child" and data.get("age") == "adult":
        raise BodyFileError(f"Body file {file}: its base is a child's body, so 'age' must be \"child\" here too.")
    merged: dict[str, Any] = {key: value for key, value in base.items() if key not in OWN_KEYS}
    without = data.get("without", [])
    if not isinstance(without, list) or not all(isinstance(note, str) for note in without):
        raise BodyFileError(f"Body file {file}: 'without' must be a list of the notes of brushes and smoothing to leave out.")
    for key, value in data.items():
        if key in ("brushes", "smoothing"):
            merged[key] = _by_note(base.get(key, []), value, file)
        elif key == "proportions":
            merged[key] = _multiplied(base.get(key, {}), value, file)
        elif key not in ("base", "without") and isinstance(value, dict) and isinstance(base.get(key), dict):
            merged[key] = _replaced(base[key], value)
        elif key not in ("base", "without"):
            merged[key] = value
    notes = {each.get("note") for key in ("brushes", "smoothing") for each in merged.get(key, [])}
    for note in without:
        if note not in notes:
            raise BodyFileError(
                f"Body file {file}: 'without' names '{note}', but no brush or smoothing of its base has that note."
            )
    for key in ("brushes", "smoothing"):
        merged[key] = [each for each in merged.get(key, []) if each.get("note") not in without]
    return merged


def _replaced(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _replaced(base[key], value) if both else value
    return merged


def _by_note(base: list[dict[str, Any]], own: Any, file: str) -> list[dict[str, Any]]:
    """The base's strokes, those with the same note changed, the others added at the end."""
    if not isinstance(own, list) or not all(isinstance(each, dict) for each in own):
        raise BodyFileError(f"Body file {file}: brushes and smoothing must be lists of tables.")
    changes = {each.get("note"): each for each in own}
    merged = [{**each, **changes.pop(each.get("note"), {})} for each in base]
    return merged + [each for each in own if each.get("note") in changes]


def _multiplied(base: Any, own: Any, file: str) -> Any:
    if not isinstance(own, dict) or not isinstance(base, dict):
        return own
    for name, value in own.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or name not in PROPORTIONS:
            return own  # the reader says what is wrong with it
    product = combined(base, own)
    return {name: value for name, value in product.items() if name in base or name in own}
