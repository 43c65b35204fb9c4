# SPDX-License-Identifier: GPL-3.0-or-later
"""The normalised pose: rotations that mean the same on every humanoid rig.

Rotations are local, world(joint) = world(parent) · q, and every q is the identity in the T-pose, in axes aligned with the world
(x to the figure's left, y back, z up). The hips' translation is measured in hip heights from their place in the T-pose. A pose
also lists its contacts, which are restored after it is applied, so that one pose fits bodies of every proportion.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import rotations as rot
from .humanoid import JOINTS, mirrored

FORMAT = "pose_to_anime.pose"
VERSION = 1
"""Raised when an older program could no longer read the file rightly."""

CONTACT_SURFACES = ("ground", "seat")

GROUPS = ("standing", "walking", "running", "jumping", "sitting", "kneeling", "lying", "fighting", "dancing", "gestures")
"""The library's groups, in the order in which they are shown. A user's pose may have a group of its own, or none."""

Quaternion = tuple[float, float, float, float]

_MAX_TRANSLATION = 10.0
"""In hip heights. Farther than any pose needs; beyond it a file holds nonsense or another unit."""
_MAX_JSON_CHARACTERS = 1_000_000


class PoseError(ValueError):
    """A pose that cannot be used. Its text is one sentence that a person can act on."""


@dataclass(frozen=True)
class Contact:
    """A joint whose part of the body rests on something."""

    joint: str
    surface: str = "ground"


@dataclass(frozen=True)
class Pose:
    """One pose. Joints that ``rotations`` does not name are as in the T-pose. Build untrusted ones with ``from_json``."""

    name: str
    rotations: Mapping[str, Quaternion]
    hips_translation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    contacts: tuple[Contact, ...] = ()
    tags: tuple[str, ...] = field(default=())
    group: str = ""

    def rotation(self, joint: str) -> Quaternion:
        return self.rotations.get(joint, rot.IDENTITY)


def to_json(pose: Pose) -> dict[str, Any]:
    """A dict that ``json.dumps`` takes and ``from_json`` reads. Nine decimals keep angles to 1e-7 degrees."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": pose.name,
        "group": pose.group,
        "tags": list(pose.tags),
        "hips_translation": [round(c, 9) for c in pose.hips_translation],
        "contacts": [{"joint": c.joint, "surface": c.surface} for c in pose.contacts],
        "rotations": {j: [round(float(c), 9) for c in pose.rotations[j]] for j in JOINTS if j in pose.rotations},
    }


def checked_name(data: Any, source: str, what: str, expected: str, newest: int, error: type[PoseError]) -> str:
    """The name in a data file, once it is known to be ``what``: of the ``expected`` format and no newer version than ``newest``.

    Raises ``error``.
    """
    if not isinstance(data, Mapping) or data.get("format") != expected:
        raise error(f'{source} is not {what}: it should be a JSON object with "format": "{expected}".')
    version = data.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise error(f"{source} has no valid version number; it should say {newest}.")
    if version > newest:
        raise error(f"{source} has version {version}, but this program reads up to {newest}: update Pose to Anime to use it.")
    name = data.get("name")
    if not isinstance(name, str) or not name.strip():
        raise error(f"{source} has no name.")
    return name


def from_json(data: Any, source: str = "The pose") -> Pose:
    """Read what ``to_json`` wrote, or what a person wrote like it.

    ``source`` begins the error sentences, so that a person sees which file is meant. Quaternions need not have length one.
    Raises PoseError.
    """
    name = checked_name(data, source, "a pose file", FORMAT, VERSION, PoseError)
    tags = data.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise PoseError(f"{source}: the tags must be a list of words.")
    group = data.get("group", "")
    if not isinstance(group, str):
        raise PoseError(f"{source}: the group must be one word.")
    translation = _numbers(data.get("hips_translation", [0, 0, 0]), 3, f"{source}: the hips' translation")
    if any(abs(c) > _MAX_TRANSLATION for c in translation):
        raise PoseError(f"{source}: the hips' translation is more than {_MAX_TRANSLATION:g} hip heights; it is not in metres.")
    return Pose(
        name=name.strip(),
        rotations=_rotations(data.get("rotations"), source),
        hips_translation=(translation[0], translation[1], translation[2]),
        contacts=_contacts(data.get("contacts", []), source),
        tags=tuple(tags),
        group=group.strip(),
    )


def dumps(pose: Pose) -> str:
    """The text of a pose file: one joint a line, so that two versions compare well."""
    data = to_json(pose)
    rotations = ",\n".join(f"    {json.dumps(joint)}: {json.dumps(q)}" for joint, q in data.pop("rotations").items())
    head = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in data.items())
    return "{\n" + head + ',\n  "rotations": {\n' + rotations + "\n  }\n}\n"


def loads(text: str, source: str = "The pose") -> Pose:
    """Read the text of a pose file. Raises PoseError."""
    if len(text) > _MAX_JSON_CHARACTERS:
        raise PoseError(f"{source} is far too long for a pose file.")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PoseError(f"{source} is not JSON ({error}); choose a pose file that was saved by Pose to Anime.") from error
    return from_json(data, source)


def mirror(pose: Pose) -> Pose:
    """The pose as a mirror shows it: left and right change places. Twice is the identity."""
    x, y, z = pose.hips_translation
    return replace(
        pose,
        # A rotation's axis is a pseudovector: its part along the mirrored axis stays, the rest changes sign.
        rotations={mirrored(joint): (q[0], q[1], -q[2], -q[3]) for joint, q in pose.rotations.items()},
        hips_translation=(-x, y, z),
        contacts=tuple(replace(contact, joint=mirrored(contact.joint)) for contact in pose.contacts),
    )


def blend(a: Pose, b: Pose, factor: float) -> Pose:
    """From pose a (factor 0) to pose b (factor 1). Contacts are those of both, or of the nearer pose at either end."""
    if not 0 <= factor <= 1:  # also refuses NaN
        raise PoseError(f"The blend factor must be between 0 and 1, not {factor!r}.")
    if factor == 0:
        return a
    if factor == 1:
        return b
    rotations: dict[str, Quaternion] = {}
    for joint in JOINTS:
        if joint in a.rotations or joint in b.rotations:
            w, x, y, z = (float(c) for c in rot.slerp(a.rotation(joint), b.rotation(joint), factor))
            rotations[joint] = (w, x, y, z)
    x, y, z = (p + (q - p) * factor for p, q in zip(a.hips_translation, b.hips_translation, strict=True))
    return Pose(
        name=a.name if factor < 0.5 else b.name,
        rotations=rotations,
        hips_translation=(x, y, z),
        contacts=tuple(contact for contact in a.contacts if contact in b.contacts),
        tags=(a if factor < 0.5 else b).tags,
        group=(a if factor < 0.5 else b).group,
    )


def _numbers(values: Any, count: int, what: str) -> tuple[float, ...]:
    if not isinstance(values, (list, tuple)) or len(values) != count:
        raise PoseError(f"{what} must be {count} numbers.")
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        raise PoseError(f"{what} must be {count} numbers.")
    if not all(abs(v) < 1e6 and math.isfinite(v) for v in values):
        raise PoseError(f"{what} holds a number that is not finite or far too large.")
    return tuple(float(v) for v in values)


def _rotations(data: Any, source: str) -> dict[str, Quaternion]:
    if not isinstance(data, Mapping):
        raise PoseError(f'{source} has no "rotations".')
    if unknown := [str(joint) for joint in data if joint not in JOINTS]:
        raise PoseError(
            f"{source} names the unknown joint '{unknown[0]}'"
            + (f" and {len(unknown) - 1} more" if len(unknown) > 1 else "")
            + "; joints have the names of the VRM humanoid."
        )
    rotations: dict[str, Quaternion] = {}
    for joint, values in data.items():
        q = _numbers(values, 4, f"{source}: the rotation of {joint}")
        length = math.sqrt(sum(c * c for c in q))
        if length < 1e-6:
            raise PoseError(f"{source}: the rotation of {joint} is a quaternion of length zero.")
        rotations[joint] = (q[0] / length, q[1] / length, q[2] / length, q[3] / length)
    return rotations


def _contacts(data: Any, source: str) -> tuple[Contact, ...]:
    if not isinstance(data, list) or not all(isinstance(item, Mapping) for item in data):
        raise PoseError(f"{source}: the contacts must be a list of objects with a joint and a surface.")
    contacts = []
    for item in data:
        joint, surface = item.get("joint"), item.get("surface", "ground")
        if joint not in JOINTS:
            raise PoseError(f"{source}: a contact names the unknown joint '{joint}'.")
        if surface not in CONTACT_SURFACES:
            raise PoseError(f"{source}: a contact of {joint} names the unknown surface '{surface}'.")
        contacts.append(Contact(joint, surface))
    return tuple(contacts)
