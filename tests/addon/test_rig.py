# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequin's rig in a real Blender: IK and FK of its limbs, whatever tool moves them."""

import math

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Matrix, Quaternion, Vector  # noqa: E402
from pose_to_anime.addon import compat  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.armature.keypoints import body_keypoints  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS, Limb  # noqa: E402
from pose_to_anime.addon.armature.mannequin import (  # noqa: E402
    add_mannequin,
    is_mannequin,
    mannequin_names,
    skins_of,
)
from pose_to_anime.addon.armature.matching import is_ik, set_ik  # noqa: E402
from pose_to_anime.addon.armature.skin_mesh import ROUNDED  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from rig_scene import (  # noqa: E402, F401
    BONES,
    MILLIMETRE,
    Limited,
    figure_fixture,
    first_figure,
    matrices,
    moved,
    place,
    reach,
    registered,
    undo_step,
    worst_dot,
)

LIMB_NAMES = [limb.end for limb in LIMBS]


@pytest.fixture(params=LIMBS, ids=LIMB_NAMES)
def limb(request: pytest.FixtureRequest) -> Limb:
    return request.param


def random_direction(rng: np.random.Generator) -> Vector:
    return Vector(rng.normal(size=3)).normalized()


# ------------------------------------------------------------------------------------------------------------- the figure


def test_a_new_figure_stands_at_rest_in_ik_with_a_skin_that_cannot_be_selected(figure) -> None:
    rest = {name: np.array(figure.data.bones[name].matrix_local) for name in BONES}
    assert moved(rest, matrices(figure)) < 0.1 * MILLIMETRE
    assert all(is_ik(figure, limb) for limb in LIMBS)
    (skin,) = skins_of(figure)
    assert skin.hide_select and skin.parent == figure
    assert {group.name for group in skin.vertex_groups} == {*BONES, ROUNDED}
    assert {bone.name for bone in figure.data.bones if bone.use_deform} == set(BONES)
    heights = [(skin.matrix_world @ Vector(corner)).z for corner in skin.bound_box]
    assert min(heights) == pytest.approx(0, abs=MILLIMETRE)
    assert 1.4 < max(heights) < 2.2


def test_bones_of_both_sides_are_mirror_images_and_flex_about_x(figure) -> None:
    flip = Matrix.Diagonal((-1, 1, 1))
    for bone in figure.data.bones:
        if bone.name.endswith(".L"):
            other = figure.data.bones[bone.name[:-2] + ".R"]
            assert (flip @ bone.head_local - other.head_local).length < 1e-5
            assert (-(flip @ bone.x_axis) - other.x_axis).length < 1e-4
            assert (flip @ bone.z_axis - other.z_axis).length < 1e-4
    before = {name: place(figure, name) for name in ("foot.L", "hand.R")}
    for name in ("shin.L", "forearm.R"):
        figure.pose.bones[name].rotation_quaternion = Quaternion((1, 0, 0), math.radians(30)) @ Quaternion()
    bpy.context.view_layer.update()
    assert place(figure, "foot.L").y > before["foot.L"].y + 0.1  # a knee bends backward
    assert place(figure, "hand.R").y < before["hand.R"].y - 0.05  # an elbow forward


def test_every_visible_bone_has_a_shape_and_mechanism_has_none(figure) -> None:
    hidden = {bone.name for bone in figure.data.collections["Mechanism"].bones}
    for bone in figure.pose.bones:
        assert (bone.custom_shape is None) == (bone.name in hidden), bone.name
        if bone.custom_shape is not None:
            assert not bone.custom_shape.users_collection, "a shape in a collection could be selected or rendered"
    assert [c.name for c in figure.data.collections if not c.is_visible] == ["Fingers", "Mechanism"]


def test_all_bodies_can_be_added(figure) -> None:
    for name in mannequin_names():
        obj = add_mannequin(bpy.context, name)
        assert is_mannequin(obj)
        assert worst_dot(obj) < MILLIMETRE
    with pytest.raises(UserError, match="no mannequin 'giant'"):
        add_mannequin(bpy.context, "giant")


def test_keypoints_are_on_the_right_sides_and_follow_the_figure(figure) -> None:
    (found,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    points, present = body_keypoints(found, bpy.context.evaluated_depsgraph_get())
    assert present.tolist() == [True] + [False] + [True] * 16
    right, left = [2, 3, 4, 8, 9, 10, 14, 16], [5, 6, 7, 11, 12, 13, 15, 17]
    assert (points[right, 0] < 0).all() and (points[left, 0] > 0).all()
    assert np.allclose(points[right] * [-1, 1, 1], points[left], atol=2 * MILLIMETRE)
    assert points[0, 2] > points[2, 2] > points[8, 2] > points[9, 2] > points[10, 2]
    assert points[0, 1] < points[14, 1] < points[16, 1], "nose before eyes before ears"
    turn_joint(figure, "head", Quaternion((0, 0, 1), math.radians(60)))
    turned, _ = body_keypoints(found, bpy.context.evaluated_depsgraph_get())
    assert turned[0, 0] > points[0, 0] + 0.05, "the nose follows the head to the figure's left"
    assert np.allclose(turned[2:14], points[2:14], equal_nan=True, atol=1e-5)
    figure.location.x += 2
    bpy.context.view_layer.update()
    shifted, _ = body_keypoints(found, bpy.context.evaluated_depsgraph_get())
    assert np.allclose(shifted[2:] - turned[2:], [2, 0, 0], atol=1e-5)


# ------------------------------------------------------------------------------------------------------- drags and turns


def test_a_drag_in_reach_gets_there_to_a_millimetre(figure, limb) -> None:
    """Whatever the elbow must do for it: all these places are reached in some pose within the limits."""
    rng, limited = np.random.default_rng(11), Limited(figure)
    for _ in range(25):
        goal = limited.random_end(figure, limb, rng)
        move_control(figure, limb.end, goal)
        assert (place(figure, limb.end) - goal).length < MILLIMETRE
        assert worst_dot(figure) < MILLIMETRE


def test_a_dot_let_go_out_of_reach_comes_back_onto_its_joint(figure, limb) -> None:
    rng, limited = np.random.default_rng(12), Limited(figure)
    for factor in (1.0001, 1.02, 1.5, 20.0):
        shoulder = place(figure, limb.upper).copy()
        direction = (limited.random_end(figure, limb, rng, is_straight=True) - shoulder).normalized()
        move_control(figure, limb.end, shoulder + direction * reach(figure, limb) * factor)
        assert worst_dot(figure) < MILLIMETRE
        joint = place(figure, limb.end) - shoulder
        assert joint.length == pytest.approx(reach(figure, limb), abs=MILLIMETRE), "the limb is stretched out"
        assert joint.angle(direction) < 0.01, "and points to where the mouse was"


def test_the_elbow_follows_its_dot_and_the_hand_stays(figure, limb) -> None:
    shoulder = place(figure, limb.upper).copy()
    along = (place(figure, limb.end) - shoulder).normalized()
    move_control(figure, limb.end, shoulder + along * reach(figure, limb) * 0.7)
    hand, elbow = place(figure, limb.end).copy(), place(figure, limb.lower).copy()
    across = along.cross(elbow - shoulder).normalized()
    move_control(figure, limb.hinge, elbow + across * 0.1)
    assert (place(figure, limb.end) - hand).length < MILLIMETRE
    assert (place(figure, limb.lower) - elbow).dot(across) > 0.06
    assert worst_dot(figure) < MILLIMETRE


def test_random_edits_never_jump_stretch_or_leave_a_dot_behind(figure) -> None:
    rng = np.random.default_rng(13)
    lengths = {name: figure.pose.bones[name].bone.length for name in BONES}
    for step in range(80):
        limb = LIMBS[rng.integers(4)]
        match rng.integers(4):
            case 0 | 1:
                distance = rng.uniform(0.1, 1.3) * reach(figure, limb)
                move_control(figure, limb.end, place(figure, limb.upper) + random_direction(rng) * distance)
            case 2:
                name = (limb.upper, limb.lower, limb.end, "chest", "head")[rng.integers(5)]
                turn_joint(figure, name, Quaternion(random_direction(rng), rng.uniform(0, 1)))
            case _:
                name = (limb.hinge, "hips")[rng.integers(2)]
                move_control(figure, name, place(figure, name) + random_direction(rng) * rng.uniform(0, 0.1))
        seen = matrices(figure)
        assert all(np.isfinite(matrix).all() for matrix in seen.values())
        assert worst_dot(figure) < MILLIMETRE, step
        for name, length in lengths.items():
            assert figure.pose.bones[name].length == pytest.approx(length, abs=1e-5)
        modes = [is_ik(figure, each) for each in LIMBS]
        for each, mode in zip(LIMBS, modes, strict=True):
            set_ik(figure, each, not mode)
        assert moved(seen, matrices(figure)) < MILLIMETRE, f"step {step}: a jump between IK and FK"
        for each, mode in zip(LIMBS, modes, strict=True):
            set_ik(figure, each, mode)


def test_turning_a_joint_takes_the_limb_to_fk_without_a_jump_and_a_drag_back(figure, limb) -> None:
    goal = place(figure, limb.upper) + (place(figure, limb.end) - place(figure, limb.upper)) * 0.8 + Vector((0, -0.1, 0))
    move_control(figure, limb.end, goal)
    before = matrices(figure)
    turn_joint(figure, limb.lower, Quaternion())
    assert not is_ik(figure, limb)
    assert moved(before, matrices(figure)) < MILLIMETRE
    turn_joint(figure, limb.upper, Quaternion((1, 0, 0), 0.4))
    turned = matrices(figure)
    assert moved(before, turned) > 0.05
    move_control(figure, limb.end, place(figure, limb.end))
    assert is_ik(figure, limb)
    assert moved(turned, matrices(figure)) < MILLIMETRE


@pytest.mark.parametrize("tool", ["rotation", "dot", "elbow", "hand turned"])
def test_edits_by_any_other_tool_are_followed(figure, tool) -> None:
    """Scripts and Blender's own tools write to the bones and know nothing of limbs."""
    limb, bones = LIMBS[0], figure.pose.bones
    move_control(figure, limb.end, place(figure, limb.upper) + Vector((0.25, -0.25, 0.1)))
    before, hand = matrices(figure), place(figure, limb.end).copy()
    match tool:
        case "rotation":
            bones[limb.upper].rotation_quaternion = bones[limb.upper].rotation_quaternion @ Quaternion((1, 0, 0), 0.3)
            bpy.context.view_layer.update()
            assert not is_ik(figure, limb)
            turn = Matrix(before[limb.upper]).to_quaternion().rotation_difference(bones[limb.upper].matrix.to_quaternion())
            assert turn.angle == pytest.approx(0.3, abs=1e-3), "turned from where it was seen"
        case "dot":
            turn_joint(figure, limb.upper, Quaternion((0, 0, 1), 0.2))
            hand = place(figure, limb.end).copy()
            bones[limb.target].location.x += 0.05
            bpy.context.view_layer.update()
            assert is_ik(figure, limb)
            assert (place(figure, limb.end) - hand).length == pytest.approx(0.05, abs=MILLIMETRE)
        case "elbow":
            elbow = place(figure, limb.lower).copy()
            bones[limb.hinge].location.x += 3
            bpy.context.view_layer.update()
            assert (place(figure, limb.end) - hand).length < MILLIMETRE
            assert (place(figure, limb.lower) - elbow).length > 0.05, "the elbow went where it was pulled"
        case "hand turned":
            bones[limb.target].rotation_quaternion = bones[limb.target].rotation_quaternion @ Quaternion((0, 1, 0), 0.5)
            bpy.context.view_layer.update()
            turn = Matrix(before[limb.end]).to_quaternion().rotation_difference(bones[limb.end].matrix.to_quaternion())
            assert min(turn.angle, 2 * math.pi - turn.angle) == pytest.approx(0.5, abs=1e-3)
            assert is_ik(figure, limb)
    bpy.context.view_layer.update()
    assert worst_dot(figure) < MILLIMETRE


def test_feet_stay_where_they_are_when_the_hips_move_and_hands_go_along(figure) -> None:
    feet = [place(figure, f"foot{side}").copy() for side in (".L", ".R")]
    hands = [place(figure, f"hand{side}").copy() for side in (".L", ".R")]
    soles = [matrices(figure)[f"foot{side}"][:3, :3] for side in (".L", ".R")]
    down = place(figure, "spine") - place(figure, "neck")
    down *= 0.18 / down.length  # along the trunk, which the shoulders follow
    move_control(figure, "hips", place(figure, "hips") + down)
    for side, foot, hand, sole in zip((".L", ".R"), feet, hands, soles, strict=True):
        assert (place(figure, f"foot{side}") - foot).length < MILLIMETRE
        assert (place(figure, f"hand{side}") - hand - down).length < MILLIMETRE
        assert np.allclose(matrices(figure)[f"foot{side}"][:3, :3], sole, atol=1e-4), "the sole stays flat"


def test_controls_refuse_nonsense_and_change_nothing(figure) -> None:
    before = matrices(figure)
    for action, says in (
        (lambda: move_control(figure, "tail", (0, 0, 0)), "turned, not moved|no control"),
        (lambda: move_control(figure, "spine", (0, 0, 0)), "turned, not moved"),
        (lambda: move_control(figure, "hand.L", (math.nan, 0, 0)), "finite"),
        (lambda: move_control(figure, "hand.L", (0, 0, 1e30)), "finite"),
        (lambda: move_control(figure, "hand.L", (0, 0)), "three"),
        (lambda: turn_joint(figure, "tail", (1, 0, 0, 0)), "no control 'tail'"),
        (lambda: turn_joint(figure, "head", (0, 0, 0, 0)), "quaternion"),
        (lambda: turn_joint(figure, "head", (math.inf, 0, 0, 0)), "quaternion"),
    ):
        with pytest.raises(UserError, match=says):
            action()
    assert moved(before, matrices(figure)) == 0


# ------------------------------------------------------------------------------------------------------------ undo, files


def test_each_action_is_one_undo_step_and_undo_is_exact(figure) -> None:
    undo_step("start")
    states = [matrices(figure)]
    actions = (
        lambda: bpy.ops.pose_to_anime.move_control("EXEC_DEFAULT", True, control="hand.L", location=(0.3, -0.3, 1.4)),
        lambda: bpy.ops.pose_to_anime.move_control("EXEC_DEFAULT", True, control="foot.R", location=(-5, 0, 1)),
        lambda: bpy.ops.pose_to_anime.turn_joint("EXEC_DEFAULT", True, joint="upper_arm.L", rotation=(0.9, 0.3, 0, 0)),
        lambda: bpy.ops.pose_to_anime.apply_pose("EXEC_DEFAULT", True, pose="running"),
        lambda: bpy.ops.pose_to_anime.move_control("EXEC_DEFAULT", True, control="hips", location=(0.1, 0, 0.8)),
        lambda: bpy.ops.pose_to_anime.reset_pose("EXEC_DEFAULT", True),
    )
    for action in actions:
        assert action() == {"FINISHED"}
        states.append(matrices(first_figure()))
        assert moved(states[-2], states[-1]) > MILLIMETRE
    for expected in reversed(states[:-1]):
        assert bpy.ops.ed.undo() == {"FINISHED"}
        assert moved(expected, matrices(first_figure())) < 1e-5
        assert worst_dot(first_figure()) < MILLIMETRE
    for expected in states[1:]:
        assert bpy.ops.ed.redo() == {"FINISHED"}
        assert moved(expected, matrices(first_figure())) < 1e-5


def test_a_native_move_out_of_reach_is_one_undo_step_too(figure) -> None:
    limb = LIMBS[1]
    bpy.ops.object.mode_set(mode="POSE")
    compat.select_pose_bone(figure.pose.bones[limb.target], True)
    undo_step("start")
    before = matrices(figure)
    assert bpy.ops.transform.translate("EXEC_DEFAULT", True, value=(-1, 0, 0.5)) == {"FINISHED"}
    after = matrices(first_figure())
    assert moved(before, after) > 0.1
    assert worst_dot(first_figure()) < MILLIMETRE
    bpy.ops.ed.undo()
    assert moved(before, matrices(first_figure())) < 1e-5
    bpy.ops.ed.redo()
    assert moved(after, matrices(first_figure())) < 1e-4
    assert worst_dot(first_figure()) < MILLIMETRE
