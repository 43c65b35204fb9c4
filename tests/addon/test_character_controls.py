# SPDX-License-Identifier: GPL-3.0-or-later
"""Our dots on a character of the artist's own: it goes along, whatever its axes, size and stance, and is let go unchanged."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from character_scene import Character, add_character, dump  # noqa: E402
from mathutils import Quaternion, Vector  # noqa: E402
from pose_to_anime.addon.armature.control_rig.bake import bake  # noqa: E402
from pose_to_anime.addon.armature.control_rig.link import character_of, constraints_of, controls_of  # noqa: E402
from pose_to_anime.addon.armature.control_rig.use import let_go, use_character  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.armature.hands import apply_hand  # noqa: E402
from pose_to_anime.addon.armature.joint_map import joint_map  # noqa: E402
from pose_to_anime.addon.armature.keypoints import body_keypoints  # noqa: E402
from pose_to_anime.addon.armature.limits import limits_of  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, is_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, humanoid_rest_of, read_pose  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose.hands import load_hand  # noqa: E402
from pose_to_anime.addon.pose.humanoid import JOINTS  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

BONES = joint_map("mannequin")
RIGS = {
    "Mixamo": {"scale": 0.01, "stance": "T"},
    "A-pose, turned and away": {"stance": "A", "turn": (1.2, 0.4, -0.7), "place": (3.0, -2.0, 1.0)},
    "hundred times as large": {"scale": 100.0, "size": 170.0, "stance": "A"},
    "a hundredth": {"scale": 1.0, "size": 0.017, "stance": "T", "turn": (0.0, 0.0, 0.0)},
}


@pytest.fixture(name="character", params=RIGS.values(), ids=RIGS)
def character_fixture(request: pytest.FixtureRequest) -> Character:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return add_character(**request.param)


@pytest.fixture(name="mixamo")
def mixamo_fixture() -> Character:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return add_character(**RIGS["Mixamo"])


def worst_joint(character: Character, controls: bpy.types.Object) -> float:
    """The farthest that a joint of the character is from the joint of ours, in heights of the body."""
    bpy.context.view_layer.update()
    height = controls.matrix_world.to_scale().x * 1.7
    places = ((character.place(j), controls.matrix_world @ controls.pose.bones[BONES[j]].head) for j in character.joints)
    return max((own - ours).length for own, ours in places) / height


def test_joints_are_where_those_of_a_mannequin_are(character: Character) -> None:
    mannequin = add_mannequin(bpy.context)
    controls = use_character(character.obj, character.joints)
    assert is_mannequin(controls) and character_of(controls) == character.obj
    for name in ("running_sprint", "sitting_cross_legged", "kneeling_all_fours"):
        _compare(name, character, controls, mannequin)


def _compare(name: str, character: Character, controls: bpy.types.Object, mannequin: bpy.types.Object) -> None:
    for obj in (mannequin, controls):
        apply_pose(obj, load_pose(name))
    bpy.context.view_layer.update()
    height = mannequin.data["pose_to_anime_landmarks"]["head_top"][2]
    body = np.array(controls.matrix_world.inverted())
    size = height / controls.data["pose_to_anime_landmarks"]["head_top"][2]
    hips = humanoid_rest_of(controls).heads["hips"], humanoid_rest_of(mannequin).heads["hips"]
    for joint in JOINTS:
        seen = (body @ np.append(np.array(character.place(joint)), 1.0))[:3] * size - hips[0] * size
        should = np.array(mannequin.pose.bones[BONES[joint]].head) - hips[1]
        assert np.linalg.norm(seen - should) < 0.005 * height, (name, joint, seen, should)


def test_skin_is_moved_as_a_mannequins(mixamo: Character) -> None:
    """Not the joints alone: each vertex of the same mesh comes to the same place, so bones are turned as they should be."""
    controls = use_character(mixamo.obj, mixamo.joints)
    apply_pose(controls, load_pose("running_sprint"))
    bpy.context.view_layer.update()
    mesh = mixamo.mesh.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    seen = np.array([controls.matrix_world.inverted() @ mixamo.mesh.matrix_world @ vertex.co for vertex in mesh.vertices])
    rest = np.array([controls.matrix_world.inverted() @ mixamo.mesh.matrix_world @ v.co for v in mixamo.mesh.data.vertices])
    blended = np.zeros_like(rest)
    for joint, bone in BONES.items():
        if bone in mixamo.skin.weights:
            rows, shares = mixamo.skin.weights[bone]
            pose_bone = controls.pose.bones[BONES[joint]]
            moved = np.array(pose_bone.matrix @ pose_bone.bone.matrix_local.inverted())
            np.add.at(blended, rows, shares[:, None] * (rest[rows] @ moved[:3, :3].T + moved[:3, 3]))
    assert np.abs(seen - blended).max() < 0.002
    assert np.abs(seen - rest).max() > 0.3


def test_hands_and_dots_are_followed(character: Character) -> None:
    controls = use_character(character.obj, character.joints)
    size = controls.matrix_world.to_scale().x
    apply_hand(controls, "L", load_hand("fist"))
    assert worst_joint(character, controls) < 3e-4
    wrist, fingers = character.place("leftHand"), ("Index", "Middle", "Ring", "Little")
    tips = [character.place(f"left{finger}Distal") - wrist for finger in fingers]
    assert all(tip.length < 0.12 * size for tip in tips), "the fingers are closed"
    goal = controls.matrix_world @ Vector((0.3, -0.35, 1.1))
    move_control(controls, "hand.L", goal)
    bpy.context.view_layer.update()
    assert (character.place("leftHand") - goal).length < 0.001 * size
    assert worst_joint(character, controls) < 3e-4


def test_limits_hold_on_the_character(mixamo: Character) -> None:
    controls = use_character(mixamo.obj, mixamo.joints)
    bone = controls.pose.bones["shin.L"]
    bone.rotation_quaternion = Quaternion((1.0, 0.0, 0.0), -1.0)
    for limb_bone in ("thigh.L", "shin.L", "foot.L"):
        controls.pose.bones[limb_bone].constraints["Follow IK"].influence = 0.0
    bpy.context.view_layer.update()
    rest = humanoid_rest_of(controls)
    limits = limits_of(controls, rest)
    assert limits.excess("leftLowerLeg", read_pose(controls).rotation("leftLowerLeg")) < 1e-3
    knee, ankle, hip = (mixamo.place(joint) for joint in ("leftLowerLeg", "leftFoot", "leftUpperLeg"))
    assert (knee - hip).angle(ankle - knee) < np.radians(15), "no knee bends forward"


def test_letting_go_leaves_all_as_it_was(character: Character) -> None:
    obj = character.obj
    obj.pose.bones[character.joints["spine"]].rotation_mode = "QUATERNION"
    obj.pose.bones[character.joints["spine"]].rotation_quaternion = Quaternion((1.0, 0.0, 0.0), 0.2)
    own = obj.pose.bones[character.joints["leftHand"]].constraints.new("LIMIT_ROTATION")
    own.name = "Mine"
    obj.keyframe_insert("location")
    obj.pose.bones[character.joints["head"]].keyframe_insert("rotation_quaternion")
    bpy.ops.object.select_all(action="DESELECT")
    character.mesh.select_set(True)
    bpy.context.view_layer.objects.active = character.mesh
    bpy.context.view_layer.update()
    before = dump(obj), dump(character.mesh), len(bpy.data.objects), len(bpy.data.armatures), len(bpy.data.actions)
    controls = use_character(obj, character.joints)
    assert dump(obj) != before[0]
    apply_pose(controls, load_pose("running_sprint"))
    assert let_go(controls) == obj
    after = dump(obj), dump(character.mesh), len(bpy.data.objects), len(bpy.data.armatures), len(bpy.data.actions)
    assert after == before


def test_it_begins_in_the_pose_that_was_seen(mixamo: Character) -> None:
    bone = mixamo.obj.pose.bones[mixamo.joints["leftUpperArm"]]
    world = Quaternion((0.0, 1.0, 0.0), 0.7)  # in the world: the arm comes down from the T-pose
    own = (mixamo.obj.matrix_world @ bone.bone.matrix_local).to_quaternion()
    bone.rotation_mode = "QUATERNION"
    bone.rotation_quaternion = own.inverted() @ world @ own
    bpy.context.view_layer.update()
    before = {joint: mixamo.place(joint) for joint in mixamo.joints}
    controls = use_character(mixamo.obj, mixamo.joints)
    bpy.context.view_layer.update()
    assert max((mixamo.place(joint) - place).length for joint, place in before.items()) < 0.002
    assert read_pose(controls).rotation("leftUpperArm") != pytest.approx((1, 0, 0, 0), abs=0.1)


def test_a_baked_pose_stays(character: Character) -> None:
    controls = use_character(character.obj, character.joints)
    size = controls.matrix_world.to_scale().x
    apply_pose(controls, load_pose("sitting_cross_legged"))
    bpy.context.view_layer.update()
    before = {joint: character.place(joint) for joint in character.joints}
    assert bake(controls, key=False) == character.obj
    bpy.context.view_layer.update()
    assert not list(constraints_of(character.obj)) and controls_of(character.obj) is None
    assert max((character.place(joint) - place).length for joint, place in before.items()) < 0.001 * size


def test_a_baked_pose_is_keyed_where_it_is_wanted(mixamo: Character) -> None:
    controls = use_character(mixamo.obj, mixamo.joints)
    apply_pose(controls, load_pose("jumping_star"))
    bpy.context.view_layer.update()
    before = mixamo.place("leftHand")
    bake(controls, key=True)
    for bone in mixamo.obj.pose.bones:
        bone.rotation_quaternion = (1.0, 0.0, 0.0, 0.0)
    bpy.context.scene.frame_set(bpy.context.scene.frame_current)
    bpy.context.view_layer.update()
    assert (mixamo.place("leftHand") - before).length < 0.001


def test_it_is_a_figure_of_the_pictures(mixamo: Character) -> None:
    controls = use_character(mixamo.obj, mixamo.joints)
    assert skins_of(controls) == [mixamo.mesh]
    (figure,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    assert figure.armature[0] == controls.name and [key[0] for key in figure.meshes] == [mixamo.mesh.name]
    points, there = body_keypoints(figure, bpy.context.evaluated_depsgraph_get())
    assert there.sum() == 17
    nose, ears = points[0], points[[16, 17]]
    assert nose[1] < ears[:, 1].min() - 0.05, "the nose is in front of the ears"
    nearest = min((mixamo.mesh.matrix_world @ v.co - Vector(nose)).length for v in mixamo.mesh.data.vertices)
    assert nearest < 0.005


def test_controls_know_the_face_that_the_pictures_have_without_them(character: Character) -> None:
    def seen() -> tuple[np.ndarray, np.ndarray]:
        (figure,) = figures_in(bpy.context.scene, bpy.context.view_layer)
        return body_keypoints(figure, bpy.context.evaluated_depsgraph_get())

    before, was_there = seen()
    use_character(character.obj, character.joints)
    after, is_there = seen()
    assert was_there.sum() == 17 and (was_there == is_there).all()
    height = float(np.ptp(before[is_there][:, 2]))
    assert np.linalg.norm(after - before, axis=1)[is_there].max() < 0.002 * height


LACKING = {
    "no upper chest": ("upperChest",),
    "a spine of one bone": ("chest", "upperChest"),
    "no shoulders": ("leftShoulder", "rightShoulder"),
    "no neck, no toes": ("neck", "leftToes", "rightToes"),
    "no fingers": tuple(j for j in JOINTS if j.endswith(("Proximal", "Intermediate", "Distal", "Metacarpal"))),
    "two fingers of two bones": tuple(
        j for j in JOINTS if ("Ring" in j or "Little" in j or j.endswith(("Intermediate", "ThumbMetacarpal")))
    ),
}


def test_what_is_no_mesh_of_a_character_is_in_the_pictures_too(mixamo: Character) -> None:
    data = bpy.data.curves.new("Braid", "CURVE")
    data.dimensions, data.bevel_depth = "3D", 0.02
    data.splines.new("POLY").points.add(1)
    data.splines[0].points[1].co = (0.0, 0.0, -0.4, 1.0)
    braid = bpy.data.objects.new("Braid", data)
    bpy.context.scene.collection.objects.link(braid)
    braid.parent, braid.parent_type, braid.parent_bone = mixamo.obj, "BONE", mixamo.joints["head"]
    bpy.context.view_layer.update()
    (before,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    use_character(mixamo.obj, mixamo.joints)
    (after,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    assert sorted(before.meshes) == sorted(after.meshes) and braid.name in [key[0] for key in after.meshes]


@pytest.mark.parametrize("without", LACKING.values(), ids=LACKING)
@pytest.mark.parametrize("stance", ["A", "T"])
def test_what_a_rig_lacks_is_filled_in(without: tuple[str, ...], stance: str) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    character = add_character(scale=0.01, stance=stance, without=without)
    controls = use_character(character.obj, character.joints)
    rig = character.obj.data.bones
    ways = {(b.name, b.parent.name): (b.head_local - b.parent.head_local).length * 0.01 for b in rig if b.parent is not None}
    for name in ("running_sprint", "standing_arms_crossed"):
        apply_pose(controls, load_pose(name))
        bpy.context.view_layer.update()
        pose, size = character.obj.pose.bones, character.obj.matrix_world.to_scale().x
        for (bone, above), way in ways.items():
            assert (pose[bone].head - pose[above].head).length * size == pytest.approx(way, abs=0.012), (name, bone)
    move_control(controls, "hand.L", controls.matrix_world @ Vector((0.3, -0.3, 1.2)))
    bpy.context.view_layer.update()
    assert (character.place("leftHand") - Vector((0.3, -0.3, 1.2)) - controls.matrix_world.translation).length < 0.002


def test_half_a_map_is_refused_in_one_sentence(mixamo: Character) -> None:
    before = dump(mixamo.obj)
    with pytest.raises(UserError, match="no bone for the left wrist"):
        use_character(mixamo.obj, {joint: bone for joint, bone in mixamo.joints.items() if joint != "leftHand"})
    with pytest.raises(UserError, match="No person"):
        use_character(mixamo.obj, {"hips": mixamo.joints["hips"]})
    assert dump(mixamo.obj) == before
