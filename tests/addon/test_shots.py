# SPDX-License-Identifier: GPL-3.0-or-later
"""Named shots and saved ones in a real Blender: what they show, from where, and what bad input gets."""

import math

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from framing_scene import add_mannequin, camera, figures, framing  # noqa: E402
from mathutils import Vector  # noqa: E402
from pose_to_anime.addon.armature.mannequin import landmarks  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.framing.camera import camera_matrix, projection, scene_size  # noqa: E402
from pose_to_anime.addon.framing.saved_shots import shot_names  # noqa: E402
from pose_to_anime.addon.framing.shot_names import ANGLES, FRAMINGS, HEIGHTS  # noqa: E402
from pose_to_anime.addon.framing.solve import project  # noqa: E402
from pose_to_anime.addon.framing.subject import figure_points  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

OPS = bpy.ops.pose_to_anime


@pytest.fixture
def mannequin() -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return add_mannequin()


def shots() -> bpy.types.PropertyGroup:
    return bpy.context.scene.pose_to_anime.shots


def take(**words: object) -> bpy.types.Object:
    assert OPS.set_shot(**words) == {"FINISHED"}
    bpy.context.view_layer.update()
    return camera()


def seen(points: np.ndarray) -> np.ndarray:
    """Where world positions (N, 3) are in the picture, −1 … 1 both ways."""
    depsgraph = bpy.context.view_layer.depsgraph
    view = camera_matrix(camera(), depsgraph)
    local = (points - view[:3, 3]) @ view[:3, :3]
    positions, depths = project(local, projection(camera(), depsgraph, scene_size(bpy.context.scene)))
    assert (depths > 0).all()
    return positions


def body() -> np.ndarray:
    return figure_points(bpy.context.scene, bpy.context.view_layer.depsgraph, figures())


def joint(obj: bpy.types.Object, bone: str) -> np.ndarray:
    return np.array([obj.matrix_world @ obj.pose.bones[bone].head])


def looking() -> Vector:
    return -camera().matrix_world.to_3x3().normalized().col[2]


@pytest.mark.parametrize("pose", ["standing", "sitting"])
def test_framings_cut_the_body_where_their_names_say(mannequin: bpy.types.Object, pose: str) -> None:
    apply_pose(mannequin, load_pose(pose))
    largest = 0.0
    head = mannequin.matrix_world @ mannequin.pose.bones["head"].matrix @ mannequin.data.bones["head"].matrix_local.inverted()
    face = np.array([head @ landmarks(mannequin)[name] for name in ("head_top", "chin", "nose_tip", "ear_left", "ear_right")])
    for name in FRAMINGS:
        take(framing=name, angle="front", height="eye-level")
        assert (np.abs(seen(face)) < 1.0).all(), "the head is always in the picture"
        top, chin = seen(face)[:2, 1]
        assert top - chin > largest * 1.15, f"{name} shows the head larger than the one before"
        largest = top - chin
        assert 0.75 < seen(body())[:, 1].max() < 0.9, "head room"
        inside = {bone: bool((np.abs(seen(joint(mannequin, bone))) < 1.0).all()) for bone in ("foot.L", "thigh.L", "upper_arm.L")}
        expected = {
            "full": {"foot.L": True, "thigh.L": True, "upper_arm.L": True},
            "cowboy": {"foot.L": False, "thigh.L": True, "upper_arm.L": True},
            "bust": {"foot.L": False, "thigh.L": False, "upper_arm.L": True},
            "portrait": {"foot.L": False, "thigh.L": False},
        }[name]
        assert {bone: inside[bone] for bone in expected} == expected, name
        assert (seen(body())[:, 1].min() < -1.0) == (name != "full")


def test_angles_go_round_to_the_left_of_where_the_chest_faces(mannequin: bpy.types.Object) -> None:
    mannequin.rotation_euler.z = 1.1
    bpy.context.view_layer.update()
    forward = mannequin.matrix_world.to_3x3() @ Vector((0, -1, 0))
    left = mannequin.matrix_world.to_3x3() @ Vector((1, 0, 0))
    for angle, degrees in zip(ANGLES, (0, 40, 90, 180), strict=True):
        take(angle=angle)
        turn = math.radians(degrees)
        assert (looking() + forward * math.cos(turn) + left * math.sin(turn)).length < 0.03, angle
        assert (np.abs(seen(body())) < 1.0).all()


def test_the_front_is_where_a_turned_chest_faces(mannequin: bpy.types.Object) -> None:
    pose = load_pose("fighting_punch")
    apply_pose(mannequin, pose)
    take(framing="portrait", angle="front")
    chest = mannequin.pose.bones["upper_chest"]
    forward = (chest.matrix @ chest.bone.matrix_local.inverted()).to_3x3() @ Vector((0, -1, 0))
    assert looking().to_2d().angle(-forward.to_2d()) < 0.15
    assert abs(forward.x) > 0.15, "the pose turns the chest"


def test_low_looks_up_and_high_looks_down_from_above_the_ground(mannequin: bpy.types.Object) -> None:
    for name in FRAMINGS:
        rises = []
        for height in HEIGHTS:
            place = take(framing=name, angle="three-quarter", height=height).matrix_world.translation
            rises.append(looking().z)
            assert place.z > 0.05, "a camera in the ground sees a floor from below"
            assert abs(camera().matrix_world.to_3x3().col[0].z) < 1e-6, "upright"
        level, low, high = rises
        assert abs(level) < 1e-6 and low > 0.15 and high < -0.35, name


def test_someone_who_lies_is_seen_from_the_side(mannequin: bpy.types.Object) -> None:
    apply_pose(mannequin, load_pose("lying"))
    take(framing="full", angle="front")
    places = seen(np.concatenate([joint(mannequin, "head"), joint(mannequin, "foot.L")]))
    assert abs(places[0, 0] - places[1, 0]) > 3.0 * abs(places[0, 1] - places[1, 1]), "the body lies across the picture"
    take(framing="full", angle="side")
    spine = Vector(joint(mannequin, "hips")[0] - joint(mannequin, "head")[0])
    assert looking().dot(spine) < 0.0, "from the feet"


def test_the_active_figure_alone_or_all(mannequin: bpy.types.Object) -> None:
    bpy.context.scene.cursor.location.x = 2.0
    second = add_mannequin()
    assert bpy.context.view_layer.objects.active == second
    take(framing="bust")
    assert (np.abs(seen(np.concatenate([joint(mannequin, "head"), joint(second, "head")]))) < 1.0).all()
    take(framing="bust", active_only=True)
    assert (np.abs(seen(joint(second, "head"))) < 1.0).all()
    assert not (np.abs(seen(joint(mannequin, "head"))) < 1.0).all()


def test_two_who_face_each_other_are_seen_from_the_side(mannequin: bpy.types.Object) -> None:
    mannequin.rotation_euler.z = math.pi / 2
    bpy.context.scene.cursor.location.x = 1.0
    add_mannequin().rotation_euler.z = -math.pi / 2
    bpy.context.view_layer.update()
    take(angle="front")
    assert (looking() - Vector((0, 1, 0))).length < 0.05


def test_a_shot_is_one_undoable_change_of_the_camera_alone(mannequin: bpy.types.Object) -> None:
    framing().ratio = "16:9"
    before = [bone.matrix.copy() for bone in mannequin.pose.bones]
    take(framing="cowboy", angle="side", height="low")
    assert [bone.matrix for bone in mannequin.pose.bones] == before
    assert framing().ratio == "16:9"
    assert (shots().framing, shots().angle, shots().height) == ("cowboy", "side", "low")
    assert "UNDO" in bpy.types.POSE_TO_ANIME_OT_set_shot.bl_options


def test_a_saved_shot_brings_back_camera_lens_and_ratio(mannequin: bpy.types.Object) -> None:
    framing().ratio = "3:4"
    take(framing="bust", angle="three-quarter", height="high")
    camera().data.shift_x, camera().data.lens = 0.1, 35.0
    bpy.context.view_layer.update()
    before = seen(body())
    assert OPS.save_shot(name=" Close ") == {"FINISHED"}
    framing().ratio = "16:9"
    take(framing="full", angle="back")
    camera().data.type = "ORTHO"
    OPS.save_shot(name="Far")
    assert shot_names(bpy.context.scene) == ["Close", "Far"]
    assert OPS.use_shot(name="Close") == {"FINISHED"}
    bpy.context.view_layer.update()
    assert framing().ratio == "3:4" and camera().data.type == "PERSP"
    assert (bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y) == scene_size(bpy.context.scene)
    assert np.abs(seen(body()) - before).max() < 1e-6
    assert shots().current == 0
    OPS.use_shot(name="Far")
    assert camera().data.type == "ORTHO" and framing().ratio == "16:9"


def test_shots_are_stepped_through_renamed_and_deleted(mannequin: bpy.types.Object) -> None:
    for name, angle in (("A", "front"), ("B", "side"), ("C", "back")):
        take(angle=angle)
        OPS.save_shot(name=name)
    current = []
    for back in (False, False, True, True, True):
        OPS.step_shot(back=back)
        current.append(shot_names(bpy.context.scene)[shots().current])
    assert current == ["A", "B", "A", "C", "B"]
    OPS.rename_shot(name="B", new_name="Side of her")
    OPS.delete_shot(name="A")
    assert shot_names(bpy.context.scene) == ["Side of her", "C"]
    assert shots().current == 0
    take(angle="front")
    OPS.save_shot(name="C", replace=True)
    assert shot_names(bpy.context.scene) == ["Side of her", "C"]
    OPS.use_shot(name="Side of her")
    OPS.use_shot(name="C")
    assert (looking() - Vector((0, 1, 0))).length < 0.03


@pytest.mark.parametrize(
    ("verb", "arguments", "says"),
    [
        ("save_shot", {"name": "  "}, "Give the shot a name"),
        ("save_shot", {"name": "Mine"}, "There is a shot 'Mine' already"),
        ("use_shot", {"name": "Other"}, "There is no saved shot 'Other'. Saved shots: Mine, Yours."),
        ("rename_shot", {"name": "Mine", "new_name": "Yours"}, "There is a shot 'Yours' already"),
        ("rename_shot", {"name": "Mine", "new_name": " "}, "Give the shot a name"),
        ("delete_shot", {"name": "Other"}, "There is no saved shot 'Other'"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    mannequin: bpy.types.Object, verb: str, arguments: dict[str, str], says: str
) -> None:
    take()
    OPS.save_shot(name="Mine")
    OPS.save_shot(name="Yours")
    with pytest.raises(RuntimeError, match=says):
        getattr(OPS, verb)(**arguments)
    assert shot_names(bpy.context.scene) == ["Mine", "Yours"]


def test_without_figures_cameras_or_shots_the_verbs_cannot_be_called() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for verb in ("set_shot", "save_shot", "use_shot", "step_shot", "rename_shot", "delete_shot"):
        assert not getattr(OPS, verb).poll(), verb


def test_hidden_figures_are_no_subject(mannequin: bpy.types.Object) -> None:
    for obj in (mannequin, *mannequin.children):
        obj.hide_set(True)
    with pytest.raises(RuntimeError, match="There is no visible figure to frame"):
        OPS.set_shot()
    assert not bpy.data.cameras


def test_a_ratio_that_the_model_cannot_paint_leaves_everything(mannequin: bpy.types.Object) -> None:
    take()
    OPS.save_shot(name="Mine")
    shots().saved["Mine"].ratio = "CUSTOM"
    shots().saved["Mine"].custom_width, shots().saved["Mine"].custom_height = 1.0, 20.0
    place = camera().matrix_world.copy()
    take(angle="back")
    after = camera().matrix_world.copy()
    with pytest.raises(RuntimeError, match="too long"):
        OPS.use_shot(name="Mine")
    assert framing().ratio != "CUSTOM" and camera().matrix_world == after != place
