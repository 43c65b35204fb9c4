# SPDX-License-Identifier: GPL-3.0-or-later
"""The humanoid: which joints a pose speaks of, and how they hang together.

Names and hierarchy are those of the VRM 1.0 humanoid (https://github.com/vrm-c/vrm-specification, "humanoid"), without the
jaw. The eyes are apart: poses do not speak of them, but the rigs of characters have them.
"""

from __future__ import annotations

from functools import cache

SIDES = ("left", "right")
FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")
_THUMB_PHALANGES = ("Metacarpal", "Proximal", "Distal")
_FINGER_PHALANGES = ("Proximal", "Intermediate", "Distal")


def phalanges(finger: str) -> tuple[str, str, str]:
    """The three joints of a finger, from the hand outward."""
    return _THUMB_PHALANGES if finger == "Thumb" else _FINGER_PHALANGES


def _hierarchy() -> dict[str, str | None]:
    parent: dict[str, str | None] = {
        "hips": None,
        "spine": "hips",
        "chest": "spine",
        "upperChest": "chest",
        "neck": "upperChest",
        "head": "neck",
    }
    for side in SIDES:
        chains = (
            ("hips", ("UpperLeg", "LowerLeg", "Foot", "Toes")),
            ("upperChest", ("Shoulder", "UpperArm", "LowerArm", "Hand")),
        )
        for start, names in chains:
            above = start
            for name in names:
                parent[side + name] = above
                above = side + name
        for finger in FINGERS:
            above = side + "Hand"
            for phalanx in phalanges(finger):
                joint = side + finger + phalanx
                parent[joint] = above
                above = joint
    return parent


PARENT: dict[str, str | None] = _hierarchy()
"""Every joint's parent; the hips have none. Parents come before their children."""

JOINTS: tuple[str, ...] = tuple(PARENT)

EYES: tuple[str, str] = ("leftEye", "rightEye")
"""Of a character's rig, beside ``JOINTS``."""

FINGER_JOINTS: tuple[str, ...] = tuple(
    side + finger + phalanx for side in SIDES for finger in FINGERS for phalanx in phalanges(finger)
)


def mirrored(joint: str) -> str:
    """The same joint on the other side; joints on the middle are their own mirror image."""
    if joint.startswith("left"):
        return "right" + joint[4:]
    if joint.startswith("right"):
        return "left" + joint[5:]
    return joint


def side_of(joint: str) -> str | None:
    """``"left"``, ``"right"`` or None for the joints on the middle."""
    return next((side for side in SIDES if joint.startswith(side)), None)


@cache
def base_name(joint: str) -> str:
    """A joint's name without its side: ``UpperLeg`` for both; joints on the middle have no side in theirs."""
    side = side_of(joint)
    return joint[len(side) :] if side else joint
