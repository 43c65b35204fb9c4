# SPDX-License-Identifier: GPL-3.0-or-later
"""The rings mean the same on every joint of both sides, in any pose."""

from __future__ import annotations

import math

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Quaternion  # noqa: E402
from pose_to_anime.addon.armature.dots import dot_name  # noqa: E402
from pose_to_anime.addon.armature.joint_map import joint_map  # noqa: E402
from pose_to_anime.addon.armature.limbs import ROOT  # noqa: E402
from pose_to_anime.addon.armature.limits import set_lifted  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, humanoid_rest_of  # noqa: E402
from pose_to_anime.addon.armature.ring_axes import joint_for, ring_axes, ring_joints  # noqa: E402
from pose_to_anime.addon.armature.ring_turn import RingTurn  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.humanoid import JOINTS  # noqa: E402
from pose_to_anime.addon.pose.normalised import Pose, mirror  # noqa: E402
from rig_scene import BONES, matrices, moved, registered  # noqa: E402, F401

FORWARD, LEFT, UP = np.array([0.0, -1.0, 0.0]), np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
MIRROR = np.diag([-1.0, 1.0, 1.0])
HINGES = {"leftLowerArm": (-UP, LEFT), "leftLowerLeg": (LEFT, UP)}
"""What they flex and twist about in the T-pose."""
PLAIN = [bone for bone in BONES if not bone.startswith(("shoulder", "thumb"))]


@pytest.fixture(name="figure")
def figure_fixture() -> bpy.types.Object:
    """Its limits are lifted: what a ring means is asked where joints turn freely."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    obj = add_mannequin(bpy.context)
    set_lifted(obj, True)
    return obj


def axes(obj: bpy.types.Object, bone: str) -> np.ndarray:
    """Red, blue, green as columns."""
    return np.array(ring_axes(obj.pose.bones[bone]))


def along(obj: bpy.types.Object, bone: str) -> np.ndarray:
    return rot.unit(np.array(obj.pose.bones[bone].tail) - np.array(obj.pose.bones[bone].head))


def quaternion(matrix: np.ndarray) -> tuple[float, ...]:
    return tuple(float(c) for c in rot.quaternion_from_matrix(matrix))


def symmetric_pose(seed: int) -> Pose:
    """Any bend and twist of each joint, the same on both sides; elbows and knees do not break to the side."""
    rng = np.random.default_rng(seed)
    rotations = {}
    for joint in JOINTS:
        if joint in HINGES:
            flexes, lies = HINGES[joint]
            bend, twist = rot.about_axis(flexes, rng.uniform(0.2, 1.5)), rot.about_axis(lies, rng.uniform(-1.0, 1.0))
            rotations[joint] = quaternion(bend @ twist)
        elif joint.startswith("left"):
            rotations[joint] = quaternion(rot.about_axis(rng.normal(size=3), rng.uniform(0.0, 1.0)))
        elif not joint.startswith("right"):
            rotations[joint] = quaternion(rot.about_axis([1.0, 0.0, 0.0], rng.uniform(-0.4, 0.4)))
    both = mirror(Pose("Half", rotations)).rotations
    return Pose("Symmetric", {**rotations, **{joint: q for joint, q in both.items() if joint.startswith("right")}})


@pytest.fixture
def at_attention(figure):
    """Arms at the sides and palms forward: the stance in which the meaning of the rings is written down."""
    hanging, supine = rot.about_axis(-FORWARD, math.pi / 2), rot.about_axis(-LEFT, math.pi / 2)
    half = Pose("Half", {"leftUpperArm": quaternion(hanging), "leftLowerArm": quaternion(supine)})
    apply_pose(figure, Pose("At attention", {**half.rotations, **mirror(half).rotations}))
    return figure


def test_every_joint_has_three_axes_at_right_angles_and_green_lies_along_it(figure) -> None:
    assert set(BONES) | {ROOT} == set(ring_joints())
    for seed in (1, 2):
        apply_pose(figure, symmetric_pose(seed))
        for bone in BONES:
            found = axes(figure, bone)
            assert np.allclose(found.T @ found, np.eye(3), atol=1e-5) and np.linalg.det(found) > 0, bone
            assert abs(found[:, 2] @ along(figure, bone)) > 0.99999, bone


def test_the_rigs_bones_have_the_axes_that_the_rings_are_written_in(figure) -> None:
    rest = humanoid_rest_of(figure)
    for joint, bone in joint_map("mannequin").items():
        own = np.array(figure.data.bones[bone].matrix_local.to_3x3())
        assert np.allclose(own, rest.bone_frame(joint), atol=1e-4), bone


def test_red_goes_forward_blue_to_the_left_and_green_turns_the_front_to_the_left(at_attention) -> None:
    for bone in PLAIN:
        red, blue, green = axes(at_attention, bone).T
        end = along(at_attention, bone)
        ahead = UP if bone.startswith(("foot", "toe")) else FORWARD
        assert np.cross(red, end) @ ahead > 0.85, bone
        assert np.cross(blue, end) @ LEFT > 0.85, bone
        front = UP if bone.startswith(("foot", "toe")) else FORWARD
        assert np.cross(green, front) @ LEFT > 0.85, bone


def test_thumbs_close_over_the_palm_and_collar_bones_go_forward_and_up(at_attention) -> None:
    for side, sign in ((".L", 1.0), (".R", -1.0)):
        for number in (1, 2, 3):
            red = axes(at_attention, f"thumb_{number}{side}")[:, 0]
            assert np.cross(red, along(at_attention, f"thumb_{number}{side}")) @ (-sign * LEFT) > 0.5, "to the little finger"
        red, blue, _green = axes(at_attention, f"shoulder{side}").T
        end = along(at_attention, f"shoulder{side}")
        assert np.cross(red, end) @ FORWARD > 0.85
        assert np.cross(blue, end) @ (sign * UP) > 0.85, "the left one goes up, the right one down"


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_mirror_image_of_a_turn_is_the_same_about_red_and_the_opposite_about_blue_and_green(figure, seed) -> None:
    apply_pose(figure, symmetric_pose(seed))
    for bone in BONES:
        other = bpy.utils.flip_name(bone)
        for axis, image, sign in zip(axes(figure, bone).T, axes(figure, other).T, (1, -1, -1), strict=True):
            turned = rot.about_axis(axis, math.radians(30))
            assert np.allclose(MIRROR @ turned @ MIRROR, rot.about_axis(image, math.radians(30 * sign)), atol=1e-4), bone


@pytest.mark.parametrize("bone", ["upper_arm", "forearm", "hand", "index_2", "thumb_1", "thigh", "shin", "foot", "shoulder"])
def test_turns_of_both_sides_give_mirror_images(figure, bone) -> None:
    pose = symmetric_pose(6)
    for axis, sign in (("RED", 1), ("BLUE", -1), ("GREEN", -1)):
        places = []
        for side, angle in ((".L", 30), (".R", 30 * sign)):
            apply_pose(figure, pose)
            turn = RingTurn(figure, [bone + side], axis)
            turn.turn(math.radians(angle))
            turn.end()
            places.append(matrices(figure))
        for name, matrix in places[0].items():
            image = places[1][bpy.utils.flip_name(name)]
            assert np.allclose(MIRROR @ matrix[:3, 3], image[:3, 3], atol=1e-3), (axis, name)


def test_a_ring_stays_where_it_is_while_it_turns(figure) -> None:
    apply_pose(figure, symmetric_pose(7))
    for bone in (
        "upper_arm.L",
        "forearm.R",
        "hand.L",
        "middle_1.R",
        "thigh.R",
        "shin.L",
        "foot.L",
        "head",
        "chest",
        "hips",
        ROOT,
    ):
        for column, axis in enumerate(("RED", "BLUE", "GREEN")):
            before = axes(figure, bone)[:, column]
            turn = RingTurn(figure, [bone], axis)
            turn.turn(math.radians(40))
            turn.end()
            bpy.context.view_layer.update()
            assert np.allclose(axes(figure, bone)[:, column], before, atol=0.01), (bone, axis)


def test_twisting_a_forearm_leaves_the_plane_in_which_the_elbow_bends(figure) -> None:
    for bone, stays in (("forearm.L", True), ("shin.R", True), ("upper_arm.L", False), ("head", False)):
        before = axes(figure, bone)[:, 0]
        turn = RingTurn(figure, [bone], "GREEN")
        turn.turn(math.radians(60))
        turn.end()
        bpy.context.view_layer.update()
        assert (axes(figure, bone)[:, 0] @ before > 0.999) == stays, bone


def test_the_whole_figure_may_stand_anywhere(figure) -> None:
    before = axes(figure, "forearm.L")
    turned = Quaternion((0.0, 0.0, 1.0), 1.0)
    figure.rotation_euler = turned.to_euler()
    figure.scale = (2.0, 2.0, 2.0)
    bpy.context.view_layer.update()
    assert np.allclose(axes(figure, "forearm.L"), np.array(turned.to_matrix()) @ before, atol=1e-4)


def test_dots_mean_joints(figure) -> None:
    bones = figure.data.bones
    meant = {"hand_ik.L": "hand.L", "foot_ik.R": "foot.R", "elbow.R": "forearm.R", "knee.L": "shin.L", "hips": "hips", ROOT: ROOT}
    meant |= {"chest_ik": "upper_chest", "head_ik": "head", "foot_roll.L": "foot.L"}
    for dot, joint in meant.items():
        assert joint_for(bones[dot]) == joint
    assert joint_for(bones["index_3.L"]) == "index_3.L"
    names = {"hand_ik.L": "Left hand", "upper_arm.R": "Right upper arm", "hips": "Hips", "upper_chest": "Upper chest"}
    names |= {"hand.L": "Left wrist", "foot.R": "Right ankle", "foot_ik.R": "Right foot"}  # what a dot pulls, a joint turns
    assert {bone: dot_name(bone) for bone in names} == names
    other = bpy.data.armatures.new("Other")
    obj = bpy.data.objects.new("Other", other)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    bpy.ops.object.mode_set(mode="EDIT")
    other.edit_bones.new("Tail").tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert joint_for(other.bones["Tail"]) is None


@pytest.mark.parametrize("name", ["child", "chibi"])
def test_other_bodies_have_the_same_rings(name) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    obj = add_mannequin(bpy.context, name)
    rest = humanoid_rest_of(obj)
    for joint, bone in joint_map("mannequin").items():
        assert np.allclose(np.array(obj.data.bones[bone].matrix_local.to_3x3()), rest.bone_frame(joint), atol=1e-4), bone
