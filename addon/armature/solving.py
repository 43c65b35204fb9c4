# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets Blender's IK of a limb begin where it ends.

The solver stops as soon as its steps are small: begun at one and the same bend it is a fraction of a millimetre off at the wrist,
and in a limb that is almost straight that is a fraction of a degree at the elbow. So the lower of the two solving bones is bent
beforehand as the two lengths and the distance from shoulder to dot demand (law of cosines). What is left for the solver is to
turn the limb to its dot and pole, which it does exactly.

A driver bends it, and not our code after an edit: it holds during an animation and a render too. Its expression is one of those
that Blender computes itself, so that it needs no leave to run scripts."""

from __future__ import annotations

import math

import bpy

from .limbs import LIMBS, Limb

SOLVER_BEND = math.radians(25)
"""How far the solving bones are bent at rest: should the driver be lost, Blender's solver must see which way a limb bends."""

_ROTATION, _X = "rotation_quaternion", 1
"""What is driven. With w left at 1, x is the tangent of half the angle: Blender takes the length out of quaternions itself."""


def lead_solver(obj: bpy.types.Object, limb: Limb) -> None:
    """Make the driver of a limb, or make it anew after the bones' lengths have changed."""
    bones = obj.pose.bones
    lower = bones[limb.solve(limb.lower)]
    a, b = bones[limb.solve(limb.upper)].bone.length, lower.bone.length
    lower.driver_remove(_ROTATION, _X)
    lower.rotation_quaternion = (1.0, 0.0, 0.0, 0.0)
    driver = lower.driver_add(_ROTATION, _X).driver
    distance = driver.variables.new()
    distance.name, distance.type = "d", "LOC_DIFF"
    for end, bone in zip(distance.targets, (limb.swing, limb.target), strict=True):
        end.id, end.bone_target = obj, bone
    scale = driver.variables.new()  # distances are the world's, and an object may be scaled
    scale.name, scale.type = "s", "TRANSFORMS"
    scale.targets[0].id, scale.targets[0].transform_type = obj, "SCALE_AVG"
    bend = f"acos(clamp((d*d/(s*s)-{a * a + b * b!r})/{2.0 * a * b!r},-1,1))"
    driver.expression = f"tan(({bend}-{SOLVER_BEND!r})/2)"


def restore_solvers(obj: bpy.types.Object) -> bool:
    """Make drivers anew that were cleared together with an animation. True when there were any."""
    data = obj.animation_data
    if obj.override_library is not None:
        return False  # its drivers are those of the file that it is linked from
    lost = [limb for limb in LIMBS if data is None or data.drivers.find(_path(limb), index=_X) is None]
    for limb in lost:
        lead_solver(obj, limb)
    return bool(lost)


def is_animated(obj: bpy.types.Object) -> bool:
    """Whether keyframes, or drivers other than ours, move a figure."""
    data = obj.animation_data
    if data is None:
        return False
    ours = {_path(limb) for limb in LIMBS}
    return data.action is not None or bool(data.nla_tracks) or any(curve.data_path not in ours for curve in data.drivers)


def _path(limb: Limb) -> str:
    return f'pose.bones["{limb.solve(limb.lower)}"].{_ROTATION}'
