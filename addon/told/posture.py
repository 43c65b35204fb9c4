# SPDX-License-Identifier: GPL-3.0-or-later
"""What trunk and legs do: stands, sits, kneels, lies, walks, runs, is in the air.

Thresholds leave a gap between any two postures, in which nothing is said; they were set on the library's poses, each of which a
test holds against what it is."""

from __future__ import annotations

import numpy as np

from .body import SIDES, Body

_ON_GROUND = 0.27
"""Height of a hip joint over the ground that one sits or lies on, at most: in legs, as all heights here."""
_KNEE_DOWN = 0.16
_IN_AIR = 0.42
"""Nobody whose lowest joint is higher touches the ground: standing on tiptoe, an ankle is 0.2 high."""


def posture_tags(body: Body) -> list[str]:
    """The tags of a body's posture; empty where none is sure."""
    hips, rise = body.height(body.hips), body.rise
    if body.sits_on_seat and all(body.thigh(side) > -50.0 for side in SIDES):
        return ["sitting", *_crossed(body)]
    if body.lowest > _IN_AIR:
        return ["midair"]
    if abs(rise) < 25.0:
        return _level(body, hips)
    if rise < 30.0:
        return []
    kneeling = _kneeling(body, hips)
    if kneeling:
        return kneeling
    if hips < _ON_GROUND:
        return ["sitting", *_on_the_ground(body)] if rise > 45.0 else []
    if _squats(body, hips):
        return ["squatting"]
    if _sits_high(body, hips):
        return ["sitting", *_crossed(body)]
    return _on_feet(body, hips)


def _level(body: Body, hips: float) -> list[str]:
    """A trunk that is about level."""
    down = [body.height(body.at(f"{side}_knee")) < _KNEE_DOWN for side in SIDES]
    hands = [body.height(body.at(f"{side}_wrist")) < 0.25 for side in SIDES]
    if all(down) and all(hands) and hips > 0.4 and body.chest_front[2] < -0.6:
        return ["all fours"]
    if hips > 0.35 or body.height(body.shoulders) > 0.5:
        return []
    facing = float(body.chest_front[2])
    if facing > 0.7:
        return ["lying", "on back"]
    if facing < -0.7:
        return ["lying", "on stomach"]
    return ["lying", "on side"] if abs(facing) < 0.4 and abs(float(body.chest_left[2])) > 0.75 else ["lying"]


def _kneeling(body: Body, hips: float) -> list[str]:
    down = {side: body.height(body.at(f"{side}_knee")) < _KNEE_DOWN and abs(body.shin(side)) < 30.0 for side in SIDES}
    if all(down.values()) and body.rise > 45.0:
        if hips > 0.5:
            return ["kneeling"]
        if hips > _ON_GROUND and all(body.knee(side) < 60.0 for side in SIDES):
            return ["seiza", "sitting"]
        return []
    for side, other in (SIDES, SIDES[::-1]):
        stands = body.stands_on(other) and body.height(body.at(f"{other}_knee")) > 0.4 and body.shin(other) < -50.0
        if down[side] and not down[other] and stands and hips > 0.35:
            return ["kneeling", "on one knee"]
    return []


def _on_the_ground(body: Body) -> list[str]:
    found = []
    out = [float((body.at(f"{side}_knee") - body.hips) @ body.hips_left) / body.leg for side in SIDES]
    ankles = float((body.at("left_ankle") - body.at("right_ankle")) @ body.hips_left) / body.leg
    flat = all(abs(body.thigh(side)) < 25.0 and body.height(body.at(f"{side}_ankle")) < 0.2 for side in SIDES)
    if flat and all(body.knee(side) < 75.0 for side in SIDES) and out[0] > 0.2 and out[1] < -0.2 and ankles < 0.3:
        found.append("indian style")
    if all(body.thigh(side) > 35.0 and body.stands_on(side) for side in SIDES):
        found.append("knees up")
        if all(_holds_shin(body, side) for side in SIDES):
            found.append("hugging own legs")
    return found


def _holds_shin(body: Body, side: str) -> bool:
    """Whether a hand is before the shins, in the middle."""
    wrist = body.at(f"{side}_wrist")
    shins = (body.middle("knee") + body.middle("ankle")) / 2.0
    return float(np.linalg.norm(wrist - shins)) < 0.4 * body.leg and body.from_chest(side, "wrist")[0] < 0.25


def _squats(body: Body, hips: float) -> bool:
    over = np.linalg.norm((body.hips - body.middle("ankle"))[:2]) / body.leg
    folded = all(body.knee(side) < 75.0 and body.thigh(side) > -25.0 and body.stands_on(side) for side in SIDES)
    return bool(folded and 0.25 < hips < 0.62 and over < 0.3)


def _sits_high(body: Body, hips: float) -> bool:
    """On a chair, or what else is as high: thighs level, shins hanging, and the weight nowhere near the feet."""
    over = np.linalg.norm((body.hips - body.middle("ankle"))[:2]) / body.leg
    legs = all(-32.0 < body.thigh(side) < 25.0 and body.shin(side) < -42.0 and body.knee(side) > 45.0 for side in SIDES)
    low = min(body.height(body.at(f"{side}_ankle")) for side in SIDES) < 0.4
    return bool(legs and low and over > 0.34 and 0.35 < hips < 0.95)


def _crossed(body: Body) -> list[str]:
    """One thigh over the other: the ankle of the upper leg is beyond the lower one."""
    ankles = float((body.at("left_ankle") - body.at("right_ankle")) @ body.hips_left) / body.leg
    higher = abs(body.height(body.at("left_knee")) - body.height(body.at("right_knee")))
    return ["crossed legs"] if ankles < 0.0 and higher > 0.12 else []


def _on_feet(body: Body, hips: float) -> list[str]:
    knees = [body.knee(side) for side in SIDES]
    stands = [body.stands_on(side) for side in SIDES]
    if _runs(body, hips, knees):
        return ["running"]
    against = body.swing * np.sign(body.stride)
    elbows = [body.elbow(side) for side in SIDES]
    strides = 0.35 < abs(body.stride) < 0.9 and min(knees) > 135.0 and all(stands)
    if strides and against > 0.3 and min(elbows) > 130.0 and body.rise > 68.0:
        return ["walking"]
    straight = hips > 1.03 and min(knees) > 120.0 and sum(knees) > 285.0
    if all(stands) and abs(body.stride) < 0.3 and straight:
        leans = float(body.hips_front[2]) < -0.25
        if body.rise > 72.0:
            return ["standing"]
        return ["leaning forward"] if leans and body.rise < 70.0 else []
    for side, other in (SIDES, SIDES[::-1]):
        free = body.height(body.at(f"{other}_ankle")) > 0.38
        if body.stands_on(side) and free and body.knee(side) > 155.0 and body.rise > 60.0 and abs(body.swing) < 0.5:
            return ["standing on one leg"]
    return []


def _runs(body: Body, hips: float, knees: list[float]) -> bool:
    """One leg swings far before the other or behind it, bent; bent arms swing against the legs; the trunk leans a little."""
    arms = all(50.0 < body.elbow(side) < 115.0 for side in SIDES) and body.swing * np.sign(body.stride) > 0.4
    return bool(arms and abs(body.stride) > 0.38 and min(knees) < 110.0 and hips > 0.9 and 50.0 < body.rise < 84.0)
