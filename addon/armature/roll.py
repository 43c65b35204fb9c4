# SPDX-License-Identifier: GPL-3.0-or-later
"""The roll of a foot: over the heel, onto the ball with the toes left on the ground, and beyond it onto the tip of the toes.

The angle of a roll is that between the sole and the ground on which the figure's root stands, radians, positive with the heel up.
Nothing else is stored: it is read from the pose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import bpy
from mathutils import Matrix, Quaternion, Vector

from .limbs import LIMBS, ROOT, Limb
from .mannequin import surface_points
from .settled import settled_body, settled_dot

BALL_ANGLE = math.radians(50.0)
"""How far the toes bend before the foot goes over onto their tip: a heel raised on tiptoe bends them by about so much."""

_DOWN_BACK, _DOWN_FORWARD = Vector((0.0, 1.0, -1.0)), Vector((0.0, -1.0, -1.0))


@dataclass
class FootPose:
    """Foot and toes in armature axes, as their bones' matrices."""

    foot: Matrix
    toe: Matrix

    def turn(self, pivot: Vector, axis: Vector, angle: float, *, toes: bool) -> None:
        """Turn the foot about a place, with the toes or without."""
        turn = Matrix.Translation(pivot) @ Matrix.Rotation(angle, 4, axis) @ Matrix.Translation(-pivot)
        self.foot = turn @ self.foot
        if toes:
            self.toe = turn @ self.toe


class Roller:
    """What rolls a foot of one figure: its bones at rest, the points of its sole, and the ground."""

    def __init__(self, obj: bpy.types.Object, limb: Limb) -> None:
        bones = obj.data.bones
        self.limb = limb
        self._obj = obj
        self._foot, self._toe = bones[limb.end], bones[toe_of(limb)]
        self._up = obj.pose.bones[ROOT].matrix.col[2].to_3d().normalized()
        along = self._toe.tail_local - self._toe.head_local
        self._forward = Vector((along.x, along.y, 0.0)).normalized()

    @cached_property
    def _sole(self) -> dict[str, list[Vector]]:
        """Not needed to read an angle, which panels do each time they are drawn."""
        points = surface_points(self._obj)
        return {bone.name: [Vector(p) for p in points.get(bone.name, ())] for bone in (self._foot, self._toe)}

    def settled(self, obj: bpy.types.Object) -> FootPose | None:
        """The foot as it was when the rig was last settled; the root is taken as it is seen."""
        dot, body = settled_dot(obj, self.limb), settled_body(obj)
        if dot is None or body is None:
            return None
        target = obj.pose.bones[self.limb.target]
        own = Matrix.LocRotScale(Vector(dot[:3]), Quaternion(dot[3:7]), None)
        foot = obj.convert_space(pose_bone=target, matrix=own, from_space="LOCAL", to_space="POSE")
        return FootPose(foot, self._carried(foot) @ body[self._toe.name][1].to_matrix().to_4x4())

    def seen(self, obj: bpy.types.Object) -> FootPose:
        return FootPose(obj.pose.bones[self._foot.name].matrix.copy(), obj.pose.bones[self._toe.name].matrix.copy())

    def angle(self, pose: FootPose) -> float:
        """How far a foot is rolled, radians."""
        return sum(self._angles(pose))

    def roll(self, pose: FootPose, by: float) -> FootPose:
        """The foot rolled on by an angle, from where it is: what it stands on stays on the ground."""
        rolled = FootPose(pose.foot.copy(), pose.toe.copy())
        lowest = self._lowest(rolled)
        over_tip, bend = self._angles(rolled)
        axis = self._axis(rolled)
        for part, is_ball in _parts(over_tip, bend, by):
            if is_ball:
                pivot = rolled.toe.translation.copy()
            else:
                pivot = self._edge(rolled, over_tip, part)
            rolled.turn(pivot, axis, part, toes=not is_ball)
            over_tip += 0.0 if is_ball else part
        rise = self._up * (lowest - self._lowest(rolled))
        for matrix in (rolled.foot, rolled.toe):
            matrix.translation += rise
        return rolled

    def write(self, obj: bpy.types.Object, pose: FootPose) -> None:
        """Bring the foot's dot and the toes where a foot is."""
        target, toe = obj.pose.bones[self.limb.target], obj.pose.bones[self._toe.name]
        own = obj.convert_space(pose_bone=target, matrix=pose.foot, from_space="POSE", to_space="LOCAL")
        target.location, target.rotation_quaternion = own.translation, own.to_quaternion()
        toe.rotation_quaternion = (self._carried(pose.foot).inverted() @ pose.toe).to_quaternion()

    def _carried(self, foot: Matrix) -> Matrix:
        """The toes as they would be without a rotation of their own."""
        return foot @ self._foot.matrix_local.inverted() @ self._toe.matrix_local

    def _angles(self, pose: FootPose) -> tuple[float, float]:
        """By how much the toes are off the ground (positive: on their tip), and how far the foot is bent against them."""
        axis = self._axis(pose)
        ahead = axis.cross(self._up)
        pitches = []
        for bone, matrix in ((self._toe, pose.toe), (self._foot, pose.foot)):
            along = (matrix @ bone.matrix_local.inverted()).to_3x3() @ self._forward
            pitches.append(math.atan2(-along.dot(self._up), along.dot(ahead)))
        return pitches[0], math.remainder(pitches[1] - pitches[0], math.tau)

    def _axis(self, pose: FootPose) -> Vector:
        """The axis across the foot, level with the ground; turning about it lifts the heel."""
        turned = (pose.toe @ self._toe.matrix_local.inverted()).to_3x3()
        across = self._up.cross(turned @ self._forward)
        if across.length < 0.1:  # toes that point straight up or down
            across = turned @ Vector((0.0, 0.0, 1.0)).cross(self._forward)
            across -= self._up * across.dot(self._up)
        return across.normalized()

    def _edge(self, pose: FootPose, over_tip: float, part: float) -> Vector:
        """The end of the sole over which the whole foot turns: the tip of the toes, or the heel."""
        is_tip = over_tip > 1e-9 or (abs(over_tip) <= 1e-9 and part > 0.0)
        bone, matrix = (self._toe, pose.toe) if is_tip else (self._foot, pose.foot)
        direction = _DOWN_FORWARD if is_tip else _DOWN_BACK
        rest = max(self._sole[bone.name], key=direction.dot, default=bone.tail_local if is_tip else bone.head_local)
        return matrix @ (bone.matrix_local.inverted() @ rest)

    def _lowest(self, pose: FootPose) -> float:
        heights = [
            (matrix @ (bone.matrix_local.inverted() @ point)).dot(self._up)
            for bone, matrix in ((self._foot, pose.foot), (self._toe, pose.toe))
            for point in self._sole[bone.name]
        ]
        return min(heights, default=pose.toe.translation.dot(self._up))


def toe_of(limb: Limb) -> str:
    """The bone of a leg's toes."""
    return f"toe{limb.suffix}"


def roll_dot(limb: Limb) -> str:
    """The dot that is turned to roll a leg's foot."""
    return f"foot_roll{limb.suffix}"


def legs() -> list[Limb]:
    return [limb for limb in LIMBS if limb.kind == "leg"]


def _parts(over_tip: float, bend: float, by: float) -> list[tuple[float, bool]]:
    """A roll in the order in which it happens: angles, each with whether the toes stay on the ground meanwhile."""
    parts: list[tuple[float, bool]] = []
    if by > 0.0:
        back_from_heel = min(by, max(-over_tip, 0.0))
        on_ball = min(by - back_from_heel, max(BALL_ANGLE - bend, 0.0))
        parts = [(back_from_heel, False), (on_ball, True), (by - back_from_heel - on_ball, False)]
    elif by < 0.0:
        back_from_tip = max(by, min(-over_tip, 0.0))
        off_ball = max(by - back_from_tip, min(-bend, 0.0))
        parts = [(back_from_tip, False), (off_ball, True), (by - back_from_tip - off_ball, False)]
    return [(part, is_ball) for part, is_ball in parts if abs(part) > 1e-9]
