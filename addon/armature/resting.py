# SPDX-License-Identifier: GPL-3.0-or-later
"""What a figure rests on and touches in the pose in which it is: read from its joints and the points of its skin."""

from __future__ import annotations

import math
from collections.abc import Collection

import bpy
import numpy as np

from ..pose import rotations as rot
from ..pose.humanoid import JOINTS
from ..pose.kinematics import below
from ..pose.normalised import Contact
from ..pose.rotations import Vector
from .clearance import limb_of
from .limbs import ROOT
from .posing import humanoid_rest_of, read_pose
from .posture import ARMS, LEGS, Chain, Posture
from .surface import BEHIND, all_rows, skin_points_of

_RESTING = 0.012
"""Metres from the ground at which a part of the body still rests on it: soles have a curve."""
_CAN_REST = ("hips", "Hand", "LowerArm", "UpperLeg", "LowerLeg", "Foot", "Toes", "chest", "head")
_TOUCHING = 0.008
"""Metres between two parts of the skin that are taken to touch."""
_OTHER_ARM = 0.005
"""So much nearer an arm must be than the trunk, the head or a leg, to be what a hand touches: arms go wherever hands go."""
_LOOKED_AT = 6
"""Pairs of parts whose distance is measured exactly, the nearest first."""
_STEPS = tuple(k / 4.0 for k in range(-4, 5))
"""Round a knot of a grid, in knots."""

_LEVEL = math.radians(50.0)
"""A thigh that rises or falls more steeply is not sat upon."""
_FORWARD = 0.15
"""Cosine of the angle to the front beyond which a thigh goes to the side."""
_FOLDED = math.radians(150.0)
"""Knees that are bent farther belong to a figure that squats or kneels."""
_BETWEEN = 0.002
"""Metres by which skin between the points that we know hangs lower."""
_LOWEST_SEAT = 0.12
"""Of the height of the hips. A seat lower than this is the ground."""
_AHEAD = 0.3
"""Of a leg's length: so far before the hips are the feet of one who sits; those of one who stands with bent knees are below."""


def posture_of(obj: bpy.types.Object) -> Posture | None:
    """A figure as it is seen, in the axes of its root; None for one whose skin we do not know. Raises UserError."""
    rest, pose = humanoid_rest_of(obj), read_pose(obj)
    skin = skin_points_of(obj.data)
    return None if skin is None else Posture(rest, pose, skin)


def seat_height(obj: bpy.types.Object) -> float | None:
    """The height in world metres of the seat under a figure that sits; None for one that does not sit on anything.

    A figure sits when both thighs lie nearly level in front of it, a shin hangs down, its seat is well above the ground, and its
    feet are well before it.
    Raises UserError as ``apply_pose`` does."""
    posture = posture_of(obj)
    point = None if posture is None else _seat(posture)
    if point is None:
        return None
    world = obj.matrix_world @ obj.pose.bones[ROOT].matrix
    return float((np.array(world) @ np.append(point, 1.0))[2]) - _BETWEEN


def ground_contacts(obj: bpy.types.Object) -> tuple[Contact, ...]:
    """Which parts of a figure rest on the ground on which its root stands; none while it is in the air. Raises UserError."""
    posture = posture_of(obj)
    return () if posture is None else tuple(Contact(joint) for joint in _resting(posture))


def contacts_of(obj: bpy.types.Object) -> tuple[Contact, ...]:
    """What a figure rests on and touches: the ground on which its root stands, a seat, its own body. Raises UserError."""
    posture = posture_of(obj)
    if posture is None:
        return ()
    resting = _resting(posture)
    found = [Contact(joint) for joint in resting]
    if _seat(posture) is not None:
        found.append(Contact("hips", "seat"))
    return (*found, *_touches(posture, resting))


def _resting(posture: Posture) -> list[str]:
    """Joints whose skin is on the ground."""
    found = []
    for joint in JOINTS:
        lowest = posture.lowest((joint,)) if joint.endswith(_CAN_REST) else None
        if lowest is not None and abs(lowest[2]) <= _RESTING:
            found.append(joint)
    return found


def _seat(posture: Posture) -> Vector | None:
    """The lowest point of what a figure sits on; None where it does not sit."""
    front = rot.unit((posture.world["hips"] @ np.array([0.0, -1.0, -1e-3])) * (1.0, 1.0, 0.0))
    hanging = False
    for leg in LEGS:
        thigh = posture.heads[leg.lower] - posture.heads[leg.upper]
        thigh = thigh / np.linalg.norm(thigh)
        if abs(thigh[2]) > math.sin(_LEVEL) or thigh @ front < _FORWARD or posture.bend(leg) > _FOLDED:
            return None
        hanging |= bool(posture.heads[leg.end][2] < posture.heads[leg.lower][2] - 0.25 * posture.reach(leg))
    points = posture.points(_sat_upon(posture))
    lowest = np.asarray(points[np.argmin(points[:, 2])])
    if not hanging or lowest[2] < _LOWEST_SEAT * posture.rest.hip_height:
        return None
    ahead = np.mean([(posture.heads[leg.end] - posture.hips) @ front / posture.reach(leg) for leg in LEGS])
    return lowest if ahead > _AHEAD else None


def _sat_upon(posture: Posture) -> np.ndarray:
    skin, rest = posture.skin, posture.rest
    chosen = [all_rows(skin, ("hips",))]
    for leg in LEGS:
        rows = all_rows(skin, (leg.upper,))
        near = np.linalg.norm(skin.points[rows] - rest.heads[leg.upper], axis=1) < BEHIND * rest.hip_height
        chosen.append(rows[near])
    return np.concatenate(chosen)


# ----------------------------------------------------------------------------------------------------------- the own body


def _touches(posture: Posture, resting: Collection[str]) -> list[Contact]:
    """For each hand that does not rest, the nearest part of the own body that it touches; for each such foot the other leg."""
    found: list[Contact] = []
    for limb in (*ARMS, *LEGS):
        if set(limb.ends) & set(resting):
            continue
        pairs = [_nearest_knots(posture, joint, surface) for joint in limb.ends for surface in _surfaces(posture, limb)]
        near = sorted((pair for pair in pairs if pair is not None), key=lambda pair: pair[0])[:_LOOKED_AT]
        touches = [(_between(posture, contact), contact) for contact in (_refined(posture, *pair[1:]) for pair in near)]
        touches = [
            (distance + (_OTHER_ARM if limb_of(contact.surface) in ARMS else 0.0), contact)
            for distance, contact in touches
            if distance < _TOUCHING
        ]
        if touches:
            _, contact = min(touches, key=lambda each: each[0])
            # Two hands that touch each other do so in one place, told by the first.
            told = any(limb_of(each.surface) is limb and limb_of(contact.surface) is limb_of(each.joint) for each in found)
            if not told or contact.surface not in below(_other(limb).end):
                found.append(contact)
    return found


def _surfaces(posture: Posture, limb: Chain) -> list[str]:
    """What a hand or foot may touch: the other parts of the body."""
    own = below(f"{limb.side}Shoulder") if limb.kind == "Arm" else below(limb.upper)
    other = _other(limb)
    if limb.kind == "Leg":
        return [other.upper, other.lower]
    # Fingers that touch fingers are told by the hands: one place is enough.
    return [joint for joint in posture.skin.grids if joint not in own and joint not in other.ends[1:]]


def _other(limb: Chain) -> Chain:
    return next(each for each in (ARMS if limb.kind == "Arm" else LEGS) if each.side != limb.side)


_Knots = tuple[float, str, int, str, int]
"""Squared distance; joint and knot of its grid; surface and knot of its grid."""


def _nearest_knots(posture: Posture, joint: str, surface: str) -> _Knots | None:
    """The knots of two grids that are nearest; None for parts that are far from each other."""
    skin = posture.skin
    if joint not in skin.grids or surface not in skin.grids:
        return None
    own, other = (posture.points(skin.grids[each].ravel()) for each in (joint, surface))
    if max((own.min(axis=0) - other.max(axis=0)).max(), (other.min(axis=0) - own.max(axis=0)).max()) > _TOUCHING:
        return None
    squares = ((own[:, None] - other[None]) ** 2).sum(axis=-1)
    first, second = np.unravel_index(int(squares.argmin()), squares.shape)
    return float(squares[first, second]), joint, int(first), surface, int(second)


def _refined(posture: Posture, joint: str, first: int, surface: str, second: int) -> Contact:
    """Where the skins of two joints are nearest, near those knots of their grids."""
    aim = posture.points(posture.skin.grids[surface].ravel()[[second]])[0]
    at = _nearest_place(posture, joint, first, aim)
    surface_at = _nearest_place(posture, surface, second, posture.place(joint, at))
    at = _nearest_place(posture, joint, first, posture.place(surface, surface_at))
    return Contact(joint, surface, at, surface_at)


def _between(posture: Posture, contact: Contact) -> float:
    assert contact.at is not None and contact.surface_at is not None
    way = posture.place(contact.surface, contact.surface_at) - posture.place(contact.joint, contact.at)
    return float(np.linalg.norm(way))


def _nearest_place(posture: Posture, joint: str, knot: int, aim: Vector) -> tuple[float, float]:
    """The place nearest to a point among those round a knot of a joint's grid."""
    rows, columns = posture.skin.grids[joint].shape
    row, column = divmod(knot, columns)
    places = [
        (
            round(min(max((row + up) / (rows - 1), 0.0), 1.0), 4),
            round(((column + right) * 360.0 / columns + 180.0) % 360.0 - 180.0, 2),
        )
        for up in _STEPS
        for right in _STEPS
    ]
    return min(places, key=lambda at: float(np.linalg.norm(posture.place(joint, at) - aim)))
