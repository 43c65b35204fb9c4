# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of joints on a figure in a real Blender: whatever turns a joint or moves a dot, nothing is seen beyond them."""

import math

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Quaternion, Vector  # noqa: E402
from pose_to_anime.addon import compat  # noqa: E402
from pose_to_anime.addon.armature.controls import bring_up_to_date, move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.follow import follow  # noqa: E402
from pose_to_anime.addon.armature.hands import change_hand, read_hand  # noqa: E402
from pose_to_anime.addon.armature.joint_map import joint_map  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS  # noqa: E402
from pose_to_anime.addon.armature.limits import are_lifted, limits_of, reference_of, set_lifted  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.matching import paused, settle  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, humanoid_rest_of, read_pose  # noqa: E402
from pose_to_anime.addon.armature.reshape import change_body  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.hands import HandShape, rotation_from_angles  # noqa: E402
from pose_to_anime.addon.pose.humanoid import JOINTS  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.pose.normalised import Pose  # noqa: E402
from random_drags import DOTS, Drags, kind_of  # noqa: E402
from rig_scene import (  # noqa: E402, F401
    BONES,
    MILLIMETRE,
    Limited,
    figure_fixture,
    first_figure,
    matrices,
    moved,
    place,
    random_pose,
    reach,
    registered,
    undo_step,
    worst_dot,
)

HALF_DEGREE = math.radians(0.5)


def any_pose(rng: np.random.Generator) -> Pose:
    """Far beyond all limits."""
    return Pose("Any", {joint: tuple(float(c) for c in rot.unit(rng.normal(size=4))) for joint in JOINTS})


def excess(obj: bpy.types.Object, limited: Limited) -> float:
    return limited.worst_excess(read_pose(obj))


def test_blender_stops_each_joint_where_the_numbers_do(figure) -> None:
    """Rotations written straight onto the bones, far beyond all limits, are seen as ``JointLimits`` computes them."""
    limited, rng = Limited(figure), np.random.default_rng(21)
    bones = joint_map("mannequin")
    for _ in range(5):
        pose = any_pose(rng)
        turns = limited.rest.turns(pose)
        for joint in JOINTS:
            bone = figure.pose.bones[bones[joint]]
            own, above = np.array(bone.bone.matrix_local.to_3x3()), limited.rest.parent(joint)
            turn = turns[joint] if above is None else turns[above].T @ turns[joint]
            bone.rotation_quaternion = Quaternion(rot.quaternion_from_matrix(own.T @ turn @ own))
        bpy.context.view_layer.update()
        seen, expected = read_pose(figure), limited.limits.clamp_pose(pose)
        for joint in JOINTS:
            assert math.degrees(rot.angle_between(seen.rotation(joint), expected.rotation(joint))) < 0.01, joint


def test_a_pose_beyond_the_limits_is_applied_as_far_as_they_go(figure) -> None:
    limited, pose = Limited(figure), any_pose(np.random.default_rng(22))
    apply_pose(figure, pose)
    assert excess(figure, limited) < math.radians(0.01)
    expected = limited.limits.clamp_pose(pose)
    seen = read_pose(figure)
    assert all(rot.angle_between(seen.rotation(joint), expected.rotation(joint)) < math.radians(0.02) for joint in JOINTS)
    assert worst_dot(figure) < MILLIMETRE


@pytest.mark.parametrize("bone", ["forearm.L", "shin.R", "head", "thigh.L", "index_2.R", "toe.L", "shoulder.R", "hand.L"])
def test_a_joint_turned_with_blenders_own_tool_stops_at_its_limit_and_what_is_seen_is_kept(figure, bone) -> None:
    limited = Limited(figure)
    bpy.ops.object.mode_set(mode="POSE")
    figure.data.collections["Fingers"].is_visible = True
    compat.select_pose_bone(figure.pose.bones[bone], True)
    undo_step("start")
    before = matrices(figure)
    bpy.ops.transform.rotate("EXEC_DEFAULT", True, value=math.radians(170), orient_axis="X", orient_type="LOCAL")
    after = matrices(first_figure())
    assert excess(first_figure(), limited) < HALF_DEGREE
    assert moved(before, after) > MILLIMETRE
    assert worst_dot(first_figure()) < MILLIMETRE
    pose_bone = first_figure().pose.bones[bone]
    carried = pose_bone.parent.matrix @ pose_bone.parent.bone.matrix_local.inverted() @ pose_bone.bone.matrix_local
    own = (carried.inverted() @ pose_bone.matrix).to_quaternion()
    turn = own.rotation_difference(pose_bone.rotation_quaternion).angle
    assert min(turn, 2 * math.pi - turn) < 1e-3, "the next turn starts from what is seen"
    bpy.ops.ed.undo()
    assert moved(before, matrices(first_figure())) < 1e-5


def test_joints_turned_by_numbers_and_hands_given_a_shape_stop_too(figure) -> None:
    limited = Limited(figure)
    for bone in ("upper_arm.L", "forearm.R", "chest", "foot.L", "thumb_2.R", "neck"):
        turn_joint(figure, bone, Quaternion((1, 0, 0), 2.5))
        assert excess(figure, limited) < HALF_DEGREE, bone
        assert worst_dot(figure) < MILLIMETRE
    bent = HandShape("Impossible", {"IndexIntermediate": rotation_from_angles("IndexIntermediate", -60.0, 0.0, 0.0)})
    change_hand(figure, "L", lambda _: bent)
    assert excess(figure, limited) < HALF_DEGREE
    assert rot.angle_between(read_hand(figure, "L").rotation("IndexIntermediate"), rot.IDENTITY) < math.radians(3)


def test_keys_beyond_the_limits_are_played_within_them(figure) -> None:
    limited, scene = Limited(figure), bpy.context.scene
    shin, target = figure.pose.bones["shin.L"], figure.pose.bones["hand_ik.R"]
    for frame, angle, x in ((1, 0.0, 0.0), (20, -2.0, -3.0)):
        scene.frame_set(frame)
        shin.rotation_quaternion = Quaternion((1, 0, 0), angle)
        target.location.x = x
        shin.keyframe_insert("rotation_quaternion", frame=frame)
        target.keyframe_insert("location", frame=frame)
    for frame in (1, 7, 13, 20, 4):
        scene.frame_set(frame)
        assert excess(figure, limited) < HALF_DEGREE, frame


def test_settling_again_and_again_changes_nothing(figure) -> None:
    limited = Limited(figure)
    for limb in LIMBS:
        goal = place(figure, limb.upper) + Vector((0.0, 0.95, 0.1)) * reach(figure, limb)  # straight back, where no limb goes
        move_control(figure, limb.target, goal)
        assert excess(figure, limited) < HALF_DEGREE
        assert (place(figure, limb.end) - goal).length > 0.05
        assert worst_dot(figure) < MILLIMETRE
    move_control(figure, "hips", place(figure, "hips") + Vector((0.05, -0.05, -0.1)))
    before = matrices(figure)
    numbers = [list(bone.rotation_quaternion) + list(bone.location) for bone in figure.pose.bones]
    for _ in range(10):
        bring_up_to_date(figure)
    assert numbers == [list(bone.rotation_quaternion) + list(bone.location) for bone in figure.pose.bones]
    for _ in range(10):
        settle(figure, force=True)
        bpy.context.view_layer.update()
    assert moved(before, matrices(figure)) < 0.2 * MILLIMETRE, "forced to, it may round, but it does not creep"


def test_a_hand_that_comes_back_finds_its_elbow_where_it_was(figure) -> None:
    """A drag that is given up leaves nothing, though the elbow was led aside on its way."""
    shoulder = place(figure, "upper_arm.L").copy()
    move_control(figure, "hand.L", shoulder + Vector((0.1, -0.3, -0.1)))
    before, target, elbow = matrices(figure), figure.pose.bones["hand_ik.L"], figure.pose.bones["elbow.L"]
    start, elbow_start = target.location.copy(), elbow.location.copy()
    led = 0.0
    with paused():
        for way in ((-0.1, 0.1, 0.25), (0.1, 0.4, 0.2), (0.0, 0.3, 0.1)):  # behind the neck, and back
            matrix = target.matrix.copy()
            matrix.translation = figure.matrix_world.inverted() @ (shoulder + Vector(way))
            target.matrix = matrix
            bpy.context.view_layer.update()
            follow(figure)
            led += (elbow.location - elbow_start).length
            assert (place(figure, "hand.L") - shoulder - Vector(way)).length < MILLIMETRE
        target.location = start
        bpy.context.view_layer.update()
        follow(figure)
    assert led > 0.1, "the elbow was led aside"
    bpy.context.view_layer.update()
    assert moved(before, matrices(figure)) < MILLIMETRE


def test_a_hand_turned_about_its_length_takes_the_forearm_along(figure) -> None:
    limited = Limited(figure)
    move_control(figure, "hand.L", place(figure, "upper_arm.L") + Vector((0.15, -0.35, -0.1)))
    for angle in (0.7, -0.4, -0.6):
        before = matrices(figure)
        along = Vector(before["hand.L"][:3, 1])
        turn_joint(figure, "hand_ik.L", Quaternion(along, angle))
        after = matrices(figure)
        for bone in ("upper_arm.L", "forearm.L", "hand.L"):
            assert np.linalg.norm((before[bone] - after[bone])[:3, 3]) < MILLIMETRE
        turn = rot.about_axis(along, angle) @ before["hand.L"][:3, :3]
        assert np.allclose(after["hand.L"][:3, :3], turn, atol=5e-3)
        assert excess(figure, limited) < HALF_DEGREE


# ---------------------------------------------------------------------------------------------------------------- the switch


def test_limits_can_be_lifted_and_hold_again_with_one_undo_step_each(figure) -> None:
    limited, pose = Limited(figure), load_pose("standing")
    knee = Quaternion((1, 0, 0), math.radians(-60))
    beyond = Pose("Beyond", {**pose.rotations, "leftLowerLeg": tuple(knee), "leftIndexDistal": (0.0, 1.0, 0.0, 0.0)})
    undo_step("start")
    assert not are_lifted(figure)
    assert bpy.ops.pose_to_anime.toggle_limits("EXEC_DEFAULT", True) == {"FINISHED"}
    assert are_lifted(figure) and not limits_of(figure, limited.rest).joints
    apply_pose(figure, beyond)
    seen = read_pose(figure)
    assert rot.angle_between(seen.rotation("leftLowerLeg"), beyond.rotation("leftLowerLeg")) < math.radians(0.02)
    undo_step("beyond")
    before = matrices(figure)
    assert bpy.ops.pose_to_anime.toggle_limits("EXEC_DEFAULT", True) == {"FINISHED"}
    figure = first_figure()
    assert not are_lifted(figure)
    assert excess(figure, limited) < HALF_DEGREE
    assert worst_dot(figure) < MILLIMETRE
    after = matrices(figure)
    others = [name for name in BONES if name not in ("shin.L", "foot.L", "toe.L") and not name.startswith("index_3")]
    assert moved({name: before[name] for name in others}, {name: after[name] for name in others}) < 2 * MILLIMETRE
    bpy.ops.ed.undo()
    assert are_lifted(first_figure())
    assert moved(before, matrices(first_figure())) < 1e-5
    bpy.ops.ed.redo()
    assert not are_lifted(first_figure())
    assert moved(after, matrices(first_figure())) < 1e-5


def test_without_limits_drags_reach_and_ik_and_fk_agree_as_ever(figure) -> None:
    set_lifted(figure, True)
    rng = np.random.default_rng(24)
    for limb in LIMBS:
        for _ in range(4):
            way = Vector(rng.normal(size=3)).normalized() * rng.uniform(0.2, 0.45)
            goal = place(figure, limb.upper) + way
            move_control(figure, limb.end, goal)
            assert (place(figure, limb.end) - goal).length < MILLIMETRE
            assert worst_dot(figure) < MILLIMETRE


# ------------------------------------------------------------------------------------------------------------------- bodies


def test_a_body_brings_its_own_limits_and_they_change_with_it(figure) -> None:
    adult = limits_of(figure, humanoid_rest_of(figure)).joints
    elder = add_mannequin(bpy.context, "elder")
    own = limits_of(elder, humanoid_rest_of(elder)).joints
    assert own["leftUpperArm"].high[2] < adult["leftUpperArm"].high[2] - 0.1
    assert own["neck"].high[1] < adult["neck"].high[1]
    turn_joint(figure, "neck", Quaternion((0, 0, 1), 1.0))
    change_body(figure, "elder")
    changed = limits_of(figure, humanoid_rest_of(figure)).joints
    assert all(changed[joint].high == pytest.approx(own[joint].high, abs=1e-6) for joint in own)
    assert excess(figure, Limited(figure)) < HALF_DEGREE
    change_body(figure, "adult_woman")
    again = limits_of(figure, humanoid_rest_of(figure)).joints
    assert all(again[joint].low == pytest.approx(adult[joint].low, abs=1e-6) for joint in adult)


# ------------------------------------------------------------------------------------------------------------- by hand, badly


def test_a_reference_deleted_by_hand_gets_one_sentence_and_nothing_is_lost(figure) -> None:
    apply_pose(figure, load_pose("sitting"))
    bpy.ops.object.mode_set(mode="EDIT")
    figure.data.edit_bones.remove(figure.data.edit_bones[reference_of("forearm.L")])
    bpy.ops.object.mode_set(mode="POSE")
    before = matrices(figure)
    numbers = [list(bone.rotation_quaternion) for bone in figure.pose.bones]
    for action in (
        lambda: apply_pose(figure, load_pose("running")),
        lambda: read_pose(figure),
        lambda: change_hand(figure, "L", lambda shape: shape),
    ):
        with pytest.raises(UserError, match=r"has lost its bone 'MCH-limit_forearm.L': undo its removal"):
            action()
    assert numbers == [list(bone.rotation_quaternion) for bone in figure.pose.bones]
    assert moved(before, matrices(figure)) == 0


def test_a_limit_removed_by_hand_leaves_the_others(figure) -> None:
    bone = figure.pose.bones["head"]
    bone.constraints.remove(bone.constraints["Limits"])
    turn_joint(figure, "head", Quaternion((0, 0, 1), 2.0))
    turn_joint(figure, "neck", Quaternion((0, 0, 1), 2.0))
    limited = Limited(figure)
    assert "head" not in limited.limits.joints
    assert excess(figure, limited) < HALF_DEGREE


# -------------------------------------------------------------------------------------------------------------- random drags


def test_random_drags_of_random_dots_keep_every_promise(figure) -> None:
    """A sample of what ``benchmarks/drags.py`` does ten thousand times."""
    for skin in skins_of(figure):
        skin.hide_viewport = True  # it follows the bones, and takes most of the time
    drags = Drags(figure, seed=7)
    for drag in range(120):
        drags.run(drag, undo=drag % 30 == 0)
    tally = drags.tally
    assert not tally.broken
    assert tally.counts["solution within the limits"] > 10
    assert tally.counts["stopped at a limit or out of reach"] > 10
    assert tally.counts["reached with the elbow or knee led aside"] > 2
    assert tally.counts["left a limb deeply folded"] > 5
    assert all(tally.counts[f"of {kind_of(dot)}"] > 2 for dot in DOTS), "hands, elbows, feet, knees, hips, chest, head, gaze"


def test_random_poses_within_the_limits_are_applied_as_they_are(figure) -> None:
    limited, rng = Limited(figure), np.random.default_rng(25)
    for _ in range(6):
        pose = random_pose(limited.limits, rng)
        apply_pose(figure, pose)
        seen = read_pose(figure)
        assert max(rot.angle_between(seen.rotation(j), pose.rotation(j)) for j in JOINTS) < math.radians(0.01)
