# SPDX-License-Identifier: GPL-3.0-or-later
"""The tags that are true of a picture's figures: who is there, how they are seen, what they do."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ..prompting.tags import joined, said
from .arms import arm_tags, pointing_direction
from .body import SIDES, Body, angle, level
from .posture import posture_tags
from .view import Shown, View, direction_tags, face_tags, framing_tags, is_away

TOPICS: tuple[frozenset[str], ...] = (
    frozenset({"full body", "cowboy shot", "upper body", "portrait", "close-up", "lower body", "wide shot", "bust"}),
    frozenset({"from side", "from behind", "straight-on", "from front", "front view", "back view", "side view"}),
    frozenset({"from above", "from below"}),
    frozenset({"standing", "sitting", "kneeling", "lying", "squatting", "crouching", "walking", "running", "midair", "jumping",
               "all fours", "seiza", "standing on one leg", "leaning forward", "on one knee", "flying", "falling", "swimming",
               "crawling", "floating", "dancing", "bowing", "bent over"}),
)  # fmt: skip
"""Tags that speak of the same: where a prompt has one of them, those that it does not have are not added."""


_FIRST = re.compile(r"\d\+?(girl|boy|other)s?|solo|multiple (girls|boys|others)|no humans|crowd|group|couple|duo|trio")
"""Who is there: what prompts begin with."""


def topic_of(tag: str) -> frozenset[str]:
    """The tags that speak of the same as this one, itself among them."""
    return next((topic for topic in TOPICS if tag in topic), frozenset({tag}))


def contradicted(prompt: str, tag: str) -> list[str]:
    """What a prompt says of the topic of a tag that it does not have: its own words count."""
    there = said(prompt)
    return [] if tag in there else sorted(topic_of(tag) & there)


def is_count(tag: str) -> bool:
    """Whether a tag says who is there. A prompt that does so is told nothing more of it: a mannequin can stand for anybody."""
    return _FIRST.fullmatch(tag) is not None


def counts(prompt: str) -> bool:
    """Whether a prompt says who is there."""
    return any(map(is_count, said(prompt)))


def with_told(prompt: str, tags: Sequence[str]) -> str:
    """A prompt and what is told beside it: who is there before it, all else behind it."""
    there = said(prompt)
    fresh = [tag for tag in tags if tag not in there]
    first = [tag for tag in fresh if is_count(tag)]
    return joined(", ".join(first), prompt, ", ".join(tag for tag in fresh if tag not in first))


def tags_of(bodies: Sequence[Body], view: View) -> list[str]:
    """What is sure of the figures that a picture shows, in the order of prompts. Of several figures only what is true of all of
    them is said, and what they do together. Empty where it shows nobody."""
    whole = [body for body in bodies if body.is_whole]
    every = [(body, Shown.of(body, view)) for body in whole]
    shown = [(body, seen) for body, seen in every if seen.names]
    if not shown or len(whole) != len(bodies):
        return []
    each = [_of_one(body, view, seen) for body, seen in shown]
    common = [tag for tag in each[0] if all(tag in tags for tags in each[1:])]
    held = [tag for tags in each for tag in tags if tag.startswith("holding ") and tag not in common]
    together = _together(*(body for body, _ in shown)) if len(shown) == 2 else []
    are_told_apart = all(seen.is_somebody if seen.names else is_away(body, view) for body, seen in every)
    count = _count([body for body, _ in shown]) if are_told_apart else []
    return list(dict.fromkeys([*count, *common, *held, *together]))


def _of_one(body: Body, view: View, shown: Shown) -> list[str]:
    found = [*framing_tags(body, view, shown), *direction_tags(body, view, shown), *face_tags(body, view, shown)]
    if shown.posture:
        found += posture_tags(body)
    sides = shown.sides_of_wrists
    arms = arm_tags(body, sides)
    if "pointing" in arms:
        for side in sides & body.hands.keys():
            if angle(pointing_direction(body, side), view.towards(body.hands[side][8])) < 20.0:
                arms[arms.index("pointing")] = "pointing at viewer"
                break
    return found + arms


def _count(bodies: Sequence[Body]) -> list[str]:
    """How many there are: girls and boys where every body says which it is."""
    found = []
    genders = [body.gender for body in bodies]
    if all(gender in ("female", "male") for gender in genders):
        for gender, word in (("female", "girl"), ("male", "boy")):
            number = genders.count(gender)
            if number == 1:
                found.append(f"1{word}")
            elif 2 <= number <= 5:
                found.append(f"{number}{word}s")
            elif number > 5:
                found.append(f"6+{word}s")
    return [*found, "solo"] if len(bodies) == 1 else found


def _together(first: Body, second: Body) -> list[str]:
    """What two figures do together."""
    facing = angle(level(first.chest_front), level(second.chest_front))
    between = second.hips - first.hips
    reach = (first.leg + second.leg) / 2.0
    near = float(np.linalg.norm(between[:2])) < 0.9 * reach
    found = []
    ahead = [angle(level(body.chest_front), level(way)) for body, way in ((first, between), (second, -between))]
    if facing > 150.0 and near and min(ahead) > 150.0:
        found.append("back-to-back")
    if facing < 60.0:
        hands = [(one, other) for one in SIDES for other in SIDES if _meet(first, one, second, other, reach)]
        if len(hands) == 1:
            found.append("holding hands")
    return found


def _meet(first: Body, one: str, second: Body, other: str, reach: float) -> bool:
    """Whether two hands hold each other, hanging: both below their elbows."""
    a, b = first.at(f"{one}_wrist"), second.at(f"{other}_wrist")
    hang = first.from_chest(one, "wrist")[1] < -0.5 and second.from_chest(other, "wrist")[1] < -0.5
    return hang and float(np.linalg.norm(a - b)) < 0.2 * reach
