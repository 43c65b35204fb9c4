# SPDX-License-Identifier: GPL-3.0-or-later
"""Which joint of a motion capture skeleton is which joint of the humanoid: by the names that programs give, else by structure.

Sources differ in what a word means: a "LeftShoulder" is a collar bone for Mixamo and Rokoko, an upper arm in the files of Perfume
and of SMPL; a "LeftFoot" is an ankle, or the toes where there is an ankle, too. So the words of a limb are read together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from .bvh import Array, BvhError, BvhJoint, Take
from .humanoid import FINGERS, SIDES, phalanges

_NEEDED = ("hips", "head", *(side + part for side in SIDES for part in ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm")))

_SIDE_WORDS = {"left": "left", "l": "left", "lft": "left", "right": "right", "r": "right", "rgt": "right"}
_NOISE = re.compile(r"^(bip|biped|bip01|bip001|mixamorig\d*|def|j|jnt|jt|bone|skel|character\d*|ctrl|org|b|c|m|avg)$")

_HIPS = ("hips", "hip", "pelvis", "root", "lowertorso", "bodypelvis")
_HEAD = ("head", "head1", "skull")
_NECK = ("neck", "neck1", "neck01", "upperneck")
_LEG: Mapping[str, tuple[str, ...]] = {
    "UpperLeg": ("upleg", "upperleg", "thigh", "hip", "upleg01", "femur"),
    "LowerLeg": ("leg", "lowerleg", "lowleg", "shin", "calf", "knee", "tibia"),
    "Foot": ("ankle", "foot"),
    "Toes": ("toes", "toe", "toebase", "ball", "toe0", "toe1", "foottoe", "forefoot", "foot"),
}
_ARM: Mapping[str, tuple[str, ...]] = {
    "Shoulder": ("collar", "clavicle", "shoulder", "collarbone"),
    "UpperArm": ("arm", "upperarm", "uparm", "shldr", "shoulder", "humerus"),
    "LowerArm": ("forearm", "lowerarm", "lowarm", "elbow", "radius"),
    "Hand": ("wrist", "hand"),
}
"""For each part of a limb the words for it, without side; where two parts know a word, the upper one takes it unless it has found
another one above."""
_FINGER_WORDS = {"thumb": "Thumb", "index": "Index", "middle": "Middle", "mid": "Middle", "ring": "Ring", "pinky": "Little",
                 "little": "Little", "pink": "Little"}  # fmt: skip


def humanoid_joints(take: Take) -> dict[str, int]:
    """Humanoid joint → number of the joint in the file. Raises BvhError where no human body can be seen in the skeleton."""
    for find in (_by_names, _by_structure):
        found = find(take)
        if set(_NEEDED) <= set(found):
            _add_hands(take, found)
            return found
    raise BvhError(f"{take.source} has a skeleton in which no person is seen: it needs hips, a head, two arms and two legs.")


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


def children_of(joints: Sequence[BvhJoint]) -> list[list[int]]:
    """For each joint the numbers of those that hang on it."""
    children: list[list[int]] = [[] for _ in joints]
    for index, joint in enumerate(joints):
        if joint.parent >= 0:
            children[joint.parent].append(index)
    return children


def _by_names(take: Take) -> dict[str, int]:
    words = [words_of(joint.name) for joint in take.joints]
    found: dict[str, int] = {}
    for side in SIDES:
        for parts in (_LEG, _ARM):
            _name_limb(take, words, side, parts, found)
    plain = {index: word for index, (side, word) in enumerate(words) if not side}
    head = next((index for wanted in _HEAD for index, word in plain.items() if word == wanted), None)
    hips = _common(take, [found[f"{side}UpperLeg"] for side in SIDES if f"{side}UpperLeg" in found])
    named = next((index for wanted in _HIPS for index, word in plain.items() if word == wanted), None)
    if hips is None:
        hips = named
    if head is None or hips is None:
        return found
    found["hips"], found["head"] = hips, head
    _name_trunk(take, found)
    return found


def _name_limb(
    take: Take, words: Sequence[tuple[str, str]], side: str, parts: Mapping[str, tuple[str, ...]], found: dict[str, int]
) -> None:
    """The longest way down the skeleton along which the words of a limb come in their order."""
    best: dict[str, int] = {}
    order = list(parts)
    for tip in (index for index, (its, word) in enumerate(words) if its == side and word in parts[order[-1]] + parts[order[-2]]):
        way = [index for index in _way_up(take, tip) if words[index][0] == side]
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


def _name_trunk(take: Take, found: dict[str, int]) -> None:
    """Spine and neck, from the way between hips and head: whatever they are called."""
    way = list(reversed(_way_up(take, found["head"])))
    if found["hips"] not in way:
        return
    way = way[way.index(found["hips"]) + 1 : -1]
    arms = [found[f"{side}{part}"] for side in SIDES for part in ("Shoulder", "UpperArm") if f"{side}{part}" in found]
    chest = _common(take, arms)
    if chest is None or chest not in way:
        chest = next((index for index in reversed(way) if not words_of(take.joints[index].name)[1].startswith("neck")), None)
    if chest is None:
        return
    spine, neck = way[: way.index(chest) + 1], way[way.index(chest) + 1 :]
    if neck:
        found["neck"] = neck[0]
    names = {1: ("upperChest",), 2: ("chest", "upperChest")}.get(len(spine), ("spine", "chest", "upperChest"))
    picked = spine if len(spine) <= 3 else [spine[0], spine[len(spine) // 2], spine[-1]]
    found.update(zip(names, picked, strict=True))


def _add_hands(take: Take, found: dict[str, int]) -> None:
    """The fingers, from the names of what hangs on the hands: three joints each, the nearest to the tip."""
    children = children_of(take.joints)
    for side in SIDES:
        start = found.get(f"{side}Hand", found[f"{side}LowerArm"])
        chains: dict[str, list[int]] = {}
        below = list(children[start])
        while below:
            index = below.pop(0)
            below = children[index] + below
            word = words_of(take.joints[index].name)[1]
            finger = next((finger for key, finger in _FINGER_WORDS.items() if key in word), None)
            if finger and not ("metacarpal" in word and finger != "Thumb") and "inhand" not in word:
                chains.setdefault(finger, []).append(index)
        for finger in FINGERS:
            joints = chains.get(finger, [])
            if len(joints) >= 4 and finger != "Thumb":
                joints = joints[1:]
            found.update({side + finger + name: index for name, index in zip(phalanges(finger), joints, strict=False)})


def _by_structure(take: Take) -> dict[str, int]:
    """A body whose joints have names that say nothing: where the skeleton forks into two legs and a trunk, and that into two arms
    and a head."""
    children = children_of(take.joints)
    places = take.rest_places()
    forks = [index for index, below in enumerate(children) if len(below) >= 3]
    if len(forks) < 2:
        return {}
    hips = forks[0]
    limbs = [_chain(children, index) for index in children[hips]]
    trunk = next((chain for chain in limbs if any(index in forks for index in chain)), None)
    legs = sorted((chain for chain in limbs if chain is not trunk), key=len, reverse=True)[:2]
    if trunk is None or len(legs) < 2 or min(map(len, legs)) < 3:
        return {}
    chest = next(index for index in trunk if index in forks)
    above = sorted((_chain(children, index) for index in children[chest]), key=len)
    if len(above) < 3:
        return {}
    up = places[chest] - np.mean([places[chain[2]] for chain in legs], axis=0)
    up /= max(float(np.linalg.norm(up)), 1e-9)
    head_chain = max(above, key=lambda chain: float((places[chain[-1]] - places[chest]) @ up) / len(chain))
    arms = sorted((chain for chain in above if chain is not head_chain), key=len, reverse=True)[:2]
    if min(map(len, arms)) < 3:
        return {}
    left = _left(take, places, legs, up)
    found = {"hips": hips, "head": head_chain[-1]}
    for pair, names in ((legs, tuple(_LEG)), (arms, tuple(_ARM))):
        for side, chain in zip(SIDES, sorted(pair, key=lambda chain: -float(places[chain[0]] @ left)), strict=True):
            parts = names if names[0] == "UpperLeg" or len(chain) > 3 else names[1:]
            found.update({side + part: index for part, index in zip(parts, chain, strict=False)})
    _name_trunk(take, found)
    return found


def _left(take: Take, places: Array, legs: Sequence[Sequence[int]], up: Array) -> Array:
    """Where the left is: from where the feet point, or else from the axis on which most files have it."""
    forward = np.zeros(3)
    for chain in legs:
        foot = take.joints[chain[2]]
        if len(chain) > 3:
            forward += places[chain[3]] - places[chain[2]]
        elif foot.end is not None:
            forward += foot.end
    forward -= up * float(forward @ up)
    if np.linalg.norm(forward) < 1e-6:
        return np.array((1.0, 0.0, 0.0))
    return np.cross(up, forward)


def _chain(children: Sequence[Sequence[int]], start: int) -> list[int]:
    """From a joint down, at forks towards the larger part, as far as there is one way."""
    way = [start]
    while children[way[-1]] and len(way) < 64:
        below = children[way[-1]]
        way.append(max(below, key=lambda index: _size(children, index)))
    return way


def _size(children: Sequence[Sequence[int]], index: int) -> int:
    return 1 + sum(_size(children, child) for child in children[index])


def _way_up(take: Take, index: int) -> list[int]:
    """A joint and those above it, the nearest first."""
    way = [index]
    while take.joints[way[-1]].parent >= 0:
        way.append(take.joints[way[-1]].parent)
    return way


def _common(take: Take, indices: Sequence[int]) -> int | None:
    """The lowest joint that carries all of these."""
    if len(indices) < 2:
        return None
    ways = [_way_up(take, index)[1:] for index in indices]
    return next((index for index in ways[0] if all(index in way for way in ways[1:])), None)
