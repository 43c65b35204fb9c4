# SPDX-License-Identifier: GPL-3.0-or-later
"""A body's own limits, and the switch that lifts all limits, reach whatever turns a joint."""

import math
from collections.abc import Callable

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from bvh_files import STYLES, bvh_text  # noqa: E402
from mathutils import Quaternion, Vector  # noqa: E402
from pose_to_anime.addon.armature import pose_tools  # noqa: E402
from pose_to_anime.addon.armature.animation import key_poses  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.handles import GAZE, HEAD  # noqa: E402
from pose_to_anime.addon.armature.hands import change_hand, read_hand  # noqa: E402
from pose_to_anime.addon.armature.limits import are_lifted, fit_limits, limits_of, set_lifted  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, landmarks  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, humanoid_rest_of, read_pose  # noqa: E402
from pose_to_anime.addon.armature.reshape import change_body, reshape  # noqa: E402
from pose_to_anime.addon.armature.ring_turn import RingTurn  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.hands import HandShape, rotation_from_angles  # noqa: E402
from pose_to_anime.addon.pose.normalised import Contact, Pose  # noqa: E402
from rig_scene import Limited, place, registered, worst_dot  # noqa: E402, F401

ASKED = 50.0
"""Degrees about its length, more than any body's neck turns: most turn by 36, an elder's by 27."""
MILLIMETRE = 1e-3


def figure_of(body: str, lifted: bool) -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context, body)
    set_lifted(figure, lifted)
    return figure


def neck_turned(degrees: float) -> Pose:
    x, y, z = Vector((0.0, 0.0, 1.0)) * math.sin(math.radians(degrees) / 2.0)
    return Pose("Neck", {"neck": (math.cos(math.radians(degrees) / 2.0), x, y, z)})


def written(figure: bpy.types.Object) -> None:
    figure.pose.bones["neck"].rotation_quaternion = Quaternion((0.0, 1.0, 0.0), math.radians(ASKED))
    bpy.context.view_layer.update()


def keyed(figure: bpy.types.Object) -> None:
    neck = figure.pose.bones["neck"]
    for frame, angle in ((1, 0.0), (11, ASKED)):
        neck.rotation_quaternion = Quaternion((0.0, 1.0, 0.0), math.radians(angle))
        neck.keyframe_insert("rotation_quaternion", frame=frame)
    bpy.context.scene.frame_set(11)


def turned_by_ring(figure: bpy.types.Object) -> None:
    turn = RingTurn(figure, ["neck"], "GREEN")
    turn.turn(math.radians(ASKED))
    turn.end()


def turned_by_the_heads_dot(figure: bpy.types.Object) -> None:
    """The neck has two fifths of such a turn."""
    turn_joint(figure, HEAD, Quaternion((0.0, 0.0, 1.0), math.radians(ASKED / 0.4)))


def applied_in_part(figure: bpy.types.Object) -> None:
    pose_tools.apply_part(figure, neck_turned(2.0 * ASKED), {"neck"}, factor=0.5)


def copied(figure: bpy.types.Object) -> None:
    other = add_mannequin(bpy.context, "adult_woman", (1.0, 0.0, 0.0))
    set_lifted(other, True)
    apply_pose(other, neck_turned(ASKED))
    pose_tools.copy_pose(other, figure)


def recorded(figure: bpy.types.Object, use: str, tmp_path) -> None:
    path = tmp_path / "neck.bvh"
    path.write_text(bvh_text(STYLES["mixamo"], [neck_turned(ASKED)] * 3, humanoid_rest_of(figure)))
    assert bpy.ops.pose_to_anime.import_bvh(filepath=str(path), use=use, face_front=False, armature=figure.name) == {"FINISHED"}


WAYS: dict[str, Callable[[bpy.types.Object], None]] = {
    "written onto the bone": written,
    "keyed": keyed,
    "turned by a ring": turned_by_ring,
    "turned by a script": lambda figure: turn_joint(figure, "neck", Quaternion((0.0, 0.0, 1.0), math.radians(ASKED))),
    "turned by the head's dot": turned_by_the_heads_dot,
    "applied": lambda figure: apply_pose(figure, neck_turned(ASKED)),
    "applied in part, by half": applied_in_part,
    "copied from another body": copied,
}


def turned(figure: bpy.types.Object) -> float:
    """The neck's angle about its own length as it is seen, in degrees."""
    neck = figure.pose.bones["neck"]
    carried = neck.parent.matrix @ neck.parent.bone.matrix_local.inverted() @ neck.bone.matrix_local
    own = (carried.inverted() @ neck.matrix).to_quaternion()
    return abs(math.degrees(math.remainder(2.0 * math.atan2(own.y, own.w), math.tau)))


@pytest.mark.parametrize(
    ("body", "lifted", "expected"), [("adult_woman", False, 36.0), ("elder", False, 27.0), ("elder", True, ASKED)]
)
def test_a_neck_turns_as_far_as_its_own_body_lets_it_and_freely_without_limits(body, lifted, expected, tmp_path) -> None:
    figure = figure_of(body, lifted)
    ways = {
        **WAYS,
        "a frame of a recording": lambda figure: recorded(figure, "POSE", tmp_path),
        "a whole recording": lambda figure: recorded(figure, "ANIMATION", tmp_path),
    }
    found = {}
    for way, act in ways.items():
        figure.animation_data_clear()
        apply_pose(figure, Pose("Straight", {}))
        assert turned(figure) < 0.1
        act(figure)
        bpy.context.view_layer.update()
        found[way] = turned(figure)
    assert found == {way: pytest.approx(expected, abs=1.5) for way in ways}
    assert worst_dot(figure) < MILLIMETRE


@pytest.mark.parametrize(
    ("body", "lifted", "reaches"), [("athletic", False, True), ("elder", False, False), ("elder", True, True)]
)
def test_a_hand_is_dragged_as_far_as_its_own_body_lets_it(body, lifted, reaches) -> None:
    """Overhead and a little back, where an elder's arm does not go."""
    figure = figure_of(body, lifted)
    arm = sum(figure.data.bones[name].length for name in ("upper_arm.L", "forearm.L"))
    goal = place(figure, "upper_arm.L") + Vector((0.0, 0.25, 1.0)).normalized() * 0.985 * arm
    move_control(figure, "hand.L", goal)
    missed = (place(figure, "hand.L") - goal).length
    assert (missed < MILLIMETRE) == reaches and (reaches or missed > 20 * MILLIMETRE)
    assert worst_dot(figure) < MILLIMETRE


def test_fingers_stop_where_their_own_body_lets_them() -> None:
    figure = figure_of("adult_woman", lifted=False)
    fist = HandShape("Fist", {"IndexIntermediate": rotation_from_angles("IndexIntermediate", 100.0, 0.0, 0.0)})
    bends = []
    for factor, lifted in ((1.0, False), (0.5, False), (0.5, True)):
        fit_limits(figure, humanoid_rest_of(figure), {"IndexIntermediate": factor})
        set_lifted(figure, lifted)
        change_hand(figure, "L", lambda _: fist)
        bends.append(math.degrees(rot.angle_between(read_hand(figure, "L").rotation("IndexIntermediate"), rot.IDENTITY)))
    assert bends == [pytest.approx(bend, abs=0.5) for bend in (100.0, 55.0, 100.0)]


def test_a_recording_beyond_the_limits_stands_on_the_ground_within_them() -> None:
    """Feet that point farther than ankles go."""
    figure = figure_of("adult_woman", lifted=False)
    down = (math.cos(math.radians(55)), math.sin(math.radians(55)), 0.0, 0.0)
    feet = ("leftFoot", "rightFoot")
    pose = Pose("Tiptoe", dict.fromkeys(feet, down), contacts=tuple(Contact(joint) for joint in feet))
    key_poses(figure, [pose, pose], [1.0, 5.0])
    assert Limited(figure).worst_excess(read_pose(figure)) < math.radians(0.01)
    assert abs(pose_tools.lowest_point(figure)) < 3 * MILLIMETRE


def test_without_limits_a_figure_looks_behind_itself() -> None:
    figure = figure_of("adult_woman", lifted=False)
    points = landmarks(figure)
    eyes = figure.matrix_world @ ((points["eye_left"] + points["eye_right"]) / 2.0)
    behind = eyes + Vector((2.0, 2.5, 0.4))
    for lifted in (False, True):
        for look in (lambda: pose_tools.look_at(figure, behind), lambda: move_control(figure, GAZE, behind)):
            set_lifted(figure, lifted)
            apply_pose(figure, Pose("Straight", {}))
            reached = look()
            assert reached is None or reached == lifted
            head = figure.pose.bones["head"]
            moved = figure.matrix_world @ head.matrix @ head.bone.matrix_local.inverted()
            error = math.degrees((moved.to_3x3() @ Vector((0, -1, 0))).angle(behind - moved @ eyes))
            assert (error < 1.0) == lifted, error


def test_sliders_and_other_bodies_leave_the_switch_as_it_is() -> None:
    figure = figure_of("adult_woman", lifted=True)
    reshape(figure, {"height": 1.1})
    assert are_lifted(figure)
    change_body(figure, "elder")
    assert are_lifted(figure) and not limits_of(figure, humanoid_rest_of(figure)).joints
    set_lifted(figure, False)
    assert math.degrees(limits_of(figure, humanoid_rest_of(figure)).joints["neck"].high[1]) == pytest.approx(27.0, abs=0.1)


@pytest.mark.parametrize(
    ("body", "lifted", "expected"), [("adult_woman", False, -70), ("athletic", False, -76), ("adult_woman", True, -76)]
)
def test_more_dynamic_goes_as_far_as_the_figures_own_limits(body, lifted, expected) -> None:
    """An athlete spreads her legs farther than others, and without limits everyone does."""
    figure = figure_of(body, lifted=False)
    limit = Limited(figure).limits.joints["leftUpperLeg"]
    set_lifted(figure, lifted)
    apply_pose(figure, Pose("High", {"leftUpperLeg": limit.rotation(np.radians((50.0, 0.0, -62.0)))}, (0.0, 0.0, 0.5)))
    figure.pose_to_anime_dynamic = 1.0
    assert math.degrees(limit.angles(read_pose(figure).rotation("leftUpperLeg"))[2]) == pytest.approx(expected, abs=1.0)
