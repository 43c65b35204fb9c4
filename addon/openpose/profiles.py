# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeleton profiles: how a pose ControlNet was trained to see people. The numbers are in ``profiles.toml``."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType

FILE = Path(__file__).with_name("profiles.toml")


class ProfileError(ValueError):
    """An unknown profile, or a profile file that lacks something; the text says which and what to do."""


@dataclass(frozen=True)
class Strokes:
    """Pixels, ready to draw with. ``limb_semi_width`` is half the width of a limb at its middle; ``hand_line`` a whole width."""

    limb_semi_width: int
    joint_radius: int
    hand_line: int
    hand_radius: int
    face_radius: int


@dataclass(frozen=True)
class Smallest:
    """Pixels along its longer side below which a hand or a face is left out, for its dots would merge into a blot."""

    hand: float
    face: float


@dataclass(frozen=True)
class Profile:
    """One table of the file, which says what its lines mean."""

    name: str
    title: str
    scale: str
    limb_semi_width: int
    joint_radius: int
    hand_line: int
    hand_radius: int
    face_radius: int
    scale_hands_and_face: bool
    hands: bool
    face: bool
    smallest_hand: int
    smallest_face: int
    steps: tuple[int, ...] = ()

    def factor(self, width: int, height: int) -> float:
        """By how much strokes grow in a picture of this size, in pixels."""
        if self.scale == "relative":
            return min(width, height) / 512
        if self.scale == "steps":
            return float(1 + sum(max(width, height) >= step for step in self.steps))
        return 1.0

    def strokes(self, width: int, height: int) -> Strokes:
        """The strokes for a picture of ``width`` × ``height`` pixels, none thinner than one pixel."""
        factor = self.factor(width, height)

        def grown(number: int, grows: bool = True) -> int:
            return max(1, round(number * factor)) if grows else number

        return Strokes(
            limb_semi_width=grown(self.limb_semi_width),
            joint_radius=grown(self.joint_radius),
            hand_line=grown(self.hand_line, self.scale_hands_and_face),
            hand_radius=grown(self.hand_radius, self.scale_hands_and_face),
            face_radius=grown(self.face_radius, self.scale_hands_and_face),
        )

    def smallest(self, width: int, height: int) -> Smallest:
        """How large hands and faces must be in a picture of this size: more where their dots are larger."""
        factor = self.factor(width, height) if self.scale_hands_and_face else 1.0
        return Smallest(self.smallest_hand * factor, self.smallest_face * factor)


def read_profiles(path: Path = FILE) -> Mapping[str, Profile]:
    """All profiles of a TOML file by name, or ProfileError."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(f"The skeleton profiles in {path.name} cannot be read: {error}.") from error
    return MappingProxyType({name: _profile(name, table, path) for name, table in tables.items()})


@functools.cache
def profiles() -> Mapping[str, Profile]:
    """The profiles that come with the package, read once."""
    return read_profiles()


def profile(name: str) -> Profile:
    """One profile, or ProfileError naming those there are."""
    try:
        return profiles()[name]
    except KeyError:
        raise ProfileError(f"There is no skeleton profile '{name}': use one of {', '.join(profiles())}.") from None


def _profile(name: str, table: object, path: Path) -> Profile:
    if not isinstance(table, dict):
        raise ProfileError(f"'{name}' in {path.name} is not a skeleton profile: give it a table of its own, [{name}].")
    try:
        values = dict(table)
        values["steps"] = tuple(sorted(values.get("steps", ())))
        found = Profile(name=name, **values)
    except TypeError as error:
        raise ProfileError(f"The skeleton profile '{name}' in {path.name} lacks or misspells a setting: {error}.") from error
    if found.scale not in ("fixed", "relative", "steps"):
        raise ProfileError(f"The skeleton profile '{name}' in {path.name} needs the scale fixed, relative or steps.")
    for line in (*(field.name for field in fields(Strokes)), "smallest_hand", "smallest_face"):
        if type(value := getattr(found, line)) is not int or value < 1:
            raise ProfileError(f"The skeleton profile '{name}' in {path.name} needs a whole number above 0 for {line}.")
    for line in ("scale_hands_and_face", "hands", "face"):
        if type(getattr(found, line)) is not bool:
            raise ProfileError(f"The skeleton profile '{name}' in {path.name} needs true or false for {line}.")
    return found
