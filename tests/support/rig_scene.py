# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the mannequin's rig share: a figure in an empty scene, and how far its bones and dots have gone."""

from collections.abc import Iterator

import bpy
import numpy as np
import pose_to_anime
import pytest
from mathutils import Vector
from pose_to_anime.addon.armature.handles import HANDLES
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.armature.limbs import LIMBS, Limb
from pose_to_anime.addon.armature.limits import limits_of
from pose_to_anime.addon.armature.mannequin import add_mannequin, is_mannequin
from pose_to_anime.addon.armature.posing import humanoid_rest_of
from pose_to_anime.addon.pose import rotations as rot
from pose_to_anime.addon.pose.limits import JointLimits
from pose_to_anime.addon.pose.normalised import Pose
from pose_to_anime.addon.pose.rest import HumanoidRest

MILLIMETRE = 1e-3
BONES = tuple(joint_map("mannequin").values())


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    pose_to_anime.register()
    yield
    pose_to_anime.unregister()


@pytest.fixture(name="empty_scene")
def empty_scene_fixture() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture(name="figure")
def figure_fixture() -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return add_mannequin(bpy.context)


@pytest.fixture(name="any_channel")
def any_channel_fixture() -> Iterator[None]:
    """Blender 5.2 keys only what has keys already, unless the user says otherwise."""
    preferences = bpy.context.preferences.edit
    before = preferences.use_keyframe_insert_available
    preferences.use_keyframe_insert_available = False
    yield
    preferences.use_keyframe_insert_available = before


def matrices(obj: bpy.types.Object) -> dict[str, np.ndarray]:
    """World matrices of the deform bones as they are seen."""
    bpy.context.view_layer.update()
    return {name: np.array(obj.matrix_world @ obj.pose.bones[name].matrix) for name in BONES}


def moved(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> float:
    """The farthest that any bone's head moved, or its tail would have when its length is 0.3 m."""
    tail = np.array([0, 0.3, 0, 1])
    return max(
        max(np.linalg.norm((before[n] - after[n])[:3, 3]), np.linalg.norm(((before[n] - after[n]) @ tail)[:3])) for n in before
    )


def place(obj: bpy.types.Object, bone: str) -> Vector:
    return obj.matrix_world @ obj.pose.bones[bone].head


def reach(obj: bpy.types.Object, limb: Limb) -> float:
    return obj.pose.bones[limb.upper].length + obj.pose.bones[limb.lower].length


def worst_dot(obj: bpy.types.Object) -> float:
    """The distance between dots and their joints, or their places at the bones that carry them."""
    pairs = [(limb.target, limb.end) for limb in LIMBS] + [(limb.hinge, limb.lower) for limb in LIMBS]
    away = [(place(obj, dot) - place(obj, joint)).length for dot, joint in pairs]
    away += [(place(obj, handle.name) - carried(obj, handle.carrier, handle.name)).length for handle in HANDLES]
    return max(away)


def carried(obj: bpy.types.Object, bone: str, rests: str) -> Vector:
    """Where a bone has carried the place at which another one rests, in world metres."""
    carrier = obj.pose.bones[bone]
    return obj.matrix_world @ (carrier.matrix @ (carrier.bone.matrix_local.inverted() @ obj.data.bones[rests].head_local))


def undo_step(message: str) -> None:
    bpy.ops.ed.undo_push(message=message)


def first_figure() -> bpy.types.Object:
    return next(obj for obj in bpy.context.scene.objects if is_mannequin(obj))


def random_pose(limits: JointLimits, rng: np.random.Generator, name: str = "Random") -> Pose:
    """A pose with every joint somewhere within its limits."""
    rotations = {}
    for joint, limit in limits.joints.items():
        while joint not in rotations:
            rotation = limit.rotation(limit.low + rng.uniform(0.02, 0.98, 3) * (limit.high - limit.low))
            if limits.clamp(joint, rotation) is rotation:  # far out on several axes, the angles may be those of another place
                rotations[joint] = rotation
    rotations["hips"] = tuple(float(c) for c in rot.unit(rng.normal(size=4) * (1.0, 0.3, 0.3, 0.3)))
    x, y, z = (float(c) for c in rng.normal(size=3) * 0.2)
    return Pose(name, rotations, (x, y, z))


class Limited:
    """A figure's rest and limits, and where its limbs reach within them. The limits may be those of the figure or any others."""

    def __init__(self, obj: bpy.types.Object) -> None:
        self.rest: HumanoidRest = humanoid_rest_of(obj)
        self.limits: JointLimits = limits_of(obj, self.rest)
        self._joint_of = {bone: joint for joint, bone in joint_map("mannequin").items()}

    def t_pose(self, obj: bpy.types.Object, bone: str) -> np.ndarray:
        """A bone's axes (3, 3) in the T-pose."""
        return self.rest.to_t_pose[self._joint_of[bone]] @ np.array(obj.data.bones[bone].matrix_local.to_3x3())

    def carried(self, obj: bpy.types.Object, limb: Limb) -> np.ndarray:
        """The rotation (3, 3) into the world of what is said of a limb in the T-pose: by what carries it, as it is now."""
        seen = np.array((obj.matrix_world @ obj.pose.bones[limb.parent].matrix).to_3x3().normalized())
        return seen @ self.t_pose(obj, limb.parent).T

    def random_end(self, obj: bpy.types.Object, limb: Limb, rng: np.random.Generator, is_straight: bool = False) -> Vector:
        """A place (world) where the limb's end is with both of its bones somewhere within their limits."""
        pose = random_pose(self.limits, rng)
        turns = [rot.matrix_from_quaternion(pose.rotation(self._joint_of[name])) for name in (limb.upper, limb.lower)]
        if is_straight:
            turns[1] = np.eye(3)
        ways = [self.t_pose(obj, name)[:, 1] * obj.pose.bones[name].length for name in (limb.upper, limb.lower)]
        return place(obj, limb.upper) + Vector(self.carried(obj, limb) @ turns[0] @ (ways[0] + turns[1] @ ways[1]))

    def excess(self, bone: str, turn: np.ndarray) -> float:
        """By how many radians a normalised local rotation (3, 3) of a bone's joint is beyond its limit."""
        w, x, y, z = (float(c) for c in rot.quaternion_from_matrix(turn))
        return self.limits.excess(self._joint_of[bone], (w, x, y, z))

    def worst_excess(self, pose: Pose) -> float:
        """In radians."""
        return max(self.limits.excess(joint, pose.rotation(joint)) for joint in self.limits.joints)
