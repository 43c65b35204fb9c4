# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools for whole poses: parts of a pose, blends, mirror images, copies, standing on the ground, looking at something."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import bpy
import numpy as np
from mathutils import Vector

from ..compat import is_pose_bone_selected
from ..errors import UserError
from ..pose import rotations as rot
from ..pose.humanoid import FINGER_JOINTS
from ..pose.normalised import Pose, Quaternion, blend, mirror
from .gaze import NECKS_SHARE, sideways_and_down, within_reach
from .handles import CHEST, GAZE, HEAD
from .joint_map import joint_map
from .limbs import LIMBS, ROOT
from .limits import ranges_on
from .mannequin import landmarks, require_posable, require_skins
from .posing import apply_pose, humanoid_rest_of, read_pose
from .resting import ground_contacts
from .seen_skin import seen_mesh

_MOVED_BY = {
    CHEST: {"spine", "chest", "upperChest"},
    HEAD: {"neck", "head"},
    GAZE: {"neck", "head"},
    "foot_roll.L": {"leftFoot", "leftToes"},
    "foot_roll.R": {"rightFoot", "rightToes"},
}
"""The joints that each of these dots stands for."""

_RESTING = 0.012
"""Metres from the ground at which a part of the body still rests on it: soles have a curve."""


def apply_part(
    obj: bpy.types.Object, pose: Pose, joints: Collection[str] | None = None, factor: float = 1.0, mirrored: bool = False
) -> None:
    """Bring a mannequin into a pose: with ``joints`` only these, with ``factor`` below 1 only so far from where it is.

    The hips' place comes with the joint ``hips``. Raises UserError as ``apply_pose`` does, PoseError for an impossible factor.
    """
    target = mirror(pose) if mirrored else pose
    if joints is None and factor == 1.0:
        apply_pose(obj, target)
        return
    current = read_pose(obj)
    if joints is not None:
        apply_pose(obj, blend(current, _part_of(target, current, joints), factor))
        return
    before = lowest_point(obj)
    apply_pose(obj, target)
    after = lowest_point(obj)
    # Where its contacts bring it, so that the way there ends in the same place.
    way = blend(current, read_pose(obj), factor)
    apply_pose(obj, way)
    if max(abs(before), abs(after)) <= _RESTING:  # from ground to ground: feet must not sink on the way
        apply_pose(obj, _raised(obj, way, before + (after - before) * factor - lowest_point(obj)))


def selected_joints(obj: bpy.types.Object) -> set[str]:
    """The joints that the selected bones of a mannequin stand for; the dot of a hand or foot stands for its whole limb."""
    names = {bone.name for bone in obj.pose.bones if is_pose_bone_selected(bone)}
    joint_of = {bone: joint for joint, bone in joint_map("mannequin").items()}
    found = {joint_of[name] for name in names if name in joint_of}
    for dot, joints in _MOVED_BY.items():
        if dot in names:
            found |= joints
    for limb in LIMBS:
        if limb.target in names or limb.hinge in names:
            found |= {joint_of[name] for name in (limb.upper, limb.lower)}
        if limb.target in names:
            end = joint_of[limb.end]
            side = "left" if end.startswith("left") else "right"
            found.add(end)
            found |= {joint for joint in FINGER_JOINTS if joint.startswith(side)} if limb.kind == "arm" else {f"{side}Toes"}
    return found


def mirror_pose(obj: bpy.types.Object) -> None:
    """Left and right change places, as in a mirror."""
    apply_pose(obj, mirror(read_pose(obj)))


def flip_pose(obj: bpy.types.Object) -> None:
    """Turn the figure about, round its root, so that it faces where its back was; what every limb does stays."""
    pose, rest = read_pose(obj), humanoid_rest_of(obj)
    w, x, y, z = (float(c) for c in rot.multiply((0.0, 0.0, 0.0, 1.0), pose.rotation("hips")))
    # Twice where the hips rest, in hip heights: a half turn takes their place h to −h, and the translation counts from the rest.
    ahead, beside = -2.0 * rest.heads["hips"][:2][::-1] / rest.hip_height
    dx, dy, dz = pose.hips_translation
    place = (float(beside) - dx, float(ahead) - dy, dz)
    apply_pose(obj, replace(pose, rotations={**pose.rotations, "hips": (w, x, y, z)}, hips_translation=place))


def copy_pose(source: bpy.types.Object, target: bpy.types.Object) -> None:
    """Give one mannequin the pose of another, which may have another body; what rested on the ground does so again."""
    pose = read_pose(source)
    apply_pose(target, replace(pose, contacts=ground_contacts(source)))


def reset_joints(obj: bpy.types.Object, joints: Collection[str]) -> None:
    """Bring some joints back to how they were when the figure was added."""
    current = read_pose(obj)
    rest = humanoid_rest_of(obj)
    stance = Pose("Rest", rest.rotations({joint: np.eye(3) for joint in rest.heads}))
    apply_pose(obj, _part_of(stance, current, joints))


def put_on_ground(obj: bpy.types.Object) -> None:
    """Move a figure up or down until the lowest point of its skin is on the ground of the scene, z = 0.

    The root goes to the ground too, so that poses which are applied later stand on it. The object itself stays.
    """
    require_posable(obj)
    pose = read_pose(obj)
    root = obj.pose.bones[ROOT]
    matrix = root.matrix.copy()
    world = obj.matrix_world @ matrix.translation
    if abs(world.z) > 1e-6:
        matrix.translation = obj.matrix_world.inverted() @ Vector((world.x, world.y, 0.0))
        root.matrix = matrix
        bpy.context.view_layer.update()
    apply_pose(obj, pose)
    lowest = float(skin_points(obj)[:, 2].min())
    apply_pose(obj, _raised(obj, pose, -lowest, in_world=True))


def look_at(obj: bpy.types.Object, place: Sequence[float]) -> bool:
    """Turn neck and head until the figure faces a place (world metres), as far as a neck goes. False where it does not reach."""
    reached = True
    for _ in range(2):  # the eyes move with the head, so that the first turn misses by a little
        pose = read_pose(obj)
        rotations, reached = _facing(obj, pose, place)
        apply_pose(obj, replace(pose, rotations={**pose.rotations, **rotations}))
    return reached


def skin_points(obj: bpy.types.Object) -> np.ndarray:
    """(N, 3) world places of the vertices of a mannequin's skins as they are seen. Raises UserError where it has none."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    found = []
    for skin in require_skins(obj):
        with seen_mesh(skin, depsgraph) as (_mesh, places):
            found.append(places)
    return np.concatenate(found)


def lowest_point(obj: bpy.types.Object) -> float:
    """Height in metres of the lowest point of the skin above the ground on which the root stands, in the root's axes."""
    to_root = np.linalg.inv(np.array(obj.matrix_world @ obj.pose.bones[ROOT].matrix))
    return float((skin_points(obj) @ to_root[2, :3]).min() + to_root[2, 3])


def _part_of(target: Pose, current: Pose, joints: Collection[str]) -> Pose:
    """``current`` with ``joints`` as in ``target``."""
    rotations = {**current.rotations, **{joint: target.rotation(joint) for joint in joints}}
    if "hips" in joints:
        return replace(target, rotations=rotations)
    return replace(current, rotations=rotations)


def _raised(obj: bpy.types.Object, pose: Pose, metres: float, in_world: bool = False) -> Pose:
    """The pose with the hips so much higher; nothing else rests on anything."""
    up = np.array((0.0, 0.0, metres))
    if in_world:
        up = np.linalg.inv(np.array(obj.matrix_world @ obj.pose.bones[ROOT].matrix))[:3, :3] @ up
    x, y, z = np.asarray(pose.hips_translation) + up / humanoid_rest_of(obj).hip_height
    return replace(pose, hips_translation=(float(x), float(y), float(z)), contacts=())


def _facing(obj: bpy.types.Object, pose: Pose, place: Sequence[float]) -> tuple[Mapping[str, Quaternion], bool]:
    """Rotations of neck and head that look at a place, and whether they reach it."""
    bones = joint_map("mannequin")
    head, carrier = obj.pose.bones[bones["head"]], obj.pose.bones[bones["neck"]].parent
    points = landmarks(obj)
    eyes = head.matrix @ head.bone.matrix_local.inverted() @ ((points["eye_left"] + points["eye_right"]) / 2.0)
    carried = (obj.matrix_world @ carrier.matrix @ carrier.bone.matrix_local.inverted()).to_3x3().normalized()
    direction = carried.inverted() @ (Vector(place) - obj.matrix_world @ eyes)
    if direction.length < 1e-6:
        raise UserError("The place to look at is between the figure's eyes: move the camera away.")
    wanted = sideways_and_down(direction)
    freely = all(ranges_on(obj.pose.bones[bones[joint]]) is None for joint in ("neck", "head"))
    turn, nod = within_reach(*wanted, freely)
    reached = abs(turn - wanted[0]) < 1e-3 and abs(nod - wanted[1]) < 1e-3
    neck = _gaze(turn * NECKS_SHARE, nod * NECKS_SHARE)
    local = {"neck": neck, "head": neck.T @ _gaze(turn, nod)}
    rotations: dict[str, Quaternion] = {}
    for joint, matrix in local.items():
        w, x, y, z = (float(c) for c in rot.quaternion_from_matrix(matrix))
        rotations[joint] = (w, x, y, z)
    return rotations, reached


def _gaze(turn: float, nod: float) -> np.ndarray:
    """(3, 3): up and down first, then to the side. Forward is −y."""
    return rot.about_axis((0, 0, 1), turn) @ rot.about_axis((1, 0, 0), nod)
