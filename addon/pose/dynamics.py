# SPDX-License-Identifier: GPL-3.0-or-later
"""A pose made more dynamic or calmer, as an animator pushes a drawing.

A pose is measured against someone who stands at ease, not against the T-pose: what differs from that grows or shrinks. The spine
grows most, because it carries the line of action, and with it the twist between hips and shoulders; the limbs swing farther out,
but less the farther they are already, so that an arm that points does not overshoot its goal; feet stand wider apart. What an
action is about stays: where the figure faces and looks, what its hands do, the ground under it, hands on the body, and the
balance over the feet. No bpy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from . import rotations as rot
from .holding import AT_EASE, held_hands
from .humanoid import FINGER_JOINTS, JOINTS, PARENT, base_name
from .kinematics import (
    ARMS,
    LEGS,
    T_DIRECTION,
    Limb,
    below,
    hips_place,
    joint_ends,
    joint_places,
    local_rotations,
    reach_for,
    reach_of,
    twist_about,
    world_rotations,
)
from .limits import JointLimits
from .normalised import Pose, PoseError, Quaternion
from .rest import HumanoidRest
from .rotations import Matrix, Vector

_SPINE = {"spine": 1.1, "chest": 1.1, "upperChest": 1.1}
_LIMBS = {"Shoulder": 0.6, "UpperArm": 0.7, "LowerArm": 0.35, "Hand": 0.3, "UpperLeg": 0.55, "LowerLeg": 0.35}
_HEAD = {"neck": 0.4, "head": 0.4}
_TILT = 0.6
"""How much larger a difference is at a factor of 1: of each joint, and of the lean of the hips. Their heading stays."""
_FARTHEST = math.radians(105.0)
"""A limb that is so far from where it hangs at ease swings no farther."""
_CALM = 0.65
"""How much of every difference goes away at a factor of −1."""
_GAZE = 0.6
"""Of what the body turns the head away from where it looked, how much neck and head turn back."""
_NECKS_SHARE = 0.4

_WIDER = 0.32
"""How much farther apart two feet stand on the ground at a factor of 1, and how much deeper a crouch is."""
_HIGHER = 0.3
"""The same of the height of a jump."""
_TRUNK = ("hips", "spine", "chest", "upperChest", "neck", "head")
"""Who sits or kneels keeps the hips where they are; of who lies, the whole trunk stays: it would leave what it lies on."""
_SEATED = 0.2
"""Of the hip height: a figure whose centre of mass is farther than this from the middle of its two feet sits on something."""

_MASSES = {"hips": 0.14, "spine": 0.14, "upperChest": 0.22, "head": 0.08, "UpperArm": 0.028, "LowerArm": 0.022, "UpperLeg": 0.1,
           "LowerLeg": 0.0465, "Foot": 0.0145}  # fmt: skip
"""Shares of the body's mass, of the middles of these bones: D. A. Winter, Biomechanics and Motor Control of Human Movement, table
of anthropometric data (trunk 0.497, head and neck 0.081, upper arm 0.028, forearm and hand 0.022, thigh 0.100, leg 0.0465, foot
0.0145)."""

_CLEAR = 0.12
"""Of the hip height, how high an ankle is off the ground that a foot clears in any attitude."""

_BALANCED = 0.14
"""Of the hip height, how far from above its one foot a figure's centre of mass may be for it to stand on it. Farther, it runs or
leaps off, and the leg swings."""

_MISSED = 0.008
"""Metres by which a hand or foot may miss what it touches; farther, and the pose is pushed less."""
_SLACK = math.radians(3.0)
"""By which a joint of a limb that holds on to something may be beyond its limits."""
_HALVINGS = 6
"""To find how far a leg in the air can swing: to a sixty-fourth of the whole way."""
_TRIES = 6
"""To find how far a pose can be pushed without losing what it holds."""
_SOME, _NEARLY, _AIM = 0.05, 0.9, 0.96
"""Shares of the strain that a pose may have: from the first on it tells how far the pose can be pushed, from the second on it is
pushed far enough, and the third is what is aimed at."""

_BODY = tuple(joint for joint in JOINTS if joint not in FINGER_JOINTS)
"""The joints that are pushed. Fingers keep their rotations, and go along with their hands."""


def exaggerate(pose: Pose, rest: HumanoidRest, factor: float, limits: JointLimits | None = None) -> Pose:
    """The pose pushed by a factor: 0 leaves it, 1 is as dynamic as it goes, −1 as calm.

    ``rest`` is that of the figure on which the pose is seen. Contacts of the pose are held, and hands on the body, whatever that
    costs; no joint that is within its limits leaves them. Raises PoseError for another factor.
    """
    if not -1.0 <= factor <= 1.0:  # also refuses NaN
        raise PoseError(f"How dynamic a pose becomes is a number from -1 to 1, not {factor!r}.")
    if factor == 0.0:
        return pose
    start = _started(pose, rest, limits)
    pushed, strain = _pushed(start, factor)
    return pushed if strain <= 1.0 else _farthest(start, factor, strain)


@dataclass
class _Figure:
    """A figure while it is pushed: its body, without the fingers."""

    rest: HumanoidRest
    world: dict[str, Matrix]
    hips: Vector
    missed: float = 0.0

    @property
    def places(self) -> dict[str, Vector]:
        return joint_places(self.rest, self.world, self.hips)

    def bring(self, limb: Limb, target: Vector, turn: Matrix) -> None:
        """A limb's end to a place, with an orientation of its own, and what hangs on it along."""
        missed = reach_for(self.rest, self.world, limb, self.places[limb.upper], target)
        self.missed = max(self.missed, missed)
        self.turn_end(limb, turn)

    def turn_end(self, limb: Limb, turn: Matrix) -> None:
        """Give a limb's end an orientation in the world, and what hangs on it along."""
        kept = {joint: self.world[limb.end].T @ self.world[joint] for joint in below(limb.end) if joint in self.world}
        for joint, local in kept.items():
            self.world[joint] = turn @ local


@dataclass(frozen=True)
class _Start:
    """A pose before it is pushed, with all that does not depend on how far: ``resting`` joints touch something, ``held`` hands
    hold on to the body, ``still`` joints keep their rotations; ``excess`` tells by how many radians a joint is beyond its limits,
    ``balance`` (2,) metres is the way from what the figure stands on to its centre of mass."""

    pose: Pose
    limits: JointLimits | None
    figure: _Figure
    places: Mapping[str, Vector]
    resting: set[str]
    held: Mapping[str, str]
    balance: Vector
    sits: bool
    still: set[str]
    excess: Mapping[str, float]


def _started(pose: Pose, rest: HumanoidRest, limits: JointLimits | None) -> _Start:
    figure = _Figure(rest, world_rotations(pose, _BODY), hips_place(rest, pose))
    resting = {contact.joint for contact in pose.contacts}
    balance = _balance(figure, resting) if resting & rest.heads.keys() & set(_BODY) else np.zeros(2)
    sits = _sits(rest, resting, balance)
    held = held_hands(pose, rest)
    excess = {joint: limits.excess(joint, pose.rotation(joint)) if limits else 0.0 for joint in _BODY}
    return _Start(pose, limits, figure, figure.places, resting, held, balance, sits, _still(resting, held, sits), excess)


def _farthest(start: _Start, factor: float, strain: float) -> Pose:
    """The pose pushed toward a factor at which it is strained too much, as far as it goes. Strain is nothing at first and then
    grows with the factor, evenly or by a leap: halves find where it begins, and straight lines where it is too much."""
    best, low, high, slack = start.pose, 0.0, factor, 0.0
    for _ in range(_TRIES):
        share = 0.5 if slack < _SOME else min(max((_AIM - slack) / (strain - slack), 0.1), 0.9)
        middle = low + (high - low) * share
        pushed, found = _pushed(start, middle)
        if found > 1.0:
            high, strain = middle, found
        else:
            best, low, slack = pushed, middle, found
        if _NEARLY <= found <= 1.0:
            break
    return best


def _pushed(start: _Start, factor: float) -> tuple[Pose, float]:
    """The pose, and how much it is strained: above 1 its contacts do not hold, or its limbs cannot bend so."""
    pose, rest, before, resting, sits = start.pose, start.figure.rest, start.figure, start.resting, start.sits
    local = {joint: _push(start, joint, factor) for joint in _BODY}
    figure = _Figure(rest, world_rotations(replace(pose, rotations=local), _BODY), before.hips.copy())
    if not sits:
        figure.world = _leaning(figure.world, before.world, factor)
    _keep_gaze(start, figure, factor)
    feet = _feet_on_ground(start, factor)
    for limb in LEGS:
        if limb.end in feet or limb.end.replace("Foot", "Toes") in resting or limb.end in resting:
            figure.turn_end(limb, before.world[limb.end])
    _stand(start, figure, feet, factor)
    for limb, target in ((limb, feet[limb.end]) for limb in LEGS if limb.end in feet):
        figure.bring(limb, target, before.world[limb.end])
    if not sits and resting:
        _keep_above_ground(start, figure)
    was, now = start.places, figure.places
    for arm in ARMS:
        if arm.end in resting:
            _bring_hand(start, figure, arm, was[arm.end], before.world[arm.end])
        elif (carrier := start.held.get(arm.end)) is not None and not {arm.upper, arm.lower} <= start.still:
            turn = figure.world[carrier] @ before.world[carrier].T
            place = now[carrier] + turn @ (was[arm.end] - was[carrier])
            _bring_hand(start, figure, arm, place, turn @ before.world[arm.end])
    x, y, z = (figure.hips - rest.heads["hips"]) / rest.hip_height
    rotations = local_rotations(figure.world, _BODY)
    kept = {joint: q for joint, q in rotations.items() if joint in rest.heads or joint in pose.rotations}
    place_of_hips = (float(x), float(y), float(z))
    pushed = replace(pose, rotations={**pose.rotations, **kept}, hips_translation=place_of_hips)
    return pushed, max(figure.missed / _MISSED, _overbent(start, pushed) / _SLACK)


def _push(start: _Start, joint: str, factor: float) -> Quaternion:
    """A joint's rotation farther from ease, or nearer to it, within its limits."""
    now, bare = start.pose.rotation(joint), base_name(joint)
    amount = _SPINE.get(bare, _LIMBS.get(bare, _HEAD.get(bare, 0.0)))
    # A joint that is beyond its limits already is not brought back by being pushed.
    if joint in start.still or not amount or start.excess[joint] > 0.0:
        return now
    ease = np.array(AT_EASE.get(joint, rot.IDENTITY))
    inverse = ease * (1.0, -1.0, -1.0, -1.0)
    w, x, y, z = rot.multiply(inverse, now)
    if w < 0.0:
        w, x, y, z = -w, -x, -y, -z
    angle = 2.0 * math.atan2(math.sqrt(x * x + y * y + z * z), w)
    if angle < 1e-9:
        return now
    room = 1.0 if bare in _SPINE else max(0.0, 1.0 - angle / _FARTHEST)
    goal = angle * (1.0 + factor * (amount * room if factor > 0.0 else _CALM))
    axis = np.array((x, y, z)) / math.sqrt(x * x + y * y + z * z)
    pushed = _quaternion(rot.multiply(ease, (math.cos(goal / 2.0), *(axis * math.sin(goal / 2.0)))))
    return pushed if start.limits is None else start.limits.clamp(joint, pushed)


def _leaning(world: dict[str, Matrix], before: Mapping[str, Matrix], factor: float) -> dict[str, Matrix]:
    """The whole figure leaning more or less about its hips; its heading stays."""
    hips = before["hips"]
    up = hips[:, 2]
    upright = rot.shortest_arc((0.0, 0.0, 1.0), up)
    angle = math.acos(max(-1.0, min(1.0, float(up[2]))))
    room = max(0.0, 1.0 - angle / math.radians(90.0))  # who lies does not lean
    lean = angle * factor * (_TILT * room if factor > 0.0 else _CALM * min(1.0, 2.0 * room))
    if abs(lean) < 1e-9:
        return world
    axis = np.array((-up[1], up[0], 0.0))  # across the way in which it leans
    more = rot.about_axis(axis, lean) if np.linalg.norm(axis) > 1e-9 else np.eye(3)
    heading = upright.T @ hips
    turned = more @ upright @ heading
    turn = turned @ world["hips"].T
    # Legs hang from the hips, but the ground is level: they do not lean along.
    return {joint: matrix if joint.endswith(("Leg", "Foot", "Toes")) else turn @ matrix for joint, matrix in world.items()}


def _keep_gaze(start: _Start, figure: _Figure, factor: float) -> None:
    """Neck and head turn back to where the figure looked, as far as the neck goes."""
    before, limits = start.figure, start.limits
    if factor < 0.0 or "head" in start.still:
        return
    chest = figure.world["upperChest"]
    wanted = rot.slerp(
        rot.quaternion_from_matrix(chest.T @ figure.world["head"]),
        rot.quaternion_from_matrix(chest.T @ before.world["head"]),
        _GAZE,
    )
    neck = _quaternion(rot.slerp(rot.IDENTITY, wanted, _NECKS_SHARE))
    inverse = np.array(neck) * (1.0, -1.0, -1.0, -1.0)
    head = _quaternion(rot.multiply(inverse, wanted))
    if limits is not None:
        neck, head = limits.clamp("neck", neck), limits.clamp("head", head)
    figure.world["neck"] = chest @ rot.matrix_from_quaternion(neck)
    figure.world["head"] = figure.world["neck"] @ rot.matrix_from_quaternion(head)


def _bring_hand(start: _Start, figure: _Figure, arm: Limb, place: Vector, turn: Matrix) -> None:
    """A hand to a place with an orientation; the forearm twists along, as far as the wrist does not."""
    figure.bring(arm, place, turn)
    along, limits = np.array(T_DIRECTION[arm.kind]), start.limits
    twists = [twist_about(one.world[arm.lower].T @ one.world[arm.end], along) for one in (figure, start.figure)]
    figure.world[arm.lower] = figure.world[arm.lower] @ twists[0] @ twists[1].T
    if limits is not None:
        (hand,) = local_rotations(figure.world, (arm.end,)).values()
        local = rot.matrix_from_quaternion(limits.clamp(arm.end, hand))
        figure.turn_end(arm, figure.world[arm.lower] @ local)


def _overbent(start: _Start, pushed: Pose) -> float:
    """By how many radians a limb leaves its limits for what it holds, beyond where it was."""
    if start.limits is None:
        return 0.0
    joints = [joint for limb in (*LEGS, *ARMS) for joint in (limb.upper, limb.lower, limb.end)]
    return max(start.limits.excess(joint, pushed.rotation(joint)) - start.excess[joint] for joint in joints)


def _feet_on_ground(start: _Start, factor: float) -> dict[str, Vector]:
    """Where the feet that must stay on the ground go: two that stand, wider apart; the one of who runs swings with its leg."""
    places, legs = start.places, [leg for leg in LEGS if {leg.end, leg.end.replace("Foot", "Toes")} & start.resting]
    if not start.sits and len(legs) == 1 and np.linalg.norm(start.balance) > _BALANCED * start.figure.rest.hip_height:
        return {}
    if len(legs) < 2 or start.sits:
        return {leg.end: places[leg.end] for leg in legs}
    middle = (places[legs[0].end] + places[legs[1].end]) / 2.0
    spread = 1.0 + _WIDER * factor
    return {leg.end: middle + (places[leg.end] - middle) * (spread, spread, 1.0) for leg in legs}


def _stand(start: _Start, figure: _Figure, feet: Mapping[str, Vector], factor: float) -> None:
    """Put the hips where the figure keeps its balance and its legs reach the ground."""
    rest = figure.rest
    height = start.figure.hips[2] - rest.heads["hips"][2]
    if not start.resting:
        figure.hips[2] += max(height, 0.0) * _HIGHER * factor
        return
    if start.sits or not feet:
        return
    if len(feet) == 2:
        figure.hips[2] += min(height, 0.0) * _WIDER * factor
    for _ in range(2):
        figure.hips[:2] += start.balance - _balance(figure, start.resting, feet)
    places = figure.places
    for leg in LEGS:
        if leg.end in feet:
            away = feet[leg.end] - places[leg.upper]
            level = float(np.linalg.norm(away[:2]))
            longest = 0.9995 * reach_of(rest, leg)
            if level < longest:
                figure.hips[2] += min(0.0, math.sqrt(longest**2 - level**2) + float(away[2]))


def _balance(figure: _Figure, resting: set[str], feet: Mapping[str, Vector] | None = None) -> Vector:
    """(2,) from what the figure stands on to its centre of mass."""
    places, rest = figure.places, figure.rest
    masses = {joint: mass for joint in figure.world if (mass := _MASSES.get(joint, _MASSES.get(base_name(joint), 0.0)))}
    carrying = [joint for joint in masses if joint in rest.heads]
    ends = joint_ends(rest, figure.world, places, carrying)
    shares = np.array([masses[joint] for joint in carrying])
    middles = (np.array([places[joint] for joint in carrying]) + np.array([ends[joint] for joint in carrying])) / 2.0
    stood = {**places, **(feet or {})}
    support = np.mean([stood[joint.replace("Toes", "Foot")] for joint in resting if joint in stood], axis=0)
    level: Vector = (shares @ middles / shares.sum() - support)[:2]
    return level


def _keep_above_ground(start: _Start, figure: _Figure) -> None:
    """A leg in the air that would dip into the ground swings only so far that it does not."""
    was, now, resting = start.places, figure.places, start.resting
    stood = [joint for joint in resting if joint in now and joint.endswith(("Foot", "Toes"))]
    if not stood:
        return
    ground = min(float(now[joint][2]) for joint in stood) - min(float(was[joint][2]) for joint in stood)
    for leg in LEGS:
        if leg.end in resting or leg.end.replace("Foot", "Toes") in resting:
            continue
        lowest = min(float(was[leg.end][2]), _CLEAR * figure.rest.hip_height) + ground
        if float(now[leg.end][2]) >= lowest:
            continue
        joints = below(leg.upper)
        first, last = local_rotations(start.figure.world, joints), local_rotations(figure.world, joints)
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            _swing(figure, first, last, middle)
            low, high = (middle, high) if float(figure.places[leg.end][2]) >= lowest else (low, middle)
        _swing(figure, first, last, low)


def _swing(figure: _Figure, first: Mapping[str, Quaternion], last: Mapping[str, Quaternion], share: float) -> None:
    """Joints, from the upper one down, on their way from some rotations to others."""
    for joint, start in first.items():
        above = PARENT[joint]
        local = rot.matrix_from_quaternion(rot.slerp(start, last[joint], share))
        figure.world[joint] = local if above is None else figure.world[above] @ local


def _sits(rest: HumanoidRest, resting: set[str], balance: Vector) -> bool:
    """Whether the hips are carried by something else than feet alone: the ground, a seat, knees or hands."""
    if resting & set(_TRUNK) or any(joint.endswith(("Leg", "Hand")) for joint in resting):
        return True
    stands = all({leg.end, leg.end.replace("Foot", "Toes")} & resting for leg in LEGS)
    return stands and float(np.linalg.norm(balance)) > _SEATED * rest.hip_height


def _still(resting: set[str], held: Mapping[str, str], sits: bool) -> set[str]:
    """The joints that stay as they are: a trunk that lies, legs that kneel, arms that hold each other or the chest."""
    still = {"hips"} if sits else set()
    if resting & set(_TRUNK[1:]):
        still |= set(_TRUNK)
    for leg in LEGS:
        if {leg.upper, leg.lower} & resting:
            still |= {leg.upper, leg.lower, leg.end}
    for hand, carrier in held.items():
        if carrier.endswith(("Arm", "Hand", "Shoulder", "hest")):
            side = "left" if hand.startswith("left") else "right"
            sides = {side, "left" if carrier.startswith("left") else "right"} if carrier.endswith(("Arm", "Hand")) else {side}
            still |= {f"{one}{part}" for one in sides for part in ("Shoulder", "UpperArm", "LowerArm", "Hand")}
    return still


def _quaternion(values: Vector) -> Quaternion:
    w, x, y, z = (float(c) for c in values)
    return (w, x, y, z)
