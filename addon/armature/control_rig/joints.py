# SPDX-License-Identifier: GPL-3.0-or-later
"""The humanoid of a character's rig as the joint table of a body of ours: which joint has which bone, what is missing filled in.

A joint that a rig lacks lies where the next one below it begins, so that the two turn about one point: whatever a pose asks of
the missing joint, no bone of the character comes loose from another. Where nothing follows below (fingers, toes) it is taken from
our own body, at the size of the hand or foot. No bpy.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...errors import UserError
from ...pose import rotations as rot
from ...pose.humanoid import FINGERS, PARENT, SIDES, phalanges
from ...pose.rest import HumanoidRest
from ..recognition import spoken

Floats = NDArray[np.float64]
Places = dict[str, Floats]

_LIMBS = ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")
REQUIRED: tuple[str, ...] = ("hips", "head", *(side + part for side in SIDES for part in _LIMBS))
_TRUNK = ("spine", "chest", "upperChest")
_SAME = 1e-4
"""Metres: joints nearer to each other than this lie in one place."""
_SNAP = np.cos(np.radians(20.0))
"""A body that stands within 20° of the axes of its armature stands along them: a rest pose leans, its rig does not."""
_LAST_PHALANX = 0.8
"""Of the phalanx before it: how long the last one is, as far as the tip."""


def require_joints(joints: Mapping[str, str], name: str) -> None:
    """Raise UserError for a map that leaves out a joint without which no body can be posed."""
    missing = [joint for joint in REQUIRED if joint not in joints]
    if len(missing) > len(REQUIRED) // 2:
        raise UserError(
            f"No person is seen in '{name}': select the armature of a character with hips, head, two arms and two legs."
        )
    if not any(joint in joints for joint in _TRUNK):
        missing.append("spine")
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        listed = ", ".join(map(spoken, missing[:3]))
        raise UserError(f"'{name}' has no bone for {listed}{more}: choose the armature whose bones move the whole body.")


def assigned(joints: Mapping[str, str]) -> dict[str, str]:
    """Which of our joints each mapped bone follows: the uppermost bone of a short spine carries the shoulders, so it is the upper
    chest, whatever it is called."""
    found = {joint: bone for joint, bone in joints.items() if joint in PARENT and joint not in _TRUNK}
    trunk = [joints[joint] for joint in _TRUNK if joint in joints]
    places = {1: ("upperChest",), 2: ("spine", "upperChest"), 3: _TRUNK}[len(trunk)]
    return {**found, **dict(zip(places, trunk, strict=True))}


def standing_axes(heads: Mapping[str, Floats], world: Floats) -> Floats:
    """(3, 3): left, back and up of a body at rest as columns, by the places of its joints. ``world`` (3, 3): the axes of the
    world as columns, in those in which the joints are."""
    up = rot.unit(heads["head"] - heads["hips"])
    left = sum((heads[f"left{part}"] - heads[f"right{part}"] for part in ("UpperLeg", "UpperArm")), np.zeros(3))
    if np.linalg.norm(left) < _SAME * np.linalg.norm(heads["head"] - heads["hips"]):
        raise UserError("The left and right limbs of the character lie in one place at rest: check its rest pose in Edit Mode.")
    up = _snapped(up, world)
    left = _snapped(rot.unit(rot.perpendicular(left, up)), world)
    left = rot.unit(rot.perpendicular(left, up))
    return np.column_stack([left, np.cross(up, left), up])


def _snapped(direction: Floats, world: Floats) -> Floats:
    """The axis of the armature, or of the world, along which something lies for the most part; itself where there is none."""
    for axes in (np.eye(3), world):
        along = direction @ axes
        axis = int(np.argmax(np.abs(along)))
        if abs(along[axis]) > _SNAP:
            return np.asarray(axes[:, axis] * np.sign(along[axis]))
    return direction


def joint_table(
    heads: Mapping[str, Floats],
    template: HumanoidRest,
    bones: Mapping[str, str],
    crown: Floats,
    tips: Mapping[str, Floats],
) -> Places:
    """A table as ``humanoid_rest`` takes it: our bone, and ``bone:tail``, → place (3,), in metres and axes of a body that stands.

    ``heads``: the joints that there are, by ``assigned``. ``crown`` is the top of the head, ``tips`` where feet (``leftToes``)
    and hands (``leftHand``) end, as far as it is known."""
    places = dict(heads)
    for below, order in (("upperChest", ("chest", "spine")), ("head", ("neck",))):
        for joint in order:
            places.setdefault(joint, places[below].copy())
            below = joint
    tails = {"head": crown}
    for side in SIDES:
        places.setdefault(f"{side}Shoulder", places[f"{side}UpperArm"].copy())
        _add_toes(side, places, tails, template, tips)
        _add_hand(side, places, tails, template, tips)
    for joint in PARENT:
        tails.setdefault(joint, _tail(joint, places))
    table = {bones[joint]: place for joint, place in places.items()}
    return table | {f"{bones[joint]}:tail": tail for joint, tail in tails.items()}


_NEXT = {
    "hips": "spine", "spine": "chest", "chest": "upperChest", "upperChest": "neck", "neck": "head",
    "Shoulder": "UpperArm", "UpperArm": "LowerArm", "LowerArm": "Hand",
    "UpperLeg": "LowerLeg", "LowerLeg": "Foot", "Foot": "Toes",
}  # fmt: skip


def _tail(joint: str, places: Places) -> Floats:
    """Where a joint's bone ends: at the next joint that lies elsewhere."""
    side = next((each for each in SIDES if joint.startswith(each)), "")
    below = joint
    while (following := _NEXT.get(below[len(side) :])) is not None:
        below = side + following
        if joint.endswith("Shoulder") and np.linalg.norm(places[below] - places[joint]) < _SAME:
            break
        if np.linalg.norm(places[below] - places[joint]) > _SAME:
            return places[below]
    if joint.endswith("Shoulder"):
        outward = np.array([1.0 if side == "left" else -1.0, 0.0, 0.0])
        return np.asarray(places[joint] + outward * abs(places[joint][0]) * 0.5)
    return np.asarray(places["head"] + (0.0, 0.0, 0.05))  # a neck without length


def _add_toes(side: str, places: Places, tails: Places, template: HumanoidRest, tips: Mapping[str, Floats]) -> None:
    foot, toes = f"{side}Foot", f"{side}Toes"
    ankle, own = places[foot], template.heads[foot]
    tip: Floats
    if toes in tips:
        tip = tips[toes]
    else:
        size = np.linalg.norm(ankle - places[f"{side}LowerLeg"]) / np.linalg.norm(own - template.heads[f"{side}LowerLeg"])
        if toes in places:  # as our own toes are to our own foot
            size = np.linalg.norm((places[toes] - ankle)[:2]) / np.linalg.norm((template.heads[toes] - own)[:2])
            tip = np.asarray(places[toes] + (template.tails[toes] - template.heads[toes]) * size)
        else:
            tip = np.asarray(ankle + (template.tails[toes] - own) * size)
    if toes not in places:
        share = (template.heads[toes] - own) / np.where(
            np.abs(template.tails[toes] - own) > _SAME, template.tails[toes] - own, 1.0
        )
        places[toes] = ankle + (tip - ankle) * np.clip(share, 0.0, 1.0)
    if np.linalg.norm(tip - places[toes]) < 0.01:
        tip = places[toes] + rot.unit((places[toes] - ankle) * (1.0, 1.0, 0.0)) * 0.04
    tails[toes] = tip


def _add_hand(side: str, places: Places, tails: Places, template: HumanoidRest, tips: Mapping[str, Floats]) -> None:
    """Fingers that a rig lacks: ours, turned as its hand is and as long."""
    hand = f"{side}Hand"
    wrist = places[hand]
    for finger in FINGERS:
        chain = [side + finger + phalanx for phalanx in phalanges(finger)]
        known = [joint for joint in chain if joint in places]
        for joint, below in zip(reversed(chain[:-1]), reversed(chain), strict=False):
            if joint not in places and below in places:
                places[joint] = places[below].copy()
        if known and chain[2] not in places:
            last, before = places[known[-1]], places[known[-2]] if len(known) > 1 else wrist
            share = _LAST_PHALANX if len(known) > 1 else 0.4
            for joint in chain[chain.index(known[-1]) + 1 :]:
                places[joint] = last + (last - before) * share
                before, last = last, places[joint]
    knuckles = [places[f"{side}{finger}Proximal"] for finger in FINGERS[1:] if f"{side}{finger}Proximal" in places]
    along = wrist - places[f"{side}LowerArm"]
    middle = template.heads[f"{side}MiddleProximal"] - template.heads[hand]
    size = float(np.linalg.norm(along) / np.linalg.norm(template.heads[hand] - template.heads[f"{side}LowerArm"]))
    if knuckles:
        middle_knuckle = f"{side}MiddleProximal"
        tails[hand] = places[middle_knuckle] if middle_knuckle in places else np.asarray(np.mean(knuckles, axis=0))
        size = float(np.linalg.norm(tails[hand] - wrist) / np.linalg.norm(middle))
    elif hand in tips:
        length = float(np.linalg.norm(tips[hand] - wrist))
        size = length / float(np.linalg.norm(template.tails[f"{side}MiddleDistal"] - template.heads[hand]))
        tails[hand] = wrist + rot.unit(tips[hand] - wrist) * np.linalg.norm(middle) * size
    else:
        tails[hand] = wrist + rot.unit(along) * np.linalg.norm(middle) * size
    _add_fingers(side, places, tails, template, size)


def _add_fingers(side: str, places: Places, tails: Places, template: HumanoidRest, size: float) -> None:
    hand = f"{side}Hand"
    knuckles = [f"{side}{finger}Proximal" for finger in ("Index", "Little")]
    own = {joint: places[joint] for joint in (*REQUIRED, *knuckles) if joint in places}
    ends = {joint: places[joint] + (tails[hand] - places[hand]) for joint in own}
    for each in SIDES:
        for upper, lower in (("UpperArm", "LowerArm"), ("LowerArm", "Hand"), ("UpperLeg", "LowerLeg"), ("LowerLeg", "Foot")):
            ends[each + upper] = places[each + lower]
    turn = HumanoidRest.from_joints(own, ends).to_t_pose[hand]
    back = turn.T @ template.to_t_pose[hand] * size
    for finger in FINGERS:
        chain = [side + finger + phalanx for phalanx in phalanges(finger)]
        if chain[0] not in places:
            for joint in chain:
                places[joint] = places[hand] + back @ (template.heads[joint] - template.heads[hand])
            tails[chain[2]] = places[hand] + back @ (template.tails[chain[2]] - template.heads[hand])
        distinct = [places[joint] for joint in chain]
        before = next((p for p in reversed(distinct[:-1]) if np.linalg.norm(distinct[-1] - p) > _SAME), places[hand])
        tails.setdefault(chain[2], distinct[-1] + (distinct[-1] - before) * _LAST_PHALANX)
        for index in (0, 1):
            following = (p for p in (*distinct[index + 1 :], tails[chain[2]]) if np.linalg.norm(p - distinct[index]) > _SAME)
            tails[chain[index]] = next(following)
