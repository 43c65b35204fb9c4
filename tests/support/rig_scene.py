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
from pose_to_anime.addon.armature.mannequin import add_mannequin, is_mannequin

MILLIMETRE = 1e-3
BONES = tuple(joint_map("mannequin").values())


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    pose_to_anime.register()
    yield
    pose_to_anime.unregister()


@pytest.fixture(name="figure")
def figure_fixture() -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return add_mannequin(bpy.context)


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
