# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings hands and feet to what they touch of the own body, by bending the limbs; arms that would go through the body let go."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from ..pose import rotations as rot
from ..pose.normalised import Contact, Place, Pose
from ..pose.rotations import Matrix, Vector
from .clearance import STUCK, clear_arms, clear_elbows, clear_hands, is_inside, limb_of, turn_hand
from .posture import ARMS, TRUNK, Chain, Posture
from .surface import SkinPoints, all_rows

_TOUCHES = 0.006
"""Metres between two places within which they touch."""
_TOO_FAR = 1.25
"""Of an arm's length from its shoulder: what is farther is not touched, and the arm does as it would."""
_SHRUG = np.radians(10.0)
"""How far a shoulder gives when a hand does not reach."""
_GIVES = 0.013
"""Metres that an arm may be in the body for the sake of what touches."""
_LOOSE = 0.03
"""Metres: a hand that stays so far from what it should touch rests where it can."""
_NOD = np.radians(12.0)
"""How far the neck bends in one round towards a hand that props up the head."""
_ROUNDS = 3


def touches_on(pose: Pose, skin: SkinPoints) -> list[Contact]:
    """The touches of a pose between parts whose skin is known."""
    return [each for each in pose.contacts if each.is_touch and each.joint in skin.grids and each.surface in skin.grids]


def reach_out(body: Posture, touches: list[Contact], propped: set[str], keeps_clear: bool) -> None:
    """Hands and feet to what they touch, limbs out of the body. An arm that would have to go through the body lets go.

    Of arms that are ``propped`` on the ground (sides) only the forearm moves, and the head comes to the hand."""
    free = {arm: [body.local[joint] for joint in _arm_joints(arm)] for arm in ARMS}
    _touch(body, touches, propped)
    if not keeps_clear:
        return
    held = {limb.side for contact in touches if (limb := _arm_of(contact.joint))}
    held |= {limb.side for contact in touches if (limb := _arm_of(contact.surface))}
    resting = {contact.surface for contact in touches} | {contact.joint for contact in touches}
    clear_arms(body, held | propped, resting)
    _touch(body, touches, propped)
    anchors = _anchors(touches, propped)

    def touch(arm: Chain) -> float:
        own = [contact for contact in touches if arm in (_arm_of(contact.joint), _arm_of(contact.surface))]
        _touch(body, own, propped, rounds=2)
        return max(_apart(body, contact) for contact in own)

    if clear_elbows(body, anchors, touch):
        _touch(body, touches, propped)
    given_up = clear_hands(body, anchors)
    for contact in touches:
        limb = _arm_of(contact.joint)
        if limb is not None and limb.side in propped:
            for _ in range(_ROUNDS):
                if not is_inside(body, limb, STUCK) or not turn_hand(body, limb, contact):
                    break
                _touch(body, touches, propped)
    given_up += [arm for arm in ARMS if arm.side in held & propped and is_inside(body, arm, STUCK)]
    if given_up:
        for arm in given_up:
            for joint, local in zip(_arm_joints(arm), free[arm], strict=True):
                body.local[joint] = local
        body.refresh("upperChest")
        clear_arms(body, (held | propped) - {arm.side for arm in given_up}, resting)
    else:
        _touch_again(body, touches, propped)
    for contact in touches:
        limb = _arm_of(contact.joint)
        if limb is not None and limb.side not in propped and _apart(body, contact) > _LOOSE:
            other = _arm_of(contact.surface)
            if other is None or other.side in propped:
                _rest_nearby(body, limb, TRUNK if other else (contact.surface,))


def _touch_again(body: Posture, touches: list[Contact], propped: set[str]) -> None:
    """What let go a little to come out of the body touches again, if it stays out."""
    before, changes = body.state(), body.changes
    _touch(body, touches, propped)
    if body.changes != changes and any(is_inside(body, arm, _GIVES) for arm in _anchors(touches, propped)):
        body.restore(before)


def _rest_nearby(body: Posture, arm: Chain, joints: Collection[str]) -> None:
    """The hand of an arm that cannot come where it should to the nearest skin of some joints, so that it does not float; it is
    left where that would take the arm into the body."""
    hand, skin = all_rows(body.skin, arm.ends), all_rows(body.skin, joints)
    if not len(hand) or not len(skin):
        return
    before = body.state()
    for _ in range(_ROUNDS):
        own, other = body.points(hand), body.points(skin)
        squares = (own**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2.0 * own @ other.T
        mine, theirs = np.unravel_index(int(squares.argmin()), squares.shape)
        way = other[theirs] - own[mine]
        if rot.length(way) < _TOUCHES:
            break
        body.bring(arm, body.heads[arm.end] + way)
    if is_inside(body, arm, _GIVES):
        body.restore(before)


def _apart(body: Posture, contact: Contact) -> float:
    assert contact.at is not None and contact.surface_at is not None
    way = body.place(contact.surface, contact.surface_at) - body.place(contact.joint, contact.at)
    return rot.length(way)


def _anchors(touches: Iterable[Contact], propped: Collection[str]) -> dict[Chain, tuple[str, Place]]:
    """For each arm that touches the body and is not ``propped`` on the ground (sides), with what."""
    found: dict[Chain, tuple[str, Place]] = {}
    for contact in touches:
        for joint, place in ((contact.joint, contact.at), (contact.surface, contact.surface_at)):
            arm = _arm_of(joint)
            if arm is not None and place is not None and arm.side not in propped:
                found.setdefault(arm, (joint, place))
    return found


def _arm_joints(arm: Chain) -> tuple[str, ...]:
    return (f"{arm.side}Shoulder", arm.upper, arm.lower, arm.end)


def _touch(body: Posture, touches: Iterable[Contact], propped: Collection[str], rounds: int = _ROUNDS) -> None:
    """Bring what touches the own body to where it touches. What cannot be reached is left."""
    touches = list(touches)
    movers = {limb for contact in touches if (limb := limb_of(contact.joint))}
    for turn in range(rounds):
        moved = False
        for contact in touches:
            assert contact.at is not None and contact.surface_at is not None
            limb = limb_of(contact.joint)
            if limb is None:
                continue
            if limb.kind == "Arm" and limb.side in propped:
                _prop_up(body, limb, contact, turn == rounds - 1)
                moved = True
                continue
            way = body.place(contact.surface, contact.surface_at) - body.place(contact.joint, contact.at)
            if rot.length(way) < _TOUCHES:
                continue
            other = limb_of(contact.surface)
            if other in ARMS and limb in ARMS and other not in movers and other.side not in propped:
                _bring_by(body, other, -way / 2.0)
                way = way / 2.0
            moved |= _bring_by(body, limb, way)
        if not moved:
            return


def _prop_up(body: Posture, arm: Chain, contact: Contact, is_last: bool) -> None:
    """The hand of an arm whose elbow rests on the ground to what it touches: by bending the elbow, and the head comes to meet the
    hand; where that was not enough, by turning the arm with the elbow as high as it is."""
    assert contact.at is not None and contact.surface_at is not None
    here, there = body.place(contact.joint, contact.at), body.place(contact.surface, contact.surface_at)
    if np.linalg.norm(there - here) < _TOUCHES:
        return
    if is_last:
        height = float(body.heads[arm.lower][2])
        body.bring(arm, body.heads[arm.end] + there - here)
        _swivel_to(body, arm, height)
        return
    body.aim(arm.lower, here, there)
    if contact.surface == "head":
        here, there = body.place(contact.joint, contact.at), body.place(contact.surface, contact.surface_at)
        pivot, before = body.heads["neck"], body.local["neck"]
        body.rotate("neck", _part_of(rot.shortest_arc(there - pivot, here - pivot), _NOD))
        lowest = body.lowest(("head",))
        if lowest is not None and lowest[2] < 0.0:  # a large head would have to go into the ground
            body.local["neck"] = before
            body.refresh("neck")


def _swivel_to(body: Posture, arm: Chain, height: float) -> None:
    """Turn an arm about the line from shoulder to wrist until its elbow is so high, or as near to that as it comes."""
    shoulder, elbow, wrist = (body.heads[joint] for joint in (arm.upper, arm.lower, arm.end))
    axis = rot.unit(wrist - shoulder)
    radius = rot.perpendicular(elbow - shoulder, axis)
    aside = rot.cross(axis, radius)
    most = float(np.hypot(radius[2], aside[2]))
    if most < 1e-4:
        return
    middle = np.arctan2(aside[2], radius[2])
    spread = np.arccos(np.clip((height - elbow[2] + radius[2]) / most, -1.0, 1.0))
    angle = min((_within_half_a_turn(middle + sign * spread) for sign in (1.0, -1.0)), key=abs)
    kept = body.world[arm.end]
    body.rotate(arm.upper, rot.about_axis(axis, angle))
    body.set_world(arm.end, kept)


def _within_half_a_turn(angle: float) -> float:
    return float((angle + np.pi) % (2.0 * np.pi) - np.pi)


def _bring_by(body: Posture, limb: Chain, way: Vector) -> bool:
    """Move the end of a limb by so much. False where that is far out of reach."""
    target = body.heads[limb.end] + way
    reach = body.reach(limb)
    distance = rot.length(target - body.heads[limb.upper])
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
