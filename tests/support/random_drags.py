# SPDX-License-Identifier: GPL-3.0-or-later
"""Random drags of random dots, and what must hold of each: the test runs a few of them, ``benchmarks/drags.py`` all.

What a drag should do is computed here anew, from the bones' lengths and the limits alone, and not with the rig's own code."""

import math
from collections import Counter
from dataclasses import dataclass, field

import bpy
import numpy as np
from mathutils import Vector
from pose_to_anime.addon.armature.controls import move_control
from pose_to_anime.addon.armature.limbs import CONTROLS, LIMBS, ROOT, Limb, limb_of
from pose_to_anime.addon.armature.mannequin import is_mannequin
from pose_to_anime.addon.armature.matching import is_ik, set_ik
from pose_to_anime.addon.armature.posing import apply_pose, read_pose
from pose_to_anime.addon.pose import rotations as rot
from rig_scene import BONES, MILLIMETRE, Limited, matrices, moved, place, random_pose, reach, worst_dot

DOTS = tuple(name for name in CONTROLS if name != ROOT)
FOLDED = math.radians(125.0)
"""From here on a limb counts as deeply folded: elbows and knees bend by at most 150 or so."""


def kind_of(dot: str) -> str:
    """A dot's name without its side."""
    return dot.removesuffix(".L").removesuffix(".R")


@dataclass
class Tally:
    """Counts of what happened, and the worst of each number, with the drag at which it was."""

    counts: Counter[str] = field(default_factory=Counter)
    worst: dict[str, tuple[float, int]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def measure(self, name: str, value: float, allowed: float, drag: int) -> None:
        """Keep the worst value; one that is not below what is allowed (NaN is not) is a broken promise."""
        if not value <= self.worst.get(name, (-math.inf, 0))[0]:
            self.worst[name] = (value, drag)
        if not value < allowed:
            self.broken.append(f"drag {drag}: {name} {value:.6g}, allowed {allowed:.6g}")


class Drags:
    """A figure that is dragged about. ``run`` does one drag and notes what it was like in ``tally``."""

    def __init__(self, obj: bpy.types.Object, seed: int) -> None:
        self.name = obj.name
        self.seed = seed
        self.tally = Tally()
        self.limited = Limited(obj)
        self.lengths = {name: obj.pose.bones[name].bone.length for name in BONES}

    @property
    def obj(self) -> bpy.types.Object:
        """The figure: an undo makes Blender replace all objects by others."""
        found = bpy.context.scene.objects[self.name]
        assert is_mannequin(found)
        return found

    def start_of(self, drag: int) -> int:
        """The last drag up to this one that begins with a pose of its own: from there, this one is as in a run from the first."""
        while not self._begins_anew(drag, self._rng(drag)):
            drag -= 1
        return drag

    def run(self, drag: int, undo: bool = False) -> None:
        """One drag. With ``undo`` it is also undone, by Blender's own undo."""
        rng = self._rng(drag)
        if self._begins_anew(drag, rng):
            apply_pose(self.obj, random_pose(self.limited.limits, rng))
        dot = DOTS[rng.integers(len(DOTS))]
        goal, limb = self._goal(dot, rng), limb_of(dot)
        is_within = limb is not None and dot == limb.target and self._is_within(limb, goal)
        before = matrices(self.obj)
        if undo:
            bpy.ops.ed.undo_push(message="before")
            before = matrices(self.obj)
        move_control(self.obj, dot, goal)
        if undo:
            bpy.ops.ed.undo_push(message="after")
        self._check(dot, limb, goal, is_within, drag)
        if undo:
            bpy.ops.ed.undo()
            self.tally.counts["undone"] += 1
            self.tally.measure("undo, metres", moved(before, matrices(self.obj)), 1e-6, drag)
            self.tally.measure("dot after undo, metres", worst_dot(self.obj), MILLIMETRE, drag)

    def _rng(self, drag: int) -> np.random.Generator:
        """Each drag has random numbers of its own, so that it can be run again without all the others."""
        return np.random.default_rng((self.seed, drag))

    def _begins_anew(self, drag: int, rng: np.random.Generator) -> bool:
        return bool(rng.random() < 0.25) or drag == 0

    def _goal(self, dot: str, rng: np.random.Generator) -> Vector:
        """A place for a dot: near by, anywhere, or (for hands and feet) where the limb is in some pose within its limits."""
        limb = limb_of(dot)
        here = place(self.obj, dot)
        kind = rng.integers(3)
        if limb is None or dot == limb.hinge or kind == 0:
            return here + Vector(rng.normal(size=3) * 0.12)
        if kind == 1:
            way = Vector(rot.unit(rng.normal(size=3))) * rng.uniform(0.05, 1.5)
            return place(self.obj, limb.upper) + way * reach(self.obj, limb)
        return self.limited.random_end(self.obj, limb, rng)

    def _check(self, dot: str, limb: Limb | None, goal: Vector, is_within: bool, drag: int) -> None:
        obj, tally = self.obj, self.tally
        tally.counts["drags"] += 1
        tally.counts[f"of {kind_of(dot)}"] += 1
        if limb is not None and self._bend(limb) > FOLDED:
            tally.counts["left a limb deeply folded"] += 1
        if limb is not None and dot == limb.target:
            missed = (place(obj, limb.end) - goal).length
            if is_within:
                tally.counts["solution within the limits"] += 1
                tally.measure("missed though within, metres", missed, MILLIMETRE, drag)
            elif missed < MILLIMETRE:
                tally.counts["reached with the elbow or knee led aside"] += 1
            else:
                tally.counts["stopped at a limit or out of reach"] += 1
        tally.measure("dot beside its joint, metres", worst_dot(obj), MILLIMETRE, drag)
        seen = matrices(obj)
        if not all(np.isfinite(matrix).all() for matrix in seen.values()):
            tally.broken.append(f"drag {drag}: a number that is not finite")
        tally.measure("beyond a limit, degrees", math.degrees(self.limited.worst_excess(read_pose(obj))), 0.5, drag)
        stretch = max(abs(obj.pose.bones[name].length - length) for name, length in self.lengths.items())
        tally.measure("stretch of a bone, metres", stretch, 1e-5, drag)
        modes = [is_ik(obj, each) for each in LIMBS]
        for each, mode in zip(LIMBS, modes, strict=True):
            set_ik(obj, each, not mode)
        tally.measure("between IK and FK, metres", moved(seen, matrices(obj)), MILLIMETRE, drag)
        for each, mode in zip(LIMBS, modes, strict=True):
            set_ik(obj, each, mode)
        bpy.context.view_layer.update()

    def _bend(self, limb: Limb) -> float:
        """Radians between a limb's two bones; 0 in a straight one."""
        upper, lower = (self.obj.pose.bones[name] for name in (limb.upper, limb.lower))
        return float((upper.tail - upper.head).angle(lower.tail - lower.head))

    def _is_within(self, limb: Limb, goal: Vector) -> bool:
        """Whether upper and lower bone are within their limits where two bones of these lengths reach the goal, with the elbow on
        the side to which the rig leads it: it swings with the line from the limb's root to its dot by the shortest way."""
        root, elbow, wrist = (np.array(place(self.obj, name)) for name in (limb.upper, limb.lower, limb.end))
        a, b = (self.obj.pose.bones[name].length for name in (limb.upper, limb.lower))
        offset = np.array(goal) - root
        d = float(np.linalg.norm(offset))
        if not abs(a - b) + 1e-5 < d < a + b - 1e-5:
            return False
        axis = offset / d
        rest_axis = self._swing_rest(limb)
        before = rot.shortest_arc(rest_axis, wrist - root).T @ (elbow - root)
        outward = rot.shortest_arc(rest_axis, axis) @ before
        outward = rot.perpendicular(outward, axis)
        if np.linalg.norm(outward) < 2e-3:
            return False  # a straight limb shows no side
        outward = rot.unit(outward)
        cosine = (a * a + d * d - b * b) / (2 * a * d)
        bent = root + a * (axis * cosine + outward * math.sqrt(max(0.0, 1 - cosine * cosine)))
        flexion = np.cross(outward, axis)
        upper, lower = (rot.unit(end) for end in (bent - root, root + offset - bent))
        frames = [np.column_stack([flexion, along, np.cross(flexion, along)]) for along in (upper, lower)]
        carried, in_t = self.limited.carried(self.obj, limb), self.limited.t_pose
        q_upper = carried.T @ frames[0] @ in_t(self.obj, limb.upper).T
        q_lower = q_upper.T @ carried.T @ frames[1] @ in_t(self.obj, limb.lower).T
        turns = zip((limb.upper, limb.lower), (q_upper, q_lower), strict=True)
        return all(self.limited.excess(bone, turn) < math.radians(0.02) for bone, turn in turns)

    def _swing_rest(self, limb: Limb) -> np.ndarray:
        """The direction from the limb's root to its end at rest, as the body carries it now."""
        rest, carrier = self.obj.data.bones, self.obj.pose.bones[limb.parent]
        own = rest[limb.end].head_local - rest[limb.upper].head_local
        turned = (self.obj.matrix_world @ carrier.matrix @ carrier.bone.matrix_local.inverted()).to_3x3().normalized()
        return np.array(turned @ own)
