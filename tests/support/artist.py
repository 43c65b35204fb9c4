# SPDX-License-Identifier: GPL-3.0-or-later
"""An artist made of rules, who sees a pose only as places of joints, and may do only what a hand with a mouse does: drag a dot,
or turn one ring of a joint. From the large to the small: hips, chest, hands and feet; then elbows, knees, head, shoulders, wrists
and ankles.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector
from pose_to_anime.addon.armature.controls import move_control, turn_joint
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.armature.ring_axes import COLOURS, VIEW, ring_axes

TARGETS = Path(__file__).parent.parent / "data" / "target_poses.json"
MOST_ACTIONS = 12

_SIDES = {"left": ".L", "right": ".R"}
BONES: tuple[tuple[str, str], ...] = (
    ("hips", "spine"), ("spine", "chest"), ("chest", "upperChest"), ("upperChest", "neck"), ("neck", "head"), ("head", "headEnd"),
    *((start.replace("*", side), end.replace("*", side)) for side in _SIDES for start, end in (
        ("hips", "*UpperLeg"), ("*UpperLeg", "*LowerLeg"), ("*LowerLeg", "*Foot"), ("*Foot", "*Toes"), ("*Toes", "*ToesEnd"),
        ("upperChest", "*UpperArm"), ("*UpperArm", "*LowerArm"), ("*LowerArm", "*Hand"), ("*Hand", "*HandEnd"),
    )),
)  # fmt: skip
"""Where bones begin and end: what is compared are their directions."""

Places = dict[str, np.ndarray]


def targets() -> dict[str, Places]:
    """The poses to reach: name → joint → place (3,) in metres."""
    data = json.loads(TARGETS.read_text("utf-8"))
    return {pose["name"]: {joint: np.array(place) for joint, place in pose["joints"].items()} for pose in data["poses"]}


def seen_places(obj: bpy.types.Object) -> Places:
    """Where a figure's joints are seen."""
    bones = joint_map("mannequin")
    ends = {"headEnd": ("head", "tail")}
    for side in _SIDES:
        ends[f"{side}HandEnd"] = (f"{side}MiddleProximal", "head")
        ends[f"{side}ToesEnd"] = (f"{side}Toes", "tail")
    names = {joint for bone in BONES for joint in bone}
    places = {}
    for name in names:
        joint, end = ends.get(name, (name, "head"))
        places[name] = np.array(obj.matrix_world @ getattr(obj.pose.bones[bones[joint]], end))
    return places


def errors(now: Places, target: Places) -> dict[tuple[str, str], float]:
    """Degrees between the directions of each bone."""
    found = {}
    for start, end in BONES:
        found[start, end] = _angle(now[end] - now[start], target[end] - target[start])
    return found


def mean_error(obj: bpy.types.Object, target: Places) -> float:
    """Degrees."""
    return float(np.mean(list(errors(seen_places(obj), target).values())))


@dataclass
class Artist:
    """Poses a figure towards places of joints. ``done`` tells what it did, one entry an action."""

    obj: bpy.types.Object
    target: Places
    done: list[str] = field(default_factory=list)

    def work(self) -> None:
        """As many actions as are allowed, or as are worth it."""
        while len(self.done) < MOST_ACTIONS:
            wish = next(self._wishes(), None)
            if wish is None:
                return
            self.done.append(wish.name)
            wish.act()

    def _wishes(self) -> Iterator[_Wish]:
        """What is worth doing now, the first first."""
        now = seen_places(self.obj)
        for stage in (self._hips, self._chest, self._ends, self._rest):
            wishes = [wish for wish in stage(now) if wish.gain > _WORTH and self.done.count(wish.name) < wish.most]
            yield from sorted(wishes, key=lambda wish: -wish.gain)

    def _hips(self, now: Places) -> list[_Wish]:
        if (wish := self._drag("hips", "hips", now)) and "drag hips" not in self.done:
            return [wish]
        return self._rings("hips", [("hips", "spine"), *_both("hips", "*UpperLeg")], now, weight=2.0, most=2)

    def _chest(self, now: Places) -> list[_Wish]:
        away = self._error(now, ("spine", "chest"), ("chest", "upperChest"), ("upperChest", "neck"))
        wishes = [_Wish("drag chest", away, lambda: self._move("chest", "upperChest"))]
        if "drag chest" in self.done or away < 9.0:
            wishes = self._rings("upper_chest", [("upperChest", "neck"), *_both("upperChest", "*UpperArm")], now, weight=1.5)
        return wishes

    def _ends(self, now: Places) -> list[_Wish]:
        wishes = []
        for side, suffix in _SIDES.items():
            for dot, parts in (("hand", ("UpperArm", "LowerArm", "Hand")), ("foot", ("UpperLeg", "LowerLeg", "Foot"))):
                upper, lower, end = (side + part for part in parts)
                gain = self._error(now, (upper, lower), (lower, end))
                away = float(np.linalg.norm(now[end] - self.target[end]))
                wishes.append(_Wish(f"drag {dot}{suffix}", gain if away > 0.03 else 0.0, self._mover(f"{dot}{suffix}", end)))
        return wishes

    def _rest(self, now: Places) -> list[_Wish]:
        neck_and_head = [("neck", "head"), ("head", "headEnd")]
        wishes = self._rings("neck", neck_and_head, now) + self._rings("head", neck_and_head[1:], now)
        for side, suffix in _SIDES.items():
            wishes += self._rings(f"shoulder{suffix}", [("upperChest", f"{side}UpperArm")], now)
            for dot, parts in (("elbow", ("UpperArm", "LowerArm", "Hand")), ("knee", ("UpperLeg", "LowerLeg", "Foot"))):
                upper, lower, end = (side + part for part in parts)
                gain = self._error(now, (upper, lower), (lower, end))
                wishes.append(_Wish(f"drag {dot}{suffix}", gain, self._mover(f"{dot}{suffix}", lower)))
            wishes += self._rings(f"hand{suffix}", [(f"{side}Hand", f"{side}HandEnd")], now)
            wishes += self._rings(f"foot{suffix}", [(f"{side}Foot", f"{side}Toes"), (f"{side}Toes", f"{side}ToesEnd")], now)
        return wishes

    def _drag(self, dot: str, joint: str, now: Places) -> _Wish | None:
        away = float(np.linalg.norm(now[joint] - self.target[joint]))
        return _Wish(f"drag {dot}", 1000.0 * away, self._mover(dot, joint)) if away > 0.01 else None

    def _mover(self, dot: str, joint: str) -> Callable[[], None]:
        return lambda: self._move(dot, joint)

    def _move(self, dot: str, joint: str) -> None:
        move_control(self.obj, dot, self.target[joint])

    def _rings(self, joint: str, bones: list[tuple[str, str]], now: Places, weight: float = 1.0, most: int = 1) -> list[_Wish]:
        """The ring of a joint that helps most, turned as far as it helps: a coloured one, or white in a view that was turned so
        that it lies in the best plane."""
        axes = np.array(ring_axes(self.obj.pose.bones[joint]))
        have = [_unit(now[end] - now[start]) for start, end in bones]
        want = [_unit(self.target[end] - self.target[start]) for start, end in bones]
        turns = {colour: _best_turn(axes[:, column], have, want) for column, colour in enumerate(COLOURS)}
        turns[VIEW] = _best_rotation(have, want)
        gains = {
            colour: weight * sum(_angle(h, w) - _angle(np.array(turn @ Vector(h)), w) for h, w in zip(have, want, strict=True))
            for colour, turn in turns.items()
        }
        best = max(gains, key=lambda colour: gains[colour] - (_VIEWS_COST if colour == VIEW else 0.0))
        return [_Wish(f"turn {joint} {best}", gains[best], self._turner(joint, turns[best]), most)]

    def _turner(self, joint: str, turn: Quaternion) -> Callable[[], None]:
        world = self.obj.matrix_world.to_quaternion()
        return lambda: turn_joint(self.obj, joint, world.inverted() @ turn @ world)

    def _error(self, now: Places, *bones: tuple[str, str]) -> float:
        return sum(_angle(now[end] - now[start], self.target[end] - self.target[start]) for start, end in bones)


@dataclass(frozen=True)
class _Wish:
    """An action: how many degrees, summed over bones, it is thought to bring; how often it may be done."""

    name: str
    gain: float
    act: Callable[[], None]
    most: int = 1


_WORTH = 6.0
"""Degrees below which an action is not worth a hand's movement."""


_VIEWS_COST = 3.0
"""Degrees that the white ring must bring more than a coloured one, because the view has to be turned for it."""


def _best_turn(axis: np.ndarray, have: list[np.ndarray], want: list[np.ndarray]) -> Quaternion:
    """About an axis, by the angle that brings directions nearest to others."""
    sine = sum(float(axis @ np.cross(h, w)) for h, w in zip(have, want, strict=True))
    cosine = sum(float(h @ w - (axis @ h) * (axis @ w)) for h, w in zip(have, want, strict=True))
    return Quaternion(Vector(axis), math.atan2(sine, cosine))


def _best_rotation(have: list[np.ndarray], want: list[np.ndarray]) -> Quaternion:
    """The rotation, about whatever axis, that brings directions nearest to others; of those that bring one, the smallest."""
    if len(have) == 1:
        return Vector(have[0]).rotation_difference(Vector(want[0]))
    u, _, v = np.linalg.svd(sum(np.outer(w, h) for h, w in zip(have, want, strict=True)))
    u[:, 2] *= np.sign(np.linalg.det(u @ v))
    return Matrix((u @ v).tolist()).to_quaternion()


def _both(start: str, end: str) -> list[tuple[str, str]]:
    return [(start.replace("*", side), end.replace("*", side)) for side in _SIDES]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    """Degrees between two directions."""
    first, second = _unit(a), _unit(b)
    return math.degrees(math.atan2(float(np.linalg.norm(np.cross(first, second))), float(first @ second)))
