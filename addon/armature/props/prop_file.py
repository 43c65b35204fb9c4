# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads props: things that figures hold or sit on, as data (``rigs/props/*.toml``, and files of the user's own). No bpy.

A file holds metres and degrees, in the prop's own axes: z up, its front towards −y, x to the left of someone who stands where it
stands and looks where it looks.

    title, order        what it is called, and its place among the others
    [[part]]            what it is made of; ``kind`` says what else a part has (see ``shapes``). Every part may have ``at`` (3),
                        ``turn`` (3 angles about x, y, z, in this order) and ``mirror`` ("x", "y" or "xy": copies across these)
    [grip]              how one hand holds it: ``hand`` (a shape of rigs/hands), ``at`` (the point that lies in the palm),
                        ``thumb`` (where the thumb's side of a right hand is), ``palm`` (where the palm looks), ``place`` (where
                        in the hand: 0 at the wrist, 1 at the knuckles), and, if not 0: ``tilt`` (degrees by which a handle lies
                        across the hand), ``shift`` (towards the thumb, as a share of the hand's length). A left hand mirrors it
                        at x. In [both], ``elbow`` may say where that elbow goes
    [both]              how two hands hold it: ``right`` and ``left``, tables like [grip] (without ``left`` it mirrors ``right``);
                        ``place`` (3) of the prop before the ``bone`` whose height it takes: x, y from the skin forward, z up;
                        ``turn`` (3 angles); ``worn`` true where the prop then goes with the bone, not with the right hand
    [seat]              how one sits on it: ``height`` of the seat, ``heights`` (lowest, highest) to which its legs can be made,
                        ``back`` and ``front`` (y of its edges), ``width``; ``rest`` true where there is something to lean against
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ....generation_server.protocol import user_data_dir
from ...errors import UserError
from ...package import RIGS
from ...pose import rotations as rot
from ...pose.hands import hand_files
from . import shapes

Vector = tuple[float, float, float]

_FARTHEST = 10.0
"""Metres. Nothing that a figure holds or sits on is larger; beyond it a file holds another unit."""
_MOST_VERTICES = 20_000


class PropError(UserError):
    """A prop that cannot be used. Its text is one sentence that a person can act on."""


@dataclass(frozen=True)
class Grip:
    """How a right hand takes hold of a prop, in the prop's axes and metres (see the top of this file)."""

    hand: str
    at: Vector
    thumb: Vector
    palm: Vector
    place: float = 0.85
    shift: float = 0.0
    tilt: float = 0.0
    elbow: Vector | None = None

    def mirrored(self) -> Grip:
        """The same for the left hand."""
        at, thumb, palm = (_mirrored(vector) for vector in (self.at, self.thumb, self.palm))
        elbow = None if self.elbow is None else _mirrored(self.elbow)
        return replace(self, at=at, thumb=thumb, palm=palm, elbow=elbow)


@dataclass(frozen=True)
class TwoHands:
    """How two hands hold a prop; ``left`` is meant for a left hand. The prop is put before the body: ``place`` in metres of an
    adult (to the left, back from the skin, up from the bone's head), turned by ``turn`` (degrees)."""

    right: Grip
    left: Grip
    bone: str
    place: Vector
    turn: Vector
    worn: bool


@dataclass(frozen=True)
class Seat:
    """Where a figure sits on a prop: metres in the prop's axes."""

    height: float
    heights: tuple[float, float]
    back: float
    front: float
    width: float
    rest: bool = False


@dataclass(frozen=True)
class Prop:
    """One prop: its name (that of its file), its parts, and what can be done with it."""

    name: str
    title: str
    order: float
    parts: tuple[Mapping[str, Any], ...]
    grip: Grip | None = None
    both: TwoHands | None = None
    seat: Seat | None = None

    def shape(self) -> shapes.Shape:
        """All parts together. Raises PropError."""
        return _shape(self.name, self.parts)


def prop_folders() -> tuple[Path, ...]:
    """Where props are looked for. The user's own come first: one of a shipped name takes its place."""
    return (user_data_dir() / "props", RIGS / "props")


def prop_files() -> dict[str, Path]:
    """Name → file of every prop."""
    found: dict[str, Path] = {}
    for folder in reversed(prop_folders()):
        if folder.is_dir():
            found.update((path.stem, path) for path in folder.glob("*.toml"))
    return dict(sorted(found.items()))


def load_prop(name: str) -> Prop:
    """A prop by its name. Raises PropError."""
    files = prop_files()
    if name not in files:
        raise PropError(f"There is no prop '{name}'. Known props: {', '.join(files) or 'none'}.")
    return read_prop(files[name])


def read_prop(path: Path) -> Prop:
    """Read and check any file of a prop. Raises PropError."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise PropError(f"The prop {path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise PropError(f"{path.name} is not a text file: choose a file of a prop.") from error
    return _checked(path.stem, text)


@cache
def _checked(name: str, text: str) -> Prop:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PropError(f"{name}.toml is not valid TOML: {error}.") from error
    return _Reader(f"{name}.toml").prop(name, data)


def _shape(name: str, parts: tuple[Mapping[str, Any], ...]) -> shapes.Shape:
    try:
        return shapes.joined([shapes.build(part) for part in parts])
    except shapes.ShapeError as error:
        raise PropError(f"{name}.toml: {error}") from error


def _mirrored(vector: Vector) -> Vector:
    x, y, z = vector
    return (-x, y, z)


class _Reader:
    """Checks everything that a file says; ``_fail`` begins every sentence with the file's name."""

    def __init__(self, file: str) -> None:
        self._file = file

    def _fail(self, what: str) -> PropError:
        return PropError(f"{self._file}: {what}")

    def prop(self, name: str, data: dict[str, Any]) -> Prop:
        self._only(data, {"title", "order", "part", "grip", "both", "seat"}, "the file")
        title = data.get("title")
        if not isinstance(title, str) or not title.strip():
            raise self._fail("'title' is missing: give the prop a name in quotes.")
        parts = data.get("part")
        if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
            raise self._fail("it needs at least one [[part]].")
        grip, both, seat = self._grip(data, "grip"), self._both(data), self._seat(data)
        order = self._number(data, "order", 100.0, "the file")
        prop = Prop(name, title.strip(), order, tuple(parts), grip, both, seat)
        shape = prop.shape()
        if len(shape.vertices) > _MOST_VERTICES:
            raise self._fail(f"it has {len(shape.vertices)} vertices; {_MOST_VERTICES} is the most.")
        if float(np.abs(shape.vertices).max()) > _FARTHEST:
            raise self._fail(f"it reaches farther than {_FARTHEST:g} metres: sizes are in metres.")
        return prop

    def _both(self, data: dict[str, Any]) -> TwoHands | None:
        table = self._table(data, "both", {"right", "left", "bone", "place", "turn", "worn"})
        if table is None:
            return None
        right, left = self._grip(table, "right", "both.right"), self._grip(table, "left", "both.left")
        if right is None:
            raise self._fail("[both] needs a table [both.right].")
        bone = table.get("bone")
        if bone not in _CARRIERS:
            raise self._fail(f"'bone' of [both] must be one of {', '.join(_CARRIERS)}, not '{bone}'.")
        if not isinstance(table.get("worn", False), bool):
            raise self._fail("[both]: 'worn' must be true or false.")
        place = self._vector(table, "place", "both")
        turn = self._vector(table, "turn", "both") if "turn" in table else (0.0, 0.0, 0.0)
        return TwoHands(right, left or right.mirrored(), bone, place, turn, table.get("worn", False))

    def _grip(self, data: dict[str, Any], name: str, key: str = "grip") -> Grip | None:
        table = self._table(data, name, {"hand", "at", "thumb", "palm", "place", "shift", "tilt", "elbow"})
        if table is None:
            return None
        hand = table.get("hand")
        if hand not in hand_files():
            raise self._fail(f"[{key}] names the hand shape '{hand}'; known are {', '.join(hand_files())}.")
        thumb, palm = (self._direction(table, name, key) for name in ("thumb", "palm"))
        if abs(float(np.dot(thumb, palm))) > 0.01:
            raise self._fail(f"[{key}]: 'thumb' and 'palm' must be at right angles.")
        place, shift, tilt = (self._number(table, name, default, f"[{key}]") for name, default in _GRIP_DEFAULTS.items())
        elbow = self._vector(table, "elbow", key) if "elbow" in table else None
        return Grip(hand, self._vector(table, "at", key), thumb, palm, place, shift, tilt, elbow)

    def _seat(self, data: dict[str, Any]) -> Seat | None:
        table = self._table(data, "seat", {"height", "heights", "back", "front", "width", "rest"})
        if table is None:
            return None
        lowest, highest = self._numbers(table.get("heights"), 2, "'heights' of [seat]")
        height, back, front, width = (self._number(table, name, None, "[seat]") for name in ("height", "back", "front", "width"))
        if not 0 < lowest <= height <= highest:
            raise self._fail("[seat]: 'height' must be above 0 and between the two 'heights'.")
        if not (front < back and width > 0):
            raise self._fail("[seat]: 'front' must be less than 'back', and 'width' above 0.")
        if not isinstance(table.get("rest", False), bool):
            raise self._fail("[seat]: 'rest' must be true or false.")
        return Seat(height, (lowest, highest), back, front, width, table.get("rest", False))

    def _table(self, data: dict[str, Any], key: str, known: set[str]) -> dict[str, Any] | None:
        table = data.get(key)
        if table is None:
            return None
        if not isinstance(table, dict):
            raise self._fail(f"'{key}' must be a table.")
        self._only(table, known, f"[{key}]")
        return table

    def _only(self, data: dict[str, Any], known: set[str], where: str) -> None:
        if unknown := sorted(set(data) - known):
            raise self._fail(f"{where} has an unknown key '{unknown[0]}'; known are {', '.join(sorted(known))}.")

    def _number(self, data: dict[str, Any], key: str, default: float | None, where: str) -> float:
        value = data.get(key, default)
        if value is None:
            raise self._fail(f"'{key}' of {where} is missing: it needs a number.")
        return self._numbers([value], 1, f"'{key}' of {where}")[0]

    def _numbers(self, values: Any, count: int, what: str) -> tuple[float, ...]:
        try:
            return shapes.numbers(values, count, what)
        except shapes.ShapeError as error:
            raise self._fail(str(error)) from error

    def _vector(self, data: dict[str, Any], key: str, where: str) -> Vector:
        x, y, z = self._numbers(data.get(key), 3, f"'{key}' of [{where}]")
        return (x, y, z)

    def _direction(self, data: dict[str, Any], key: str, where: str) -> Vector:
        vector = self._vector(data, key, where)
        if math.hypot(*vector) < 1e-6:
            raise self._fail(f"'{key}' of [{where}] has no length: it is a direction.")
        x, y, z = (float(c) for c in rot.unit(vector))
        return (x, y, z)


_CARRIERS = ("hips", "spine", "chest", "upper_chest")
_GRIP_DEFAULTS = {"place": 0.85, "shift": 0.0, "tilt": 0.0}
