# SPDX-License-Identifier: GPL-3.0-or-later
"""Which joint of a skeleton is which joint of the humanoid, by the words of its names.

Sources differ in what a word means: a "LeftShoulder" is a collar bone for Mixamo and Rokoko, an upper arm in the files of Perfume
and of SMPL; a "LeftFoot" is an ankle, or the toes where there is an ankle, too. So the words of a limb are read together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .humanoid import FINGERS, SIDES, phalanges
from .skeleton import Skeleton

NEEDED = ("hips", "head", *(side + part for side in SIDES for part in ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm")))

_SIDE_WORDS = {"left": "left", "l": "left", "lft": "left", "right": "right", "r": "right", "rgt": "right"}
_NOISE = re.compile(r"^(bip|biped|bip01|bip001|mixamorig\d*|def|j|jnt|jt|bone|skel|character\d*|ctrl|org|b|c|m|avg)$")

_HIPS = ("hips", "hip", "pelvis", "root", "lowertorso", "bodypelvis")
_HEAD = ("head", "head1", "skull")
LEG: Mapping[str, tuple[str, ...]] = {
    "UpperLeg": ("upleg", "upperleg", "thigh", "hip", "upleg01", "femur"),
    "LowerLeg": ("leg", "lowerleg", "lowleg", "shin", "calf", "knee", "tibia"),
    "Foot": ("ankle", "foot"),
    "Toes": ("toes", "toe", "toebase", "ball", "toe0", "toe1", "foottoe", "forefoot", "foot"),
}
ARM: Mapping[str, tuple[str, ...]] = {
    "Shoulder": ("collar", "clavicle", "shoulder", "collarbone"),
    "UpperArm": ("arm", "upperarm", "uparm", "shldr", "shoulder", "humerus"),
    "LowerArm": ("forearm", "lowerarm", "lowarm", "elbow", "radius"),
    "Hand": ("wrist", "hand"),
}
"""For each part of a limb the words for it, without side; where two parts know a word, the upper one takes it unless it has found
another one above."""
_FINGER_WORDS = {"thumb": "Thumb", "index": "Index", "middle": "Middle", "mid": "Middle", "ring": "Ring", "pinky": "Little",
                 "little": "Little", "pink": "Little"}  # fmt: skip


def words_of(name: str) -> tuple[str, str]:
    """A joint's side (``"left"``, ``"right"`` or ``""``) and what is left of its name, in small letters: ``mixamorig:LeftUpLeg``
    is ``left`` and ``upleg``."""
    bare = re.split(r"[:|]", name)[-1]
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", bare)
    words = [word.lower() for word in words]
    side = ""
    rest: list[str] = []
    was_noise = False
    for word in words:
        is_noise = bool(_NOISE.match(word)) or (was_noise and word.isdigit())  # as in "Bip01 Spine1"
        was_noise = is_noise
        if not side and word in _SIDE_WORDS:
            side = _SIDE_WORDS[word]
        elif not is_noise:
            rest.append(word)
    joined = "".join(rest)
    if not side:  # all small, or all capitals
        match = re.match(r"^(left|right)(.+)$", joined) or re.match(r"^(.+?)(left|right)$", joined)
        if match:
            side, joined = (match[1], match[2]) if match[1] in SIDES else (match[2], match[1])
    return side, joined


def joints_by_words(bones: Skeleton) -> dict[str, int]:
    """Humanoid joint → number, as far as the names say."""
    words = [words_of(name) for name in bones.names]
    found: dict[str, int] = {}
    for side in SIDES:
        for parts in (LEG, ARM):
            _name_limb(bones, words, side, parts, found)
    plain = {index: word for index, (side, word) in enumerate(words) if not side}
    head = next((index for wanted in _HEAD for index, word in plain.items() if word == wanted), None)
    hips = bones.common([found[f"{side}UpperLeg"] for side in SIDES if f"{side}UpperLeg" in found])
    named = next((index for wanted in _HIPS for index, word in plain.items() if word == wanted), None)
    if hips is None:
        hips = named
    if head is None or hips is None:
        return found
    found["hips"], found["head"] = hips, head
    name_trunk(bones, found)
    return found


def _name_limb(
    bones: Skeleton, words: Sequence[tuple[str, str]], side: str, parts: Mapping[str, tuple[str, ...]], found: dict[str, int]
) -> None:
    """The longest way down the skeleton along which the words of a limb come in their order."""
    best: dict[str, int] = {}
    order = list(parts)
    for tip in (index for index, (its, word) in enumerate(words) if its == side and word in parts[order[-1]] + parts[order[-2]]):
        way = [index for index in bones.way_up(tip) if words[index][0] == side]
        limb = _read_limb([(index, words[index][1]) for index in reversed(way)], parts)
        if len(limb) > len(best):
            best = limb
    found.update({side + part: index for part, index in best.items()})


def _read_limb(way: Sequence[tuple[int, str]], parts: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Parts of a limb along a way from the trunk outward, each word as the part that leaves most words a meaning."""
    order = list(parts)
    best: dict[str, int] = {}

    def go_on(number: int, part: int, chosen: dict[str, int]) -> None:
        nonlocal best
        if _worth(chosen) > _worth(best):
            best = dict(chosen)
        for index in range(number, len(way)):
            for later in range(part, len(order)):
                if way[index][1] in parts[order[later]]:
                    go_on(index + 1, later + 1, {**chosen, order[later]: way[index][0]})

    go_on(0, 0, {})
    return best


def _worth(limb: Mapping[str, int]) -> tuple[int, int]:
    """More parts are better; of as many, those that a limb cannot do without."""
    return len(limb), sum(part not in ("Shoulder", "Toes") for part in limb)


def name_trunk(bones: Skeleton, found: dict[str, int]) -> None:
    """Spine and neck, from the way between hips and head: whatever they are called."""
    way = list(reversed(bones.way_up(found["head"])))
    if found["hips"] not in way:
        return
    way = way[way.index(found["hips"]) + 1 : -1]
    arms = [found[f"{side}{part}"] for side in SIDES for part in ("Shoulder", "UpperArm") if f"{side}{part}" in found]
    chest = bones.common(arms)
    if chest is None or chest not in way:
        chest = next((index for index in reversed(way) if not words_of(bones.names[index])[1].startswith("neck")), None)
    if chest is None:
        return
    spine, neck = way[: way.index(chest) + 1], way[way.index(chest) + 1 :]
    if neck:
        found["neck"] = neck[0]
    names = {1: ("upperChest",), 2: ("chest", "upperChest")}.get(len(spine), ("spine", "chest", "upperChest"))
    picked = spine if len(spine) <= 3 else [spine[0], spine[len(spine) // 2], spine[-1]]
    found.update(zip(names, picked, strict=True))


def add_fingers(bones: Skeleton, found: dict[str, int]) -> None:
    """The fingers, from the names of what hangs on the hands: three joints each, the nearest to the tip."""
    children = bones.children
    for side in SIDES:
        start = found.get(f"{side}Hand", found[f"{side}LowerArm"])
        chains: dict[str, list[int]] = {}
        below = list(children[start])
        while below:
            index = below.pop(0)
            below = children[index] + below
            word = words_of(bones.names[index])[1]
            finger = next((finger for key, finger in _FINGER_WORDS.items() if key in word), None)
            if finger and not ("metacarpal" in word and finger != "Thumb") and "inhand" not in word:
                chains.setdefault(finger, []).append(index)
        for finger in FINGERS:
            joints = chains.get(finger, [])
            if len(joints) >= 4 and finger != "Thumb":
                joints = joints[1:]
            found.update({side + finger + name: index for name, index in zip(phalanges(finger), joints, strict=False)})
