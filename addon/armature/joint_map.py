# SPDX-License-Identifier: GPL-3.0-or-later
"""Armature maps: files that say which deform bone of a rig is which joint of the humanoid. No bpy.

A line of ``[joints]`` gives a joint its bone, or a list of names that it has in different rigs of a family, the preferred one
first. A line without ``left`` or ``right`` in its key, as ``UpperArm``, is for both sides: ``*`` in its names stands for the
words of the side, which the table ``[sides]`` lists. ``Index = "*Index#"`` names the three bones of a finger: ``#`` is 1, 2, 3
from the hand outward. Small and capital letters, and full and half width, are the same. Beside the tables a file may have:

- ``title``: what people call the rig
- ``prefix``: a regular expression for what may stand before every name
- ``segments``: true where limbs consist of several bones in a row, of which the nearest to the trunk has the joint
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..package import RIGS
from ..pose.humanoid import EYES, FINGERS, JOINTS, SIDES, phalanges

JointMap = dict[str, str]
"""Humanoid joint → name of the deform bone."""

MAPPED: tuple[str, ...] = (*JOINTS, *EYES)
"""What a map may name."""

SUFFIX = ".toml"
_SIDE_WORDS: Mapping[str, list[str]] = {"left": ["left"], "right": ["right"]}
_KEYS = {"name", "title", "prefix", "segments", "sides", "joints"}


@dataclass(frozen=True)
class ArmatureMap:
    """A map file. ``names``: joint → the names that its bone may have, preferred first, ``*`` and ``#`` put in. ``own``: the
    user's, not one of ours."""

    key: str
    title: str
    names: Mapping[str, tuple[str, ...]]
    prefix: re.Pattern[str] | None = None
    segments: bool = False
    own: bool = False

    def candidates(self, bones: Iterable[str]) -> dict[str, list[str]]:
        """Joint → those of an armature's bones that have one of its names, in the order of the names."""
        by_name: dict[str, list[str]] = {}
        for bone in bones:
            plain = folded(bone)
            bare = {plain}
            if self.prefix is not None and (match := self.prefix.match(plain)):
                bare.add(plain[match.end() :])
            for name in bare:
                by_name.setdefault(name, []).append(bone)
        found = {}
        for joint, names in self.names.items():
            fitting = [bone for name in names for bone in by_name.get(folded(name), ())]
            if fitting:
                found[joint] = list(dict.fromkeys(fitting))
        return found


def folded(name: str) -> str:
    """A name without the difference of small and capital letters, of full and half width."""
    return unicodedata.normalize("NFKC", name).casefold()


@cache
def joint_map(name: str) -> JointMap:
    """The map called ``name`` (``rigs/armature_maps/NAME.toml``), each joint with its first name. Do not change what it returns:
    it is shared."""
    return read_joint_map(shipped_maps() / f"{name}{SUFFIX}")


def shipped_maps() -> Path:
    return RIGS / "armature_maps"


def read_joint_map(path: Path) -> JointMap:
    """Read and check a map file; each joint has the first of its names. Raises UserError."""
    found = read_armature_map(path)
    return {joint: names[0] for joint, names in found.names.items()}


def read_armature_map(path: Path, own: bool = False) -> ArmatureMap:
    """Read and check a map file. Raises UserError."""
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise UserError(f"The armature map {path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"The armature map {path.name} is not valid TOML: {error}.") from error
    if unknown := set(data) - _KEYS:
        raise UserError(f"The armature map {path.name} has a line '{min(unknown)}', which is not known: take it out.")
    names = _names(path.name, data)
    title = data.get("title", path.stem.replace("_", " ").capitalize())
    if not isinstance(title, str) or not isinstance(data.get("segments", False), bool):
        raise UserError(f"The armature map {path.name} needs a text as title, and true or false for segments.")
    return ArmatureMap(path.stem, title, names, _prefix(path.name, data), data.get("segments", False), own)


def _names(file: str, data: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    joints, sides = data.get("joints"), data.get("sides", _SIDE_WORDS)
    if not isinstance(sides, dict) or set(sides) != set(SIDES) or not all(_texts(words) for words in sides.values()):
        raise UserError(f'The armature map {file} needs a table [sides] with left = ["…"] and right = ["…"].')
    if not isinstance(joints, dict) or not all(_texts(names) for names in joints.values()):
        raise UserError(f'The armature map {file} needs a table [joints] of lines like hips = "bone".')
    found: dict[str, list[str]] = {}
    for key, names in joints.items():
        lines = list(_lines(key, _texts(names), sides))
        if not lines:
            raise UserError(f"The armature map {file} names the unknown joint '{key}'.")
        for joint, name in lines:
            found.setdefault(joint, []).append(name)
    firsts = [folded(names[0]) for names in found.values()]
    if len(set(firsts)) != len(firsts):
        raise UserError(f"The armature map {file} uses one bone for two joints.")
    return {joint: tuple(dict.fromkeys(found[joint])) for joint in MAPPED if joint in found}


def _texts(value: object) -> list[str]:
    """A text or a list of texts as a list; empty where it is neither."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str) and each] if all(isinstance(v, str) and v for v in values) else []


def _lines(key: str, names: list[str], sides: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The joints and names that a line stands for; none where its key is no joint."""
    for name in names:
        if key in MAPPED:
            yield key, name
            continue
        for side in SIDES:
            parts = [(phalanx, str(number)) for number, phalanx in enumerate(phalanges(key), 1)] if key in FINGERS else [("", "")]
            for phalanx, number in parts:
                if side + key + phalanx in MAPPED:
                    for word in _texts(sides[side]):
                        yield side + key + phalanx, name.replace("*", word).replace("#", number)


def _prefix(file: str, data: Mapping[str, Any]) -> re.Pattern[str] | None:
    if (text := data.get("prefix", "")) == "":
        return None
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, TypeError) as error:
        raise UserError(f"The armature map {file} has a prefix that is no regular expression: {error}.") from error
