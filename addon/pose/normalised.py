# SPDX-License-Identifier: GPL-3.0-or-later
"""The normalised pose: rotations that mean the same on every humanoid rig.

Rotations are local, world(joint) = world(parent) · q, and every q is the identity in the T-pose, in axes aligned with the world
(x to the figure's left, y back, z up). The hips' translation is measured in hip heights from their place in the T-pose. A pose
also lists its contacts, which are restored after it is applied, so that one pose fits bodies of every proportion: what rests on
the ground or on a seat, and what touches the own body.
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
"""Raised when an older program could no longer read the file rightly. One that does not know touches of the own body refuses them
in a sentence, and misreads nothing."""

CONTACT_SURFACES = ("ground", "seat")

GROUPS = ("standing", "walking", "running", "jumping", "sitting", "kneeling", "lying", "fighting", "dancing", "gestures")
"""The library's groups, in the order in which they are shown. A user's pose may have a group of its own, or none."""

Quaternion = tuple[float, float, float, float]

_FLAGS = ("balanced", "keeps_clear")
_MAX_TRANSLATION = 10.0
"""In hip heights. Farther than any pose needs; beyond it a file holds nonsense or another unit."""
_MAX_JSON_CHARACTERS = 1_000_000


class PoseError(ValueError):
    """A pose that cannot be used. Its text is one sentence that a person can act on."""


Place = tuple[float, float]
"""A place on the skin of a bone that means the same on every body: how far along the bone (0 where its skin begins, 1 where it
ends), and at which angle round it in degrees, from −180 to 180: 0 is the front of trunk, neck and head, the back of a leg, the
front of an arm that is held out, the palm of a hand; 90 is where the joint's axis of flexion looks (of the trunk: the left)."""


@dataclass(frozen=True)
class Contact:
    """A joint whose part of the body rests on the ground or a seat, or touches another part of the own body.

    For a touch ``surface`` is the other joint; ``at`` is the place on the one part, ``surface_at`` the place on the other.
    """

    joint: str
    surface: str = "ground"
    at: Place | None = None
    surface_at: Place | None = None

    @property
    def is_touch(self) -> bool:
        return self.surface not in CONTACT_SURFACES

    def mirrored(self) -> Contact:
        if self.at is None or self.surface_at is None:
            return replace(self, joint=mirrored(self.joint))
        (along, around), (other_along, other_around) = self.at, self.surface_at
        return Contact(mirrored(self.joint), mirrored(self.surface), (along, -around), (other_along, -other_around))


@dataclass(frozen=True)
class Pose:
    """One pose. Joints that ``rotations`` does not name are as in the T-pose. Build untrusted ones with ``from_json``."""

    name: str
    rotations: Mapping[str, Quaternion]
    hips_translation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    contacts: tuple[Contact, ...] = ()
    tags: tuple[str, ...] = field(default=())
    group: str = ""
    balanced: bool = False
    """The body is at rest: its centre of mass lies over what carries it."""
    keeps_clear: bool = False
    """On a figure that is stouter than the one it was made on, limbs go out of the body's way."""

    def rotation(self, joint: str) -> Quaternion:
        return self.rotations.get(joint, rot.IDENTITY)


def to_json(pose: Pose) -> dict[str, Any]:
    """A dict that ``json.dumps`` takes and ``from_json`` reads. Nine decimals keep angles to 1e-7 degrees."""
    flags = {flag: True for flag in _FLAGS if getattr(pose, flag)}
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": pose.name,
        "group": pose.group,
        "tags": list(pose.tags),
        **flags,
        "hips_translation": [round(c, 9) for c in pose.hips_translation],
        "contacts": [_contact_to_json(contact) for contact in pose.contacts],
        "rotations": {j: [round(float(c), 9) for c in pose.rotations[j]] for j in JOINTS if j in pose.rotations},
    }


def _contact_to_json(contact: Contact) -> dict[str, Any]:
    if contact.at is None or contact.surface_at is None:
        return {"joint": contact.joint, "surface": contact.surface}
    at, surface_at = ([round(place[0], 4), round(place[1], 2)] for place in (contact.at, contact.surface_at))
    return {"joint": contact.joint, "at": at, "surface": contact.surface, "surface_at": surface_at}


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
    flags = {flag: data.get(flag, False) for flag in _FLAGS}
    for flag, value in flags.items():
        if not isinstance(value, bool):
            raise PoseError(f'{source}: "{flag}" must be true or false.')
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
        **flags,
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
        contacts=tuple(contact.mirrored() for contact in pose.contacts),
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
        balanced=a.balanced and b.balanced,
        keeps_clear=a.keeps_clear and b.keeps_clear,
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
        if surface in CONTACT_SURFACES:
            contacts.append(Contact(joint, surface))
            continue
        if surface not in JOINTS or surface == joint:
            raise PoseError(
                f"{source}: a contact of {joint} names the unknown surface '{surface}'; "
                "it must be ground, seat or another joint of the body."
            )
        at, surface_at = (_place(item.get(key), f"{source}: the contact of {joint}: {key}") for key in ("at", "surface_at"))
        contacts.append(Contact(joint, surface, at, surface_at))
    return tuple(contacts)


def _place(values: Any, what: str) -> Place:
    along, around = _numbers(values, 2, what)
    if not (0.0 <= along <= 1.0 and -180.0 <= around <= 180.0):
        raise PoseError(f"{what} must be a share of the bone from 0 to 1 and an angle from -180 to 180 degrees.")
    return along, around
