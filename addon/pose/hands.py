# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand shapes: what the fingers do, whatever the arm does. The shapes that ship with the extension, and shapes from numbers.

A shape is fifteen rotations of the normalised humanoid (see ``normalised``), kept without the side in their names. Files hold the
left hand, either as quaternions or, as an artist counts, as three angles in degrees:

    fingers  [flexion, spread, twist]      flexion toward the palm; spread of the plane in which the finger bends, positive toward
                                           the little finger; twist along the finger
    thumb    [flexion, opposition, twist]  flexion across the palm; opposition about the hand's long axis, positive from beside
                                           the index finger to in front of the palm; twist that turns the nail away from the palm
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..package import RIGS
from . import rotations as rot
from .humanoid import FINGERS, SIDES, phalanges
from .normalised import PoseError, Quaternion, checked_name

FORMAT = "pose_to_anime.hand"
VERSION = 1
"""Raised when an older program could no longer read the file rightly."""

GROUPS = ("basic", "gesture", "grip")

JOINTS: tuple[str, ...] = tuple(finger + phalanx for finger in FINGERS for phalanx in phalanges(finger))
"""The joints of a hand without their side: ``ThumbMetacarpal`` … ``LittleDistal``."""

_DIRECTIONS = {
    "Thumb": (0.80, -0.48, -0.36),
    "Index": (1.0, 0.01, 0.0),
    "Middle": (0.996, 0.09, 0.0),
    "Ring": (0.986, 0.165, 0.0),
    "Little": (0.971, 0.24, 0.0),
}
"""Where each finger of the left hand points in the T-pose (x to the fingertips, y to the little finger, z to the back of the
hand), of our own bodies. Only the axes of bending depend on it, by the few degrees in which hands differ."""

_CLOSED = {"Proximal": 85.0, "Intermediate": 105.0, "Distal": 48.0}
_CLOSED_SPREAD = {"Index": 2.0, "Middle": -5.0, "Ring": -12.0, "Little": -19.0}
_CLOSED_THUMB = {"Metacarpal": (12.0, 45.0, 25.0), "Proximal": (30.0, 0.0, 0.0), "Distal": (55.0, 0.0, 0.0)}
"""The fist, in degrees: what a curl of 1 closes to. The spread makes the fingers' planes meet at the wrist, as tendons do."""
_WIDEST_SPREAD = {"Thumb": -18.0, "Index": -16.0, "Middle": 0.0, "Ring": 13.0, "Little": 20.0}
"""Degrees by which a spread of 1 turns each finger; the thumb away from the palm's edge."""

_MAX_DEGREES = 180.0
_NONSENSE = 1e6
"""No angle and no part of a quaternion is as large. NaN is not below it either."""
_MAX_CHARACTERS = 100_000


class HandError(PoseError):
    """A hand shape that cannot be used. Its text is one sentence that a person can act on."""


@dataclass(frozen=True)
class HandShape:
    """What the fingers of one hand do. Joints that ``rotations`` does not name are straight, as in the T-pose.

    ``rotations``: joint without side (``JOINTS``) → unit quaternion in the axes of the hand ``side`` ("left" or "right")."""

    name: str
    rotations: Mapping[str, Quaternion]
    side: str = "left"
    group: str = ""

    def rotation(self, joint: str) -> Quaternion:
        return self.rotations.get(joint, rot.IDENTITY)

    def for_side(self, side: str) -> HandShape:
        """The shape on the hand ``"left"`` or ``"right"``: itself, or its mirror image."""
        if side not in SIDES:
            raise HandError(f"A hand is left or right, not '{side}'.")
        return self if side == self.side else mirror(self)


def mirror(shape: HandShape) -> HandShape:
    """The same shape on the other hand. Twice is the identity."""
    return replace(
        shape,
        side="right" if shape.side == "left" else "left",
        # An axis of rotation is a pseudovector: its part along the mirrored axis stays, the rest changes sign.
        rotations={joint: (q[0], q[1], -q[2], -q[3]) for joint, q in shape.rotations.items()},
    )


def blend(a: HandShape, b: HandShape, factor: float) -> HandShape:
    """From shape a (factor 0) to shape b (factor 1), on the hand of a. Raises HandError for a factor beyond."""
    if not 0 <= factor <= 1:  # also refuses NaN
        raise HandError(f"The blend factor must be between 0 and 1, not {factor!r}.")
    b = b.for_side(a.side)
    if factor == 0:
        return a
    if factor == 1:
        return b
    rotations = {joint: _quaternion(rot.slerp(a.rotation(joint), b.rotation(joint), factor)) for joint in JOINTS}
    nearer = a if factor < 0.5 else b
    return HandShape(nearer.name, rotations, a.side, nearer.group)


def adjusted(shape: HandShape, spread: float = 0.0, grasp: float = 0.0, curls: Mapping[str, float] | None = None) -> HandShape:
    """A shape opened, closed and spread from where it is. All numbers are from −1 to 1, and 0 leaves things as they are.

    ``grasp`` closes all fingers and the thumb toward the fist, or opens them toward the straight hand; ``curls`` does so for
    each of ``FINGERS`` on top of it; ``spread`` fans them out, or draws them together. Raises HandError."""
    curls = dict(curls or {})
    if unknown := [finger for finger in curls if finger not in FINGERS]:
        raise HandError(f"There is no finger '{unknown[0]}'; fingers are {', '.join(FINGERS)}.")
    if not all(-1 <= value <= 1 for value in (spread, grasp, *curls.values())):  # also refuses NaN
        raise HandError("Spread, grasp and curl must be between -1 and 1.")
    left = shape.for_side("left")
    closed = closed_hand()
    rotations: dict[str, Quaternion] = {}
    for finger in FINGERS:
        amount = min(max(grasp + curls.get(finger, 0.0), -1.0), 1.0)
        for phalanx in phalanges(finger):
            joint = finger + phalanx
            goal = closed.rotation(joint) if amount > 0 else rot.IDENTITY
            q = rot.slerp(left.rotation(joint), goal, abs(amount)) if amount else np.array(left.rotation(joint))
            if spread and phalanx == phalanges(finger)[0]:
                fan = rot.about_axis((0.0, 0.0, 1.0), math.radians(_WIDEST_SPREAD[finger] * spread))
                q = rot.multiply(rot.quaternion_from_matrix(fan), q)
            rotations[joint] = _quaternion(q)
    return replace(left, rotations=rotations).for_side(shape.side)


def straight_hand() -> HandShape:
    """All fingers straight, as in the T-pose."""
    return HandShape("Straight", {})


@cache
def closed_hand() -> HandShape:
    """The fist to which grasp and curl close."""
    angles: dict[str, tuple[float, float, float]] = {}
    for finger in FINGERS:
        for phalanx in phalanges(finger):
            if finger == "Thumb":
                angles[finger + phalanx] = _CLOSED_THUMB[phalanx]
            else:
                angles[finger + phalanx] = (_CLOSED[phalanx], _CLOSED_SPREAD[finger] if phalanx == "Proximal" else 0.0, 0.0)
    return HandShape("Closed", {joint: rotation_from_angles(joint, *values) for joint, values in angles.items()})


def spread(amount: float) -> HandShape:
    """The straight hand with its fingers fanned out (1) or drawn together (−1). Raises HandError."""
    return adjusted(straight_hand(), spread=amount)


def grasp(amount: float) -> HandShape:
    """The hand from straight (0) to a fist (1). Raises HandError."""
    return adjusted(straight_hand(), grasp=amount)


def curl(finger: str, amount: float) -> HandShape:
    """The straight hand with one finger bent from straight (0) to closed (1). Raises HandError."""
    return adjusted(straight_hand(), curls={finger: amount})


def rotation_from_angles(joint: str, flexion: float, sideways: float, twist: float) -> Quaternion:
    """The rotation of a joint of the left hand from its three angles in degrees (see the top of this file)."""
    finger = next(name for name in FINGERS if joint.startswith(name))
    along = rot.unit(_DIRECTIONS[finger])
    if finger == "Thumb":
        # The axis about which our rigs' thumbs flex: across the palm, toward the little finger and a little downward.
        hinge, swing = np.cross(along, (0.0, 1.0, -0.5)), (1.0, 0.0, 0.0)
    else:
        hinge, swing = np.cross((0.0, 0.0, 1.0), along), (0.0, 0.0, 1.0)
    turn = (
        rot.about_axis(swing, math.radians(sideways))
        @ rot.about_axis(hinge, math.radians(flexion))
        @ rot.about_axis(along, math.radians(twist))
    )
    return _quaternion(rot.quaternion_from_matrix(turn))


def hand_files() -> dict[str, Path]:
    """Name → file of the hand shapes that ship with the extension, sorted by name."""
    return {path.stem: path for path in sorted((RIGS / "hands").glob("*.json"))}


def hand_names() -> list[str]:
    """The names that ``load_hand`` takes: plain hands, then gestures, then grips."""
    return sorted(hand_files(), key=lambda name: (GROUPS.index(load_hand(name).group), name))


@cache
def load_hand(name: str) -> HandShape:
    """A shape (of the left hand) by its name. Raises HandError."""
    files = hand_files()
    if name not in files:
        raise HandError(f"There is no hand shape '{name}'. Known shapes: {', '.join(files) or 'none'}.")
    return read_hand_file(files[name])


def read_hand_file(path: Path) -> HandShape:
    """Read any file of a hand shape. Raises HandError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HandError(f"{path.name} is not a text file; choose a file of a hand shape.") from error
    except OSError as error:
        raise HandError(f"The hand shape {path} cannot be read: {error.strerror or error}.") from error
    return loads(text, source=path.name)


def loads(text: str, source: str = "The hand shape") -> HandShape:
    """Read the text of a file; ``source`` begins the error sentences. Raises HandError."""
    if len(text) > _MAX_CHARACTERS:
        raise HandError(f"{source} is far too long for a hand shape.")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HandError(f"{source} is not JSON ({error}); choose a file of a hand shape.") from error
    name = checked_name(data, source, "a hand shape", FORMAT, VERSION, HandError)
    if data.get("group") not in GROUPS:
        raise HandError(f"{source} needs a group: {', '.join(GROUPS)}.")
    joints = data.get("joints")
    if not isinstance(joints, Mapping):
        raise HandError(f'{source} has no "joints".')
    if unknown := [str(joint) for joint in joints if joint not in JOINTS]:
        raise HandError(f"{source} names the unknown joint '{unknown[0]}'; joints are called like {JOINTS[3]}.")
    rotations = {joint: _read_rotation(joint, joints[joint], source) for joint in JOINTS if joint in joints}
    return HandShape(name.strip(), rotations, "left", data["group"])


def dumps(shape: HandShape) -> str:
    """The text of a file that ``loads`` reads, with quaternions; a right hand is written as its mirror image."""
    left = shape.for_side("left")
    head = {"format": FORMAT, "version": VERSION, "name": left.name, "group": left.group or GROUPS[0]}
    lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    joints = [
        f"    {json.dumps(j)}: {json.dumps([round(c, 9) for c in left.rotations[j]])}" for j in JOINTS if j in left.rotations
    ]
    return "{\n" + ",\n".join(lines) + ',\n  "joints": {\n' + ",\n".join(joints) + "\n  }\n}\n"


def _read_rotation(joint: str, values: Any, source: str) -> Quaternion:
    if not isinstance(values, list) or len(values) not in (3, 4):
        raise HandError(f"{source}: {joint} must be three angles in degrees or four numbers of a quaternion.")
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < _NONSENSE for v in values):
        raise HandError(f"{source}: {joint} holds something that is not a number, or is far too large.")
    if len(values) == 3:
        if any(abs(v) > _MAX_DEGREES for v in values):
            raise HandError(f"{source}: {joint} turns by more than {_MAX_DEGREES:g} degrees.")
        return rotation_from_angles(joint, *(float(v) for v in values))
    length = math.hypot(*values)
    if not 1e-6 < length < 1e6:
        raise HandError(f"{source}: the rotation of {joint} is not a unit quaternion.")
    return _quaternion([v / length for v in values])


def _quaternion(values: Any) -> Quaternion:
    w, x, y, z = (float(c) for c in values)
    return (w, x, y, z)
