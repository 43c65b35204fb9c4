# SPDX-License-Identifier: GPL-3.0-or-later
"""A pose on one body as numbers, in which joints can be turned and limbs bent before anything is written into Blender."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..pose import rotations as rot
from ..pose.humanoid import JOINTS, PARENT, SIDES
from ..pose.kinematics import below
from ..pose.normalised import Pose, Quaternion
from ..pose.rest import HumanoidRest
from ..pose.rotations import Matrix, Vector
from .surface import Part, SkinPoints

Clamp = Callable[[str, Quaternion], Quaternion]
"""Joint and normalised local rotation → the nearest rotation within the joint's limits."""

_STRETCH = 0.9995
"""Of a limb's length, how far it reaches: straighter, its plane would be lost."""
_DEAD_STRAIGHT = 1e-3
"""Sine of the bend below which a limb shows no plane."""


@dataclass(frozen=True)
class Chain:
    """An arm or a leg, by joints."""

    side: str
    kind: str  # "Arm" or "Leg"

    @property
    def upper(self) -> str:
        return f"{self.side}Upper{self.kind}"

    @property
    def lower(self) -> str:
        return f"{self.side}Lower{self.kind}"

    @property
    def end(self) -> str:
        return f"{self.side}{'Hand' if self.kind == 'Arm' else 'Foot'}"

    @property
    def ends(self) -> tuple[str, ...]:
        """The hand with its fingers, or the foot with its toes."""
        return below(self.end)

    @property
    def joints(self) -> tuple[str, ...]:
        return below(self.upper)


TRUNK = ("hips", "spine", "chest", "upperChest", "neck", "head")
ARMS = tuple(Chain(side, "Arm") for side in SIDES)
LEGS = tuple(Chain(side, "Leg") for side in SIDES)


_GROUPS = (TRUNK, *((*((f"{limb.side}Shoulder",) if limb.kind == "Arm" else ()), *limb.joints) for limb in (*ARMS, *LEGS)))
"""All joints, in groups that few others move."""


@functools.cache
def _numbers(joints: tuple[str, ...], known: tuple[str, ...]) -> tuple[tuple[str, ...], np.ndarray]:
    """Those of ``joints`` that are among the ``known``, and their places there."""
    found = tuple(joint for joint in joints if joint in known)
    return found, np.array([known.index(joint) for joint in found], dtype=np.intp)


@dataclass(frozen=True)
class State:
    """What ``Posture.restore`` brings back."""

    local: dict[str, Matrix]
    world: dict[str, Matrix]
    heads: dict[str, Vector]
    frames: np.ndarray
    hips: Vector


class Posture:
    """Joints of a body in a pose, in armature axes, metres; with where its skin is then."""

    def __init__(self, rest: HumanoidRest, pose: Pose, skin: SkinPoints, clamp: Clamp | None = None) -> None:
        self.rest, self.skin = rest, skin
        self._clamp = clamp
        self._joints = [joint for joint in JOINTS if joint in rest.heads]
        self._parents = {joint: rest.parent(joint) for joint in self._joints}
        self._number = {joint: k for k, joint in enumerate(skin.joints)}
        self.local = {joint: rot.matrix_from_quaternion(pose.rotation(joint)) for joint in JOINTS}
        self.world: dict[str, Matrix] = {}
        self.heads: dict[str, Vector] = {}
        self._resting_heads = np.array([rest.heads.get(joint, np.zeros(3)) for joint in skin.joints])
        self.hips = rest.heads["hips"] + np.asarray(pose.hips_translation) * rest.hip_height
        self.frames = np.zeros((len(skin.joints), 4, 3))
        """(K, 4, 3) for each joint its rotation from its rest, transposed, and where that moves the origin."""
        self.changes = 0
        """How often anything was moved."""
        self.kept: dict[object, Any] = {}
        """For others to keep what they found out about this posture."""
        self._places: dict[tuple[str, tuple[float, float]], tuple[np.ndarray, ...]] = {}
        """Places that were asked for: four points, their shares, the joints that move them, how those were, and where it was."""
        self._found: dict[object, Any] = {}
        """What was asked for since the last change: much is asked for several times."""
        self._given = {joint: (local, pose.rotation(joint)) for joint, local in self.local.items()}
        self.refresh()

    def refresh(self, top: str = "hips") -> None:
        """Work out anew where ``top`` and all below it are."""
        self._change()
        rest = self.rest
        for joint in below(top):
            above = PARENT[joint]
            self.world[joint] = self.local[joint] if above is None else self.world[above] @ self.local[joint]
            if joint not in rest.heads:
                continue
            turn = self.world[joint] @ rest.to_t_pose[joint]
            carrier = self._parents[joint]
            if carrier is None:
                head = self.hips
            else:
                frame = self.frames[self._number[carrier]]
                head = rest.heads[joint] @ frame[:3] + frame[3]
            self.heads[joint] = head
            number = self._number[joint]
            self.frames[number, :3] = turn.T
            self.frames[number, 3] = head - turn @ rest.heads[joint]

    def _carry(self, top: str, world: Matrix) -> None:
        """Turn ``top`` so that it has this normalised rotation in the body's axes, and all below it with it, as one."""
        self._change()
        joints = below(top)
        # Made a rotation again, and the joint's own set: what rounding leaves would grow with every turn.
        rotation = rot.matrix_from_quaternion(rot.quaternion_from_matrix(world @ self.world[top].T))
        self.world.update(zip(joints, rotation @ np.array([self.world[joint] for joint in joints]), strict=True))
        self.world[top] = world
        carried, numbers = _numbers(joints, self.skin.joints)
        pivot = self.heads[top]
        frames = self.frames[numbers] @ rotation.T
        frames[:, 3] += pivot - rotation @ pivot
        self.frames[numbers] = frames
        heads = (self._resting_heads[numbers][:, None] @ frames[:, :3])[:, 0] + frames[:, 3]
        self.heads.update(zip(carried, heads, strict=True))

    def _change(self) -> None:
        self.changes += 1
        self._found.clear()

    def state(self) -> State:
        """How it is now, for ``restore``."""
        return State(dict(self.local), dict(self.world), dict(self.heads), self.frames.copy(), self.hips)

    def restore(self, state: State) -> None:
        """Bring it back to how it was."""
        self._change()
        self.local, self.world, self.heads = dict(state.local), dict(state.world), dict(state.heads)
        self.frames, self.hips = state.frames.copy(), state.hips

    def rotations(self) -> dict[str, Quaternion]:
        """Normalised local rotations of all joints."""
        return {
            joint: given if local is self.local[joint] else _quaternion(self.local[joint])
            for joint, (local, given) in self._given.items()
        }

    def turn(self, joint: str) -> Matrix:
        """The rotation (3, 3) of a joint from its rest."""
        return np.asarray(self.frames[self._number[joint], :3].T)

    def tail(self, joint: str) -> Vector:
        """Where a joint's bone ends."""
        return np.asarray(self.heads[joint] + self.turn(joint) @ (self.rest.tails[joint] - self.rest.heads[joint]))

    def places(self) -> dict[str, Vector]:
        """Joints, and ``<joint>:tail`` for where their bones end."""
        return {**self.heads, **{f"{joint}:tail": self.tail(joint) for joint in ("head", *(arm.end for arm in ARMS))}}

    # ------------------------------------------------------------------------------------------------------------- the skin

    def points(self, rows: np.ndarray) -> np.ndarray:
        """(len(rows), 3): where points of the skin are."""
        return self.skin.placed(self.frames, rows)

    def normals(self, rows: np.ndarray) -> np.ndarray:
        """(len(rows), 3): where the skin looks at these points, as the joint that moves each most turns it."""
        return np.einsum("nj,nji->ni", self.skin.normals[rows], self.frames[self.skin.movers[rows, 0], :3])

    def place(self, joint: str, at: tuple[float, float]) -> Vector:
        """Where a place on the skin of a joint's bone is (see ``normalised.Place``)."""
        kept = self._places.get((joint, at))
        if kept is None:
            index, shares = self.skin.corners(joint, *at)
            movers = np.unique(self.skin.movers[index])
        else:
            index, shares, movers, frames, found = kept
            if np.array_equal(frames, self.frames[movers]):
                return found
        found = np.asarray(shares @ self.points(index))
        self._places[joint, at] = index, shares, movers, self.frames[movers], found
        return found

    def lowest(self, joints: Iterable[str] | None = None) -> Vector | None:
        """The lowest point of the skin of some joints, or of all; None where they have no skin."""
        groups = _GROUPS if joints is None else (tuple(joints),)
        if groups not in self._found:
            self._found[groups] = self._find_lowest(groups)
        found: Vector | None = self._found[groups]
        return found

    def _find_lowest(self, groups: tuple[tuple[str, ...], ...]) -> Vector | None:
        parts = [part for group in groups if len((part := self.skin.part(group)).rows)]
        if not parts:
            return None
        points = self.points(np.array([part.rows[int(np.argmin(part.heights(self.frames)))] for part in parts]))
        return np.asarray(points[int(points[:, 2].argmin())])

    def lowest_of(self, part: Part) -> Vector:
        """The lowest of some points of the skin."""
        row = part.rows[[int(np.argmin(part.heights(self.frames)))]]
        return np.asarray(self.points(row)[0])

    # ------------------------------------------------------------------------------------------------------------- changes

    def set_world(self, joint: str, world: Matrix) -> None:
        """Turn a joint so that it has this normalised rotation in the body's axes, or the nearest within its limits."""
        above = PARENT[joint]
        local = world if above is None else self.world[above].T @ world
        asked = _quaternion(local)
        given = asked if self._clamp is None or joint == "hips" else self._clamp(joint, asked)
        self.local[joint] = local = rot.matrix_from_quaternion(given)
        self._carry(joint, local if above is None else self.world[above] @ local)

    def rotate(self, joint: str, rotation: Matrix) -> None:
        """Turn a joint, and all that hangs on it, by a rotation in the body's axes."""
        self.set_world(joint, rotation @ self.world[joint])

    def shift(self, offset: Vector) -> None:
        """Move the whole body."""
        self.hips = self.hips + offset
        self.heads = {joint: head + offset for joint, head in self.heads.items()}
        self.frames[:, 3] += offset
        self._change()

    def aim(self, joint: str, start: Vector, end: Vector) -> None:
        """Turn a joint by the smallest angle that brings a point it carries from ``start`` into the direction of ``end``."""
        pivot = self.heads[joint]
        a, b = start - pivot, end - pivot
        if rot.length(a) > 1e-6 and rot.length(b) > 1e-6:
            self.rotate(joint, rot.shortest_arc(a, b))

    def reach(self, chain: Chain) -> float:
        """How far a limb reaches, metres."""
        return _STRETCH * sum(self._lengths(chain))

    def bend(self, chain: Chain) -> float:
        """The angle in radians between the two bones of a limb; 0 when it is straight."""
        shoulder, elbow, wrist = (self.heads[joint] for joint in (chain.upper, chain.lower, chain.end))
        a, b = rot.unit(elbow - shoulder), rot.unit(wrist - elbow)
        return math.atan2(rot.length(rot.cross(a, b)), float(a @ b))

    def bring(self, chain: Chain, target: Vector) -> None:
        """Bring a wrist or an ankle to a place, or as near as the limb reaches: analytic, in the plane in which the limb bends.

        The hand or foot keeps its rotation in the body's axes, as far as its limits let it.
        """
        kept = self.world[chain.end]
        first, second = self._lengths(chain)
        shoulder = self.heads[chain.upper]
        distance = rot.length(target - shoulder)
        distance = min(max(distance, abs(first - second) * 1.001 + 1e-4), _STRETCH * (first + second))
        cosine = (distance**2 - first**2 - second**2) / (2 * first * second)
        wanted = math.acos(min(1.0, max(-1.0, cosine)))
        self.rotate(chain.lower, rot.about_axis(self._axis(chain), wanted - self.bend(chain)))
        self.aim(chain.upper, self.heads[chain.end], target)
        self.set_world(chain.end, kept)

    def _axis(self, chain: Chain) -> Vector:
        """The axis about which a limb bends further."""
        shoulder, elbow, wrist = (self.heads[joint] for joint in (chain.upper, chain.lower, chain.end))
        axis = rot.cross(rot.unit(elbow - shoulder), rot.unit(wrist - elbow))
        if rot.length(axis) > _DEAD_STRAIGHT:
            return rot.unit(axis)
        sign = 1.0 if chain.side == "left" else -1.0
        flexing = np.array([1.0, 0.0, 0.0]) if chain.kind == "Leg" else np.array([0.0, 0.0, -sign])
        return rot.unit(self.world[chain.upper] @ flexing)

    def _lengths(self, chain: Chain) -> tuple[float, float]:
        shoulder, elbow, wrist = (self.heads[joint] for joint in (chain.upper, chain.lower, chain.end))
        return rot.length(elbow - shoulder), rot.length(wrist - elbow)


def _quaternion(matrix: Matrix) -> Quaternion:
    w, x, y, z = (float(c) for c in rot.quaternion_from_matrix(matrix))
    return w, x, y, z
