# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores the contacts of a pose on a body of any proportions, before anything is written into Blender.

First what carries the body: the hips go up or down, a body that lies or kneels on several parts is tilted until they are level,
and legs and arms are bent until each sole, knee and palm rests. Then what the body touches of itself, by bending the arms; limbs
that would go through the body go out of its way. A body on which all this already holds keeps the pose to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..pose import rotations as rot
from ..pose.balance import centre_of_mass, outside_support
from ..pose.normalised import Pose
from ..pose.rest import HumanoidRest
from ..pose.rotations import Vector
from .clearance import clear_legs
from .posture import ARMS, LEGS, TRUNK, Chain, Clamp, Posture
from .surface import Part, SkinPoints, all_rows
from .touches import reach_out, touches_on

_RESTS = 0.002
"""Metres from the ground within which a part rests on it."""
_ROUNDS = 3
_MOST_TILT = np.radians(14.0)
_MOST_NOD = np.radians(20.0)
_STIFFNESS = 0.006
"""Square metres: how much a body resists being tilted; parts that are near each other must not tip it over."""
_KNEE = 0.35
"""Of the length of the shin: skin so near to the knee is what kneels."""
_GROUND = "ground"


def lifted(rest: HumanoidRest, pose: Pose, skin: SkinPoints) -> Pose:
    """The pose so high that the lowest of what should rest on the ground does; no joint turns."""
    body = Posture(rest, pose, skin)
    resting = {contact.joint for contact in pose.contacts if contact.surface == _GROUND}
    resting |= {leg_end for leg in LEGS if leg.end in resting for leg_end in leg.ends}
    lowest = body.lowest(resting) if resting else None
    if lowest is None:
        return pose
    x, y, z = pose.hips_translation
    return replace(pose, hips_translation=(x, y, z - float(lowest[2]) / rest.hip_height))


def fitted(rest: HumanoidRest, pose: Pose, skin: SkinPoints, clamp: Clamp | None = None) -> Pose:
    """The pose as this body takes it, with its contacts restored. ``clamp`` keeps joints that are bent for it within limits."""
    if not pose.contacts and not pose.keeps_clear:
        return pose
    body = Posture(rest, pose, skin, clamp)
    support = _Support(body, pose)
    touches = touches_on(pose, skin)
    support.settle()
    if pose.keeps_clear:
        clear_legs(body, support.planted)
    support.rest(pose.balanced)
    reach_out(body, touches, support.hands, pose.keeps_clear)
    before = body.changes
    support.rest(False)
    if body.changes != before:
        reach_out(body, touches, support.hands, pose.keeps_clear)
        support.keep_above()
    x, y, z = (float(c) for c in (body.hips - rest.heads["hips"]) / rest.hip_height)
    return replace(pose, rotations=body.rotations(), hips_translation=(x, y, z))


class _Support:
    """What carries a body: which of its parts rest on the ground, and how they are brought there."""

    def __init__(self, body: Posture, pose: Pose) -> None:
        self.body = body
        ground = {contact.joint for contact in pose.contacts if contact.surface == _GROUND}
        self.sits = any(contact.surface == "seat" for contact in pose.contacts)
        self.soles = [leg for leg in LEGS if {leg.end, f"{leg.side}Toes"} & ground]
        self.knees = [leg for leg in LEGS if leg.lower in ground]
        self.palms = [arm for arm in ARMS if arm.end in ground]
        self.forearms = [arm for arm in ARMS if arm.lower in ground]
        self.trunk = [joint for joint in (*TRUNK, *(limb.upper for limb in (*LEGS, *ARMS))) if joint in ground]
        self._laid = set(self.trunk)
        self.laid = [] if self.sits else [limb for limb in (*LEGS, *ARMS) if limb.upper in ground and limb not in self.knees]
        self.hands = {arm.side for arm in (*self.palms, *self.forearms, *(each for each in self.laid if each in ARMS))}
        self._flat = {joint: body.world[joint] for leg in LEGS for joint in (leg.end, f"{leg.side}Toes")}
        self._flat |= {arm.end: body.world[arm.end] for arm in self.palms}

    @property
    def planted(self) -> set[str]:
        """Sides whose leg carries."""
        return {leg.side for leg in (*self.soles, *self.knees)} | ({"left", "right"} if self.sits else set())

    def settle(self) -> None:
        """The body to its height, and level on what carries it."""
        body = self.body
        lies = "hips" in self.trunk and bool({"chest", "upperChest"} & set(self.trunk))
        parts: list[tuple[str, ...] | Part] = [(joint,) for joint in self.trunk if joint != "head" or not lies]
        if self.trunk and not lies:
            # Palms tilt one who leans on them; but arms can do more about it than the trunk.
            parts = parts * 4 + [arm.ends for arm in self.palms]
        if not self.trunk and (self.palms or self.knees):
            parts += [self._kneeling(leg) for leg in self.knees] + [arm.ends for arm in self.palms]
            parts += [leg.ends for leg in self.soles if not self.knees]
        if parts:
            for turn in range(_ROUNDS):
                if self.trunk:
                    sunk = [joint for joint in TRUNK if self._is_sunk(joint) and not (lies and joint == "head" and turn == 0)]
                    parts += [(joint,) for joint in sunk if joint not in self._laid]
                    self._laid |= set(sunk)
                points = [point for part in parts if (point := self._lowest(part)) is not None]
                if points and max(abs(point[2]) for point in points) > _RESTS:
                    self._level(np.array(points))
                if lies:
                    self._lay_head()
            return
        heights = [self._lowest(leg.ends) for leg in self.soles]
        found = [(point[2], leg) for point, leg in zip(heights, self.soles, strict=True) if point is not None]
        if not found or max(abs(height) for height, _ in found) < _RESTS:
            return
        # The straighter a leg, the less it can do about its foot's height.
        shares = np.array([1.0 / (0.1 + body.bend(leg)) ** 2 for _, leg in found])
        drop = float(shares @ [height for height, _ in found] / shares.sum())
        body.shift(np.array([0.0, 0.0, -drop]))
        self._lower_to_reach()

    def rest(self, balanced: bool) -> None:
        """Legs and arms bent until what they rest on lies on the ground."""
        body = self.body
        anchors = {leg.side: body.heads[leg.end].copy() for leg in self.soles}
        if balanced:
            self._balance()
            self._lower_to_reach(anchors)
        for _ in range(_ROUNDS):
            for leg in LEGS:
                if leg in self.knees:
                    self._kneel(leg)
                elif leg in self.soles:
                    self._stand(leg, anchors[leg.side])
            for arm in ARMS:
                if arm in self.palms or arm in self.forearms:
                    self._prop(arm)
            for limb in self.laid:
                self._lay(limb)
            if not self.keep_above():
                return

    def keep_above(self) -> bool:
        """Nothing below the ground: free limbs are lifted, else the whole body. True when it was the whole body."""
        body, was_lifted = self.body, False
        for _ in range(_ROUNDS):
            lowest = body.lowest()
            if lowest is None or lowest[2] > -_RESTS:
                return was_lifted
            for chain in (*LEGS, *ARMS):
                if chain in ARMS:
                    self._raise_elbow(chain)
                lowest = body.lowest((chain.lower, *chain.ends))
                if lowest is None or lowest[2] > -_RESTS:
                    continue
                if chain in self.knees:
                    self._kneel(chain)
                else:
                    body.bring(chain, body.heads[chain.end] - np.array([0.0, 0.0, lowest[2]]))
            firm = body.lowest((*TRUNK, *(limb.upper for limb in (*LEGS, *ARMS))))
            lowest = body.lowest()
            if lowest is not None and firm is not None and firm[2] < -_RESTS:
                body.shift(np.array([0.0, 0.0, -lowest[2]]))
                was_lifted = True
        lowest = body.lowest()
        if lowest is not None and lowest[2] < -_RESTS:
            body.shift(np.array([0.0, 0.0, -lowest[2]]))
            was_lifted = True
        return was_lifted

    def _lay_head(self) -> None:
        """The head of one who lies to the ground, if it should rest there or would sink, by bending the neck."""
        body = self.body
        for joint in ("neck", "head"):
            lowest = body.lowest(("head",))
            if lowest is None or abs(lowest[2]) < _RESTS or (lowest[2] > 0.0 and "head" not in self.trunk):
                return
            way = lowest - body.heads[joint]
            aside = float(np.linalg.norm(way[:2]))
            if aside < 1e-3:
                return
            angle = np.arctan2(way[2], aside) - np.arctan2(way[2] - lowest[2], aside)
            body.rotate(joint, rot.about_axis((way[1], -way[0], 0.0), float(-np.clip(angle, -_MOST_NOD, _MOST_NOD))))

    def _is_sunk(self, joint: str) -> bool:
        lowest = self.body.lowest((joint,))
        return lowest is not None and bool(lowest[2] < -_RESTS)

    def _lowest(self, part: tuple[str, ...] | Part) -> Vector | None:
        if isinstance(part, Part):
            return self.body.lowest_of(part) if len(part.rows) else None
        return self.body.lowest(part)

    def _kneeling(self, leg: Chain) -> Part:
        """The skin in front of a knee."""

        def choose() -> np.ndarray:
            skin, rest = self.body.skin, self.body.rest
            rows = all_rows(skin, (leg.upper, leg.lower))
            knee, ankle = rest.heads[leg.lower], rest.heads[leg.end]
            near = np.linalg.norm(skin.points[rows] - knee, axis=1) < _KNEE * np.linalg.norm(ankle - knee)
            return np.asarray(rows[near])

        return self.body.skin.named_part(("knee", leg), choose)

    def _level(self, points: np.ndarray) -> None:
        """The least tilt about the hips, and the height, that bring points nearest to the ground (least squares)."""
        body = self.body
        beside, ahead = (points[:, :2] - body.hips[:2]).T
        terms = np.stack((np.ones(len(points)), ahead, -beside), axis=1)
        normal = terms.T @ terms + np.diag([0.0, _STIFFNESS, _STIFFNESS])
        lift, *tilt = np.linalg.solve(normal, -terms.T @ points[:, 2])
        angle = float(np.hypot(*tilt))
        body.shift(np.array([0.0, 0.0, lift]))
        if angle > 1e-4:
            body.rotate("hips", rot.about_axis((*tilt, 0.0), min(angle, _MOST_TILT / 2)))
            for joint, world in self._flat.items():
                body.set_world(joint, world)

    def _lower_to_reach(self, anchors: Mapping[str, Vector] | None = None) -> None:
        """Down until every foot that stands can reach the ground where its ankle is, or at its anchor (sides)."""
        body, missing = self.body, 0.0
        for leg in self.soles:
            lowest = body.lowest(leg.ends)
            if lowest is None:
                continue
            way = body.heads[leg.end] - body.heads[leg.upper]
            down = -way[2] + lowest[2]
            if anchors is not None:
                way = anchors[leg.side] - body.heads[leg.upper]
            room = np.sqrt(max(body.reach(leg) ** 2 - float(way[:2] @ way[:2]), 0.0))
            missing = max(missing, down - room)
        if missing > 0.0:
            body.shift(np.array([0.0, 0.0, -missing]))

    def _stand(self, leg: Chain, anchor: Vector) -> None:
        """A foot to the ground, straight up or down, its sole as it was."""
        body = self.body
        lowest = body.lowest(leg.ends)
        if lowest is None:
            return
        target = np.array([anchor[0], anchor[1], body.heads[leg.end][2] - lowest[2]])
        if abs(lowest[2]) < _RESTS and np.linalg.norm(target - body.heads[leg.end]) < 2 * _RESTS:
            return
        body.bring(leg, target)
        self._flatten(leg.end, f"{leg.side}Toes")

    def _kneel(self, leg: Chain) -> None:
        """A knee to the ground by turning the thigh, then the foot by turning the shin."""
        body = self.body
        knee = self._lowest(self._kneeling(leg))
        if knee is not None and abs(knee[2]) > _RESTS:
            shin = body.world[leg.lower]
            self._tip(leg.upper, leg.lower, -float(knee[2]))
            body.set_world(leg.lower, shin)
            self._flatten(leg.end, f"{leg.side}Toes")
        foot = body.lowest(leg.ends)
        if leg in self.soles and foot is not None and abs(foot[2]) > _RESTS:
            self._tip(leg.lower, leg.end, -float(foot[2]))
            self._flatten(leg.end, f"{leg.side}Toes")

    def _prop(self, arm: Chain) -> None:
        """A forearm or a palm to the ground."""
        body = self.body
        if arm in self.forearms:
            elbow = body.lowest((arm.lower,))
            if elbow is not None and abs(elbow[2]) > _RESTS:
                forearm = body.world[arm.lower]
                self._tip(arm.upper, arm.lower, -float(elbow[2]))
                body.set_world(arm.lower, forearm)
        hand = body.lowest(arm.ends)
        if arm not in self.palms or hand is None or abs(hand[2]) < _RESTS:
            return
        if arm in self.forearms:
            self._tip(arm.lower, arm.end, -float(hand[2]))
        else:
            body.bring(arm, body.heads[arm.end] - np.array([0.0, 0.0, hand[2]]))

    def _lay(self, limb: Chain) -> None:
        """A thigh or an upper arm to the ground, by turning it; what hangs on it keeps its direction."""
        body = self.body
        lowest = body.lowest((limb.upper,))
        if lowest is None or abs(lowest[2]) < _RESTS:
            return
        below = body.world[limb.lower]
        self._tip(limb.upper, limb.lower, -float(lowest[2]))
        body.set_world(limb.lower, below)

    def _raise_elbow(self, arm: Chain) -> None:
        body = self.body
        lowest = body.lowest((arm.upper,))
        if lowest is None or lowest[2] > -_RESTS:
            return
        shoulder, elbow = body.heads[arm.upper], body.heads[arm.lower]
        if np.linalg.norm(lowest - elbow) < np.linalg.norm(lowest - shoulder):
            forearm = body.world[arm.lower]
            self._tip(arm.upper, arm.lower, -float(lowest[2]))
            body.set_world(arm.lower, forearm)

    def _tip(self, joint: str, end: str, rise: float) -> None:
        """Turn a joint so that the joint at its end comes so much higher, straight above or below where it was."""
        body = self.body
        way = body.heads[end] - body.heads[joint]
        length, height = float(np.linalg.norm(way)), float(way[2]) + rise
        aside = float(np.linalg.norm(way[:2]))
        height = max(-length, min(length, height))
        level = np.sqrt(length**2 - height**2)
        if aside < 1e-4:
            return
        body.aim(joint, body.heads[end], body.heads[joint] + np.array([*(way[:2] / aside * level), height]))

    def _flatten(self, *joints: str) -> None:
        for joint in joints:
            self.body.set_world(joint, self._flat[joint])

    def _balance(self) -> None:
        """The hips so far to a side that the centre of mass comes over what carries the body; the feet stay."""
        body = self.body
        if not self.soles or self.sits or self.trunk or self.knees or self.palms:
            return
        rows = [all_rows(body.skin, leg.ends) for leg in self.soles]
        for _ in range(2):
            # Each foot by its own lowest point: one that is still in the air will carry too, and its leg need not be left behind.
            feet = [body.points(each) for each in rows]
            carrying = np.concatenate([points[points[:, 2] < 0.02 + points[:, 2].min()][:, :2] for points in feet])
            centre = centre_of_mass(body.places())[:2]
            away = outside_support(centre, carrying)
            if not 0.0 < away < 0.3:
                return
            middle = carrying.mean(axis=0)
            step = (middle - centre) / max(float(np.linalg.norm(middle - centre)), 1e-6) * (away + 0.01)
            anchors = {leg: body.heads[leg.end].copy() for leg in self.soles}
            body.shift(np.array([*step, 0.0]))
            for leg, anchor in anchors.items():
                body.bring(leg, anchor)
                self._flatten(leg.end, f"{leg.side}Toes")
