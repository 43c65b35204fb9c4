# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools for whole poses on mannequins in a real Blender: mirror, turn about, ground, gaze, copies, parts; each one undo step."""

import math

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Vector  # noqa: E402
from pose_to_anime.addon.armature import gaze, pose_tools, resting  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, landmarks, mannequin_names  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, read_pose, reset_pose  # noqa: E402
from pose_to_anime.addon.compat import select_pose_bone  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.humanoid import JOINTS  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.pose.normalised import Pose, mirror  # noqa: E402
from rig_scene import figure_fixture, first_figure, matrices, moved, place, registered, undo_step, worst_dot  # noqa: E402, F401

MILLIMETRE = 1e-3


def angle(a: Pose, b: Pose, joints=JOINTS) -> float:
    """The worst in degrees."""
    return max(math.degrees(rot.angle_between(a.rotation(joint), b.rotation(joint))) for joint in joints)


def select(obj: bpy.types.Object, *names: str) -> None:
    for bone in obj.pose.bones:
        select_pose_bone(bone, bone.name in names)


def error_of_gaze(obj: bpy.types.Object, goal: Vector) -> float:
    """Degrees between where the face points and a place."""
    head = obj.pose.bones["head"]
    turned = (obj.matrix_world @ head.matrix @ head.bone.matrix_local.inverted()).to_3x3()
    points = landmarks(obj)
    eyes = obj.matrix_world @ head.matrix @ head.bone.matrix_local.inverted() @ ((points["eye_left"] + points["eye_right"]) / 2)
    return math.degrees((turned @ Vector((0, -1, 0))).angle(goal - eyes))


@pytest.mark.parametrize("name", ["running", "sitting", "lying"])
def test_mirrored_once_is_the_mirror_image_and_twice_the_pose(figure, name) -> None:
    apply_pose(figure, load_pose(name))
    before, seen = read_pose(figure), matrices(figure)
    assert bpy.ops.pose_to_anime.mirror_pose() == {"FINISHED"}
    assert angle(read_pose(figure), mirror(before)) < 0.01
    assert moved(seen, matrices(figure)) > 0.05
    assert bpy.ops.pose_to_anime.mirror_pose() == {"FINISHED"}
    assert angle(read_pose(figure), before) < 0.01
    assert moved(seen, matrices(figure)) < MILLIMETRE


def test_turned_about_it_shows_its_back_in_the_same_pose(figure) -> None:
    apply_pose(figure, load_pose("running"))
    before, seen = read_pose(figure), matrices(figure)
    assert bpy.ops.pose_to_anime.flip_pose() == {"FINISHED"}
    after = read_pose(figure)
    assert angle(after, before, [joint for joint in JOINTS if joint != "hips"]) < 0.01
    about = np.diag((-1.0, -1.0, 1.0, 1.0))
    for bone, matrix in matrices(figure).items():
        assert np.allclose(matrix, about @ seen[bone], atol=MILLIMETRE), bone
    bpy.ops.pose_to_anime.flip_pose()
    assert moved(seen, matrices(figure)) < MILLIMETRE


@pytest.mark.parametrize("height", [0.7, -0.4])
def test_on_the_ground_the_lowest_point_is_at_zero(figure, height) -> None:
    apply_pose(figure, load_pose("running"))
    pose = read_pose(figure)
    figure.pose.bones["root"].location = (0.4, 0.0, 0.0)
    bpy.context.view_layer.update()
    apply_pose(figure, Pose("Up", pose.rotations, (0.0, 0.1, height)))
    figure.location = (1.0, 2.0, 0.5)
    bpy.context.view_layer.update()
    hips = place(figure, "hips")
    assert abs(float(pose_tools.skin_points(figure)[:, 2].min())) > 0.1
    assert bpy.ops.pose_to_anime.put_on_ground() == {"FINISHED"}
    assert abs(float(pose_tools.skin_points(figure)[:, 2].min())) < MILLIMETRE
    assert (place(figure, "hips") - hips).xy.length < MILLIMETRE, "straight up or down"
    assert angle(read_pose(figure), pose) < 0.01
    assert place(figure, "root").z == pytest.approx(0.0, abs=1e-5), "later poses stand there too"
    assert worst_dot(figure) < MILLIMETRE


@pytest.mark.parametrize("goal", [(0.6, -3.0, 1.6), (-2.0, -2.0, 2.5), (0.3, -2.0, 0.6)])
def test_the_face_turns_to_the_camera(figure, goal) -> None:
    apply_pose(figure, load_pose("standing"))
    camera = bpy.data.objects.new("Shot", bpy.data.cameras.new("Shot"))
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    camera.location = goal
    bpy.context.view_layer.update()
    body = read_pose(figure)
    assert bpy.ops.pose_to_anime.look_at_camera() == {"FINISHED"}
    assert error_of_gaze(figure, Vector(goal)) < 0.5
    assert angle(read_pose(figure), body, [joint for joint in JOINTS if joint not in ("neck", "head")]) < 0.01


def test_a_neck_does_not_turn_to_what_is_behind(figure) -> None:
    reset_pose(figure)
    for goal in ((0.3, 4.0, 1.6), (-0.3, 4.0, 1.6), (0.0, -0.1, 9.0)):
        assert not pose_tools.look_at(figure, goal)
        pose = read_pose(figure)
        neck, head = (rot.matrix_from_quaternion(pose.rotation(joint)) for joint in ("neck", "head"))
        forward = neck @ head @ np.array((0.0, -1.0, 0.0))
        assert abs(math.atan2(forward[0], -forward[1])) <= gaze.NECK_TURN + 1e-3
        assert abs(math.asin(forward[2])) <= gaze.NECK_NOD + 1e-3
        assert forward[0] * goal[0] >= 0, "to the nearer side"


def test_without_a_camera_it_says_so(figure) -> None:
    before = matrices(figure)
    with pytest.raises(RuntimeError, match="Add a pose camera first"):
        bpy.ops.pose_to_anime.look_at_camera()
    bpy.ops.object.camera_add(location=(7.358891, -6.925791, 4.958309))  # as in Blender's start-up file: it takes no picture
    bpy.context.scene.camera = bpy.context.object
    with pytest.raises(RuntimeError, match="Add a pose camera first"):
        bpy.ops.pose_to_anime.look_at_camera()
    with pytest.raises(RuntimeError, match="no object 'Nobody'"):
        bpy.ops.pose_to_anime.look_at_camera(camera="Nobody")
    assert moved(before, matrices(figure)) == 0.0


def test_another_figure_takes_the_pose_and_stands_on_its_own_ground(figure) -> None:
    other = add_mannequin(bpy.context, mannequin_names()[0], (2.0, 0.0, 0.0))
    apply_pose(figure, load_pose("running"))
    before = matrices(figure)
    assert bpy.ops.pose_to_anime.copy_pose_to(armature=figure.name, target=other.name) == {"FINISHED"}
    assert angle(read_pose(other), read_pose(figure)) < 0.01
    assert abs(float(pose_tools.skin_points(other)[:, 2].min())) < 5 * MILLIMETRE
    assert tuple(other.location) == (2.0, 0.0, 0.0)
    assert moved(before, matrices(figure)) == 0.0
    for target in ("", "Nobody", figure.name):
        with pytest.raises(RuntimeError, match="which other figure"):
            bpy.ops.pose_to_anime.copy_pose_to(armature=figure.name, target=target)


def test_only_what_is_selected_is_reset(figure) -> None:
    joints = pose_tools.humanoid_rest_of(figure)
    rest = Pose("Rest", joints.rotations({joint: np.eye(3) for joint in joints.heads}))
    apply_pose(figure, load_pose("running"))
    before = read_pose(figure)
    select(figure, "head", "foot_ik.R")
    assert bpy.ops.pose_to_anime.reset_selected() == {"FINISHED"}
    after, chosen = read_pose(figure), {"head", "rightUpperLeg", "rightLowerLeg", "rightFoot", "rightToes"}
    assert angle(after, rest, chosen) < 0.01
    assert angle(after, before, [joint for joint in JOINTS if joint not in chosen]) < 0.01
    assert worst_dot(figure) < MILLIMETRE
    select(figure)
    with pytest.raises(RuntimeError, match="No joint or dot is selected"):
        bpy.ops.pose_to_anime.reset_selected()


def test_contacts_are_found_on_the_ground_only(figure) -> None:
    apply_pose(figure, load_pose("standing"))
    found = {contact.joint for contact in resting.ground_contacts(figure)}
    assert {"leftFoot", "rightFoot"} <= found <= {"leftFoot", "rightFoot", "leftToes", "rightToes"}
    move_control(figure, "foot.L", place(figure, "foot.L") + Vector((0, -0.3, 0.4)))
    assert not {contact.joint for contact in resting.ground_contacts(figure)} & {"leftFoot", "leftToes"}
    pose = read_pose(figure)
    apply_pose(figure, Pose("Up", pose.rotations, (0.0, 0.0, 0.5)))
    assert resting.ground_contacts(figure) == ()


def test_each_tool_is_one_undo_step(figure) -> None:
    other = add_mannequin(bpy.context, location=(2.0, 0.0, 0.0)).name
    name = figure.name
    camera = bpy.data.objects.new("Shot", bpy.data.cameras.new("Shot"))
    bpy.context.scene.collection.objects.link(camera)
    camera.location = (-2.0, -3.0, 1.5)
    apply_pose(figure, load_pose("running"))
    figure.pose.bones["root"].location = (0.0, 0.3, 0.2)
    select(figure, "hand_ik.L", "hips")
    undo_step("start")

    def state() -> list[dict[str, np.ndarray]]:
        return [matrices(bpy.data.objects[each]) for each in (name, other)]

    verbs = bpy.ops.pose_to_anime
    for verb, options in (
        (verbs.mirror_pose, {}),
        (verbs.flip_pose, {}),
        (verbs.put_on_ground, {}),
        (verbs.look_at_camera, {"camera": "Shot"}),
        (verbs.copy_pose_to, {"target": other}),
        (verbs.reset_selected, {}),
        (verbs.apply_pose, {"pose": "sitting", "factor": 0.5}),
        (verbs.apply_pose, {"pose": "sitting", "mirrored": True, "selected_only": True}),
    ):
        before = state()
        assert verb("EXEC_DEFAULT", True, armature=name, **options) == {"FINISHED"}
        after = state()
        assert max(map(moved, before, after)) > MILLIMETRE, verb
        bpy.ops.ed.undo()
        assert max(map(moved, before, state())) < 1e-5, verb
        bpy.ops.ed.redo()
        assert max(map(moved, after, state())) < 1e-5, verb


def test_a_pose_is_pushed_in_one_undo_step_and_stands_on_the_ground(figure) -> None:
    apply_pose(figure, load_pose("fighting_punch"))
    seen, before = matrices(figure), read_pose(figure)
    undo_step("before")
    assert bpy.ops.pose_to_anime.exaggerate(factor=0.8) == {"FINISHED"}
    undo_step("pushed")
    after = read_pose(figure)
    assert angle(before, after, ("spine", "chest", "upperChest")) > 3.0
    assert abs(pose_tools.lowest_point(figure)) < 5 * MILLIMETRE
    assert worst_dot(figure) < MILLIMETRE
    bpy.ops.ed.undo()
    assert moved(seen, matrices(first_figure())) < 1e-6


def test_the_slider_is_drawn_to_and_fro_without_adding_up(figure) -> None:
    apply_pose(figure, load_pose("walking_stroll"))
    seen = matrices(figure)
    assert figure.pose_to_anime_dynamic == 0.0
    figure.pose_to_anime_dynamic = 0.7
    once = matrices(figure)
    assert moved(seen, once) > 0.02
    assert figure.pose_to_anime_dynamic == pytest.approx(0.7)
    figure.pose_to_anime_dynamic = -0.5
    figure.pose_to_anime_dynamic = 0.7
    assert moved(once, matrices(figure)) < MILLIMETRE
    figure.pose_to_anime_dynamic = 0.0
    assert moved(seen, matrices(figure)) < 2 * MILLIMETRE


def test_another_pose_is_a_new_beginning_for_the_slider(figure) -> None:
    apply_pose(figure, load_pose("running"))
    figure.pose_to_anime_dynamic = 0.5
    move_control(figure, "hand.L", place(figure, "hand.L") + Vector((0.0, 0.0, 0.1)))
    assert figure.pose_to_anime_dynamic == 0.0
    raised = matrices(figure)
    figure.pose_to_anime_dynamic = 0.4
    assert moved(raised, matrices(figure)) > 0.005
    figure.pose_to_anime_dynamic = 0.0
    assert moved(raised, matrices(figure)) < 2 * MILLIMETRE


def test_undo_takes_the_slider_back_with_the_pose(figure) -> None:
    apply_pose(figure, load_pose("running"))
    undo_step("none")
    figure.pose_to_anime_dynamic = 0.5
    undo_step("first")
    figure.pose_to_anime_dynamic = 1.0
    undo_step("second")
    bpy.ops.ed.undo()
    assert first_figure().pose_to_anime_dynamic == pytest.approx(0.5)
    bpy.ops.ed.undo()
    assert first_figure().pose_to_anime_dynamic == 0.0


def test_a_hidden_figure_is_not_pushed(figure) -> None:
    for part in (figure, *figure.children):
        part.hide_set(True)
    figure.pose_to_anime_dynamic = 0.5
    assert figure.pose_to_anime_dynamic == 0.0
    with pytest.raises(RuntimeError, match="is hidden"):
        bpy.ops.pose_to_anime.exaggerate(factor=0.5)
