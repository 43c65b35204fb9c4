# SPDX-License-Identifier: GPL-3.0-or-later
"""What arms and hands do: raised, crossed, on the hips, behind the back; fists, signs, things that they hold.

Places are those of ``Body.from_chest``: outward, up, forward, in lengths of an arm from the middle between the shoulders.
"""

from __future__ import annotations

import math

import numpy as np

from ..pose.rotations import Vector
from .body import SIDES, Body, angle, unit

_BOTH = {
    "arm up": "arms up", "hand on own hip": "hands on own hips", "arm behind head": "arms behind head",
    "outstretched arm": "outstretched arms", "clenched hand": "clenched hands", "v": "double v", "thumbs up": "double thumbs up",
}  # fmt: skip
"""What one side does → what it is called when both do it."""

_HELD = {
    "ball": "ball", "book": "book", "box": "box", "cup": "cup", "guitar": "guitar", "phone": "phone", "staff": "staff",
    "sword": "sword", "umbrella": "umbrella",
}  # fmt: skip
"""Props → what prompts call them."""


def arm_tags(body: Body, seen: set[str]) -> list[str]:
    """The tags of arms whose wrists are in ``seen`` (sides)."""
    found: dict[str, list[str]] = {}
    for side in SIDES:
        if side in seen:
            for tag in (_arm(body, side), *_hand(body, side)):
                if tag:
                    found.setdefault(tag, []).append(side)
    together = _both_arms(body) if seen == set(SIDES) else ""
    tags = [together] if together else []
    for tag, sides in found.items():
        if together == "spread arms" and tag == "outstretched arm":
            continue
        tags.append(_BOTH.get(tag, tag) if len(sides) == 2 else tag)
    return tags + _holding(body, seen)


def _arm(body: Body, side: str) -> str:
    elbow = body.elbow(side)
    (out, up, front), (elbow_out, elbow_up, _) = body.from_chest(side, "wrist"), body.from_chest(side, "elbow")
    if body.height(body.at(f"{side}_wrist")) < 0.3 < body.height(body.hips):
        return ""  # it leans on the ground
    if front < 0.0 and abs(out) < 0.4 and elbow < 70.0 and elbow_up > 0.25 and abs(up - body.head_height) < 0.4:
        return "arm behind head"
    if elbow > 75.0 and up > body.head_height + 0.2 and up > 0.8 * math.hypot(out, front) and elbow_up > 0.25:
        return "arm up"
    on_hip = 0.28 < out < 0.55 and -0.8 < up < -0.52 and abs(front) < 0.16
    if on_hip and 55.0 < elbow < 108.0 and elbow_out > 0.6 and elbow_out > out + 0.15:
        return "hand on own hip"
    if elbow > 155.0 and abs(up) < 0.35 and math.hypot(out, front) > 1.05:
        return "outstretched arm"
    return ""


def _both_arms(body: Body) -> str:
    wrists = [body.from_chest(side, "wrist") for side in SIDES]
    elbows = [body.elbow(side) for side in SIDES]
    apart = float(np.linalg.norm(body.at("left_wrist") - body.at("right_wrist"))) / body.arm
    level = abs(wrists[0][1] - wrists[1][1])
    if all(elbow > 150.0 for elbow in elbows) and all(abs(up) < 0.35 and out > 1.1 for out, up, _ in wrists):
        return "spread arms"
    if all(front < -0.2 and abs(out) < 0.3 and -0.95 < up < -0.4 for out, up, front in wrists) and max(elbows) < 135.0:
        return "arms behind back"
    before = all(0.2 < front < 0.55 and -0.65 < up < -0.15 for _, up, front in wrists)
    if before and wrists[0][0] + wrists[1][0] < -0.04 and level < 0.25 and max(elbows) < 105.0 and apart < 0.4:
        return "crossed arms"
    if apart < 0.14 and all(0.2 < front < 0.6 and -0.4 < up < 0.1 for _, up, front in wrists) and max(elbows) < 90.0:
        return "own hands together"
    if all(elbow > 150.0 for elbow in elbows) and all(
        up < -0.85 and 0.2 < out < 0.6 and abs(front) < 0.3 for out, up, front in wrists
    ):
        return "arms at sides"
    return ""


def _hand(body: Body, side: str) -> list[str]:
    """The sign that a hand makes, or its fist; nothing of a hand that holds something or leans on the ground."""
    points = body.hands.get(side)
    if points is None or side in body.held or "both" in body.held or body.height(points[0]) < 0.3:
        return []
    reach = [_reach(points, finger) for finger in range(5)]
    index, middle, ring, little = reach[1:]
    if max(reach[1:]) < 0.68:
        thumb = unit(points[4] - points[2])
        if reach[0] > 0.9 and thumb[2] > 0.8:
            return ["thumbs up"]
        return ["clenched hand"] if max(reach[1:]) < 0.6 else []
    if min(index, middle) > 0.93 and max(ring, little) < 0.75:
        spread = angle(points[8] - points[5], points[12] - points[9])
        return ["v"] if spread > 12.0 else []
    if index > 0.93 and max(middle, ring, little) < 0.72:
        return ["pointing"]
    return []


def pointing_direction(body: Body, side: str) -> Vector:
    """Where the index finger of a hand points."""
    points = body.hands[side]
    return unit(points[8] - points[5])


def _reach(points: Vector, finger: int) -> float:
    """How far a fingertip is from the wrist, of what it would be with a straight finger: a fist has less than 0.6."""
    chain = points[[0, *range(1 + 4 * finger, 5 + 4 * finger)]]
    whole = float(np.linalg.norm(np.diff(chain, axis=0), axis=1).sum())
    return float(np.linalg.norm(chain[-1] - chain[0])) / max(whole, 1e-9)


def _holding(body: Body, seen: set[str]) -> list[str]:
    found = []
    for side, prop in body.held.items():
        if (name := _HELD.get(prop)) and (side in seen or (side == "both" and seen)):
            found.append(f"holding {name}")
    return list(dict.fromkeys(found))
