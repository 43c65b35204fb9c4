# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion capture files: BVH, the Biovision hierarchy, as data. No bpy.

A file holds a skeleton (joints with offsets and channels) and, for each frame, one number a channel. The format was never written
down by its makers; what is read here is what M. Meredith and S. Maddock, Motion Capture File Formats Explained (University of
Sheffield, CS-01-11), describe, and what common programs write: channels in any order and number, tabs or blanks, braces anywhere,
several roots.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .normalised import PoseError

Array = NDArray[np.float64]

LARGEST_FILE = 64_000_000
"""Bytes: more than an hour of a detailed skeleton. A larger file is refused before it fills the memory."""
_MOST_JOINTS = 1000
_LARGEST_NUMBER = 1e7
_LINES_AT_ONCE = 500

_AXES = {"x": 0, "y": 1, "z": 2}
_HINT = "export it again as BVH"


class BvhError(PoseError):
    """A BVH file that cannot be used. Its text is one sentence that a person can act on."""


@dataclass(frozen=True)
class BvhJoint:
    """A joint of the file: its ``parent`` by number (−1 for a root), its offset (3,) from there, and its channels as (is
    rotation, axis 0 … 2). ``end`` (3,) is where its bone ends, from the joint, if the file says it."""

    name: str
    parent: int
    offset: Array
    channels: tuple[tuple[bool, int], ...]
    end: Array | None = None


@dataclass
class _Draft:
    """A joint of which not all lines have been read."""

    name: str
    parent: int
    offset: Array = field(default_factory=lambda: np.zeros(3))
    channels: tuple[tuple[bool, int], ...] = ()
    end: Array | None = None


@dataclass(frozen=True)
class Take:
    """A skeleton and its motion. ``values`` (frames, channels): degrees and the file's own lengths."""

    joints: tuple[BvhJoint, ...]
    values: Array
    frame_time: float
    source: str = "The BVH file"

    @property
    def frames(self) -> int:
        return len(self.values)

    def frame_index(self, frame: int) -> int:
        """The row of a frame as people count it, from 1. Raises BvhError for one that there is not."""
        if not 1 <= frame <= self.frames:
            raise BvhError(f"{self.source} has no frame {frame}: choose one from 1 to {self.frames}.")
        return frame - 1

    def rest_places(self) -> Array:
        """(joints, 3) of the joints with all channels at zero, in the file's lengths and axes."""
        _, places = self.posed(np.zeros((1, self.values.shape[1])), at_rest=True)
        rest: Array = places[0]
        return rest

    def posed(self, values: Array, at_rest: bool = False) -> tuple[Array, Array]:
        """World rotations (frames, joints, 3, 3) and places (frames, joints, 3) for rows of channels. ``at_rest``: joints whose
        channels move them are at their offsets all the same."""
        count = len(values)
        turns, places = np.empty((count, len(self.joints), 3, 3)), np.empty((count, len(self.joints), 3))
        column = 0
        for index, joint in enumerate(self.joints):
            local, place = np.broadcast_to(np.eye(3), (count, 3, 3)), np.broadcast_to(joint.offset, (count, 3)).copy()
            for is_rotation, axis in joint.channels:
                if is_rotation:
                    local = local @ _about(axis, np.radians(values[:, column]))
                elif not at_rest:
                    place[:, axis] = values[:, column]  # a channel says where a joint is, not how far from its offset
                column += 1
            if joint.parent < 0:
                turns[:, index], places[:, index] = local, place
            else:
                above = turns[:, joint.parent]
                turns[:, index] = above @ local
                places[:, index] = places[:, joint.parent] + np.einsum("nij,nj->ni", above, place)
        return turns, places


def read_bvh(path: Path) -> Take:
    """Read a file. Raises BvhError."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BvhError(f"{path.name} has more than {LARGEST_FILE // 1_000_000} MB: cut the take into shorter ones.")
        data = path.read_bytes()
    except OSError as error:
        raise BvhError(f"The BVH file {path} cannot be read: {error.strerror or error}.") from error
    if b"\0" in data:
        raise BvhError(f"{path.name} is not a text file; choose a BVH file.")
    # Joint names are all that can hold other letters than ASCII, and old programs wrote them in the code page of their country.
    return loads(data.decode("utf-8-sig", "replace"), path.name)


def loads(text: str, source: str = "The BVH file") -> Take:
    """Read the text of a file; ``source`` begins the error sentences. Raises BvhError."""
    motion = re.search(r"^\s*MOTION\s*$", text, re.MULTILINE | re.IGNORECASE)
    if not re.match(r"\s*HIERARCHY\b", text, re.IGNORECASE):
        raise BvhError(f"{source} is not a BVH file: it should begin with HIERARCHY.")
    if motion is None:
        raise BvhError(f"{source} has no MOTION: it is cut off, or holds a skeleton alone; {_HINT} with its motion.")
    joints = _skeleton(_words(text[: motion.start()]), source)
    return Take(joints, *_motion(text[motion.end() :].splitlines(), joints, source), source)


def _words(text: str) -> Iterator[list[str]]:
    """Lines as words, braces on lines of their own."""
    for line in text.replace("{", "\n{\n").replace("}", "\n}\n").splitlines()[1:]:
        if words := line.split():
            yield words


def _skeleton(lines: Iterator[list[str]], source: str) -> tuple[BvhJoint, ...]:
    joints: list[_Draft] = []
    opened: list[tuple[bool, int]] = []  # (is an end site, the joint that it belongs to) for each open brace
    named = (False, -1)  # what the next brace belongs to
    for words in lines:
        kind = words[0].upper()
        if kind in ("ROOT", "JOINT"):
            if len(joints) >= _MOST_JOINTS:
                raise BvhError(f"{source} has more than {_MOST_JOINTS} joints: it is no skeleton of a person.")
            joints.append(_Draft(" ".join(words[1:]), opened[-1][1] if opened else -1))
            named = (False, len(joints) - 1)
        elif kind == "END":
            named = (True, opened[-1][1] if opened else -1)
        elif kind == "{" and joints:
            opened.append(named)
        elif kind == "}":
            if not opened:
                raise BvhError(f"{source} closes more braces than it opens: {_HINT}.")
            opened.pop()
        elif kind == "OFFSET" and opened:
            is_end, index = opened[-1]
            offset = np.array(_numbers(words[1:], 3, f"{source}: the OFFSET of {joints[index].name or 'a joint'}"))
            setattr(joints[index], "end" if is_end else "offset", offset)
        elif kind == "CHANNELS" and opened:
            joints[opened[-1][1]].channels = _channels(words[1:], joints[opened[-1][1]].name, source)
        else:
            raise BvhError(f"{source} has a line in its skeleton that cannot be understood: '{' '.join(words)[:60]}'.")
    if opened:
        raise BvhError(f"{source} is cut off: braces of its skeleton are not closed; {_HINT}.")
    if not joints:
        raise BvhError(f"{source} has no ROOT: it holds no skeleton.")
    return tuple(BvhJoint(draft.name, draft.parent, draft.offset, draft.channels, draft.end) for draft in joints)


def _channels(words: Sequence[str], joint: str, source: str) -> tuple[tuple[bool, int], ...]:
    names = words[1:]
    found = []
    for name in names:
        match = re.fullmatch(r"([xyz])(position|rotation)", name.lower())
        if match is None:
            raise BvhError(f"{source}: {joint} has the unknown channel '{name}'; channels are called like Xposition.")
        found.append((match[2] == "rotation", _AXES[match[1]]))
    if not words or words[0] != str(len(names)):
        raise BvhError(f"{source}: {joint} says it has {words[0] if words else 'no'} channels, but names {len(names)}.")
    return tuple(found)


def _motion(lines: Sequence[str], joints: Sequence[BvhJoint], source: str) -> tuple[Array, float]:
    """The channels of all frames, and the seconds from one to the next."""
    filled = [line for line in lines if line.strip()]
    first, second = [*filled, "", ""][:2]
    frames = _header(first, r"frames\s*:", f"{source} does not say how many frames it has", source)
    time = _header(second, r"frame\s+time\s*:", f"{source} does not say how long a frame is", source)
    width = sum(len(joint.channels) for joint in joints)
    if frames < 1 or frames != int(frames):
        raise BvhError(f"{source} has no frames: {_HINT} with its motion.")
    if not time > 0.0:
        raise BvhError(f"{source} says that a frame takes {time:g} seconds: {_HINT}.")
    if width < 1:
        raise BvhError(f"{source} has a skeleton without channels: nothing of it moves.")
    parts = []
    for start in range(2, len(filled), _LINES_AT_ONCE):
        words = " ".join(filled[start : start + _LINES_AT_ONCE]).split()
        try:
            parts.append(np.array(words, dtype=np.float64))
        except ValueError:
            wrong = next(word for word in words if not _is_number(word))
            raise BvhError(f"{source} has something other than a number in its motion: '{wrong[:40]}'.") from None
    values = np.concatenate(parts) if parts else np.empty(0)
    wanted = int(frames) * width
    if len(values) < wanted and len(values) % width == 0:
        raise BvhError(f"{source} is cut off: it says {int(frames)} frames, but holds {len(values) // width}; {_HINT}.")
    if len(values) != wanted:
        raise BvhError(
            f"{source} has {len(values)} numbers in its motion, not {int(frames)} frames of {width} channels: {_HINT}."
        )
    if not np.isfinite(values).all() or float(np.abs(values).max()) > _LARGEST_NUMBER:
        raise BvhError(f"{source} has a number in its motion that is not finite, or far too large: {_HINT}.")
    return values.reshape(int(frames), width), float(time)


def _header(line: str, title: str, missing: str, source: str) -> float:
    match = re.match(r"\s*" + title, line, re.IGNORECASE)
    if match is None:
        raise BvhError(f"{missing}: it is cut off after MOTION; {_HINT}.")
    return _numbers(line[match.end() :].split(), 1, f"{source}: what follows '{match[0].strip()}'")[0]


def _numbers(words: Sequence[str], count: int, what: str) -> list[float]:
    if len(words) != count or not all(map(_is_number, words)):
        raise BvhError(f"{what} should be {count} number{'s' if count > 1 else ''}.")
    numbers = [float(word) for word in words]
    if not all(abs(number) < _LARGEST_NUMBER for number in numbers):  # also refuses NaN
        raise BvhError(f"{what} holds a number that is not finite or far too large.")
    return numbers


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _about(axis: int, angles: Array) -> Array:
    """(n, 3, 3): rotations about one of the file's axes."""
    turn = np.zeros((len(angles), 3, 3))
    one, two = (axis + 1) % 3, (axis + 2) % 3
    cosine, sine = np.cos(angles), np.sin(angles)
    turn[:, axis, axis] = 1.0
    turn[:, one, one] = turn[:, two, two] = cosine
    turn[:, one, two], turn[:, two, one] = -sine, sine
    return turn
