# SPDX-License-Identifier: GPL-3.0-or-later
"""Turning joints by rings without a window: undo, several joints, X-mirror, keys, limbs in IK, refusals."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Matrix, Quaternion, Vector  # noqa: E402
from pose_to_anime.addon import compat  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS  # noqa: E402
from pose_to_anime.addon.armature.limits import set_lifted  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.matching import is_ik  # noqa: E402
from pose_to_anime.addon.armature.posing import reset_pose  # noqa: E402
from pose_to_anime.addon.armature.ring_axes import ring_axes, seen_rotation  # noqa: E402
from pose_to_anime.addon.armature.ring_drag import RingDrag  # noqa: E402
from pose_to_anime.addon.armature.ring_turn import RingTurn, active_ring_joint, free_rings, selected_ring_joints  # noqa: E402
from pose_to_anime.addon.operators import rings  # noqa: E402
from pose_to_anime.addon.operators.rings import P2A_OT_turn_ring  # noqa: E402
from rig_scene import (  # noqa: E402, F401
    MILLIMETRE,
    any_channel_fixture,
    first_figure,
    matrices,
    moved,
    place,
    registered,
    undo_step,
    worst_dot,
)

ARM, LEG = LIMBS[0], LIMBS[2]
TURN = math.radians(25)


@pytest.fixture(name="figure")
def figure_fixture() -> bpy.types.Object:
    """Its limits are lifted: what a ring means is asked where joints turn freely."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    obj = add_mannequin(bpy.context)
    set_lifted(obj, True)
    return obj


def select(obj: bpy.types.Object, *bones: str) -> None:
    for bone in obj.pose.bones:
        compat.select_pose_bone(bone, bone.name in bones)
    obj.data.bones.active = obj.data.bones[bones[0]] if bones else None


def turned_by(before: np.ndarray, after: np.ndarray) -> tuple[Vector, float]:
    """Axis and angle between two world matrices."""
    turn = Matrix(after.tolist()).to_quaternion() @ Matrix(before.tolist()).to_quaternion().inverted()
    return (turn.axis, turn.angle) if turn.angle <= math.pi else (-turn.axis, math.tau - turn.angle)


def turn_ring(**options: object) -> set[str]:
    """With its undo step, as a click gives it."""
    return bpy.ops.pose_to_anime.turn_ring("EXEC_DEFAULT", True, **options)


@pytest.mark.parametrize(
    "joint", ["upper_arm.L", "forearm.R", "hand.L", "thigh.R", "shin.L", "foot.L", "head", "hips", "index_1.R"]
)
@pytest.mark.parametrize("axis", ["RED", "BLUE", "GREEN", "VIEW"])
def test_a_ring_turns_its_joint_about_its_axis_by_the_angle(figure, joint, axis) -> None:
    move_control(figure, "hand.L", place(figure, "upper_arm.L") + Vector((0.25, -0.25, 0.1)))
    before = matrices(figure)
    view = Vector((0.3, -0.9, 0.2)).normalized()
    about = view if axis == "VIEW" else ring_axes(figure.pose.bones[joint]).col[["RED", "BLUE", "GREEN"].index(axis)]
    assert turn_ring(axis=axis, angle=TURN, joints=joint, view=view) == {"FINISHED"}
    found, angle = turned_by(before[joint], matrices(figure)[joint])
    assert angle == pytest.approx(TURN, abs=2e-3) and found.angle(Vector(about)) < 0.02
    assert worst_dot(figure) < MILLIMETRE


def test_selected_joints_turn_each_about_its_own_axis_and_dots_mean_their_joints(figure) -> None:
    bpy.ops.object.mode_set(mode="POSE")
    select(figure, "spine", "chest", "elbow.L")
    assert selected_ring_joints(figure) == ["spine", "chest", "forearm.L"] and active_ring_joint(figure) == "spine"
    before = {name: seen_rotation(figure.pose.bones[name]) for name in ("spine", "chest", "forearm.L", "upper_chest")}
    assert turn_ring(axis="RED", angle=TURN) == {"FINISHED"}
    for name, rotation in before.items():
        angle = rotation.rotation_difference(seen_rotation(figure.pose.bones[name])).angle
        assert angle == pytest.approx(0.0 if name == "upper_chest" else TURN, abs=2e-3), name
    assert not is_ik(figure, ARM) and is_ik(figure, LIMBS[1]) and worst_dot(figure) < MILLIMETRE


def test_a_turn_is_one_undo_step_and_undo_is_exact(figure) -> None:
    bpy.ops.object.mode_set(mode="POSE")
    undo_step("start")
    states = [matrices(figure)]
    for joint, axis in (("upper_arm.L", "BLUE"), ("foot.R", "GREEN"), ("head", "RED"), ("hips", "GREEN")):
        assert turn_ring(axis=axis, angle=TURN, joints=joint) == {"FINISHED"}
        states.append(matrices(first_figure()))
        assert moved(states[-2], states[-1]) > 0.02
    for expected in reversed(states[:-1]):
        bpy.ops.ed.undo()
        assert moved(expected, matrices(first_figure())) < 1e-5
    for expected in states[1:]:
        bpy.ops.ed.redo()
        assert moved(expected, matrices(first_figure())) < 1e-4


def test_a_limb_goes_to_fk_without_a_jump_and_comes_back(figure) -> None:
    move_control(figure, "hand.L", place(figure, "upper_arm.L") + Vector((0.2, -0.3, 0.1)))
    before = matrices(figure)
    turn = RingTurn(figure, ["forearm.L"], "RED")
    for angle in (0.0, 0.5, -0.2, 0.0):
        turn.turn(angle)
        bpy.context.view_layer.update()
    assert not is_ik(figure, ARM) and moved(before, matrices(figure)) < MILLIMETRE
    turn.cancel()
    assert is_ik(figure, ARM) and moved(before, matrices(figure)) < 1e-5


class Dragged:
    """What Blender hands to the methods of an operator that the mouse goes on with."""

    modal, _take, _close, _say = (vars(P2A_OT_turn_ring)[name] for name in ("modal", "_take", "_close", "_say"))
    axis = "RED"

    def __init__(self, *turning: RingTurn) -> None:
        self._turning = turning
        self._drag = RingDrag((0, 0), (0, 0, 1), 100, (100, 0))
        self._reached = self.angle = 0.0


def test_a_ring_is_let_go_of_when_its_figure_is_gone(figure) -> None:
    other = add_mannequin(bpy.context, "chibi", (1, 0, 0))
    before = matrices(other)
    dragged = Dragged(RingTurn(other, ["head"], "RED"), RingTurn(figure, ["head"], "RED"))
    rings._State.held = rings.HeldRing("RED", Vector(), Vector((1, 0, 0)), Vector((0, 1, 0)))
    move = SimpleNamespace(type="MOUSEMOVE", value="NOTHING", mouse_region_x=0, mouse_region_y=100, shift=False, ctrl=False)
    with bpy.context.temp_override(area=bpy.context.window_manager.windows[0].screen.areas[0]):
        assert dragged.modal(bpy.context, move) == {"RUNNING_MODAL"}
        assert rings.held_ring().angle > 0.5
        bpy.data.objects.remove(figure)
        with pytest.raises(KeyError):
            dragged.modal(bpy.context, move)
    bpy.context.view_layer.update()
    assert rings.held_ring() is None
    assert moved(before, matrices(other)) < 1e-5, "what can be brought back is"


def test_cancel_brings_back_whatever_was_turned(figure) -> None:
    figure.pose.use_mirror_x = True
    turn_joint(figure, "thigh.R", Quaternion((1, 0, 0), -0.5))
    before = matrices(figure)
    modes = [is_ik(figure, limb) for limb in LIMBS]
    turn = RingTurn(figure, ["thigh.L", "foot.L", "hand.R", "head"], "BLUE")
    turn.turn(1.0)
    assert moved(before, matrices(figure)) > 0.1
    turn.cancel()
    assert moved(before, matrices(figure)) < 1e-5 and [is_ik(figure, limb) for limb in LIMBS] == modes
    assert worst_dot(figure) < MILLIMETRE


def test_a_standing_foot_that_is_turned_keeps_standing(figure) -> None:
    assert turn_ring(axis="BLUE", angle=TURN, joints="foot.L") == {"FINISHED"}
    assert is_ik(figure, LEG)
    ankle, sole = place(figure, "foot.L").copy(), matrices(figure)["foot.L"][:3, :3]
    move_control(figure, "hips", place(figure, "hips") + Vector((0, 0, -0.1)))
    assert (place(figure, "foot.L") - ankle).length < MILLIMETRE
    assert np.allclose(matrices(figure)["foot.L"][:3, :3], sole, atol=1e-4)
    turn_joint(figure, "shin.L", Quaternion())
    assert turn_ring(axis="RED", angle=TURN, joints="foot.L") == {"FINISHED"}
    assert not is_ik(figure, LEG), "a leg in FK stays in FK"


@pytest.mark.parametrize("joint", ["upper_arm.L", "hand.R", "foot.L", "index_2.R", "shoulder.L"])
@pytest.mark.parametrize("axis", ["RED", "BLUE", "GREEN", "VIEW"])
def test_x_mirror_makes_the_other_side_the_mirror_image(figure, joint, axis) -> None:
    figure.pose.use_mirror_x = True
    turn_joint(figure, bpy.utils.flip_name(joint), Quaternion((0.3, 1, 0.2), 0.3))  # it need not be one before
    assert turn_ring(axis=axis, angle=TURN, joints=joint, view=(0.5, -0.8, 0.2)) == {"FINISHED"}
    a, b = (seen_rotation(figure.pose.bones[name]) for name in (joint, bpy.utils.flip_name(joint)))
    image = Quaternion((b.w, b.x, -b.y, -b.z))
    assert a.rotation_difference(image).angle < 2e-3
    assert worst_dot(figure) < MILLIMETRE


def test_relative_x_mirror_turns_the_other_side_from_where_it_is(figure) -> None:
    figure.pose.use_mirror_x = figure.pose.use_mirror_relative = True
    turn_joint(figure, "hand.R", Quaternion((0, 1, 0), 0.4))
    for axis, sign in (("RED", 1), ("BLUE", -1), ("GREEN", -1)):
        before = seen_rotation(figure.pose.bones["hand.R"])
        about = ring_axes(figure.pose.bones["hand.R"]).col[["RED", "BLUE", "GREEN"].index(axis)]
        seen = matrices(figure)["hand.R"]
        assert turn_ring(axis=axis, angle=TURN, joints="hand.L") == {"FINISHED"}
        assert before.rotation_difference(seen_rotation(figure.pose.bones["hand.R"])).angle == pytest.approx(TURN, abs=1e-3)
        found, _ = turned_by(seen, matrices(figure)["hand.R"])
        assert found.angle(Vector(about) * sign) < 0.02, axis


def test_both_sides_selected_are_not_mirrored_onto_each_other(figure) -> None:
    figure.pose.use_mirror_x = True
    assert turn_ring(axis="BLUE", angle=TURN, joints="hand.L, hand.R") == {"FINISHED"}
    a, b = (seen_rotation(figure.pose.bones[name]) for name in ("hand.L", "hand.R"))
    assert a.rotation_difference(Quaternion((b.w, b.x, -b.y, -b.z))).angle == pytest.approx(2 * TURN, abs=2e-3)


def keyed(obj: bpy.types.Object) -> set[str]:
    """Bones with keys on their rotation at the current frame."""
    frame = bpy.context.scene.frame_current
    curves = [curve for each in compat.action_curves(obj) for curve in each]
    return {curve.data_path.split('"')[1] for curve in curves if any(point.co.x == frame for point in curve.keyframe_points)}


def test_auto_keying_keys_what_was_turned_and_nothing_without_it(figure, any_channel) -> None:
    settings = bpy.context.scene.tool_settings
    turn_ring(axis="RED", angle=TURN, joints="head")
    assert not keyed(figure)
    settings.use_keyframe_insert_auto = True
    figure.pose.use_mirror_x = True
    turn_ring(axis="RED", angle=TURN, joints="forearm.L")
    assert keyed(figure) == {"forearm.L", "forearm.R"}
    turn_ring(axis="RED", angle=TURN, joints="head")
    bpy.context.scene.frame_set(10)
    turn_ring(axis="BLUE", angle=TURN, joints="foot.R, head")
    assert keyed(figure) == {"foot_ik.L", "foot_ik.R", "head"}, "of a standing foot its dot holds the rotation"
    bpy.context.preferences.edit.use_keyframe_insert_available = True
    turn_ring(axis="RED", angle=TURN, joints="neck, head")
    assert keyed(figure) == {"foot_ik.L", "foot_ik.R", "head"}, "the preference says: only where there are keys already"
    after = matrices(figure)
    bpy.context.scene.frame_set(1)
    assert moved(after, matrices(figure)) > 0.01
    bpy.context.scene.frame_set(10)
    assert moved(after, matrices(figure)) < MILLIMETRE


def test_all_figures_that_are_posed_turn_and_a_named_one_alone(figure) -> None:
    other = add_mannequin(bpy.context, location=(1, 0, 0))
    for obj in (figure, other):
        obj.select_set(True)
    bpy.ops.object.mode_set(mode="POSE")
    select(figure, "head")
    select(other, "hand.L")
    before = matrices(figure), matrices(other)
    assert turn_ring(axis="RED", angle=TURN) == {"FINISHED"}
    assert turned_by(before[0]["head"], matrices(figure)["head"])[1] == pytest.approx(TURN, abs=1e-3)
    assert turned_by(before[1]["hand.L"], matrices(other)["hand.L"])[1] == pytest.approx(TURN, abs=1e-3)
    before = matrices(figure), matrices(other)
    assert turn_ring(axis="RED", angle=TURN, joints="neck", armature=figure.name) == {"FINISHED"}
    assert moved(before[0], matrices(figure)) > 0.01 and moved(before[1], matrices(other)) == 0.0


def test_a_joint_stops_where_its_limit_is_met_and_leaves_it_at_once(figure) -> None:
    set_lifted(figure, False)
    for joint, axis, sign in (
        ("forearm.L", "RED", 1),
        ("shin.R", "RED", -1),
        ("head", "GREEN", 1),
        ("head", "BLUE", -1),
        ("thigh.L", "BLUE", 1),
        ("upper_arm.R", "VIEW", 1),
        ("index_2.L", "RED", 1),
        ("foot.R", "RED", 1),
    ):
        bone = figure.pose.bones[joint]
        start = seen_rotation(bone)
        turn = RingTurn(figure, [joint], axis, view=(0, -1, 0))
        ends = []
        for degrees in (30, 90, 150, 200, 340):  # beyond half a turn, too, where an angle would be nearer to its other end
            ends.append(turn.turn(math.radians(degrees * sign)))
            bpy.context.view_layer.update()
            seen = bone.matrix.copy()
        assert abs(ends[-1]) < math.radians(175) and ends[-1] == pytest.approx(ends[-2], abs=1e-6), joint
        turn.end()
        bpy.context.view_layer.update()
        assert abs(bone.rotation_quaternion.dot(seen_rotation(bone))) > 1 - 1e-6, "what is kept is what is seen"
        apart = seen.to_quaternion().rotation_difference(bone.matrix.to_quaternion())
        assert Vector((apart.x, apart.y, apart.z)).length < 1e-3, "and letting go moves nothing"
        stopped = seen_rotation(bone)
        assert RingTurn(figure, [joint], axis, view=(0, -1, 0)).turn(0.2 * sign) == pytest.approx(0.0, abs=2e-3), joint
        back = RingTurn(figure, [joint], axis, view=(0, -1, 0))
        assert back.turn(-0.1 * sign) == pytest.approx(-0.1 * sign)
        back.end()
        bpy.context.view_layer.update()
        assert stopped.rotation_difference(seen_rotation(bone)).angle == pytest.approx(0.1, abs=2e-3), joint
        assert start.rotation_difference(seen_rotation(bone)).angle > 0.05 or abs(ends[-1]) < 0.15
        assert worst_dot(figure) < MILLIMETRE


def test_a_ring_that_can_turn_nothing_says_so_while_limits_hold(figure) -> None:
    for joint, by in (
        ("forearm.L", "red and green"),
        ("shin.R", "red and green"),
        ("upper_arm.L", ""),
        ("head", ""),
        ("root", ""),
    ):
        set_lifted(figure, False)
        assert free_rings(figure, joint) == (["RED", "GREEN"] if by else ["RED", "BLUE", "GREEN"]), joint
        assert RingTurn(figure, [joint], "BLUE").is_held() == bool(by)
        if by:
            assert rings.why_held(figure, joint) == f"its limits do not let this joint turn this way, only by the rings {by}"
        assert not RingTurn(figure, [joint, "head"], "BLUE").is_held(), "one of them turns"
        set_lifted(figure, True)
        assert free_rings(figure, joint) == ["RED", "BLUE", "GREEN"] and not RingTurn(figure, [joint], "BLUE").is_held()
    set_lifted(figure, False)
    bent = RingTurn(figure, ["forearm.L"], "RED")
    bent.turn(3.0)
    bent.end()
    assert free_rings(figure, "forearm.L") == ["RED", "GREEN"], "at one of its ends it still turns to the other"


def test_each_of_several_joints_stops_at_its_own_limit(figure) -> None:
    set_lifted(figure, False)
    bends = {}
    for together in (False, True):
        for joints in (["index_1.L", "index_2.L", "index_3.L"],) if together else (["index_1.L"], ["index_2.L"], ["index_3.L"]):
            turn = RingTurn(figure, joints, "RED")
            turn.turn(2.6)
            turn.end()
            bpy.context.view_layer.update()
            for joint in joints:
                bends.setdefault(joint, []).append(seen_rotation(figure.pose.bones[joint]))
        reset_pose(figure)
    for alone, with_others in bends.values():
        assert abs(alone.dot(with_others)) > 1 - 1e-6


def test_refusals_are_one_sentence_and_change_nothing(figure) -> None:
    select(figure)
    before = matrices(figure)
    for options, says in (
        ({}, "Select the joint that you want to turn"),
        ({"joints": "tail"}, f"'tail' is no joint of '{figure.name}' that a ring turns"),
        ({"joints": "head, MCH-arm_pole.L.001"}, "no joint"),
        ({"joints": "head", "angle": math.nan}, "finite angle"),
        ({"joints": "head", "axis": "VIEW"}, "direction to the viewer"),
        ({"joints": "head", "armature": "Nobody"}, "no mannequin 'Nobody'"),
    ):
        with pytest.raises(RuntimeError, match=says):
            turn_ring(**{"angle": TURN, **options})
    with pytest.raises(Exception, match="There is no ring 'PINK'"):
        RingTurn(figure, ["head"], "PINK")
    assert moved(before, matrices(figure)) == 0.0
    for part in (figure, *skins_of(figure)):
        part.hide_set(True)
    with pytest.raises(RuntimeError, match="hidden"):
        turn_ring(joints="head", angle=TURN)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert not bpy.ops.pose_to_anime.turn_ring.poll()
