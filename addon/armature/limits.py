# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of a mannequin's joints in Blender: constraints on its deform bones, and one switch per figure that lifts them.

A Limit Rotation constraint stands last on each deform bone, after whatever turns it, so that no drag, ring, keyframe or script
shows a joint beyond its limit. It measures against a hidden *reference* bone, which hangs on the bone above and rests as the
joint does in the T-pose (at its centre, see ``pose.limits``). The ranges are kept in the constraints and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np
from mathutils import Matrix, Quaternion

from ..pose.limit_ranges import Overrides
from ..pose.limits import JointLimit, JointLimits, euler_angles, joint_limits, matrix_from_euler
from ..pose.rest import HumanoidRest
from .joint_map import JointMap, joint_map
from .limbs import MECHANISM_PREFIX

LIMIT = "Limits"
"""Name of the constraint. It is muted while the figure's limits are lifted."""
_NO_FRAME = np.eye(3)


def reference_of(bone: str) -> str:
    """Name of the hidden bone against which a deform bone's limits are measured."""
    return f"{MECHANISM_PREFIX}limit_{bone}"


def reference_frames(rest: HumanoidRest, bones: JointMap) -> dict[str, Matrix]:
    """Deform bone → how its reference bone rests: its axes (3 × 3) in armature space."""
    limits = joint_limits(rest).joints
    return {bones[joint]: Matrix(_carrier(rest, joint).T @ limit.reference) for joint, limit in limits.items()}


def add_limits(obj: bpy.types.Object, rest: HumanoidRest, overrides: Overrides) -> None:
    """Put the constraints on a new figure. Call it last: nothing may turn a bone after its limit."""
    bones = joint_map("mannequin")
    for joint, limit in joint_limits(rest, overrides).joints.items():
        bone = obj.pose.bones[bones[joint]]
        constraint = bone.constraints.new("LIMIT_ROTATION")
        constraint.name = LIMIT
        constraint.euler_order = limit.order
        constraint.owner_space = "CUSTOM"
        constraint.space_object, constraint.space_subtarget = obj, reference_of(bone.name)
        constraint.use_limit_x = constraint.use_limit_y = constraint.use_limit_z = True
        _write_ranges(constraint, limit)


def fit_limits(obj: bpy.types.Object, rest: HumanoidRest, overrides: Overrides) -> None:
    """Give a figure the ranges of another body."""
    bones = joint_map("mannequin")
    for joint, limit in joint_limits(rest, overrides).joints.items():
        constraint = limit_on(obj.pose.bones[bones[joint]])
        if constraint is not None:
            _write_ranges(constraint, limit)


def limit_on(bone: bpy.types.PoseBone) -> bpy.types.LimitRotationConstraint | None:
    """The constraint that limits a bone, lifted or not; None where someone has removed it."""
    found = bone.constraints.get(LIMIT)
    return found if found is not None and found.type == "LIMIT_ROTATION" else None


def limited_bones(obj: bpy.types.Object) -> Iterator[bpy.types.PoseBone]:
    """The deform bones that have a limit which is not lifted."""
    for bone, limit in _limits(obj):
        if not limit.mute:
            yield bone


def are_lifted(obj: bpy.types.Object) -> bool:
    """Whether a figure's joints turn without limits."""
    return next(limited_bones(obj), None) is None


def set_lifted(obj: bpy.types.Object, value: bool) -> None:
    """Lift all limits of a figure, or make them hold again. What is seen beyond them comes within at the next evaluation."""
    for _, limit in _limits(obj):
        limit.mute = value


def within_limits(bone: bpy.types.PoseBone, rotation: Quaternion) -> Quaternion:
    """A rotation for a bone, as ``rotation_quaternion`` holds it, brought within the bone's limits, as its constraint does."""
    limit = ranges_on(bone)
    if limit is None:
        return rotation
    offset = measured_from(bone)
    angles = euler_angles(np.array(offset @ rotation.to_matrix()), limit.order)
    clamped = limit.clamped(angles)
    if np.array_equal(clamped, angles):
        return rotation
    return (offset.transposed() @ Matrix(matrix_from_euler(clamped, limit.order))).to_quaternion()


def measured_from(bone: bpy.types.PoseBone) -> Matrix:
    """The rotation (3 × 3) by which a bone's own rotation is multiplied from the left to get the one whose angles are limited."""
    reference = bone.id_data.data.bones[reference_of(bone.name)]
    return reference.matrix_local.to_3x3().transposed() @ bone.bone.matrix_local.to_3x3()


def ranges_on(bone: bpy.types.PoseBone) -> JointLimit | None:
    """Order and ranges of a bone's limit, without the frames in which its angles are measured; None while it is lifted."""
    limit = limit_on(bone)
    if limit is None or limit.mute:
        return None
    low, high = (limit.min_x, limit.min_y, limit.min_z), (limit.max_x, limit.max_y, limit.max_z)
    return JointLimit(limit.euler_order, _NO_FRAME, _NO_FRAME, np.array(low), np.array(high))


def limits_of(obj: bpy.types.Object, rest: HumanoidRest) -> JointLimits:
    """The limits as they are on a figure whose rest is given; none of a joint whose limit is lifted."""
    bones, axes = joint_map("mannequin"), resting_axes(obj.data)
    limits = {}
    for joint in rest.heads:
        bone = obj.pose.bones[bones[joint]]
        limit, reference = ranges_on(bone), axes.get(reference_of(bone.name))
        if limit is not None and reference is not None:
            frame = rest.to_t_pose[joint] @ axes[bone.name]
            limits[joint] = JointLimit(limit.order, frame, _carrier(rest, joint) @ reference, limit.low, limit.high)
    return JointLimits(limits)


def resting_axes(armature: bpy.types.Armature) -> dict[str, np.ndarray]:
    """For each bone how it rests: its axes (3, 3) in armature space. All at once: one at a time they take ten times as long."""
    values = np.empty(16 * len(armature.bones), dtype=np.float32)
    armature.bones.foreach_get("matrix_local", values)
    columns = values.reshape(-1, 4, 4)[:, :3, :3].astype(np.float64)
    return dict(zip(armature.bones.keys(), columns.transpose(0, 2, 1), strict=True))


def _limits(obj: bpy.types.Object) -> Iterator[tuple[bpy.types.PoseBone, bpy.types.LimitRotationConstraint]]:
    """Each deform bone that has a limit, with it: the user may have deleted a bone, or removed its limit."""
    for name in joint_map("mannequin").values():
        bone = obj.pose.bones.get(name)
        limit = limit_on(bone) if bone is not None else None
        if limit is not None:
            yield bone, limit


def _carrier(rest: HumanoidRest, joint: str) -> np.ndarray:
    """The rotation (3, 3) that turns the bone above a joint from the rest to the T-pose."""
    above = rest.parent(joint)
    assert above is not None, "the hips have no limits"
    return rest.to_t_pose[above]


def _write_ranges(constraint: bpy.types.LimitRotationConstraint, limit: JointLimit) -> None:
    constraint.min_x, constraint.min_y, constraint.min_z = limit.low
    constraint.max_x, constraint.max_y, constraint.max_z = limit.high
