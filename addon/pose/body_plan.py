# SPDX-License-Identifier: GPL-3.0-or-later
"""Which joint is which by the skeleton's build alone, whatever the names, the axes and the unit.

A body at rest is the mirror image of itself. Two pairs of long limbs hang on its middle: legs that run away from the trunk, and
arms that do not run on along it; above the arms goes on what carries the head. All else (hair, skirts, tails, wings, handles that
move other bones) is no such pair, or a worse one. A quadruped's four limbs stand across its trunk, a machine is no mirror image.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .joint_words import NEEDED, name_trunk
from .skeleton import Array, Skeleton

_TOLERANCE = 0.012
"""How far a joint may be from the mirror image of its partner, as a part of the skeleton's extent: 2 cm on an adult."""
_IN_THE_MIDDLE = 0.004
"""How far from the plane a joint of the trunk may be, in the same measure: collar bones begin beside it."""
_PLANES = 24
"""Mirror planes that are tried: those between the first siblings that could be a left and a right one."""
_LEG_OVER_TRUNK = (0.7, 5.0)
_ARM_OVER_LEG = (0.35, 1.35)
"""What lengths of human limbs, and of those of drawn figures with short or very long legs, are to each other."""
_USUAL_ARM_OVER_LEG = 0.65
_UPPER_OVER_LOWER = 1.05
"""Thigh to shin and upper arm to forearm are about equal."""


@dataclass(frozen=True)
class _Limb:
    """One of a pair: its joints from the trunk outward on one side, where it hangs, and the other side's joints."""

    way: tuple[int, ...]
    other: tuple[int, ...]
    carrier: int


@dataclass(frozen=True, eq=False)
class _Mirror:
    """The middle plane (``normal``, ``offset``), each joint's partner (−1 for none), and the joints that lie on it."""

    normal: Array
    offset: float
    partner: Array
    middle: frozenset[int]


def joints_by_build(bones: Skeleton) -> dict[str, int]:
    """Humanoid joint → number, with at least all of ``NEEDED``; empty where no human body is seen."""
    if len(bones) < len(NEEDED):
        return {}
    extent = float(np.ptp(bones.heads, axis=0).max())
    if not extent > 0.0:
        return {}
    best: dict[str, int] = {}
    best_worth = -math.inf
    for mirror in _mirrors(bones, extent):
        pairs = list(_pairs(bones, mirror, extent))
        for legs, arms in itertools.permutations(pairs, 2):
            worth, found = _body(bones, mirror, legs, arms)
            if worth > best_worth and set(NEEDED) <= set(found):
                best, best_worth = found, worth
        if best:
            return best
    return best


def _mirrors(bones: Skeleton, extent: float) -> Iterator[_Mirror]:
    """The planes about which most of the skeleton is a mirror image, the best first."""
    normals = [np.eye(3)[axis] for axis in (0, 1, 2)]
    for below in bones.children:
        for a, b in itertools.combinations(below[:8], 2):
            if bones.sizes[a] == bones.sizes[b] >= 3 and len(normals) < _PLANES:
                across = bones.heads[a] - bones.heads[b]
                if (length := float(np.linalg.norm(across))) > 4.0 * _TOLERANCE * extent:
                    normals.append(across / length)
    found: list[tuple[int, _Mirror]] = []
    for normal in normals:
        along = bones.heads @ normal
        for offset in {round(float(value) / extent, 4) for value in (np.median(along), (along.min() + along.max()) / 2.0, 0.0)}:
            mirror = _mirror(bones, normal, offset * extent, extent)
            paired = int((mirror.partner >= 0).sum())
            if paired >= 12 and len(mirror.middle) >= 3:  # six joints of limbs a side, and a trunk
                found.append((paired + len(mirror.middle), mirror))
    found.sort(key=lambda each: -each[0])
    return iter([mirror for _, mirror in found[:4]])


def _mirror(bones: Skeleton, normal: Array, offset: float, extent: float) -> _Mirror:
    away = bones.heads @ normal - offset
    images = bones.heads - 2.0 * away[:, None] * normal
    middle = frozenset(np.flatnonzero(np.abs(away) < _IN_THE_MIDDLE * extent).tolist())
    partner = np.full(len(bones), -1)
    left = [index for index in np.flatnonzero(away > 0.0).tolist() if index not in middle]
    right = [index for index in np.flatnonzero(away < 0.0).tolist() if index not in middle]
    free = set(right)
    for index in left:
        others = [other for other in free if bones.sizes[other] == bones.sizes[index]] or list(free)
        if not others:
            break
        gaps = np.linalg.norm(bones.heads[others] - images[index], axis=1)
        if gaps.min() < _TOLERANCE * extent:
            other = others[int(gaps.argmin())]
            free.discard(other)
            partner[index], partner[other] = other, index
    return _Mirror(normal, offset, partner, middle)


def _pairs(bones: Skeleton, mirror: _Mirror, extent: float) -> Iterator[_Limb]:
    """Limbs of three joints or more that hang on the middle, with their mirror images."""
    for index in range(len(bones)):
        other, carrier = int(mirror.partner[index]), bones.parents[index]
        if other <= index or carrier < 0 or carrier not in mirror.middle:
            continue
        if bones.parents[other] not in mirror.middle:
            continue
        way = _longest(bones, index, mirror)
        image = tuple(int(mirror.partner[joint]) for joint in way)
        if len(way) >= 3 and min(image) >= 0 and _reach(bones, way) > 0.12 * extent:
            yield _Limb(way, image, carrier)


def _longest(bones: Skeleton, start: int, mirror: _Mirror) -> tuple[int, ...]:
    """From a joint outward along what leads farthest, as far as there is a partner on the other side."""
    best: tuple[float, tuple[int, ...]] = (-1.0, (start,))
    todo: list[tuple[float, tuple[int, ...]]] = [(0.0, (start,))]
    while todo:
        length, way = todo.pop()
        if length > best[0] + 1e-9:
            best = (length, way)
        for child in bones.children[way[-1]]:
            if mirror.partner[child] >= 0 and len(way) < 40:
                step = float(np.linalg.norm(bones.heads[child] - bones.heads[way[-1]]))
                todo.append((length + step, (*way, child)))
    return best[1]


def _reach(bones: Skeleton, way: Sequence[int]) -> float:
    return float(np.linalg.norm(bones.heads[way[-1]] - bones.heads[way[0]]))


def _body(bones: Skeleton, mirror: _Mirror, legs: _Limb, arms: _Limb) -> tuple[float, dict[str, int]]:
    """How well two pairs are the legs and the arms of one body, and its joints; −∞ where they cannot be."""
    nothing: tuple[float, dict[str, int]] = (-math.inf, {})
    places = bones.heads
    top, bottom = _on_plane(places[arms.way[0]], mirror), _on_plane(places[legs.way[0]], mirror)
    trunk = top - bottom
    height = float(np.linalg.norm(trunk))
    if height < 1e-9:
        return nothing
    up = trunk / height
    leg = _leg(bones, legs.way, up)
    if leg is None:
        return nothing
    down = places[leg["Foot"]] - places[leg["UpperLeg"]]
    leg_length = float(np.linalg.norm(down))
    if float(down @ up) > -0.75 * leg_length or not _LEG_OVER_TRUNK[0] < leg_length / height < _LEG_OVER_TRUNK[1]:
        return nothing
    arm = _arm(bones, arms.way, mirror)
    if arm is None:
        return nothing
    along = places[arm["Hand"]] - places[arm["UpperArm"]]
    arm_length = float(np.linalg.norm(along))
    outward = float(along @ mirror.normal) * _sign(places[arm["UpperArm"]], mirror)
    if not _ARM_OVER_LEG[0] < arm_length / leg_length < _ARM_OVER_LEG[1] or outward < -0.2 * arm_length:
        return nothing
    if float(along @ up) > 0.6 * arm_length:  # wings and ears point up
        return nothing
    head = _head(bones, mirror, arms.carrier, top, up, height)
    if head is None:
        return nothing
    hips = _hips(bones, mirror, legs.carrier, head, bottom)
    found = {"hips": hips, "head": head}
    flip = _left(bones, legs, leg, up) @ (places[leg["UpperLeg"]] - bottom) < 0.0
    for limb, parts in ((legs, leg), (arms, arm)):
        image = dict(zip(limb.way, limb.other, strict=True))
        near, far = ("right", "left") if flip else ("left", "right")
        found.update({near + part: joint for part, joint in parts.items()})
        found.update({far + part: image[joint] for part, joint in parts.items()})
    if len(set(found.values())) != len(found):
        return nothing
    name_trunk(bones, found)
    fingers = sum(1 for child in bones.children[arm["Hand"]] if bones.sizes[child] >= 2)
    deep = np.cross(up, mirror.normal)
    behind = abs(float((places[arm["UpperArm"]] - places[leg["UpperLeg"]]) @ deep)) / height
    worth = leg_length / height - 1.5 * abs(math.log(arm_length / leg_length / _USUAL_ARM_OVER_LEG))
    worth += 0.3 * min(fingers, 5) + (0.5 if "Toes" in leg else 0.0) - 2.0 * behind - _bent(bones, legs.way, up)
    return worth, found


def _on_plane(place: Array, mirror: _Mirror) -> Array:
    projected: Array = place - (float(place @ mirror.normal) - mirror.offset) * mirror.normal
    return projected


def _sign(place: Array, mirror: _Mirror) -> float:
    return 1.0 if float(place @ mirror.normal) > mirror.offset else -1.0


def _bent(bones: Skeleton, way: Sequence[int], up: Array) -> float:
    """How little of a limb's way runs along ``up``, 0 for a plumb line: a leg is straighter than a chain of a skirt."""
    steps = np.diff(bones.heads[list(way)], axis=0)
    total = float(np.linalg.norm(steps, axis=1).sum())
    return 1.0 - abs(float(steps.sum(axis=0) @ up)) / max(total, 1e-9)


def _leg(bones: Skeleton, way: Sequence[int], up: Array) -> dict[str, int] | None:
    """Hip, knee, ankle and toes on the way from the trunk to a leg's tip."""
    places = bones.heads[list(way)]
    steps = np.diff(places, axis=0)
    lengths = np.maximum(np.linalg.norm(steps, axis=1), 1e-12)
    plumb = -(steps @ up) / lengths
    downward = np.flatnonzero((plumb > 0.75) & (lengths > 1e-6))
    if not len(downward):
        return None
    first, last = int(downward[0]), int(downward[-1]) + 1
    parts = _thirds(places, range(first, last), last)
    if parts is None:
        return None
    found = {"UpperLeg": way[parts[0]], "LowerLeg": way[parts[1]], "Foot": way[last]}
    if last + 1 < len(way):
        found["Toes"] = way[last + 1]
    return found


def _arm(bones: Skeleton, way: Sequence[int], mirror: _Mirror) -> dict[str, int] | None:
    """Collar bone, shoulder, elbow and wrist on the way from the trunk to a finger's tip."""
    places = bones.heads[list(way)]
    # Where fingers fork off is the hand; without any, the hand is the last bone, or what a forearm ends in.
    forks = [
        index
        for index, joint in enumerate(way)
        if index >= 2 and sum(mirror.partner[child] >= 0 for child in bones.children[joint]) >= 3
    ]
    wrist = forks[0] if forks else len(way) - 1
    if wrist < 2:
        return None
    parts = _thirds(places, range(wrist), wrist)
    if parts is None:
        return None
    shoulder, elbow = parts
    found = {"UpperArm": way[shoulder], "LowerArm": way[elbow], "Hand": way[wrist]}
    if shoulder > 0:
        found["Shoulder"] = way[0]
    return found


def _thirds(places: Array, starts: Sequence[int], end: int) -> tuple[int, int] | None:
    """Where a limb that ends at ``end`` begins and bends: its two parts are about as long as each other, each is straight, and
    little is left before them."""
    best, found = math.inf, None
    for start, bend in itertools.combinations([*starts], 2):
        upper, lower = (float(np.linalg.norm(places[b] - places[a])) for a, b in ((start, bend), (bend, end)))
        if min(upper, lower) < 1e-9:
            continue
        whole = float(np.linalg.norm(np.diff(places[start : end + 1], axis=0), axis=1).sum())
        ratio = abs(math.log(upper / lower / _UPPER_OVER_LOWER))
        before = float(np.linalg.norm(np.diff(places[: start + 1], axis=0), axis=1).sum())
        worse = ratio + 0.8 * (1.0 - (upper + lower) / max(whole, 1e-9)) + 0.5 * before / max(before + whole, 1e-9)
        if ratio < 0.8 and worse < best:
            best, found = worse, (start, bend)
    return found


def _head(bones: Skeleton, mirror: _Mirror, carrier: int, top: Array, up: Array, height: float) -> int | None:
    """The joint that the head turns about: above the shoulders, by a quarter of the trunk or so, and what eyes and hair hang
    on."""
    best, found = -math.inf, None
    for joint in bones.below(carrier):
        if joint not in mirror.middle:
            continue
        rise = float((bones.heads[joint] - top) @ up) / height
        if not 0.02 < rise < 0.75:
            continue
        way = [each for each in bones.way_up(joint) if each in bones.below(carrier)]
        if any(each not in mirror.middle for each in way) or len(way) > 5:
            continue
        ends = bones.tails[joint] - bones.heads[joint]
        upright = 0.2 if np.isfinite(ends).all() and float(ends @ up) > 0.5 * float(np.linalg.norm(ends)) else 0.0
        crown = 0.3 if len(bones.children[joint]) >= 2 else 0.0
        beside = float(np.linalg.norm((bones.heads[joint] - top) - (bones.heads[joint] - top) @ up * up)) / height
        worth = upright + crown - abs(rise - 0.3) - 1.5 * max(beside - 0.15, 0.0) + 0.05 * min(len(way), 2)
        if worth > best:
            best, found = worth, joint
    return found


def _hips(bones: Skeleton, mirror: _Mirror, carrier: int, head: int, bottom: Array) -> int:
    """The joint between the legs: their carrier, unless that is far off, as a root on the ground is."""
    above = bones.way_up(head)
    ways = [joint for joint in {*bones.way_up(carrier), *above} if joint in mirror.middle and joint != head]
    shared = next((joint for joint in bones.way_up(carrier) if joint in above), carrier)
    allowed = [joint for joint in ways if joint == shared or shared in bones.way_up(joint)] or [carrier]
    gaps = {joint: float(np.linalg.norm(bones.heads[joint] - bottom)) for joint in allowed}
    nearest = min(gaps, key=lambda joint: gaps[joint])
    return shared if gaps.get(shared, math.inf) <= 1.5 * gaps[nearest] + 1e-9 else nearest


def _left(bones: Skeleton, limb: _Limb, leg: Mapping[str, int], up: Array) -> Array:
    """Where the left is: from where the feet point; where they say nothing, from the axis on which most files have it."""
    forward = np.zeros(3)
    for way in (limb.way, limb.other):
        foot = way[limb.way.index(leg["Foot"])]
        if "Toes" in leg:
            forward += bones.heads[way[limb.way.index(leg["Toes"])]] - bones.heads[foot]
        elif np.isfinite(bones.tails[foot]).all():
            forward += bones.tails[foot] - bones.heads[foot]
    forward -= up * float(forward @ up)
    size = float(np.linalg.norm(bones.heads[leg["Foot"]] - bones.heads[leg["UpperLeg"]]))
    if float(np.linalg.norm(forward)) < 0.02 * size:
        return np.array((1.0, 0.0, 0.0))
    return np.cross(up, forward)
