# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a figure looks, in a real Blender: its gaze is dragged, and pinned to what moves."""

import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Quaternion, Vector  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, landmarks  # noqa: E402
from pose_to_anime.addon.armature.pins import pin_dot  # noqa: E402
from rig_scene import MILLIMETRE, figure_fixture, place, registered, worst_dot  # noqa: E402, F401


def shift(obj: bpy.types.Object, dot: str, *way: float) -> None:
    move_control(obj, dot, place(obj, dot) + Vector(way))


def gaze_error(obj: bpy.types.Object, goal: Vector) -> float:
    """Radians between where the face looks and a place."""
    head = obj.pose.bones["head"]
    turned = obj.matrix_world @ head.matrix @ head.bone.matrix_local.inverted()
    points = landmarks(obj)
    eyes = turned @ ((points["eye_left"] + points["eye_right"]) / 2)
    return (turned.to_3x3() @ Vector((0, -1, 0))).angle(goal - eyes)


def test_a_dragged_gaze_turns_the_face_and_keeps_its_tilt(figure) -> None:
    turn_joint(figure, "head", Quaternion((0, 1, 0), 0.2))
    before = figure.pose.bones["head"].matrix.to_quaternion()
    shift(figure, "gaze", 0, 0, 1e-4)
    assert before.rotation_difference(figure.pose.bones["head"].matrix.to_quaternion()).angle < 0.01, "no jump"
    for way in ((0.3, 0, 0.05), (-0.4, 0.1, -0.1)):
        goal = place(figure, "gaze") + Vector(way)
        move_control(figure, "gaze", goal)
        assert gaze_error(figure, goal) < 0.01
        assert worst_dot(figure) < MILLIMETRE
    neck = figure.pose.bones["neck"].rotation_quaternion.angle
    assert 0.05 < neck < figure.pose.bones["head"].rotation_quaternion.angle, "neck and head share the turn"
    move_control(figure, "gaze", (0, 5, 1.6))  # behind it
    assert worst_dot(figure) < MILLIMETRE


def test_a_pinned_gaze_keeps_looking(figure) -> None:
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(camera)
    camera.location = (1.0, -3.0, 1.2)
    bpy.context.view_layer.update()
    assert bpy.ops.pose_to_anime.pin(control="gaze", to="OBJECT", target="Camera") == {"FINISHED"}
    assert gaze_error(figure, camera.location) < 0.01
    for action in (
        lambda: setattr(camera, "location", (-0.8, -2.0, 1.9)),
        lambda: shift(figure, "hips", 0.05, 0, -0.2),
        lambda: turn_joint(figure, "chest", Quaternion((0, 0, 1), 0.3)),
        lambda: shift(figure, "chest_ik", 0.05, 0.0, 0),
        lambda: setattr(figure, "location", (0.4, 0.3, 0)),
    ):
        action()
        bpy.context.view_layer.update()
        assert gaze_error(figure, camera.location) < 0.01
        assert worst_dot(figure) < MILLIMETRE
    goal = place(figure, "gaze") + Vector((0.2, 0, 0))
    move_control(figure, "gaze", goal)
    assert gaze_error(figure, goal) < 0.01
    turn_joint(figure, "chest", Quaternion((0, 0, 1), -0.2))
    assert gaze_error(figure, goal) < 0.01
    other = add_mannequin(bpy.context, location=(0.3, -1.5, 0))
    pin_dot(figure, "gaze", "OBJECT", other)
    shift(other, "hips", 0, 0, -0.3)
    bpy.context.view_layer.update()
    points = landmarks(other)
    head = other.pose.bones["head"]
    eyes = (points["eye_left"] + points["eye_right"]) / 2
    assert gaze_error(figure, other.matrix_world @ head.matrix @ head.bone.matrix_local.inverted() @ eyes) < 0.01
