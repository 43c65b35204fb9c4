# SPDX-License-Identifier: GPL-3.0-or-later
"""The roll of the feet in a real Blender: what a foot stands on stays on the ground, and the knee follows."""

import math

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Quaternion, Vector  # noqa: E402
from pose_to_anime.addon.armature.controls import foot_roll, move_control, roll_foot, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.follow import follow  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, mannequin_names, surface_points  # noqa: E402
from pose_to_anime.addon.armature.matching import paused  # noqa: E402
from pose_to_anime.addon.armature.pins import pin_dot  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.compat import action_curves, select_pose_bone  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from rig_scene import (  # noqa: E402, F401
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


def sole(obj: bpy.types.Object, *bones: str) -> np.ndarray:
    """(N, 3) world places of the outermost points that bones carry."""
    bpy.context.view_layer.update()
    found = []
    for bone in bones:
        pose_bone = obj.pose.bones[bone]
        matrix = np.array(obj.matrix_world @ pose_bone.matrix @ pose_bone.bone.matrix_local.inverted())
        found.append(surface_points(obj)[bone] @ matrix[:3, :3].T + matrix[:3, 3])
    return np.concatenate(found)


def crouch(obj: bpy.types.Object, depth: float = 0.12) -> None:
    """So that knees are bent and the legs have room."""
    move_control(obj, "hips", place(obj, "hips") + Vector((0, 0, -depth)))


@pytest.mark.parametrize("side", ["L", "R"])
def test_the_ball_stays_on_the_ground_while_the_heel_is_lifted(figure, side) -> None:
    crouch(figure)
    foot, toe = f"foot.{side}", f"toe.{side}"
    before, ground = matrices(figure), sole(figure, foot, toe)[:, 2].min()
    toes, knee = sole(figure, toe), place(figure, f"shin.{side}").copy()
    for degrees in (15, 45, 30):
        roll_foot(figure, side, math.radians(degrees))
        assert math.degrees(foot_roll(figure, side)) == pytest.approx(degrees, abs=0.2)
        assert np.abs(sole(figure, toe) - toes).max() < MILLIMETRE, "the toes stay where they are"
        assert sole(figure, foot, toe)[:, 2].min() == pytest.approx(ground, abs=MILLIMETRE)
        assert worst_dot(figure) < MILLIMETRE
    assert place(figure, foot).z > before[foot][2, 3] + 0.04, "the heel is up"
    assert (place(figure, f"shin.{side}") - knee).length > 0.01, "the knee follows"
    roll_foot(figure, side, 0.0)
    after = matrices(figure)
    assert moved(before, after) < 2 * MILLIMETRE, "and back"
    other = "R" if side == "L" else "L"
    assert moved({n: before[n] for n in (f"foot.{other}", "hips")}, {n: after[n] for n in (f"foot.{other}", "hips")}) < 1e-6


def test_beyond_the_ball_the_foot_stands_on_its_tip_and_backward_on_its_heel(figure) -> None:
    crouch(figure, 0.05)
    before, ground = matrices(figure), sole(figure, "foot.L", "toe.L")[:, 2].min()
    toes, heels = sole(figure, "toe.L"), sole(figure, "foot.L")
    tip, heel = int((-toes[:, 1] - toes[:, 2]).argmax()), int((heels[:, 1] - heels[:, 2]).argmax())
    for degrees, bone, point, start in ((80, "toe.L", tip, toes[tip]), (-12, "foot.L", heel, heels[heel])):
        roll_foot(figure, "L", math.radians(degrees))
        assert math.degrees(foot_roll(figure, "L")) == pytest.approx(degrees, abs=0.2)
        assert sole(figure, "foot.L", "toe.L")[:, 2].min() == pytest.approx(ground, abs=MILLIMETRE)
        assert sole(figure, bone)[:, 2].min() == pytest.approx(ground, abs=MILLIMETRE), "the end of the sole carries the foot"
        assert np.abs(sole(figure, bone)[point] - start)[:2].max() < MILLIMETRE, "and stays in its place"
        assert worst_dot(figure) < MILLIMETRE
    toe = figure.pose.bones["toe.L"].rotation_quaternion
    assert min(toe.angle, 2 * math.pi - toe.angle) < 0.01, "on the heel the toes are straight"
    roll_foot(figure, "L", 0.0)
    assert moved(before, matrices(figure)) < 3 * MILLIMETRE


def test_turning_the_dot_rolls_on_from_where_the_foot_is(figure) -> None:
    crouch(figure)
    before = matrices(figure)
    turn_joint(figure, "foot_roll.L", Quaternion((1, 0, 0), math.radians(20)))
    assert math.degrees(foot_roll(figure, "L")) == pytest.approx(20, abs=0.3)
    bpy.ops.object.mode_set(mode="POSE")
    figure.pose.use_mirror_x = False
    bones = figure.pose.bones
    with paused():
        for degrees in (10, 70, -25, 10):
            bones["foot_roll.L"].rotation_euler.x = math.radians(degrees)
            bpy.context.view_layer.update()
            follow(figure)
            assert math.degrees(foot_roll(figure, "L")) == pytest.approx(20 + degrees, abs=0.5)
        bones["foot_roll.L"].rotation_euler.x = 0
        bpy.context.view_layer.update()
        follow(figure)
    bpy.context.view_layer.update()
    assert math.degrees(foot_roll(figure, "L")) == pytest.approx(20, abs=0.3), "given up"
    assert tuple(bones["foot_roll.L"].rotation_euler) == (0, 0, 0)
    roll_foot(figure, "L", 0.0)
    assert moved(before, matrices(figure)) < 2 * MILLIMETRE


def test_with_x_mirror_both_feet_roll(figure) -> None:
    crouch(figure)
    bpy.ops.object.mode_set(mode="POSE")
    figure.pose.use_mirror_x = True
    select_pose_bone(figure.pose.bones["foot_roll.L"], True)
    bpy.ops.transform.rotate("EXEC_DEFAULT", value=-0.15, orient_axis="X", orient_type="GLOBAL")
    angles = [foot_roll(figure, side) for side in ("L", "R")]
    assert angles[0] == pytest.approx(angles[1], abs=0.01)
    assert abs(angles[0]) == pytest.approx(0.15, abs=0.01), "versions of Blender turn to different sides here"


def test_each_roll_is_one_undo_step_and_undo_is_exact(figure) -> None:
    crouch(figure)
    bpy.ops.object.mode_set(mode="POSE")
    undo_step("start")
    states = [matrices(figure)]

    def native() -> None:
        obj = first_figure()
        bpy.ops.pose.select_all(action="DESELECT")
        select_pose_bone(obj.pose.bones["foot_roll.R"], True)
        bpy.ops.transform.rotate("EXEC_DEFAULT", True, value=-0.4, orient_axis="X", orient_type="GLOBAL")

    actions = (
        lambda: bpy.ops.pose_to_anime.roll_foot("EXEC_DEFAULT", True, side="BOTH", angle=0.5),
        native,
        lambda: bpy.ops.pose_to_anime.roll_foot("EXEC_DEFAULT", True, side="R", angle=-0.2),
    )
    for action in actions:
        action()
        states.append(matrices(first_figure()))
        assert moved(states[-2], states[-1]) > 0.02
        assert worst_dot(first_figure()) < MILLIMETRE
    for expected in reversed(states[:-1]):
        assert bpy.ops.ed.undo() == {"FINISHED"}
        assert moved(expected, matrices(first_figure())) < 1e-4
    for expected in states[1:]:
        assert bpy.ops.ed.redo() == {"FINISHED"}
        assert moved(expected, matrices(first_figure())) < 1e-4


def test_a_turned_figure_on_a_raised_root_a_pose_and_a_pin_roll_too(figure) -> None:
    figure.pose.bones["root"].location = (0.3, 0.1, 0.2)
    turn_joint(figure, "root", Quaternion((0, 0, 1), 0.8))
    crouch(figure)
    pin_dot(figure, "foot_ik.L")
    toes = sole(figure, "toe.L")
    roll_foot(figure, "L", 0.6)
    assert np.abs(sole(figure, "toe.L") - toes).max() < MILLIMETRE
    move_control(figure, "hips", place(figure, "hips") + Vector((0.03, 0, -0.05)))
    assert np.abs(sole(figure, "toe.L") - toes).max() < MILLIMETRE, "the pin holds the rolled foot"
    apply_pose(figure, load_pose("running"))
    for degrees in (60, 0, 20):
        roll_foot(figure, "R", math.radians(degrees))
        assert math.degrees(foot_roll(figure, "R")) == pytest.approx(degrees, abs=0.5)


def test_every_body_rolls_its_feet(figure) -> None:
    for name in mannequin_names():
        obj = add_mannequin(bpy.context, name)
        move_control(obj, "hips", place(obj, "hips") * 0.9)
        toes = sole(obj, "toe.L")
        roll_foot(obj, "BOTH", 0.6)
        assert np.abs(sole(obj, "toe.L") - toes).max() < MILLIMETRE
        assert foot_roll(obj, "R") == pytest.approx(0.6, abs=0.01)
        assert worst_dot(obj) < MILLIMETRE


def test_a_foot_is_not_rolled_over_a_right_angle(figure) -> None:
    before = matrices(figure)
    for angle in (2.0, math.nan, -math.inf):
        with pytest.raises(UserError, match="90 degrees"):
            roll_foot(figure, "L", angle)
    assert moved(before, matrices(figure)) == 0


def test_the_sliders_show_the_roll_and_roll_the_feet(figure) -> None:
    crouch(figure)
    feet = figure.pose_to_anime_feet
    assert (feet.left, feet.right) == pytest.approx((0.0, 0.0), abs=1e-3)
    before, toes = matrices(figure), sole(figure, "toe.L")
    for degrees in (10, 30, -8, 60, 40):  # a drag with the mouse, back and forth
        feet.left = math.radians(degrees)
        assert feet.left == pytest.approx(math.radians(degrees), abs=4e-3)
        assert worst_dot(figure) < MILLIMETRE
    assert np.abs(sole(figure, "toe.L") - toes).max() < 5 * MILLIMETRE
    assert feet.right == pytest.approx(0.0, abs=1e-3)
    assert moved({n: before[n] for n in ("foot.R", "hips")}, {n: matrices(figure)[n] for n in ("foot.R", "hips")}) < 1e-6
    figure.pose.use_mirror_x = True
    feet.right = 0.5
    assert (feet.left, feet.right) == pytest.approx((0.5, 0.5), abs=4e-3)
    feet.left = 9.0
    assert feet.left == pytest.approx(math.pi / 2, abs=0.01), "no farther than a right angle"


def test_with_auto_keying_a_slider_keys_what_holds_the_roll(figure, any_channel) -> None:
    crouch(figure)
    scene = bpy.context.scene
    scene.tool_settings.use_keyframe_insert_auto = True
    scene.frame_set(1)
    figure.pose_to_anime_feet.left = 0.1
    scene.frame_set(11)
    figure.pose_to_anime_feet.left = 0.6
    paths = {curve.data_path for curves in action_curves(figure) for curve in curves}
    assert {'pose.bones["foot_ik.L"].rotation_quaternion', 'pose.bones["toe.L"].rotation_quaternion'} <= paths
    for frame, angle in ((1, 0.1), (11, 0.6)):
        scene.frame_set(frame)
        assert figure.pose_to_anime_feet.left == pytest.approx(angle, abs=0.01)


def test_a_slider_of_what_cannot_be_posed_says_so_and_moves_nothing(figure, capsys) -> None:
    before = matrices(figure)
    thing = bpy.data.objects.new("Thing", None)
    thing.pose_to_anime_feet.left = 0.3
    figure.hide_viewport = True
    for child in figure.children:
        child.hide_viewport = True
    figure.pose_to_anime_feet.left = 0.3
    assert figure.pose_to_anime_feet.left == 0.0
    said = capsys.readouterr().out
    assert "'Thing' is not a mannequin of Pose to Anime." in said
    assert f"'{figure.name}' is hidden: show it before you pose it." in said
    figure.hide_viewport = False
    assert moved(before, matrices(figure)) == 0
