# SPDX-License-Identifier: GPL-3.0-or-later
"""A hand that is turned about its length, by its green ring or by Blender's Rotate, takes its forearm along."""

from __future__ import annotations

import math

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Matrix, Quaternion, Vector  # noqa: E402
from pose_to_anime.addon import compat  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.joint_map import joint_map  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS, limb_of  # noqa: E402
from pose_to_anime.addon.armature.limits import set_lifted  # noqa: E402
from pose_to_anime.addon.armature.matching import is_ik  # noqa: E402
from pose_to_anime.addon.armature.pins import pin_dot  # noqa: E402
from pose_to_anime.addon.armature.posing import read_pose  # noqa: E402
from pose_to_anime.addon.armature.ring_axes import ring_axes, seen_rotation  # noqa: E402
from pose_to_anime.addon.armature.ring_turn import RingTurn  # noqa: E402
from rig_scene import (  # noqa: E402, F401
    MILLIMETRE,
    Limited,
    figure_fixture,
    first_figure,
    matrices,
    moved,
    place,
    registered,
    undo_step,
    worst_dot,
)

HALF_DEGREE = math.radians(0.5)
Y = 1


def bent(figure: bpy.types.Object, in_ik: bool = True) -> bpy.types.Object:
    """With both hands before the body."""
    for side, x in (("L", 0.1), ("R", -0.1)):
        move_control(figure, f"hand.{side}", place(figure, f"upper_arm.{side}") + Vector((x, -0.35, -0.1)))
        if not in_ik:
            turn_joint(figure, f"upper_arm.{side}", Quaternion())
    return figure


def twist(figure: bpy.types.Object, bone: str) -> float:
    """A joint's angle about its own length, and the ends of that, in degrees."""
    limited, joint = Limited(figure), next(joint for joint, name in joint_map("mannequin").items() if name == bone)
    return math.degrees(limited.limits.joints[joint].angles(read_pose(figure).rotation(joint))[Y])


def turned(before: np.ndarray, after: np.ndarray) -> Quaternion:
    return (Matrix(after.tolist()).to_quaternion() @ Matrix(before.tolist()).to_quaternion().inverted()).normalized()


def angle_about(axis: Vector, before: np.ndarray, after: np.ndarray) -> float:
    turn = turned(before, after)
    return math.remainder(math.degrees(2.0 * math.atan2(Vector((turn.x, turn.y, turn.z)).dot(axis), turn.w)), 360.0)


def rotate(*bones: str, angle: float, axis: str = "Y") -> None:
    """With Blender's own tool and an undo step."""
    figure = first_figure()
    for bone in figure.pose.bones:
        compat.select_pose_bone(bone, bone.name in bones)
    figure.data.bones.active = figure.data.bones[bones[0]]
    bpy.ops.transform.rotate("EXEC_DEFAULT", True, value=math.radians(angle), orient_axis=axis, orient_type="LOCAL")


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("in_ik", [True, False])
def test_the_green_ring_turns_a_hand_as_far_as_wrist_and_forearm_go_together(figure, side, in_ik) -> None:
    bent(figure, in_ik)
    hand, forearm = f"hand.{side}", f"forearm.{side}"
    limb, limited = limb_of(hand), Limited(figure)
    for wanted in (40.0, 300.0, -300.0):
        before, start = matrices(figure), {bone: twist(figure, bone) for bone in (hand, forearm)}
        axis = Vector(ring_axes(figure.pose.bones[hand]).col[2])
        turn = RingTurn(figure, [hand], "GREEN")
        for share in (0.3, 0.6, 1.0):
            reached = math.degrees(turn.turn(math.radians(wanted * share)))
            bpy.context.view_layer.update()
        turn.end()
        after = matrices(figure)
        assert math.remainder(angle_about(axis, before[hand], after[hand]) - reached, 360.0) == pytest.approx(0.0, abs=0.3)
        assert limited.worst_excess(read_pose(figure)) < HALF_DEGREE and worst_dot(figure) < MILLIMETRE
        assert is_ik(figure, limb) == in_ik
        for bone in (f"upper_arm.{side}", forearm, hand):
            assert np.linalg.norm((before[bone] - after[bone])[:3, 3]) < MILLIMETRE, "the wrist stays where it is"
        if abs(wanted) < 100.0:
            assert reached == pytest.approx(wanted), "it goes on after the wrist's own 12 degrees"
        else:
            ends = {bone: [math.degrees(end) for end in limits_about_length(limited, bone)] for bone in (hand, forearm)}
            end = {bone: min(ends[bone], key=lambda each, bone=bone: abs(each - twist(figure, bone))) for bone in ends}
            assert all(twist(figure, bone) == pytest.approx(end[bone], abs=0.3) for bone in end), "both are at their ends"
            assert 50.0 < abs(reached) == pytest.approx(abs(sum(end.values()) - sum(start.values())), abs=6.0)


def limits_about_length(limited: Limited, bone: str) -> tuple[float, float]:
    limit = limited.limits.joints[next(joint for joint, name in joint_map("mannequin").items() if name == bone)]
    return limit.low[Y], limit.high[Y]


@pytest.mark.parametrize("in_ik", [True, False])
def test_a_turn_that_comes_back_or_is_given_up_leaves_nothing(figure, in_ik) -> None:
    before = matrices(bent(figure, in_ik))
    for end in ("back", "cancel"):
        turn = RingTurn(figure, ["hand.L"], "GREEN")
        for angle in (0.5, 1.0, 0.0) if end == "back" else (0.5, 1.0):
            turn.turn(angle)
            bpy.context.view_layer.update()
            if angle == 1.0:
                assert moved(before, matrices(figure)) > 0.1
        turn.end() if end == "back" else turn.cancel()
        assert moved(before, matrices(figure)) < 0.2 * MILLIMETRE, end
        assert is_ik(figure, LIMBS[0]) == in_ik and worst_dot(figure) < MILLIMETRE


@pytest.mark.parametrize("in_ik", [True, False])
def test_a_turn_is_one_undo_step(figure, in_ik) -> None:
    bent(figure, in_ik)
    bpy.ops.object.mode_set(mode="POSE")
    undo_step("start")
    states = [matrices(figure)]
    for angle in (1.2, -0.9):
        assert bpy.ops.pose_to_anime.turn_ring("EXEC_DEFAULT", True, axis="GREEN", angle=angle, joints="hand.R") == {"FINISHED"}
        states.append(matrices(first_figure()))
        assert moved(states[-2], states[-1]) > 0.1
    for expected in reversed(states[:-1]):
        bpy.ops.ed.undo()
        assert moved(expected, matrices(first_figure())) < 1e-5
    for expected in states[1:]:
        bpy.ops.ed.redo()
        assert moved(expected, matrices(first_figure())) < 1e-4


@pytest.mark.parametrize("by_ring", [True, False])
def test_x_mirror_turns_the_other_hand_and_forearm_as_in_a_mirror(figure, by_ring) -> None:
    figure.pose.use_mirror_x = True
    bpy.ops.object.mode_set(mode="POSE")
    if by_ring:
        bpy.ops.pose_to_anime.turn_ring("EXEC_DEFAULT", True, axis="GREEN", angle=1.0, joints="hand.L")
    else:
        rotate("hand.L", angle=57.0)
    bpy.context.view_layer.update()
    for bone in ("hand", "forearm"):
        a, b = (seen_rotation(figure.pose.bones[f"{bone}.{side}"]) for side in "LR")
        assert Vector(a.rotation_difference(Quaternion((b.w, b.x, -b.y, -b.z)))[1:]).length < 2e-3, bone
    assert abs(twist(figure, "forearm.L")) > 30.0 and worst_dot(figure) < MILLIMETRE


@pytest.mark.parametrize("in_ik", [True, False])
def test_blenders_own_rotate_takes_the_forearm_along_too(figure, in_ik) -> None:
    bent(figure, in_ik)
    bpy.ops.object.mode_set(mode="POSE")
    undo_step("start")
    before, limited = matrices(figure), Limited(figure)
    along = Vector(before["hand.L"][:3, 1])
    rotate("hand.L", angle=60.0)
    after = matrices(first_figure())
    assert abs(angle_about(along, before["hand.L"], after["hand.L"])) == pytest.approx(60.0, abs=0.3)
    assert limited.worst_excess(read_pose(first_figure())) < HALF_DEGREE and worst_dot(first_figure()) < MILLIMETRE
    assert is_ik(first_figure(), LIMBS[0]) == in_ik
    for _ in range(3):
        bpy.context.view_layer.update()
    assert moved(after, matrices(first_figure())) < 1e-5
    bpy.ops.ed.undo()
    assert moved(before, matrices(first_figure())) < 1e-5


def test_the_other_rings_leave_a_wrist_at_its_end_too(figure) -> None:
    """A hand that is turned over as far as it goes can still nod."""
    turn = RingTurn(bent(figure), ["hand.L"], "GREEN")
    turn.turn(math.radians(70))
    turn.end()
    for axis in ("RED", "BLUE"):
        nod = RingTurn(figure, ["hand.L"], axis)
        assert nod.turn(0.25) == pytest.approx(0.25), axis
        nod.cancel()


def test_a_forearm_that_is_turned_itself_is_not_turned_by_its_hand(figure) -> None:
    bent(figure)
    start = twist(figure, "forearm.L")
    turn = RingTurn(figure, ["forearm.L", "hand.L"], "GREEN")
    turn.turn(math.radians(30))
    turn.end()
    assert abs(twist(figure, "forearm.L") - start) == pytest.approx(30.0, abs=0.5)
    assert abs(twist(figure, "hand.L")) < 12.5


def test_without_limits_the_wrist_alone_turns(figure) -> None:
    set_lifted(bent(figure), True)
    before = matrices(figure)
    turn = RingTurn(figure, ["hand.L"], "GREEN")
    assert turn.turn(2.0) == 2.0
    turn.end()
    assert moved({"forearm.L": before["forearm.L"]}, {"forearm.L": matrices(figure)["forearm.L"]}) < 1e-4


@pytest.mark.parametrize("by_ring", [True, False])
def test_auto_keying_keys_the_forearm_that_was_taken_along(figure, by_ring) -> None:
    preferences = bpy.context.preferences.edit
    was = preferences.use_keyframe_insert_available
    preferences.use_keyframe_insert_available = False  # Blender 5.2 keys only what has keys already, unless told so
    bent(figure, in_ik=False)
    bpy.ops.object.mode_set(mode="POSE")
    bpy.context.scene.tool_settings.use_keyframe_insert_auto = True
    try:
        if by_ring:
            turn = RingTurn(figure, ["hand.L"], "GREEN")
            turn.turn(1.0)
            turn.end()
        else:
            rotate("hand.L", angle=57.0)
    finally:
        preferences.use_keyframe_insert_available = was
    after = matrices(figure)
    paths = {curve.data_path.split('"')[1] for curves in compat.action_curves(figure) for curve in curves}
    assert "forearm.L" in paths
    bpy.context.scene.frame_set(5)
    assert moved(after, matrices(figure)) < MILLIMETRE


def test_a_pinned_hand_can_be_turned_where_it_is_pinned(figure) -> None:
    pin_dot(bent(figure), "hand_ik.L")
    before = matrices(figure)
    turn = RingTurn(figure, ["hand.L"], "GREEN")
    assert math.degrees(turn.turn(math.radians(45))) == pytest.approx(45.0)
    turn.end()
    after = matrices(figure)
    assert np.linalg.norm((before["hand.L"] - after["hand.L"])[:3, 3]) < MILLIMETRE
    move_control(figure, "hips", place(figure, "hips") + Vector((0.0, 0.0, -0.05)))
    now = matrices(figure)["hand.L"]
    assert np.linalg.norm((after["hand.L"] - now)[:3, 3]) < MILLIMETRE
    assert math.degrees(turned(after["hand.L"], now).angle) < 0.5
