# SPDX-License-Identifier: GPL-3.0-or-later
"""Our dots on a character through what happens to a file: saved, undone, one half deleted, linked, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from character_scene import Character, add_character  # noqa: E402
from mathutils import Vector  # noqa: E402
from pose_to_anime.addon.armature.control_rig.link import character_of, constraints_of, controls_of, is_control_rig  # noqa: E402
from pose_to_anime.addon.armature.control_rig.use import let_go, use_character  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control  # noqa: E402
from pose_to_anime.addon.armature.duplicate import duplicate_mannequin  # noqa: E402
from pose_to_anime.addon.armature.mannequin import remove_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.reshape import reshape  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from rig_scene import registered  # noqa: E402, F401


@pytest.fixture(name="mixamo")
def mixamo_fixture() -> Character:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return add_character(scale=0.01, stance="T")


def _raise_hand(controls: bpy.types.Object) -> Vector:
    goal = controls.matrix_world @ Vector((0.35, -0.3, 1.3))
    move_control(controls, "hand.L", goal)
    bpy.context.view_layer.update()
    return goal


def _wrist() -> Vector:
    hero = bpy.data.objects["Hero"]
    return hero.matrix_world @ hero.pose.bones["mixamorig:LeftHand"].head


def test_the_button_takes_the_active_mesh_and_lets_go_again(mixamo: Character) -> None:
    bpy.ops.object.select_all(action="DESELECT")
    mixamo.mesh.select_set(True)
    bpy.context.view_layer.objects.active = mixamo.mesh
    assert bpy.ops.pose_to_anime.use_character() == {"FINISHED"}
    controls = bpy.context.view_layer.objects.active
    assert is_control_rig(controls) and bpy.context.mode == "POSE"
    assert {controls.data.bones[c.subtarget].parent.name for _, c in constraints_of(mixamo.obj)} > {"hips", "hand.L", "index_3.R"}
    with pytest.raises(RuntimeError):
        bpy.ops.pose_to_anime.use_character()
    assert bpy.ops.pose_to_anime.let_go_of_character() == {"FINISHED"}
    assert bpy.context.view_layer.objects.active == mixamo.mesh and not list(constraints_of(mixamo.obj))


def test_saving_and_loading_keep_it(mixamo: Character, tmp_path: Path) -> None:
    use_character(mixamo.obj, mixamo.joints)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "hero.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "hero.blend"))
    hero = bpy.data.objects["Hero"]
    controls = controls_of(hero)
    assert controls is not None and character_of(controls) == hero
    assert (_raise_hand(controls) - _wrist()).length < 0.001
    let_go(controls)
    assert not list(constraints_of(hero)) and bpy.data.objects.get("Hero controls") is None


def test_undo_takes_it_back(mixamo: Character) -> None:
    bpy.context.view_layer.objects.active = mixamo.obj
    mixamo.obj.select_set(True)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.pose_to_anime.use_character()
    bpy.ops.ed.undo_push(message="used")
    bpy.ops.ed.undo()
    hero = bpy.data.objects["Hero"]
    assert not list(constraints_of(hero)) and bpy.data.objects.get("Hero controls") is None
    bpy.ops.ed.redo()
    controls = controls_of(bpy.data.objects["Hero"])
    assert controls is not None and (_raise_hand(controls) - _wrist()).length < 0.001


def test_deleted_controls_leave_a_whole_character(mixamo: Character) -> None:
    controls = use_character(mixamo.obj, mixamo.joints)
    _raise_hand(controls)
    bpy.ops.object.select_all(action="DESELECT")
    controls.select_set(True)
    bpy.ops.object.delete()
    bpy.context.view_layer.update()
    assert not list(constraints_of(mixamo.obj)) and not mixamo.obj.hide_get()
    assert use_character(mixamo.obj, mixamo.joints).name == "Hero controls"


def test_a_deleted_character_takes_its_controls_along(mixamo: Character) -> None:
    use_character(mixamo.obj, mixamo.joints)
    mixamo.obj.hide_set(False)
    bpy.ops.object.select_all(action="DESELECT")
    mixamo.obj.select_set(True)
    mixamo.mesh.select_set(True)
    bpy.ops.object.delete()
    bpy.context.view_layer.update()
    assert not [obj for obj in bpy.data.objects if is_control_rig(obj)]


def test_removing_the_figure_keeps_the_characters_meshes(mixamo: Character) -> None:
    remove_mannequin(use_character(mixamo.obj, mixamo.joints))
    assert bpy.data.objects.get("Body") == mixamo.mesh and not list(constraints_of(mixamo.obj))


def test_what_makes_no_sense_for_a_character_says_why(mixamo: Character) -> None:
    controls = use_character(mixamo.obj, mixamo.joints)
    before = [tuple(v.co) for v in mixamo.mesh.data.vertices[:50]], [slot.name for slot in mixamo.mesh.material_slots]
    with pytest.raises(UserError, match="own meshes"):
        reshape(controls, {"height": 1.0})
    with pytest.raises(UserError, match="duplicate that"):
        duplicate_mannequin(controls)
    controls.pose_to_anime_figure.colour = (1.0, 0.0, 0.0)
    after = [tuple(v.co) for v in mixamo.mesh.data.vertices[:50]], [slot.name for slot in mixamo.mesh.material_slots]
    assert after == before


def test_the_eye_leaves_hidden_what_the_artist_hid(mixamo: Character) -> None:
    hat = bpy.data.objects.new("Hat", bpy.data.meshes.new("Hat"))
    bpy.context.scene.collection.objects.link(hat)
    hat.modifiers.new("Armature", "ARMATURE").object = mixamo.obj
    controls = use_character(mixamo.obj, mixamo.joints)
    bpy.context.view_layer.update()
    hat.hide_set(True)
    for _ in range(2):
        bpy.ops.pose_to_anime.show_figure(armature=controls.name)
        assert mixamo.mesh.hide_get() and hat.hide_get() and controls.hide_get()
        bpy.ops.pose_to_anime.show_figure(armature=controls.name)
        assert not mixamo.mesh.hide_get() and hat.hide_get() and not controls.hide_get()
    for each in (mixamo.mesh, controls):  # H: nothing else of the figure is left to be seen
        each.hide_set(True)
    bpy.ops.pose_to_anime.show_figure(armature=controls.name)
    assert not mixamo.mesh.hide_get() and not hat.hide_get()


REFUSED = {
    "negative": (lambda obj: setattr(obj, "scale", (-0.01, 0.01, 0.01)), "negative"),
    "nothing": (lambda obj: setattr(obj, "scale", (0.0, 0.0, 0.0)), "to nothing"),
    "uneven": (lambda obj: setattr(obj, "scale", (0.01, 0.02, 0.01)), "differently"),
    "rest": (lambda obj: setattr(obj.data, "pose_position", "REST"), "rest position"),
}


@pytest.mark.parametrize(("spoil", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_refused(mixamo: Character, spoil: object, sentence: str) -> None:
    spoil(mixamo.obj)
    bpy.context.view_layer.update()
    with pytest.raises(UserError, match=sentence):
        use_character(mixamo.obj, mixamo.joints)
    assert not list(constraints_of(mixamo.obj)) and len(bpy.data.armatures) == 1


def test_linked_is_refused_and_an_override_is_used(mixamo: Character, tmp_path: Path) -> None:
    collection = bpy.data.collections.new("Hero")
    bpy.context.scene.collection.children.link(collection)
    for obj in (mixamo.obj, mixamo.mesh):
        bpy.context.scene.collection.objects.unlink(obj)
        collection.objects.link(obj)
    joints = mixamo.joints
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, into):
        into.collections = ["Hero"]
    bpy.context.scene.collection.children.link(into.collections[0])
    bpy.context.view_layer.update()
    with pytest.raises(UserError, match="library override"):
        use_character(bpy.data.objects["Hero"], joints)
    override = into.collections[0].override_hierarchy_create(bpy.context.scene, bpy.context.view_layer, do_fully_editable=True)
    bpy.context.view_layer.update()
    hero = next(obj for obj in override.all_objects if obj.type == "ARMATURE")
    controls = use_character(hero, joints)
    goal = _raise_hand(controls)
    assert (hero.matrix_world @ hero.pose.bones["mixamorig:LeftHand"].head - goal).length < 0.001
    assert [skin.override_library is not None for skin in skins_of(controls)] == [True]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    hero = next(obj for obj in bpy.context.scene.objects if obj.name == "Hero" and obj.library is None)
    bpy.context.view_layer.update()
    assert (hero.matrix_world @ hero.pose.bones["mixamorig:LeftHand"].head - goal).length < 0.001
    let_go(controls_of(hero))
    assert not list(constraints_of(hero))
