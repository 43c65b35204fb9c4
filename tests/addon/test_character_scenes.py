# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters in scenes: what counts as one, what is refused and how, linked and overridden ones, and the verbs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import addon_utils  # noqa: E402
import numpy as np  # noqa: E402
from family_rigs import FAMILIES, Character, Family, build, empty_scene, nameless, random_turns  # noqa: E402
from mathutils import Vector  # noqa: E402
from pass_scene import SIZE, look_from  # noqa: E402
from pose_to_anime.addon.armature.characters import fault_of_character, instances_in  # noqa: E402
from pose_to_anime.addon.armature.figures import Figure, figures_in  # noqa: E402
from pose_to_anime.addon.armature.keypoints import body_keypoints  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, is_child  # noqa: E402
from pose_to_anime.addon.armature.map_files import known_maps, own_folder, refresh  # noqa: E402
from pose_to_anime.addon.armature.recognition import recognise  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.generate.restore import restore_scene  # noqa: E402
from pose_to_anime.addon.generate.scene_info import scene_info  # noqa: E402
from pose_to_anime.addon.passes.render import render_passes  # noqa: E402
from pose_to_anime.addon.ui.keypoint_overlay import overlay_points  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

OPS = bpy.ops.pose_to_anime


@pytest.fixture(autouse=True)
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "data"))
    refresh()
    empty_scene()
    yield
    monkeypatch.undo()
    refresh()


def figures() -> list[Figure]:
    bpy.context.view_layer.update()
    return figures_in(bpy.context.scene, bpy.context.view_layer)


def names() -> list[str]:
    return [figure.name for figure in figures()]


def limbs_of(figure: Figure) -> np.ndarray:
    return body_keypoints(figure, bpy.context.view_layer.depsgraph)[0][2:14]


def settings(character: Character) -> bpy.types.PropertyGroup:
    return character.armature.pose_to_anime.character


def armature_of(
    name: str, bones: list[tuple[str, str, tuple[float, float, float], tuple[float, float, float]]]
) -> bpy.types.Object:
    """An armature (name, parent, head, tail) that moves a cube."""
    data = bpy.data.armatures.new(name)
    obj = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    bpy.ops.object.mode_set(mode="EDIT")
    for bone, parent, head, tail in bones:
        new = data.edit_bones.new(bone)
        new.head, new.tail = head, tail
        new.parent = data.edit_bones.get(parent)
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    cube.modifiers.new("Armature", "ARMATURE").object = obj
    cube.parent = obj
    return obj


def quadruped(is_named: bool) -> bpy.types.Object:
    def name(word: str) -> str:
        return word if is_named else f"b{sum(map(ord, word)) % 997}{len(word)}"

    rows = [("pelvis", "", (0, 0.5, 1.0), (0, 0.3, 1.0)), ("spine1", "pelvis", (0, 0.3, 1.0), (0, 0.0, 1.02)),
            ("spine2", "spine1", (0, 0.0, 1.02), (0, -0.4, 1.05)), ("neck", "spine2", (0, -0.4, 1.05), (0, -0.6, 1.3)),
            ("head", "neck", (0, -0.6, 1.3), (0, -0.9, 1.3))]  # fmt: skip
    rows += [(f"tail{i}", f"tail{i - 1}" if i else "pelvis", (0, 0.5 + 0.1 * i, 1.0), (0, 0.6 + 0.1 * i, 1.0)) for i in range(4)]
    for side, x in (("L", 0.15), ("R", -0.15)):
        for end, y, carrier in (("hind", 0.5, "pelvis"), ("fore", -0.4, "spine2")):
            above = carrier
            for part, z, back in (("upper", 0.95, 0.0), ("lower", 0.55, 0.05), ("foot", 0.15, 0.0), ("toe", 0.03, -0.08)):
                bone = f"{end}_{part}.{side}"
                rows.append((bone, above, (x, y + back, z), (x, y + back - 0.03, z - 0.1)))
                above = bone
    return armature_of("Dog", [(name(bone), name(parent) if parent else "", head, tail) for bone, parent, head, tail in rows])


def lamp() -> bpy.types.Object:
    places = [(0, 0, 0), (0, 0, 0.1), (0.1, 0, 0.5), (0.4, 0, 0.7), (0.5, 0, 0.6), (0.55, 0, 0.55)]
    return armature_of("Lamp", [(f"Bone.{i}", f"Bone.{i - 1}", a, b) for i, (a, b) in enumerate(itertools.pairwise(places))])


def machine() -> bpy.types.Object:
    """A symmetrical one: a car with four wheels on axles, and two doors."""
    rows = [("body", "", (0, 0, 0.5), (0, 0.5, 0.5)), ("mast", "body", (0, 0.0, 1.0), (0, 0.0, 1.5)),
            ("mast2", "mast", (0, 0, 1.5), (0, 0, 2.0))]  # fmt: skip
    for side, x in (("L", 1.0), ("R", -1.0)):
        for end, y in (("front", -1.5), ("rear", 1.5)):
            rows.append((f"axle {end} {side}", "body", (x * 0.3, y, 0.3), (x * 0.8, y, 0.3)))
            rows.append((f"hub {end} {side}", f"axle {end} {side}", (x * 0.8, y, 0.3), (x, y, 0.3)))
            rows.append((f"wheel {end} {side}", f"hub {end} {side}", (x, y, 0.3), (x, y, 0.6)))
        rows.append((f"door {side}", "body", (x, -0.5, 0.6), (x, 0.5, 0.6)))
    return armature_of("Car", rows)


@pytest.mark.parametrize("make", [lambda: quadruped(True), lambda: quadruped(False), lamp, machine])
def test_what_is_no_body_is_no_figure(make) -> None:
    obj = make()
    assert recognise(obj).joints == {} and figures() == []
    assert "choose bones in Characters" in fault_of_character(obj, bpy.context.view_layer)
    look = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    with pytest.raises(UserError, match="choose bones in Characters"):
        render_passes(bpy.context.scene, bpy.context.view_layer, look, (64, 64))


def test_characters_join_the_mannequins() -> None:
    add_mannequin(bpy.context)
    build(FAMILIES["vroid"], name="Alice")
    build(FAMILIES["mixamo"], name="Zoe").armature.location.x = 2.0
    assert names() == ["Adult Woman", "Alice", "Zoe"] or names() == sorted(names())
    assert len(figures()) == 3


def test_meshes_need_not_be_children_and_may_be_several() -> None:
    character = build(FAMILIES["vroid"])
    character.mesh.parent = None
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.05)
    hat = bpy.context.object
    hat.parent, hat.parent_type, hat.parent_bone = character.armature, "BONE", "J_Bip_C_Head"
    bpy.ops.mesh.primitive_cube_add(size=0.1)
    rigid = bpy.context.object
    rigid.display_type = "WIRE"
    rigid.parent, rigid.parent_type, rigid.parent_bone = character.armature, "BONE", "J_Bip_C_Head"
    (figure,) = figures()
    assert {name for name, _ in figure.meshes} == {character.mesh.name, hat.name}
    character.mesh.hide_set(True)
    hat.hide_set(True)
    assert figures() == []
    assert "hidden" in fault_of_character(character.armature, bpy.context.view_layer)
    hat.hide_set(False)
    assert len(figures()) == 1


def test_hidden_collections_hide_and_a_hidden_armature_does_not() -> None:
    character = build(FAMILIES["vroid"])
    character.armature.hide_set(True)
    assert len(figures()) == 1
    hidden = bpy.data.collections.new("Hidden")
    bpy.context.scene.collection.children.link(hidden)
    hidden.objects.link(character.mesh)
    bpy.context.scene.collection.objects.unlink(character.mesh)
    assert len(figures()) == 1
    bpy.context.view_layer.layer_collection.children["Hidden"].hide_viewport = True
    assert figures() == []


def test_ticks_decide_and_are_undone_with_the_rest() -> None:
    character = build(FAMILIES["vroid"])
    assert OPS.include_character(armature="Character") == {"FINISHED"}
    assert figures() == [] and settings(character).in_pictures == "LEFT_OUT"
    assert fault_of_character(character.armature, bpy.context.view_layer) == ""
    assert OPS.include_character(armature="Character") == {"FINISHED"}
    assert len(figures()) == 1


def test_a_chosen_bone_goes_before_the_map_and_reset_takes_it_back() -> None:
    character = build(FAMILIES["vroid"])
    obj = character.armature
    assert OPS.set_joint(armature=obj.name, joint="leftHand", bone="J_Bip_L_Index1") == {"FINISHED"}
    assert recognise(obj).joints["leftHand"] == "J_Bip_L_Index1" and "leftIndexProximal" not in recognise(obj).joints
    obj.pose_to_anime_bones.leftFoot = "J_Bip_L_ToeBase"
    assert recognise(obj).joints["leftFoot"] == obj.pose_to_anime_bones.leftFoot == "J_Bip_L_ToeBase"
    OPS.set_joint(armature=obj.name, joint="rightFoot", bone="J_Bip_L_ToeBase")
    assert "is used for the left ankle and the right ankle" in fault_of_character(obj, bpy.context.view_layer)
    with pytest.raises(RuntimeError, match="has no bone 'nothing'"):
        OPS.set_joint(armature=obj.name, joint="leftFoot", bone="nothing")
    assert OPS.reset_character(armature=obj.name) == {"FINISHED"}
    assert recognise(obj).joints["leftHand"] == "J_Bip_L_Hand" and not settings(character).bones


def test_a_half_known_rig_says_what_it_lacks_and_can_be_shown() -> None:
    names_of = {joint: bone for joint, bone in FAMILIES["vroid"].names.items() if not joint.startswith("leftLower")}
    character = build(Family(names_of))
    assert figures() == []
    assert "no hips" in fault_of_character(character.armature, bpy.context.view_layer)
    assert OPS.choose_map(armature="Character", map="vroid") == {"FINISHED"}
    assert "lacks the left elbow, the left knee: choose" in fault_of_character(character.armature, bpy.context.view_layer)
    assert OPS.include_character(armature="Character") == {"FINISHED"}
    (figure,) = figures()
    positions, present = body_keypoints(figure, bpy.context.view_layer.depsgraph)
    assert not present[[6, 12]].any() and present.sum() == 15 and np.isfinite(positions[2]).all()
    _, _, missing = overlay_points(figure, bpy.context.view_layer.depsgraph)
    assert missing == ["left elbow", "left knee"]


def test_maps_of_the_users_own() -> None:
    rng = np.random.default_rng(1)
    family = nameless(rng, FAMILIES["cmu"])
    character = build(family)
    with pytest.raises(RuntimeError, match="letter or number"):
        OPS.save_map(armature="Character", name="…")
    OPS.set_joint(armature="Character", joint="neck", bone=family.names["neck"])
    assert OPS.save_map(armature="Character", name="My hero") == {"FINISHED"}
    assert (own_folder() / "my_hero.toml").is_file()
    with pytest.raises(RuntimeError, match="choose another name, or say that it should be replaced"):
        OPS.save_map(armature="Character", name="My hero")
    OPS.reset_character(armature="Character")
    assert (recognise(character.armature).by, recognise(character.armature).title) == ("my_hero", "My hero")
    (own_folder() / "broken.toml").write_text("[joints]\nhips = 3\n")
    assert any("broken.toml needs a table [joints]" in problem for problem in refresh().problems)
    assert OPS.delete_map(map="my_hero") == {"FINISHED"}
    assert recognise(character.armature).by == "BUILD"
    settings(character).map = "my_hero"
    assert "is gone or broken" in fault_of_character(character.armature, bpy.context.view_layer)


def test_the_table_of_a_vrm_is_read_as_stored_data() -> None:
    rng = np.random.default_rng(4)
    family = nameless(rng, Family({j: b for j, b in FAMILIES["vroid"].names.items() if not j.endswith("Eye")}))
    character = build(family)
    entries = [{"bone": joint, "node": {"bone_name": bone}} for joint, bone in family.names.items() if "Thumb" not in joint]
    if bpy.app.version >= (5, 0, 0):
        stored = character.armature.data.bl_system_properties_get(do_create=True)
    else:
        stored = character.armature.data
    stored["vrm_addon_extension"] = {"vrm0": {"humanoid": {"human_bones": entries}}}
    seen = recognise(character.armature)
    assert seen.by == "VRM_TABLE" and seen.joints["leftIndexProximal"] == family.names["leftIndexProximal"]
    assert "leftThumbProximal" not in seen.joints
    parts = {"left_upper_arm": {"node": {"bone_name": family.names["rightUpperArm"]}}}
    stored["vrm_addon_extension"] = {"vrm1": {"humanoid": {"human_bones": parts}}}
    assert recognise(character.armature).by == "BUILD", "a table of one bone is none"


def test_linked_and_overridden_characters(tmp_path: Path) -> None:
    build(FAMILIES["vroid"], random_turns(np.random.default_rng(6)), name="Guest")
    before = limbs_of(figures()[0])
    holder = bpy.data.collections.new("Guests")
    for obj in list(bpy.context.scene.objects):
        holder.objects.link(obj)
    path = str(tmp_path / "guest.blend")
    bpy.data.libraries.write(path, {holder}, fake_user=True)
    empty_scene()
    with bpy.data.libraries.load(path, link=True) as (source, target):
        target.collections = source.collections
    (linked,) = target.collections
    bpy.context.scene.collection.children.link(linked)
    (figure,) = figures()
    assert figure.armature[1] is not None
    assert np.abs(limbs_of(figure) - before).max() < 1e-4
    with pytest.raises(RuntimeError, match="linked from another file"):
        OPS.include_character(armature="Guest")
    bpy.context.scene.collection.children.unlink(linked)
    instance = bpy.data.objects.new("Instance", None)
    instance.instance_type, instance.instance_collection = "COLLECTION", linked
    bpy.context.scene.collection.objects.link(instance)
    assert figures() == []
    assert "instance of a collection" in instances_in(bpy.context.view_layer)[0]
    bpy.data.objects.remove(instance)
    override = linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer, do_fully_editable=True)
    assert override is not None
    (figure,) = figures()
    assert figure.armature[1] is None
    assert np.abs(limbs_of(figure) - before).max() < 1e-4
    assert OPS.include_character(armature="Guest") == {"FINISHED"}
    assert figures() == []


def test_a_picture_brings_a_characters_pose_back() -> None:
    character = build(FAMILIES["mixamo"], random_turns(np.random.default_rng(9)))
    character.armature.location = (1.0, 2.0, 0.0)
    before = limbs_of(figures()[0])
    info = scene_info(bpy.context.scene, bpy.context.view_layer)
    assert info["figures"][0]["armature"] == "Character"
    for bone in character.armature.pose.bones:
        bone.matrix_basis.identity()
        bone.rotation_quaternion = (1.0, 0.0, 0.0, 0.0)
    character.armature.location = (0.0, 0.0, 0.0)
    assert np.abs(limbs_of(figures()[0]) - before).max() > 0.1
    assert restore_scene(bpy.context.scene, info) == []
    assert np.abs(limbs_of(figures()[0]) - before).max() < 1e-4
    bpy.data.objects.remove(character.armature)
    assert "is not in this scene any more" in restore_scene(bpy.context.scene, info)[0]


def test_a_child_is_said_by_the_user() -> None:
    character = build(FAMILIES["vroid"])
    assert not is_child(character.armature)
    settings(character).is_child = True
    assert is_child(character.armature)


def test_passes_show_a_character() -> None:
    build(FAMILIES["mixamo"], random_turns(np.random.default_rng(12), 20.0))
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    look_from(20.0)
    bpy.context.view_layer.update()
    result = render_passes(bpy.context.scene, bpy.context.view_layer, camera, SIZE)
    assert len(result.people) == 1 and result.people[0].body[:, 2].sum() >= 15
    drawn, deep = result.images["openpose"].any(axis=2), result.images["depth"][..., 0] > 0
    assert deep.any() and (drawn & deep).sum() > 0.5 * drawn.sum()


def test_a_rig_that_rigify_generates() -> None:
    """Blender's own add-on makes it, so that no list of names of ours can be wrong about it."""
    try:
        addon_utils.enable("rigify", default_set=True)
        bpy.ops.object.armature_human_metarig_add()
    except (AttributeError, RuntimeError, ImportError) as error:
        pytest.skip(f"this Blender comes without Rigify ({error})")
    metarig = bpy.context.object
    bpy.ops.pose.rigify_generate()
    rig = bpy.context.object
    assert rig != metarig
    for obj, by in ((metarig, "rigify_metarig"), (rig, "rigify")):
        seen = recognise(obj)
        assert seen.by == by and not seen.missing and len(seen.joints) == 52, by
    joints = recognise(rig).joints
    assert joints["leftUpperArm"] == "DEF-upper_arm.L" and set(recognise(rig).eyes) == {"leftEye", "rightEye"}
    rig.pose.bones["upper_arm_parent.L"]["IK_FK"] = 1.0
    rig.pose.bones["forearm_fk.L"].rotation_euler.x = 1.0
    rig.pose.bones["forearm_fk.L"].rotation_quaternion = (0.88, 0.48, 0.0, 0.0)
    bpy.context.view_layer.update()
    for joint, original in (("leftLowerArm", "ORG-forearm.L"), ("leftHand", "ORG-hand.L"), ("rightFoot", "ORG-foot.R")):
        away = rig.pose.bones[joints[joint]].head - rig.pose.bones[original].head
        assert away.length < 1e-4, joint
    assert Vector(rig.pose.bones[joints["leftHand"]].head - rig.data.bones[joints["leftHand"]].head_local).length > 0.05
    addon_utils.disable("rigify", default_set=True)


def test_every_map_is_whole() -> None:
    maps = known_maps()
    assert maps.problems == ()
    for entry in maps.entries:
        assert {"hips", "head", "leftUpperArm", "rightFoot"} <= set(entry.names), entry.key
