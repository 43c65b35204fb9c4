# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes limbs out of the body: on a stouter figure an arm that hung free would go through the waist."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

import numpy as np

from ..pose import rotations as rot
from ..pose.kinematics import below
from ..pose.normalised import Contact, Place
from ..pose.rotations import Vector
from .posture import ARMS, LEGS, TRUNK, Chain, Posture
from .surface import Part, all_rows

NEAR_ROOT = {"Arm": 0.5, "Leg": 0.6}
"""Of the length of a limb's first bone: so near to where it begins its skin is the body's, and folds into armpit and groin."""
_NOTICED = 0.010
"""Metres that flesh gives way: so deep a limb may lie in the body, as it does where an arm rests on a side."""
_LEFT = 0.005
"""How deep it lies after it was taken out."""
STUCK = 0.03
"""Metres: an arm so deep in the body cannot do what the pose asks of it on this figure."""
_ROLLS = 0.010
"""Metres: a hand that must go out so far turns about what touches; less is let go."""
_SHARED = 0.15
"""Of a point's weight: more, and the skin there is the limb's as much as the body's."""
_MANY = 200
"""Points of one part, of which every other one is enough."""
_SAME = 1e-6
"""Metres that are none."""
_AT_ONCE = 64
_FARTHEST = 0.25
"""Metres from the nearest point of the skin beyond which a point is not inside: it belongs to another part of the room."""
_ROUNDS, _SPREADS, _TURNS = 8, 4, 4
"""The knees of one who sits or stands go apart fewer times: legs must still reach the ground."""
_MOST_TURN, _SPREAD = math.radians(22.0), math.radians(4.0)
"""In one round; the second is for knees that go apart."""
_ELBOWS = tuple(math.radians(angle) for angle in (15.0, -15.0, 30.0, -30.0))
"""How far elbows are tried to be turned, the least first: farther, folded arms would no longer look folded."""
_ELBOW_HELPS = 0.06
"""Metres: an arm so deep in the body does not come out by its elbow."""


def clear_legs(posture: Posture, planted: Collection[str]) -> None:
    """Thighs, shins and feet out of trunk and head. The knees of a figure whose feet or seat are ``planted`` go apart; others go
    the shortest way."""
    obstacles = Obstacles.of(posture)
    for leg in LEGS:
        for _ in range(_SPREADS if leg.side in planted else _ROUNDS):
            deepest = obstacles.deepest(posture, leg)
            if deepest is None:
                break
            point, out = deepest
            if leg.side in planted:
                sideways = posture.world["hips"] @ np.array([1.0 if leg.side == "left" else -1.0, 0.0, 0.0])
                out = float(np.linalg.norm(out)) * sideways
            foot = posture.world[leg.end]
            _swing(posture, leg, point, out, _SPREAD if leg.side in planted else _MOST_TURN)
            if leg.side in planted:
                posture.set_world(leg.end, foot)


def clear_arms(posture: Posture, held: Collection[str], resting: Collection[str]) -> None:
    """Arms out of trunk, head and thighs. Of those whose hand is ``held`` somewhere (sides) only the elbow goes out of the way;
    ``resting`` are joints that an arm may touch."""
    obstacles = Obstacles.of(posture, [leg.upper for leg in LEGS if leg.upper not in resting])
    for arm in ARMS:
        is_held, before = arm.side in held, None
        for _ in range(_ROUNDS):
            deepest = obstacles.deepest(posture, arm, only_upper=is_held)
            if deepest is None or _is_same(deepest, before):
                break
            before = deepest
            point, out = deepest
            if is_held:
                _swivel(posture, arm, point, out)
            else:
                _swing(posture, arm, point, out)


def clear_elbows(posture: Posture, arms: Collection[Chain], touch: Callable[[Chain], float]) -> bool:
    """Arms that touch the body out of it by their elbows alone, as far as those must go: an arm that is in the way on one side of
    the belly has room on another. ``touch`` brings an arm back to what it touches; it returns how many metres it is apart.

    True where that moved any."""
    obstacles, has_moved = Obstacles.of(posture), False
    for arm in arms:
        if not _ROLLS <= (depth := obstacles.depth(posture, arm)) <= _ELBOW_HELPS:
            continue
        before = posture.state()
        least, best = depth, before
        for angle in _ELBOWS:
            _turn_elbow(posture, arm, angle)
            fault = touch(arm) + obstacles.depth(posture, arm)
            if fault < least - _NOTICED:
                least, best = fault, posture.state()
            if least < _ROLLS:
                break
            posture.restore(before)
        posture.restore(best)
        has_moved |= best is not before
    return has_moved


def clear_hands(posture: Posture, anchors: Mapping[Chain, tuple[str, Place]]) -> list[Chain]:
    """Arms that touch the body out of it, when one place touches and another goes in: by turning the elbow, or the hand about
    what touches (``anchors``: with which joint's skin and where), else by letting the hand go a little.

    Returns those that cannot be brought out."""
    stuck: list[Chain] = []
    if not anchors:
        return stuck
    obstacles = Obstacles.of(posture)
    for arm, anchor in anchors.items():
        deepest = obstacles.deepest(posture, arm)
        for turn in range(_TURNS + _ROUNDS):
            if deepest is None:
                break
            point, out = deepest
            if turn < _TURNS and np.linalg.norm(out) > _ROLLS:
                _roll_off(posture, arm, anchor, point, out)
            else:
                posture.bring(arm, posture.heads[arm.end] + out)
            before, deepest = deepest, obstacles.deepest(posture, arm)
            if turn >= _TURNS and _is_same(deepest, before):
                break
        if deepest is not None and np.linalg.norm(deepest[1]) > STUCK:
            stuck.append(arm)
    return stuck


def _is_same(deepest: tuple[Vector, Vector] | None, before: tuple[Vector, Vector] | None) -> bool:
    """Whether a limb could not go on because it is at its limits: it would not the next time either."""
    return deepest is not None and before is not None and bool(np.abs(np.subtract(deepest, before)).max() < _SAME)


def turn_hand(posture: Posture, arm: Chain, contact: Contact) -> bool:
    """Turn a hand that is in the body at its wrist, so that it comes out. False where that cannot help."""
    deepest = Obstacles.of(posture).deepest(posture, arm)
    if deepest is None or contact.at is None or contact.joint not in arm.ends:
        return False
    point, out = deepest
    lever = point - posture.place(contact.joint, contact.at)
    axis = rot.cross(lever, out)
    if not axis.any() or np.linalg.norm(point - posture.heads[arm.end]) > np.linalg.norm(point - posture.heads[arm.lower]):
        return False
    angle = float(np.linalg.norm(out) / max(float(np.linalg.norm(lever)), 0.02))
    posture.rotate(arm.end, rot.about_axis(axis, min(angle, _MOST_TURN)))
    return True


def is_inside(posture: Posture, limb: Chain, most: float) -> bool:
    """Whether a limb is deeper in trunk or head than so many metres."""
    deepest = Obstacles.of(posture).deepest(posture, limb)
    return deepest is not None and bool(np.linalg.norm(deepest[1]) > most - _LEFT)


class Obstacles:
    """The skin of trunk, neck and head, and of ``others``, that a limb must not go through, where it is now."""

    def __init__(self, posture: Posture, others: Collection[str] = ()) -> None:
        self._joints = (*TRUNK, *others)
        self._part = posture.skin.named_part(("obstacles", self._joints), lambda: self._chosen(posture))
        self._frames = posture.frames[self._part.movers]
        self._points, self._normals = self._part.placed(posture.frames), posture.normals(self._part.rows)
        self._low, self._high = self._points.min(axis=0), self._points.max(axis=0)
        self._middle = (self._low + self._high) / 2.0
        places = self._points - self._middle
        self._table = np.concatenate((-2.0 * places, (places**2).sum(axis=1)[:, None]), axis=1).astype(np.float32)
        """(N, 4): times a point and one it is the square of their distance, less a number that is the point's own. To find the
        nearest, single precision is enough."""

    @classmethod
    def of(cls, posture: Posture, others: Collection[str] = ()) -> Obstacles:
        """Those of a posture; the same as long as none of them moves."""
        name = ("obstacles", tuple(others))
        found = posture.kept.get(name)
        if not isinstance(found, cls) or not np.array_equal(found._frames, posture.frames[found._part.movers]):
            found = posture.kept[name] = cls(posture, others)
        return found

    def _chosen(self, posture: Posture) -> np.ndarray:
        """Every other point of the closer grids: here a few centimetres are close enough."""
        rows = posture.skin.rows
        return np.concatenate([rows[j][:: 2 if len(rows[j]) > _MANY else 1] for j in self._joints if j in rows])

    def deepest(self, posture: Posture, chain: Chain, only_upper: bool = False) -> tuple[Vector, Vector] | None:
        """The point of a limb that is deepest in the body, and how far it must go, and where to; None while all is well."""
        points = _limb_part(posture, chain, only_upper).placed(posture.frames)
        points = points[((points > self._low) & (points < self._high)).all(axis=1)]
        if len(points) == 0:
            return None
        around = (self._points > points.min(axis=0) - _FARTHEST) & (self._points < points.max(axis=0) + _FARTHEST)
        near = np.flatnonzero(around.all(axis=1))
        if len(near) == 0:
            return None
        nearest = near[self._nearest(points, near)]
        ways = points - self._points[nearest]
        depths = -(ways * self._normals[nearest]).sum(axis=1)
        depths[((ways**2).sum(axis=1) > _FARTHEST**2) | self._of(posture, chain)[nearest]] = 0.0
        worst = int(depths.argmax())
        if depths[worst] < _NOTICED:
            return None
        return points[worst], (depths[worst] - _LEFT) * self._normals[nearest[worst]]

    def _nearest(self, points: np.ndarray, among: np.ndarray) -> np.ndarray:
        """For each point (N, 3) the place in ``among`` (rows of the table) of the nearest."""
        rows = np.ones((len(points), 4), dtype=np.float32)
        rows[:, :3] = points - self._middle
        table = np.ascontiguousarray(self._table[among].T)
        found = np.empty(len(points), dtype=np.intp)
        # A few rows at a time, into the same memory: new memory for all of them costs more than the numbers in it.
        squares = np.empty((min(_AT_ONCE, len(points)), len(among)), dtype=np.float32)
        for start in range(0, len(points), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            np.matmul(some, table, out=squares[: len(some)])
            squares[: len(some)].argmin(axis=1, out=found[start : start + len(some)])
        return found

    def depth(self, posture: Posture, chain: Chain) -> float:
        """How far (metres) a limb must go out of the body; 0 while all is well."""
        deepest = self.deepest(posture, chain)
        return 0.0 if deepest is None else float(np.linalg.norm(deepest[1]))

    def _of(self, posture: Posture, chain: Chain) -> np.ndarray:
        """Which of them the limb moves too: there its skin and the body's are one."""
        name = ("shared", self._joints, chain)
        if name not in posture.kept:
            skin = posture.skin
            own = np.isin(np.array(skin.joints), chain.joints)
            shares = (skin.weights[self._part.rows] * own[skin.movers[self._part.rows]]).sum(axis=1)
            posture.kept[name] = shares > _SHARED
        return np.asarray(posture.kept[name])


def _limb_part(posture: Posture, chain: Chain, only_upper: bool) -> Part:
    """Points of a limb's skin away from where it begins, where its skin is the body's."""

    def choose() -> np.ndarray:
        joints = (chain.upper, chain.lower) if only_upper else (chain.upper, chain.lower, *chain.ends)
        skin = posture.skin
        rows = all_rows(skin, joints)
        root, end = posture.rest.heads[chain.upper], posture.rest.heads[chain.lower]
        far = np.linalg.norm(skin.points[rows] - root, axis=1) > NEAR_ROOT[chain.kind] * np.linalg.norm(end - root)
        return np.asarray(rows[far][::2])

    return posture.skin.named_part(("limb", chain, only_upper), choose)


def _swing(posture: Posture, chain: Chain, point: Vector, out: Vector, most: float = _MOST_TURN) -> None:
    """Turn a limb at its root so that a point of it goes out of the body."""
    root = posture.heads[chain.upper]
    arm = point - root
    axis = rot.cross(arm, out)
    size = float(np.linalg.norm(axis))
    if size < 1e-9:
        return
    angle = min(float(np.linalg.norm(out)) * float(np.linalg.norm(arm)) / size, 2.0) * float(np.linalg.norm(out))
    angle = min(angle / max(float(np.linalg.norm(arm)), 1e-3), most)
    posture.rotate(chain.upper, rot.about_axis(axis, angle))


def _swivel(posture: Posture, chain: Chain, point: Vector, out: Vector) -> None:
    """Turn a limb about the line from its root to its end, which stays where it is."""
    root, end = posture.heads[chain.upper], posture.heads[chain.end]
    axis = rot.unit(end - root)
    radius = rot.perpendicular(point - root, axis)
    length = float(np.linalg.norm(radius))
    if length < 0.03:
        return
    way = float(rot.cross(axis, radius / length) @ out)
    angle = max(-_MOST_TURN, min(_MOST_TURN, way / length))
    _turn_elbow(posture, chain, angle)


def _turn_elbow(posture: Posture, chain: Chain, angle: float) -> None:
    """Turn a limb about the line from its root to its end; its hand or foot keeps its direction."""
    kept = posture.world[chain.end]
    axis = posture.heads[chain.end] - posture.heads[chain.upper]
    posture.rotate(chain.upper, rot.about_axis(axis, angle))
    posture.set_world(chain.end, kept)


def _roll_off(posture: Posture, arm: Chain, anchor: tuple[str, Place], point: Vector, out: Vector) -> None:
    """Turn an arm's elbow, or its hand about the place where it touches, so that a point of it goes out of the body."""
    wrist, elbow = posture.heads[arm.end], posture.heads[arm.lower]
    held = posture.place(*anchor)
    lever = point - held
    axis = rot.cross(lever, out)
    if anchor[0] not in arm.ends or np.linalg.norm(point - elbow) < np.linalg.norm(point - wrist) or not axis.any():
        _swivel(posture, arm, point, out)
        return
    angle = float(np.linalg.norm(out) / max(float(np.linalg.norm(lever)), 0.02))
    posture.rotate(arm.end, rot.about_axis(axis, min(angle, _MOST_TURN)))
    posture.bring(arm, posture.heads[arm.end] + held - posture.place(*anchor))


def limb_of(joint: str) -> Chain | None:
    """The limb that moves a joint's part."""
    return next((chain for chain in (*ARMS, *LEGS) if joint in below(chain.upper)), None)
