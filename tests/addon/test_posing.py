# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole poses on a mannequin in a real Blender: apply, read back, contacts, reset, and the operators around them."""

import math
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Quaternion, Vector  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, is_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.matching import is_ik, set_ik  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, read_pose, reset_pose  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.humanoid import JOINTS  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose, pose_names  # noqa: E402
from pose_to_anime.addon.pose.normalised import Contact, Pose, dumps, loads, mirror  # noqa: E402
from rig_scene import Limited, random_pose, registered  # noqa: E402, F401

MILLIMETRE = 1e-3


@pytest.fixture
def figure() -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return add_mannequin(bpy.context)


def worst_angle(a: Pose, b: Pose) -> float:
    """In degrees."""
    return max(math.degrees(rot.angle_between(a.rotation(joint), b.rotation(joint))) for joint in JOINTS)


def skin_points(obj: bpy.types.Object) -> np.ndarray:
    """(N, 3) world places of the skin's vertices as they are seen."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    (skin,) = skins_of(obj)
    evaluated = skin.evaluated_get(depsgraph)
    mesh = evaluated.to_mesh()
    points = np.empty(3 * len(mesh.vertices))
    mesh.vertices.foreach_get("co", points)
    world = np.array(evaluated.matrix_world)
    evaluated.to_mesh_clear()
    return points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]


@pytest.mark.parametrize("seed", range(8))
def test_what_is_applied_is_read_back_within_a_hundredth_of_a_degree(figure, seed) -> None:
    pose = random_pose(Limited(figure).limits, np.random.default_rng(seed))
    apply_pose(figure, pose)
    again = read_pose(figure)
    assert worst_angle(pose, again) < 0.01
    assert again.hips_translation == pytest.approx(pose.hips_translation, abs=1e-5)


@pytest.mark.parametrize("name", ["standing", "running", "sitting", "jumping", "lying"])
def test_library_poses_survive_file_and_figure(figure, name) -> None:
    pose = load_pose(name)
    apply_pose(figure, pose)
    again = loads(dumps(read_pose(figure, name)))
    assert worst_angle(pose, again) < 0.01
    for limb in LIMBS:
        dots = ((limb.target, limb.end), (limb.hinge, limb.lower))
        assert all((figure.pose.bones[a].head - figure.pose.bones[b].head).length < MILLIMETRE for a, b in dots)


@pytest.mark.parametrize("name", ["standing", "running", "sitting", "lying"])
def test_what_rests_on_the_ground_touches_it_and_nothing_is_below(figure, name) -> None:
    apply_pose(figure, load_pose(name))
    assert abs(skin_points(figure)[:, 2].min()) < 5 * MILLIMETRE


def test_contact_holds_wherever_the_pose_puts_the_hips_and_the_root_stands(figure) -> None:
    pose = load_pose("running")
    floating = Pose(pose.name, pose.rotations, (0.0, 0.0, 0.7), pose.contacts)
    figure.pose.bones["root"].location = (0.4, 0.2, 0.1)
    apply_pose(figure, floating)
    assert skin_points(figure)[:, 2].min() == pytest.approx(0.1, abs=5 * MILLIMETRE)
    assert tuple(figure.pose.bones["root"].location) == pytest.approx((0.4, 0.2, 0.1))
    free = Pose(pose.name, pose.rotations, (0.0, 0.0, 0.7), ())
    apply_pose(figure, free)
    assert skin_points(figure)[:, 2].min() > 0.5


def test_a_mirrored_pose_gives_the_mirrored_body(figure) -> None:
    pose = load_pose("running")
    apply_pose(figure, pose)
    original = {bone.name: bone.head.copy() for bone in figure.pose.bones if bone.bone.use_deform}
    apply_pose(figure, mirror(pose))
    for name, head in original.items():
        other = name[:-2] + {".L": ".R", ".R": ".L"}[name[-2:]] if name[-2:] in (".L", ".R") else name
        image = figure.pose.bones[other].head
        assert (Vector((-head.x, head.y, head.z)) - image).length < MILLIMETRE, name
    apply_pose(figure, mirror(mirror(pose)))
    for name, head in original.items():
        assert (figure.pose.bones[name].head - head).length < 0.1 * MILLIMETRE


def test_the_identity_is_the_t_pose(figure) -> None:
    apply_pose(figure, Pose("T", {}))
    for side, x in ((".L", 1), (".R", -1)):
        for bone in ("upper_arm", "forearm", "hand"):
            assert (figure.pose.bones[bone + side].vector.normalized() - Vector((x, 0, 0))).length < 1e-3
        for bone in ("thigh", "shin"):
            assert (figure.pose.bones[bone + side].vector.normalized() - Vector((0, 0, -1))).length < 1e-3
        index, little = (figure.pose.bones[f"{finger}_1{side}"].head for finger in ("index", "little"))
        assert index.y < little.y - 0.03, "palms down, thumbs forward"
        assert abs(index.z - little.z) < 0.01


def test_the_runner_strides(figure) -> None:
    apply_pose(figure, load_pose("running"))
    heads = {name: figure.pose.bones[name].head for name in ("foot.L", "foot.R", "hand.L", "hand.R", "head", "hips")}
    assert abs(heads["foot.L"].y - heads["foot.R"].y) > 0.6, "a long step"
    assert (heads["foot.L"].y - heads["foot.R"].y) * (heads["hand.L"].y - heads["hand.R"].y) < 0, "arms against legs"
    assert heads["head"].y < heads["hips"].y - 0.05, "leaning forward"


def test_a_pose_leaves_the_limbs_ready_for_either_kind_of_edit(figure) -> None:
    apply_pose(figure, load_pose("running"))
    feet = figure.pose.bones["foot.R"].head.copy()
    move_control(figure, "hips", figure.matrix_world @ (figure.pose.bones["hips"].head + Vector((0, 0, -0.05))))
    assert (figure.pose.bones["foot.R"].head - feet).length < MILLIMETRE, "the standing foot stays"
    turn_joint(figure, "forearm.L", Quaternion((1, 0, 0), 0.3))
    assert not is_ik(figure, LIMBS[0])


def test_applying_over_any_state_gives_the_same_pose(figure) -> None:
    pose = load_pose("sitting")
    apply_pose(figure, pose)
    expected = {bone.name: bone.matrix.copy() for bone in figure.pose.bones if bone.bone.use_deform}
    move_control(figure, "hand.R", (-3, 2, 1))
    turn_joint(figure, "thigh.L", Quaternion((0, 1, 0), 1.0))
    figure.pose.bones["chest"].scale = (1, 1, 1)
    set_ik(figure, LIMBS[3], False)
    apply_pose(figure, pose)
    for name, matrix in expected.items():
        assert (figure.pose.bones[name].matrix.translation - matrix.translation).length < 0.1 * MILLIMETRE


def test_reset_brings_everything_back(figure) -> None:
    rest = {bone.name: bone.bone.matrix_local.copy() for bone in figure.pose.bones if bone.bone.use_deform}
    apply_pose(figure, load_pose("lying"))
    figure.pose.bones["root"].location = (1, 1, 1)
    reset_pose(figure)
    for name, matrix in rest.items():
        assert (figure.pose.bones[name].matrix.translation - matrix.translation).length < 0.1 * MILLIMETRE
    assert all(is_ik(figure, limb) for limb in LIMBS)


def test_only_mannequins_take_poses(figure) -> None:
    other = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(other)
    for action in (lambda: apply_pose(other, load_pose("running")), lambda: read_pose(other), lambda: reset_pose(other)):
        with pytest.raises(UserError, match="'Rig' is not a mannequin"):
            action()


# -------------------------------------------------------------------------------------------------------------- operators


def test_add_in_the_factory_scene_stands_on_the_ground_at_the_cursor_selected_and_active() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=False)
    bpy.context.scene.cursor.location = (0.5, -2, 3)
    assert bpy.ops.pose_to_anime.add_mannequin() == {"FINISHED"}
    obj = bpy.context.view_layer.objects.active
    assert is_mannequin(obj) and obj.select_get()
    assert tuple(obj.location) == (0.5, -2, 0)
    assert [o.name for o in bpy.context.selected_objects] == [obj.name]
    assert bpy.context.mode == "OBJECT"
    assert bpy.ops.pose_to_anime.start_posing() == {"FINISHED"}
    assert bpy.context.mode == "POSE"
    assert bpy.ops.pose_to_anime.add_mannequin(start_posing=True) == {"FINISHED"}, "also from Pose Mode"
    assert bpy.context.view_layer.objects.active != obj
    assert bpy.ops.pose_to_anime.stop_posing() == {"FINISHED"}
    assert bpy.context.mode == "OBJECT"


def test_operators_take_the_figure_by_name_or_the_active_one(figure) -> None:
    second = add_mannequin(bpy.context, location=(2, 0, 0))
    rest = read_pose(figure)
    assert bpy.ops.pose_to_anime.apply_pose(pose="running") == {"FINISHED"}
    assert worst_angle(read_pose(second), load_pose("running")) < 0.01
    assert worst_angle(read_pose(figure), rest) < 1e-6
    assert bpy.ops.pose_to_anime.apply_pose(pose="sitting", armature=figure.name) == {"FINISHED"}
    assert worst_angle(read_pose(figure), load_pose("sitting")) < 0.01
    bpy.context.view_layer.objects.active = skins_of(figure)[0]
    assert bpy.ops.pose_to_anime.reset_pose() == {"FINISHED"}
    assert worst_angle(read_pose(figure), rest) < 0.01
    bpy.context.view_layer.objects.active = None
    with pytest.raises(RuntimeError, match="Select the mannequin"):
        bpy.ops.pose_to_anime.reset_pose()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no JSON at all", "is not JSON"),
        ('{"format": "pose_to_anime.pose", "version": 99, "name": "x", "rotations": {}}', "update Pose to Anime"),
        ('{"format": "pose_to_anime.pose", "version": 1, "name": "x", "rotations": {"tail": [1,0,0,0]}}', "unknown joint"),
        ('{"format": "pose_to_anime.pose", "version": 1, "name": "x", "rotations": {"head": [NaN,0,0,0]}}', "not finite"),
    ],
)
def test_a_bad_pose_file_gets_one_sentence_and_changes_nothing(figure, tmp_path, text, says) -> None:
    path = Path(tmp_path) / "bad.json"
    path.write_text(text, encoding="utf-8")
    before = read_pose(figure)
    with pytest.raises(RuntimeError, match=says):
        bpy.ops.pose_to_anime.apply_pose(filepath=str(path))
    assert read_pose(figure).rotations == before.rotations


def test_without_a_figure_the_polls_say_so() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for name in ("apply_pose", "reset_pose", "remove_mannequin", "start_posing", "stop_posing"):
        operator = getattr(bpy.ops.pose_to_anime, name)
        assert not operator.poll()
        with pytest.raises(RuntimeError, match=r"mannequin|being posed"):
            operator()


def test_every_library_pose_can_be_chosen(figure) -> None:
    for name in pose_names():
        assert bpy.ops.pose_to_anime.apply_pose(pose=name) == {"FINISHED"}
    with pytest.raises(TypeError, match="not found in"):
        bpy.ops.pose_to_anime.apply_pose(pose="flying")


def test_contacts_of_an_unsupported_part_do_no_harm(figure) -> None:
    apply_pose(figure, Pose("T", {}, contacts=(Contact("leftHand"), Contact("hips", "seat"))))
    assert np.isfinite(skin_points(figure)).all()
