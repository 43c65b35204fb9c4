# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings hands and feet to what they touch of the own body, by bending the limbs; arms that would go through the body let go."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..pose import rotations as rot
from ..pose.normalised import Contact, Pose
from ..pose.rotations import Matrix, Vector
from .clearance import clear_arms, clear_hands, limb_of
from .posture import ARMS, Chain, Posture
from .surface import SkinPoints

_TOUCHES = 0.006
"""Metres between two places within which they touch."""
_TOO_FAR = 1.25
"""Of an arm's length from its shoulder: what is farther is not touched, and the arm does as it would."""
_SHRUG = np.radians(10.0)
"""How far a shoulder gives when a hand does not reach."""
_ROUNDS = 3


def touches_on(pose: Pose, skin: SkinPoints) -> list[Contact]:
    """The touches of a pose between parts whose skin is known."""
    return [each for each in pose.contacts if each.is_touch and each.joint in skin.grids and each.surface in skin.grids]


def reach_out(body: Posture, touches: list[Contact], propped: set[str], keeps_clear: bool) -> None:
    """Hands and feet to what they touch, limbs out of the body. An arm that would have to go through the body lets go."""
    free = {arm: [body.local[joint] for joint in _arm_joints(arm)] for arm in ARMS}
    _touch(body, touches)
    if not keeps_clear:
        return
    held = {limb.side for contact in touches if (limb := _arm_of(contact.joint))}
    held |= {limb.side for contact in touches if (limb := _arm_of(contact.surface))}
    resting = {contact.surface for contact in touches} | {contact.joint for contact in touches}
    clear_arms(body, held | propped, resting)
    _touch(body, touches)
    if given_up := clear_hands(body, held - propped):
        for arm in given_up:
            for joint, local in zip(_arm_joints(arm), free[arm], strict=True):
                body.local[joint] = local
        body.refresh("upperChest")
        clear_arms(body, (held | propped) - {arm.side for arm in given_up}, resting)


def _arm_joints(arm: Chain) -> tuple[str, ...]:
    return (f"{arm.side}Shoulder", arm.upper, arm.lower, arm.end)


def _touch(body: Posture, touches: Iterable[Contact]) -> None:
    """Bring what touches the own body to where it touches. What cannot be reached is left."""
    touches = list(touches)
    movers = {limb for contact in touches if (limb := limb_of(contact.joint))}
    for _ in range(_ROUNDS):
        moved = False
        for contact in touches:
            assert contact.at is not None and contact.surface_at is not None
            limb = limb_of(contact.joint)
            if limb is None:
                continue
            way = body.place(contact.surface, contact.surface_at) - body.place(contact.joint, contact.at)
            if np.linalg.norm(way) < _TOUCHES:
                continue
            other = limb_of(contact.surface)
            if other is not None and other.kind == limb.kind == "Arm" and other not in movers and other is not limb:
                _bring_by(body, other, -way / 2.0)
                way = way / 2.0
            moved |= _bring_by(body, limb, way)
        if not moved:
            return


def _bring_by(body: Posture, limb: Chain, way: Vector) -> bool:
    """Move the end of a limb by so much. False where that is far out of reach."""
    target = body.heads[limb.end] + way
    reach = body.reach(limb)
    distance = float(np.linalg.norm(target - body.heads[limb.upper]))
    if distance > _TOO_FAR * reach:
        return False
    if distance > reach and limb.kind == "Arm":
        shoulder = f"{limb.side}Shoulder"
        pivot, start = body.heads[shoulder], body.heads[limb.upper]
        whole = rot.shortest_arc(start - pivot, target - pivot)
        hand = body.world[limb.end]
        body.rotate(shoulder, _part_of(whole, _SHRUG))
        body.set_world(limb.end, hand)
    body.bring(limb, target)
    return True


def _part_of(rotation: Matrix, most: float) -> Matrix:
    w, x, y, z = rot.quaternion_from_matrix(rotation)
    size = float(np.linalg.norm((x, y, z)))
    if size < 1e-9:
        return np.eye(3)
    return rot.about_axis((x, y, z), min(2.0 * float(np.arctan2(size, w)), most))


def _arm_of(joint: str) -> Chain | None:
    limb = limb_of(joint)
    return limb if limb in ARMS else None
