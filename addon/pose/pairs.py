# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs: what two figures do together, as data (``rigs/pairs/*.json``). No bpy.

A file names a pose of the library for each of the two and says what is changed on it, where the second stands, and where their
hands meet. Directions and places are those of the first figure's root (x to its left, y back, z up), places in hip heights, half
of the one and half of the other, so that one file fits any two bodies.

    first, second  ``pose`` (a name of the library), ``mirrored``, ``hands`` (left, right: shapes of rigs/hands) and ``joints``
                   (rotations that take the place of the pose's own, as in pose files)
    place          x and y of the second figure
    turn           degrees by which it is turned to its left; at 180 they face each other
    gap            optional: metres to which the bodies are brought together from there, on the line between them; arms count
                   where ``whole`` is true
    looks          whether they look at each other's faces
    adults_only    whether a child's body is refused
    contacts       in this order: ``hand`` (as in "first.left") and what it meets: ``hand_of`` (another hand) ``at`` a place that
                   is counted from the middle between the two shoulders; or ``on`` a joint (as in "second.rightShoulder"), from
                   the direction ``side``. ``palm`` and ``fingers`` are where its palm and fingers point; the hand that it meets
                   has its palm the other way, its fingers along ``other_fingers``. With ``clasp`` the two hands close on each
                   other
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..package import RIGS
from .hands import hand_files
from .humanoid import JOINTS, SIDES
from .library import load_pose, pose_files
from .normalised import Pose, PoseError, Quaternion, checked_name, mirror

FORMAT = "pose_to_anime.pair"
VERSION = 1
GROUP = "pairs"

FIGURES = ("first", "second")
Vector = tuple[float, float, float]

_MAX_CHARACTERS = 200_000
_FARTHEST = 10.0
"""Hip heights."""


@dataclass(frozen=True)
class Part:
    """What one of the two does."""

    pose: str
    mirrored: bool
    hands: Mapping[str, str]
    joints: Mapping[str, Quaternion]

    def whole(self) -> Pose:
        """The pose with its changes. Raises PoseError where the library has lost it."""
        pose = load_pose(self.pose)
        pose = mirror(pose) if self.mirrored else pose
        return Pose(pose.name, {**pose.rotations, **self.joints}, pose.hips_translation, pose.contacts)


@dataclass(frozen=True)
class Meeting:
    """Where a hand comes to lie (see the top of this file). ``hand``, ``hand_of`` and ``on`` are (figure, side or joint)."""

    hand: tuple[str, str]
    hand_of: tuple[str, str] | None
    on: tuple[str, str] | None
    at: Vector | None
    side: Vector | None
    palm: Vector | None
    fingers: Vector | None
    other_fingers: Vector | None
    clasp: bool = False


@dataclass(frozen=True)
class Pair:
    """One pair. ``key`` is the name of its file."""

    key: str
    name: str
    tags: tuple[str, ...]
    first: Part
    second: Part
    place: tuple[float, float]
    turn: float
    gap: float | None
    whole: bool
    looks: bool
    adults_only: bool
    contacts: tuple[Meeting, ...]


def pair_files() -> dict[str, Path]:
    """Name → file of every pair, sorted by name."""
    return {path.stem: path for path in sorted((RIGS / "pairs").glob("*.json"))}


def load_pair(name: str) -> Pair:
    """A pair by its name. Raises PoseError."""
    files = pair_files()
    if name not in files:
        raise PoseError(f"There is no pair '{name}'. Known pairs: {', '.join(files) or 'none'}.")
    return read_pair(files[name])


def preview_path(name: str) -> Path:
    """Where the thumbnail of a pair lies."""
    return RIGS / "previews" / "pairs" / f"{name}.png"


def read_pair(path: Path) -> Pair:
    """Read and check any file of a pair. Raises PoseError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PoseError(f"{path.name} is not a text file; choose a file of a pair.") from error
    except OSError as error:
        raise PoseError(f"The pair {path} cannot be read: {error.strerror or error}.") from error
    if len(text) > _MAX_CHARACTERS:
        raise PoseError(f"{path.name} is far too long for a pair.")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PoseError(f"{path.name} is not JSON ({error}); choose a file of a pair.") from error
    return _Reader(path.name).pair(path.stem, data)


class _Reader:
    """Checks everything that a file says; every sentence begins with the file's name."""

    def __init__(self, source: str) -> None:
        self._source = source

    def _fail(self, what: str) -> PoseError:
        return PoseError(f"{self._source}: {what}")

    def pair(self, key: str, data: Any) -> Pair:
        name = checked_name(data, self._source, "a pair", FORMAT, VERSION, PoseError)
        tags = data.get("tags", [])
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise self._fail("the tags must be a list of words.")
        x, y = self._numbers(data.get("place"), 2, "'place'")
        (turn,) = self._numbers([data.get("turn")], 1, "'turn'")
        gap = None if data.get("gap") is None else self._numbers([data["gap"]], 1, "'gap'")[0]
        contacts = data.get("contacts", [])
        if not isinstance(contacts, list) or not all(isinstance(item, Mapping) for item in contacts):
            raise self._fail("the contacts must be a list of objects.")
        return Pair(
            key=key,
            name=name.strip(),
            tags=tuple(tags),
            first=self._part(data, "first"),
            second=self._part(data, "second"),
            place=(x, y),
            turn=math.radians(turn),
            gap=gap,
            whole=self._switch(data, "whole"),
            looks=self._switch(data, "looks"),
            adults_only=self._switch(data, "adults_only"),
            contacts=tuple(self._meeting(item) for item in contacts),
        )

    def _part(self, data: Mapping[str, Any], figure: str) -> Part:
        part = data.get(figure)
        if not isinstance(part, Mapping) or part.get("pose") not in pose_files():
            raise self._fail(f"'{figure}' must name a pose of the library.")
        hands = part.get("hands", {})
        if not isinstance(hands, Mapping) or not all(side in SIDES and shape in hand_files() for side, shape in hands.items()):
            raise self._fail(f"the hands of '{figure}' must be shapes for left and right.")
        joints = part.get("joints", {})
        if not isinstance(joints, Mapping) or any(joint not in JOINTS for joint in joints):
            raise self._fail(f"the joints of '{figure}' must have the names of the VRM humanoid.")
        rotations = {joint: self._rotation(joint, values) for joint, values in joints.items()}
        return Part(part["pose"], self._switch(part, "mirrored"), dict(hands), rotations)

    def _rotation(self, joint: str, values: Any) -> Quaternion:
        q = self._numbers(values, 4, f"the rotation of {joint}")
        length = math.hypot(*q)
        if length < 1e-6:
            raise self._fail(f"the rotation of {joint} is a quaternion of length zero.")
        return (q[0] / length, q[1] / length, q[2] / length, q[3] / length)

    def _meeting(self, item: Mapping[str, Any]) -> Meeting:
        hand = self._end(item, "hand", SIDES)
        hand_of, on = self._end(item, "hand_of", SIDES), self._end(item, "on", JOINTS)
        if hand is None or (hand_of is None) == (on is None):
            raise self._fail("a contact needs a 'hand', and either 'hand_of' or 'on'.")
        vectors = {key: self._vector(item, key) for key in ("at", "side", "palm", "fingers", "other_fingers")}
        if on is not None and vectors["side"] is None:
            raise self._fail("a contact 'on' a joint needs the 'side' from which it comes.")
        if hand_of is not None and vectors["at"] is None:
            raise self._fail("a contact of two hands needs the place 'at' which they meet.")
        clasp = self._switch(item, "clasp")
        if clasp and hand_of is None:
            raise self._fail("only two hands 'clasp': the contact needs a 'hand_of'.")
        return Meeting(hand, hand_of, on, **vectors, clasp=clasp)

    def _end(self, item: Mapping[str, Any], key: str, known: tuple[str, ...]) -> tuple[str, str] | None:
        value = item.get(key)
        if value is None:
            return None
        figure, _, what = value.partition(".") if isinstance(value, str) else ("", "", "")
        if figure not in FIGURES or what not in known:
            raise self._fail(f"'{key}' of a contact must be like \"first.{known[0]}\", not {value!r}.")
        return figure, what

    def _vector(self, item: Mapping[str, Any], key: str) -> Vector | None:
        if item.get(key) is None:
            return None
        x, y, z = self._numbers(item[key], 3, f"'{key}' of a contact")
        return (x, y, z)

    def _switch(self, data: Mapping[str, Any], key: str) -> bool:
        value = data.get(key, False)
        if not isinstance(value, bool):
            raise self._fail(f"'{key}' must be true or false.")
        return value

    def _numbers(self, values: Any, count: int, what: str) -> tuple[float, ...]:
        if not isinstance(values, list) or len(values) != count:
            raise self._fail(f"{what} needs {count} numbers.")
        if not all(isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < 1e6 for v in values):
            raise self._fail(f"{what} must be finite numbers.")
        if "turn" not in what and any(abs(v) > _FARTHEST for v in values):
            raise self._fail(f"{what} holds a number above {_FARTHEST:g}: it is not in hip heights.")
        return tuple(float(v) for v in values)
