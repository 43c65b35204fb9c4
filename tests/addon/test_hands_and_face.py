# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands and faces of figures in the skeleton: where they are, what moves them, and when they are left out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Euler, Matrix, Vector  # noqa: E402
from pass_scene import SIZE, look_from, only_figure, passes  # noqa: E402
from pose_to_anime.addon.armature.keypoints import Keypoints, figure_keypoints  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, face_at_rest, landmarks  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.dressing.face_points import face_info, face_points, restore_face  # noqa: E402
from pose_to_anime.addon.dressing.wearing import put_on  # noqa: E402
from pose_to_anime.addon.passes.camera_view import view_of  # noqa: E402
from pose_to_anime.addon.passes.face_outline import outlined  # noqa: E402
from pose_to_anime.addon.passes.render import PassOptions  # noqa: E402
from pose_to_anime.addon.pose.face_points import BROWS, EYES, MIRROR, PUPILS  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.wardrobe.outfit import Outfit, Worn  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

FINGERS = ("thumb", "index", "middle", "ring", "little")


@pytest.fixture
def mannequin() -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=False)
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    look_from(0.0)
    return add_mannequin(bpy.context)


def found(obj: bpy.types.Object) -> Keypoints:
    bpy.context.view_layer.update()
    return figure_keypoints(only_figure(), bpy.context.view_layer.depsgraph, face_points(obj))


def look_at_head(yaw: float, distance: float = 1.6, pitch: float = 0.0) -> None:
    look_from(yaw, distance, pitch, (0.0, 0.0, 1.55))


def seen_of_face(yaw: float, pitch: float = 0.0) -> np.ndarray:
    look_at_head(yaw, pitch=pitch)
    (person,) = passes(kinds=("openpose",)).people
    return np.zeros(70, dtype=bool) if person.face is None else person.face[:, 2] > 0.0


def test_a_hand_runs_from_the_wrist_along_the_bones_of_each_finger(mannequin):
    apply_pose(mannequin, load_pose("fighting_guard"))
    points = found(mannequin)
    evaluated = mannequin.evaluated_get(bpy.context.view_layer.depsgraph)
    for side, hand in (("L", points.left_hand), ("R", points.right_hand)):
        bones = evaluated.pose.bones
        expected = [bones[f"hand.{side}"].head]
        for finger in FINGERS:
            expected += [bones[f"{finger}_{k}.{side}"].head for k in (1, 2, 3)] + [bones[f"{finger}_3.{side}"].tail]
        expected = [mannequin.matrix_world @ place for place in expected]
        assert hand == pytest.approx(np.array(expected), abs=1e-5)
    assert points.left_hand[0] == pytest.approx(points.body[7], abs=1e-6)


def test_a_figure_without_a_finger_has_no_hand(mannequin):
    figure = only_figure()
    less = {joint: bone for joint, bone in figure.joint_map.items() if joint != "leftRingDistal"}
    points = figure_keypoints(replace(figure, joint_map=less), bpy.context.view_layer.depsgraph)
    assert points.left_hand is None
    assert points.right_hand is not None
    assert points.face is None  # none was given


def test_face_follows_the_head_bone(mannequin):
    before = found(mannequin).face
    mannequin.matrix_world = Matrix.Translation((0.3, 0.2, 0.1)) @ Euler((0.0, 0.0, 0.7)).to_matrix().to_4x4()
    neck = mannequin.pose.bones["head"]
    neck.rotation_mode = "XYZ"
    neck.rotation_euler = (0.2, 0.4, 0.1)
    after = found(mannequin).face
    head = mannequin.evaluated_get(bpy.context.view_layer.depsgraph).pose.bones["head"]
    carry = np.array(mannequin.matrix_world @ head.matrix @ head.bone.matrix_local.inverted())
    assert after == pytest.approx(face_at_rest(mannequin) @ carry[:3, :3].T + carry[:3, 3], abs=1e-6)
    assert np.linalg.norm(after - before, axis=1).min() > 0.1
    distances = np.linalg.norm(after[:, None] - after[None], axis=2)
    assert distances == pytest.approx(np.linalg.norm(before[:, None] - before[None], axis=2), abs=1e-4)


@pytest.mark.parametrize("body", ["adult_woman", "adult_man", "child", "chibi", "mascot", "elder"])
def test_face_lies_on_the_skin_in_the_order_of_ibug(mannequin, body):
    bpy.data.objects.remove(mannequin)
    obj = add_mannequin(bpy.context, body)
    face, marks = face_at_rest(obj), {name: np.array(point) for name, point in landmarks(obj).items()}
    assert face == pytest.approx(face[MIRROR] * (-1.0, 1.0, 1.0), abs=1e-6), "the right half mirrors the left"
    (skin,) = [child for child in obj.children if child.type == "MESH"]
    off = [(skin.closest_point_on_mesh(point)[1] - Vector(point)).length for point in face]
    unit = float(marks["eye_left"][0])
    assert max(off) < 0.1 * unit
    eye = marks["eye_left"]
    assert face[PUPILS["left"]] == pytest.approx(eye, abs=0.12 * unit)
    assert face[30] == pytest.approx(marks["nose_tip"], abs=0.15 * unit)
    assert face[8] == pytest.approx(marks["chin"], abs=0.3 * unit)
    x, z = face[:, 0], face[:, 2]
    assert (np.diff(x[:17]) > 0).all(), "the jaw runs from the figure's right to its left"
    assert (np.diff(z[:9]) < 0).all()
    assert (np.diff(z[27:31]) < 0).all()
    inner, up_in, up_out, outer, low_out, low_in = face[list(EYES["left"])]
    assert inner[0] < up_in[0] < up_out[0] < outer[0]
    assert min(up_in[2], up_out[2]) > eye[2] - 0.1 * unit > max(low_in[2], low_out[2]) - 0.1 * unit
    brow = face[list(BROWS["left"])]
    assert (np.diff(brow[:, 0]) > 0).all()
    assert brow[:, 2].min() > max(up_in[2], up_out[2])
    assert z[8] < z[57] < z[66] <= z[62] + 0.02 * unit < z[51] < z[33] < z[30] + 0.2 * unit
    assert x[54] > x[53] > x[52] > x[51]


def test_a_head_without_measured_points_has_them_in_proportion(mannequin):
    measured = face_at_rest(mannequin)
    del mannequin.data["pose_to_anime_face"]  # a file from before there were any
    inferred = face_at_rest(mannequin)
    unit = float(landmarks(mannequin)["eye_left"][0])
    assert np.linalg.norm(inferred - measured, axis=1).max() < 0.05 * unit
    bare = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    assert face_at_rest(bare) is None
    assert landmarks(bare) == {}


def test_numbers_move_the_face_of_a_bare_figure(mannequin):
    rest = found(mannequin).face
    face = mannequin.pose_to_anime.face
    unit = float(landmarks(mannequin)["eye_left"][0])
    face.gaze_side, face.closed_left, face.mouth_open, face.brow_inner, face.smile = 1.0, 1.0, 1.0, -1.0, 0.5
    now = found(mannequin).face
    left, right = PUPILS["left"], PUPILS["right"]
    assert now[right, 0] > rest[right, 0] + 0.1 * unit
    eye = now[list(EYES["left"])]
    assert np.abs(eye[[1, 2], 2] - eye[[5, 4], 2]).max() < 0.02 * unit, "closed"
    assert np.abs(now[list(EYES["right"])] - rest[list(EYES["right"])]).max() < 1e-6, "the other eye stays open"
    assert rest[8, 2] - now[8, 2] > 0.3 * unit, "the chin drops"
    assert rest[66, 2] - now[66, 2] > 0.3 * unit
    assert abs(now[51, 2] - rest[51, 2]) < 0.01 * unit
    assert now[22, 2] < rest[22, 2] - 0.2 * unit
    assert now[left, 2] < rest[left, 2] + 0.2 * unit
    info = face_info(mannequin)
    assert info == {"gaze_side": 1.0, "closed_left": 1.0, "mouth_open": 1.0, "brow_inner": -1.0, "smile": 0.5}
    restore_face(mannequin, {})
    assert np.abs(found(mannequin).face - rest).max() < 1e-6
    restore_face(mannequin, info)
    assert np.abs(found(mannequin).face - now).max() < 1e-6


def test_a_face_moves_the_same_way_in_any_axes(mannequin):
    """Characters' armatures have y up, or look to a side: what is open, closed and raised goes with the head."""
    marks = {name: np.array(place) for name, place in landmarks(mannequin).items()}
    bare = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    face = bare.pose_to_anime.face
    rest = face_points(bare, marks)
    face.gaze_side, face.gaze_up, face.closed_left, face.mouth_open, face.brow_inner, face.smile = 0.8, 0.5, 0.7, 1.0, 1.0, 0.5
    upright = face_points(bare, marks)
    assert rest[8, 2] - upright[8, 2] > 0.3 * marks["eye_left"][0], "the chin drops"
    for turn in (Euler((-math.pi / 2, 0.0, 0.0)), Euler((0.4, 0.9, 2.0))):
        matrix = np.array(turn.to_matrix())
        turned = face_points(bare, {name: matrix @ place for name, place in marks.items()})
        assert np.abs(turned - upright @ matrix.T).max() < 1e-5


def test_a_drawn_face_decides_where_its_points_are(mannequin):
    rest = face_at_rest(mannequin)
    put_on(mannequin, Outfit({"face": Worn("face_large_eyes")}))
    neutral = face_points(mannequin)
    outfit = Outfit({"face": Worn("face_large_eyes")})
    unit = float(landmarks(mannequin)["eye_left"][0])

    def opening(points: np.ndarray) -> float:
        return float(points[43, 2] + points[44, 2] - points[46, 2] - points[47, 2]) / 2.0

    assert opening(neutral) > 1.5 * opening(rest), "drawn eyes are larger"
    assert np.array_equal(neutral[:17], rest[:17])
    mannequin.pose_to_anime.face.mouth_open = 1.0
    assert np.array_equal(face_points(mannequin), neutral), "numbers are for figures without a drawn face"
    put_on(mannequin, replace(outfit, expression="surprised", gaze=(-1.0, 0.5)))
    looks = face_points(mannequin)
    assert looks[62, 2] - looks[66, 2] > 0.3 * unit, "the mouth is open"
    assert looks[24, 2] > neutral[24, 2] + 0.2 * unit, "brows are raised"
    assert looks[PUPILS["left"], 0] < neutral[PUPILS["left"], 0] - 0.2 * unit
    assert looks[PUPILS["left"], 2] > neutral[PUPILS["left"], 2]
    put_on(mannequin, replace(outfit, expression="wink"))
    wink = face_points(mannequin)
    assert opening(wink) > 0.5 * unit
    assert abs(wink[37, 2] - wink[41, 2]) < 1e-6, "the figure's right eye is closed"
    pieces = [child for child in mannequin.children if child.type == "MESH" and "face" in child.name.lower()]
    assert pieces
    off = [min((p.closest_point_on_mesh(point)[1] - Vector(point)).length for p in pieces) for point in wink[36:48]]
    assert max(off) < 0.15 * unit, "on what is drawn"


@pytest.mark.parametrize("pitch", [0.0, 25.0, -25.0])
@pytest.mark.parametrize("yaw", [0.0, 20.0, -20.0, 40.0, -40.0])
def test_a_face_has_all_points_until_it_is_turned_far(mannequin, yaw, pitch):
    assert seen_of_face(yaw, pitch).all()


@pytest.mark.parametrize("yaw", [45.0, -45.0, 65.0, -65.0, 90.0, -90.0, 135.0, 180.0])
def test_a_face_turned_far_shows_the_side_that_is_seen(mannequin, yaw):
    seen = seen_of_face(yaw)
    right, left = seen[:8].sum(), seen[9:17].sum()
    near, far = ("left", "right") if yaw > 0.0 else ("right", "left")
    if abs(yaw) > 100.0:
        assert not seen.any(), "a face seen from behind has no points"
        return
    assert seen[[*EYES[near][1:5], *BROWS[near], PUPILS[near], 30, 57]].all()
    assert (left if yaw > 0.0 else right) == 8
    assert (right if yaw > 0.0 else left) <= (0 if abs(yaw) == 90.0 else 2)
    if abs(yaw) == 90.0:
        assert not seen[[*EYES[far], PUPILS[far]]].any()
    if abs(yaw) == 45.0:
        assert seen[PUPILS[far]]


@pytest.mark.parametrize("body", ["adult_woman", "adult_man", "child", "chibi", "mascot"])
def test_the_far_side_of_a_jaw_is_the_outline_of_the_face(mannequin, body):
    """Against the skin: what of it is farthest to that side at the height of each point, and not behind the jaw."""
    bpy.data.objects.remove(mannequin)
    obj = add_mannequin(bpy.context, body)
    face, marks = face_at_rest(obj), landmarks(obj)
    height = marks["head_top"].z - marks["chin"].z
    (skin,) = [child for child in obj.children if child.type == "MESH"]
    places = np.array([vertex.co for vertex in skin.data.vertices])
    edges = np.array([edge.vertices for edge in skin.data.edges])
    lower, upper = places[edges[:, 0]], places[edges[:, 1]]
    rise = np.where(lower[:, 2] == upper[:, 2], np.nan, upper[:, 2] - lower[:, 2])
    for yaw in (15.0, 30.0, 40.0):
        look_from(yaw, 3.0, 0.0, tuple(face.mean(axis=0)))
        bpy.context.scene.camera.data.type = "ORTHO"
        bpy.context.view_layer.update()
        view = view_of(bpy.context.scene.camera, bpy.context.view_layer.depsgraph, *SIZE)
        across = view.to_camera[0, :3]
        shown = outlined(face, view)
        assert shown[8:] == pytest.approx(face[8:], abs=0.01 * height), "the near half stays"
        moved = [float((shown[k] - face[k]) @ across) for k in range(8)]
        for k in range(8):
            share = (face[k, 2] - lower[:, 2]) / rise
            cut = (lower + (upper - lower) * share[:, None])[(share >= 0.0) & (share <= 1.0)]
            cut = cut[(cut[:, 1] < face[k, 1] + 0.003) & (np.abs(cut[:, 0]) < abs(face[0, 0]) * 1.1)]
            off = float((shown[k] - face[k]) @ across - ((cut - face[k]) @ across).min())
            assert abs(off) < 0.03 * height, (yaw, k)
        if yaw == 40.0:
            assert min(moved) < -0.03 * height, "it is elsewhere than in a face seen from in front"


def test_small_hands_and_faces_are_left_out_and_more_where_dots_are_larger(mannequin):
    look_from(0.0, 6.0)
    (near,) = passes(kinds=("openpose",)).people
    assert near.face is not None
    assert near.left_hand is not None
    width = float(np.ptp(near.face[:, :2], axis=0).max())
    look_from(0.0, 6.0 * width / 25.0)
    assert passes(kinds=("openpose",)).people[0].face is not None
    look_from(0.0, 6.0 * width / 15.0)
    (far,) = passes(kinds=("openpose",)).people
    assert far.face is None
    assert far.left_hand is None
    assert far.body[:, 2].sum() == 18
    assert passes(kinds=("openpose",), profile="scaled").people[0].face is None


def test_models_and_users_decide_about_hands_and_face(mannequin):
    scene = bpy.context.scene

    def drawn(**options: object) -> tuple[bool, bool]:
        (person,) = passes(kinds=("openpose",), **options).people
        return person.left_hand is not None, person.face is not None

    scene.pose_to_anime.generation.family = "sd15"
    assert drawn() == (True, True)
    assert drawn(hands=False) == (False, True)
    scene.pose_to_anime.generation.family = "builtin"
    assert drawn() == (False, False)
    assert drawn(profile="controlnet") == (True, True)
    scene.pose_to_anime.generation.family = "sd15"
    scene.pose_to_anime.passes.face = False
    assert drawn() == (True, False)
    assert drawn(options=PassOptions(hands=False)) == (False, True)


def test_what_is_behind_something_can_be_hidden(mannequin):
    apply_pose(mannequin, load_pose("standing"))
    bpy.ops.mesh.primitive_cube_add(size=1.0, location=(0.0, -0.8, 0.55))
    wall = bpy.context.object
    wall.scale = (2.0, 0.02, 1.1)
    look_from(0.0)
    hiding = PassOptions(hide_occluded=True)
    (through,) = passes(kinds=("openpose",)).people
    (unticked,) = passes(kinds=("openpose",), options=hiding).people
    assert through.body[:, 2].all()
    assert np.array_equal(unticked.body, through.body), "an object that is not ticked hides nothing"
    wall.pose_to_anime.in_depth = True
    (behind,) = passes(kinds=("openpose",), options=hiding).people
    assert not behind.body[8:14, 2].any(), "hips, knees and ankles are behind it"
    assert behind.body[[0, 1, 2, 5, 14, 15], 2].all()
    assert behind.left_hand is None
    assert np.array_equal(behind.face, through.face)
    (again,) = passes(kinds=("openpose",)).people
    assert np.array_equal(again.body, through.body), "by default limbs are kept"
    bpy.data.objects.remove(wall)


def test_another_figure_hides_and_the_own_body_hides_hands(mannequin):
    apply_pose(mannequin, load_pose("standing_hands_behind_back"))
    look_from(0.0)
    hiding = PassOptions(hide_occluded=True)
    (front,) = passes(kinds=("openpose",), options=hiding).people
    assert front.left_hand is None
    assert front.right_hand is None
    assert front.body[:, 2].all(), "the own body hides no limb"
    look_from(180.0)
    (back,) = passes(kinds=("openpose",), options=hiding).people
    assert back.left_hand is not None or back.right_hand is not None
    look_from(0.0)
    add_mannequin(bpy.context, location=(0.0, -0.7, 0.0))
    people = passes(kinds=("openpose",), options=hiding).people
    seen = sorted(int(person.body[:, 2].sum()) for person in people)
    assert seen[0] < 12
    assert seen[1] == 18
    assert all(person.body[:, 2].all() for person in passes(kinds=("openpose",)).people)


def test_a_hand_before_the_face_hides_it_only_if_that_is_wished(mannequin):
    apply_pose(mannequin, load_pose("standing"))
    bpy.context.view_layer.update()
    face = found(mannequin).face[30]
    goal = mannequin.pose.bones.get("hand_ik.L")
    goal.matrix = Matrix.Translation(Vector(face) + Vector((0.0, -0.12, -0.08))) @ goal.matrix.to_3x3().to_4x4()
    look_at_head(0.0, 2.5)
    (kept,) = passes(kinds=("openpose",)).people
    (hidden,) = passes(kinds=("openpose",), options=PassOptions(hide_occluded=True)).people
    assert kept.face[:, 2].sum() >= 65
    lost = (kept.face[:, 2] > 0) & (hidden.face[:, 2] == 0)
    assert 3 <= lost.sum() < 60
    assert math.isclose(hidden.body[1, 2], 1.0)
