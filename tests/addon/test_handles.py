# SPDX-License-Identifier: GPL-3.0-or-later
"""The dots of chest and head, and hips that bend the spine, in a real Blender."""

import math

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Matrix, Quaternion, Vector  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.follow import come_to_rest, follow  # noqa: E402
from pose_to_anime.addon.armature.handles import CHEST, HANDLES, HEAD  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, mannequin_names  # noqa: E402
from pose_to_anime.addon.armature.matching import paused  # noqa: E402
from pose_to_anime.addon.armature.pose_tools import selected_joints  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, reset_pose  # noqa: E402
from pose_to_anime.addon.compat import action_curves, select_pose_bone  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from rig_scene import (  # noqa: E402, F401
    BONES,
    MILLIMETRE,
    any_channel_fixture,
    figure_fixture,
    first_figure,
    matrices,
    moved,
    place,
    registered,
    undo_step,
    worst_dot,
)

TRUNK = ("spine", "chest", "upper_chest")


def turned(before: dict[str, np.ndarray], after: dict[str, np.ndarray], bone: str) -> Quaternion:
    """The rotation in world axes from one state of a bone to another."""
    return Matrix(after[bone]).to_quaternion() @ Matrix(before[bone]).to_quaternion().inverted()


def drag(obj: bpy.types.Object, dot: str, *way: float) -> None:
    move_control(obj, dot, place(obj, dot) + Vector(way))


@pytest.mark.parametrize("way", [(0.08, 0, 0), (-0.06, -0.06, 0), (0, -0.12, 0), (0, 0.06, 0)], ids=str)
def test_the_chest_bends_toward_its_dot_and_takes_all_above_along(figure, way) -> None:
    before, start = matrices(figure), place(figure, CHEST).copy()
    goal = start + Vector(way)
    move_control(figure, "chest", goal)
    after = matrices(figure)
    base = before["spine"][:3, 3]
    aim = Vector(goal - Vector(base)).angle(place(figure, CHEST) - Vector(base))
    assert aim < 0.01, "the chest lies in the direction of the place where the dot was let go"
    assert (place(figure, CHEST) - goal).length < 0.04
    assert worst_dot(figure) < MILLIMETRE
    for still in ("hips", "foot.L", "foot.R", "shin.L"):
        assert moved({still: before[still]}, {still: after[still]}) < MILLIMETRE, still
    turns = [turned(before, after, bone) for bone in TRUNK]
    assert 0.05 < turns[0].angle < turns[1].angle < turns[2].angle, "one bow, not a kink"
    for riding in ("neck", "head", "hand.L", "hand.R"):
        assert turned(before, after, riding).rotation_difference(turns[2]).angle < 1e-3, riding
    axis = Vector(before["spine"][:3, 1])
    assert abs(turns[2].axis.dot(axis)) < 0.35, "bent, not twisted"


def test_a_chest_dragged_along_the_spine_or_out_of_reach_neither_buckles_nor_fails(figure) -> None:
    before = matrices(figure)
    axis = (place(figure, CHEST) - place(figure, "spine")).normalized()
    for way in (axis * 0.2, axis * -0.1):
        drag(figure, CHEST, *way)
        assert moved(before, matrices(figure)) < 0.02
    for way in ((30, 0, 0), (0, -30, 0), (0, 0, -5), (1e5, 1e5, 0)):
        reset_pose(figure)
        drag(figure, CHEST, *way)
        assert all(np.isfinite(matrix).all() for matrix in matrices(figure).values())
        assert worst_dot(figure) < MILLIMETRE
        angles = [figure.pose.bones[bone].rotation_quaternion.angle for bone in TRUNK]
        assert max(angles) < math.radians(75)


def test_turning_the_chests_dot_turns_the_spine_in_shares(figure) -> None:
    before = matrices(figure)
    turn_joint(figure, CHEST, Quaternion((0, 0, 1), 0.3))
    after = matrices(figure)
    turns = [turned(before, after, bone) for bone in TRUNK]
    assert turns[2].angle == pytest.approx(0.3, abs=1e-3)
    assert 0.1 < turns[0].angle < turns[1].angle < 0.3
    assert all(abs(turn.axis.z) > 0.999 for turn in turns)
    assert worst_dot(figure) < MILLIMETRE


def test_the_head_goes_to_its_dot_and_the_face_keeps_its_direction(figure) -> None:
    for way in ((0.03, 0, 0), (0, -0.04, 0), (-0.02, 0.02, 0)):
        before, goal = matrices(figure), place(figure, HEAD) + Vector(way)
        move_control(figure, "head", goal)
        assert (place(figure, HEAD) - goal).length < 0.012
        assert turned(before, matrices(figure), "head").angle < 1e-3
        assert worst_dot(figure) < MILLIMETRE
    before = matrices(figure)
    turn_joint(figure, HEAD, Quaternion((0, 0, 1), 0.5))
    assert turned(before, matrices(figure), "head").angle == pytest.approx(0.5, abs=1e-3)
    assert turned(before, matrices(figure), "neck").angle == pytest.approx(0.2, abs=1e-3)


def test_hips_moved_aside_leave_the_shoulders_behind(figure) -> None:
    for way in ((0.1, 0, -0.04), (-0.08, 0, -0.05), (0, -0.08, -0.03), (0, 0.1, -0.1)):
        reset_pose(figure)
        before = matrices(figure)
        feet, neck = [place(figure, f"foot{s}").copy() for s in (".L", ".R")], place(figure, "neck").copy()
        drag(figure, "hips", *way)
        after = matrices(figure)
        aside = Vector((way[0], way[1], 0))
        share = (place(figure, "neck") - neck).dot(aside) / aside.length_squared
        assert 0.3 < share < 0.55, "about half to two thirds of the way they do not join in"
        assert (place(figure, "neck") - neck).z == pytest.approx(way[2], abs=0.03)
        assert turned(before, after, "head").angle < 0.01, "the face stays level"
        assert turned(before, after, "upper_chest").angle < turned(before, after, "spine").angle
        for side, foot in zip((".L", ".R"), feet, strict=True):
            assert (place(figure, f"foot{side}") - foot).length < MILLIMETRE
        assert worst_dot(figure) < MILLIMETRE


def test_hips_turned_a_root_moved_and_an_object_moved_bend_nothing(figure) -> None:
    own = {bone: figure.pose.bones[bone].rotation_quaternion.copy() for bone in TRUNK}
    turn_joint(figure, "hips", Quaternion((0, 0, 1), 0.4))
    drag(figure, "root", 0.3, 0.2, 0)
    figure.location.x += 1
    bpy.context.view_layer.update()
    assert all(figure.pose.bones[bone].rotation_quaternion.rotation_difference(q).angle < 1e-5 for bone, q in own.items())
    assert worst_dot(figure) < MILLIMETRE


def test_a_drag_is_computed_from_where_it_began_and_leaves_nothing_when_it_is_given_up(figure) -> None:
    """What the watcher does at each motion of the mouse."""
    apply_pose(figure, load_pose("running"))
    bones = figure.pose.bones
    before = matrices(figure)
    for dot in (CHEST, HEAD, "hips"):
        start = bones[dot].location.copy()
        with paused():

            def motion(*way: float, dot: str = dot, start: Vector = start) -> dict[str, np.ndarray]:
                bones[dot].location = start + Vector(way)
                bpy.context.view_layer.update()
                follow(figure)
                return matrices(figure)

            straight = motion(0.05, 0.02, 0.04)
            assert moved(before, straight) > 0.01
            motion(-0.3, 0.1, 0.2)
            motion(4, 0, 0)
            assert moved(straight, motion(0.05, 0.02, 0.04)) < 1e-4, "no drift"
            given_up = motion(0, 0, 0)
            come_to_rest(figure)
            assert moved(before, given_up) < 1e-4
        assert moved(before, matrices(figure)) < 1e-4


def test_joints_that_a_person_turned_win_over_dots(figure) -> None:
    bones = figure.pose.bones
    bones["chest"].rotation_quaternion = Quaternion((1, 0, 0), 0.3)
    bones[CHEST].location = (0.1, 0, 0)
    bones["hips"].location = (0.1, 0, 0)
    bpy.context.view_layer.update()
    assert bones["chest"].rotation_quaternion.angle == pytest.approx(0.3, abs=1e-6)
    assert bones["spine"].rotation_quaternion.angle == pytest.approx(0, abs=1e-6)
    assert worst_dot(figure) < MILLIMETRE
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="SELECT")
    bpy.ops.pose.transforms_clear()
    bpy.context.view_layer.update()
    rest = {name: np.array(figure.data.bones[name].matrix_local) for name in BONES}
    assert moved(rest, matrices(figure)) < MILLIMETRE


def test_clearing_a_dot_that_was_let_go_changes_nothing(figure) -> None:
    drag(figure, CHEST, 0.1, -0.05, 0)
    before = matrices(figure)
    bpy.ops.object.mode_set(mode="POSE")
    for handle in HANDLES:
        select_pose_bone(figure.pose.bones[handle.name], True)
    bpy.ops.pose.loc_clear()
    bpy.ops.pose.rot_clear()
    assert moved(before, matrices(figure)) == 0


def test_the_dots_stand_for_the_joints_that_they_turn(figure) -> None:
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="DESELECT")
    select_pose_bone(figure.pose.bones[CHEST], True)
    assert selected_joints(figure) == {"spine", "chest", "upperChest"}
    drag(figure, CHEST, 0.08, 0, 0)
    drag(figure, HEAD, 0.03, 0, 0)
    head = figure.pose.bones["head"].rotation_quaternion.copy()
    assert bpy.ops.pose_to_anime.reset_selected() == {"FINISHED"}
    assert all(figure.pose.bones[bone].rotation_quaternion.angle < 1e-4 for bone in TRUNK)
    assert figure.pose.bones["head"].rotation_quaternion.rotation_difference(head).angle < 1e-3


def test_hips_and_chest_selected_together_go_as_one(figure) -> None:
    bpy.ops.object.mode_set(mode="POSE")
    for dot in ("hips", CHEST):
        select_pose_bone(figure.pose.bones[dot], True)
    before = matrices(figure)
    bpy.ops.transform.translate("EXEC_DEFAULT", value=(0.1, 0, -0.05))
    after = matrices(figure)
    for bone in ("hips", "spine", "upper_chest", "head"):
        assert np.allclose(after[bone][:3, 3] - before[bone][:3, 3], (0.1, 0, -0.05), atol=1e-4), bone


def test_dots_that_are_dragged_together_go_as_far_as_the_mouse(figure) -> None:
    move_control(figure, "hand.L", (0.3, -0.3, 1.15))
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="DESELECT")
    for dot in (CHEST, HEAD, "hand_ik.L"):
        select_pose_bone(figure.pose.bones[dot], True)
    before, way = matrices(figure), Vector((0.05, -0.03, 0))
    undo_step("start")
    hand, head = place(figure, "hand.L").copy(), place(figure, HEAD).copy()
    bpy.ops.transform.translate("EXEC_DEFAULT", True, value=way)
    figure = first_figure()
    bpy.context.view_layer.update()
    assert (place(figure, "hand.L") - hand - way).length < MILLIMETRE
    assert (place(figure, HEAD) - head - way).length < 0.02
    assert worst_dot(figure) < MILLIMETRE
    after = matrices(figure)
    bpy.context.view_layer.update()
    assert moved(after, matrices(figure)) < 1e-5, "nothing is done twice"
    bpy.ops.ed.undo()
    assert moved(before, matrices(first_figure())) < 1e-4
    bpy.ops.ed.redo()
    assert moved(after, matrices(first_figure())) < 1e-4


def test_each_native_move_is_one_undo_step_and_undo_is_exact(figure) -> None:
    bpy.ops.object.mode_set(mode="POSE")
    undo_step("start")
    states = [matrices(figure)]
    for dot, way in ((CHEST, (0.08, -0.1, 0)), (HEAD, (0.03, 0, 0)), ("hips", (0.07, 0, -0.1)), (CHEST, (-1, 0, 0))):
        obj = first_figure()
        bpy.ops.pose.select_all(action="DESELECT")
        select_pose_bone(obj.pose.bones[dot], True)
        assert bpy.ops.transform.translate("EXEC_DEFAULT", True, value=way) == {"FINISHED"}
        states.append(matrices(first_figure()))
        assert moved(states[-2], states[-1]) > 0.01
        assert worst_dot(first_figure()) < MILLIMETRE
    for expected in reversed(states[:-1]):
        assert bpy.ops.ed.undo() == {"FINISHED"}
        assert moved(expected, matrices(first_figure())) < 1e-4
        assert worst_dot(first_figure()) < MILLIMETRE
    for expected in states[1:]:
        assert bpy.ops.ed.redo() == {"FINISHED"}
        assert moved(expected, matrices(first_figure())) < 1e-4


def test_auto_keying_keys_the_joints_and_not_the_dots(figure, any_channel) -> None:
    scene, bones = bpy.context.scene, figure.pose.bones
    bpy.ops.object.mode_set(mode="POSE")
    scene.tool_settings.use_keyframe_insert_auto = True
    select_pose_bone(bones[CHEST], True)
    poses = {}
    for frame, way in ((1, 0.05), (11, -0.1), (21, 0.15)):
        scene.frame_set(frame)
        with paused():  # Blender's own keys are there before the watcher sees the move
            bones[CHEST].location = (way, 0, 0.02)
            bones[CHEST].keyframe_insert("location")
        bpy.context.view_layer.update()
        poses[frame] = matrices(figure)
    for frame, expected in poses.items():
        scene.frame_set(frame)
        assert moved(expected, matrices(figure)) < MILLIMETRE
        assert worst_dot(figure) < MILLIMETRE
    assert moved(poses[1], poses[11]) > 0.05
    scene.frame_set(6)
    between = matrices(figure)
    figure.location.x = 0.0  # evaluates the animation again
    bpy.context.view_layer.update()
    assert moved(between, matrices(figure)) == 0
    paths = {curve.data_path for curves in action_curves(figure) for curve in curves}
    assert not [path for path in paths if CHEST in path]
    assert 'pose.bones["spine"].rotation_quaternion' in paths


def test_a_dot_that_an_animation_moves_moves_nothing(figure) -> None:
    scene, dot = bpy.context.scene, figure.pose.bones[CHEST]
    before = matrices(figure)
    with paused():
        for frame in (1, 11):
            scene.frame_set(frame)
            dot.location.x = 0.01 * frame
            dot.keyframe_insert("location")
        scene.frame_set(30)
        dot.location.x = 0.0
    for frame in (1, 6, 11):
        scene.frame_set(frame)
        assert moved(before, matrices(figure)) < 1e-6
    assert not any(len(curves) for curves in action_curves(figure))


def test_every_body_has_its_dots_in_reach_of_the_mouse(figure) -> None:
    for name in mannequin_names():
        obj = add_mannequin(bpy.context, name)
        crown, chin = obj.data.bones["head"].tail_local, obj.data.bones["neck"].head_local
        assert chin.z < place(obj, HEAD).z < crown.z
        assert place(obj, "gaze").y < place(obj, HEAD).y - 0.4
        heel = obj.data["pose_to_anime_landmarks"]["heel_left"]
        assert place(obj, "foot_roll.L").y > heel[1] + 0.01
        drag(obj, CHEST, 0.05, -0.05, 0)
        assert worst_dot(obj) < MILLIMETRE
