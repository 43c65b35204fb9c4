# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a figure in a file: saved, loaded, beside another, removed, damaged, hidden."""

import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Quaternion, Vector  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.armature.keypoints import body_keypoints  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS  # noqa: E402
from pose_to_anime.addon.armature.mannequin import (  # noqa: E402
    add_mannequin,
    remove_mannequin,
    skins_of,
)
from pose_to_anime.addon.armature.matching import is_ik  # noqa: E402
from pose_to_anime.addon.armature.posing import reset_pose  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from rig_scene import (  # noqa: E402, F401
    BONES,
    MILLIMETRE,
    figure_fixture,
    first_figure,
    matrices,
    moved,
    place,
    reach,
    registered,
    undo_step,
    worst_dot,
)


def test_save_and_reload_keep_the_figure_working(figure, tmp_path) -> None:
    limb = LIMBS[0]
    move_control(figure, limb.end, place(figure, limb.upper) + Vector((0.2, -0.3, 0.1)))
    turn_joint(figure, "thigh.R", Quaternion((1, 0, 0), 0.5))
    before = matrices(figure)
    path = str(tmp_path / "figure.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=path)
    again = first_figure()
    assert moved(before, matrices(again)) < 1e-5
    assert [is_ik(again, each) for each in LIMBS] == [True, True, True, False]
    goal = place(again, limb.upper) + Vector((0.1, -0.2, 0.3))
    move_control(again, limb.end, goal)
    assert (place(again, limb.end) - goal).length < MILLIMETRE
    (found,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    _, present = body_keypoints(found, bpy.context.evaluated_depsgraph_get())
    assert present.sum() == 17
    reset_pose(again)
    assert worst_dot(again) < MILLIMETRE


def test_two_figures_do_not_disturb_each_other(figure) -> None:
    second = add_mannequin(bpy.context, location=(1.5, 0, 0))
    still = matrices(figure)
    for limb in LIMBS:
        move_control(second, limb.end, place(second, limb.upper) + Vector((0.1, -0.25, 0.05)))
    assert moved(still, matrices(figure)) == 0
    assert worst_dot(second) < MILLIMETRE
    assert len(figures_in(bpy.context.scene, bpy.context.view_layer)) == 2
    remove_mannequin(second)
    assert moved(still, matrices(figure)) == 0
    (left,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    assert left.name == figure.name


def test_removing_a_figure_leaves_nothing_of_it(figure) -> None:
    bpy.ops.object.mode_set(mode="POSE")
    assert bpy.ops.pose_to_anime.remove_mannequin(armature=figure.name) == {"FINISHED"}
    assert bpy.context.mode == "OBJECT"
    assert not bpy.context.scene.objects
    assert not bpy.data.armatures
    assert not [mesh for mesh in bpy.data.meshes if mesh.name.startswith("Mannequin")]


def test_blenders_own_delete_takes_the_skin_along(figure) -> None:
    bystander = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    bpy.context.scene.collection.objects.link(bystander)
    undo_step("start")
    assert bpy.ops.object.delete("EXEC_DEFAULT", True) == {"FINISHED"}
    bpy.context.view_layer.update()
    assert [obj.name for obj in bpy.context.scene.objects] == ["Cube"]
    bpy.ops.ed.undo()
    bpy.context.view_layer.update()
    assert len(bpy.context.scene.objects) == 3
    assert len(skins_of(first_figure())) == 1


def test_a_figure_deleted_while_it_is_posed_leaves_the_others_as_they_are(figure) -> None:
    other = add_mannequin(bpy.context, location=(1.5, 0, 0))
    figure.select_set(True)
    bpy.ops.object.mode_set(mode="POSE")
    assert (figure.mode, other.mode) == ("POSE", "POSE")
    still = matrices(other)
    bpy.data.objects.remove(figure)  # as the Outliner's Delete does
    bpy.context.view_layer.update()
    assert moved(still, matrices(other)) == 0.0
    assert [obj for obj in bpy.context.scene.objects if obj.type == "MESH"] == skins_of(other)
    assert bpy.ops.pose_to_anime.apply_pose(pose="running") == {"FINISHED"}
    bpy.data.objects.remove(other)
    bpy.context.view_layer.update()
    assert not bpy.context.scene.objects and bpy.context.mode == "OBJECT"
    with pytest.raises(RuntimeError, match="Add a mannequin first"):
        bpy.ops.pose_to_anime.apply_pose(pose="running")
    assert bpy.ops.pose_to_anime.add_mannequin() == {"FINISHED"}


def test_a_skin_that_was_made_a_mesh_of_its_own_stays(figure) -> None:
    (skin,) = skins_of(figure)
    skin.hide_select = False
    skin.select_set(True)
    bpy.context.view_layer.objects.active = skin
    bpy.ops.object.parent_clear(type="CLEAR_KEEP_TRANSFORM")
    bpy.ops.object.modifier_apply(modifier="Armature")
    name = skin.name
    remove_mannequin(figure)
    bpy.ops.object.empty_add()
    bpy.context.view_layer.update()
    assert name in bpy.data.objects, "what the user made of it was thrown away"


def test_a_figure_whose_controls_were_deleted_gets_a_sentence(figure) -> None:
    bpy.ops.object.mode_set(mode="EDIT")
    figure.data.edit_bones.remove(figure.data.edit_bones["hand_ik.L"])
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.update()
    with pytest.raises(RuntimeError, match=r"lost its bone 'hand_ik\.L'"):
        bpy.ops.pose_to_anime.apply_pose(pose="running")


def test_a_hidden_figure_is_not_posed_blindly(figure) -> None:
    for obj in (figure, *skins_of(figure)):
        obj.hide_viewport = True
    bpy.context.view_layer.update()
    assert figures_in(bpy.context.scene, bpy.context.view_layer) == []
    with pytest.raises(UserError, match="hidden"):
        move_control(figure, "hand.L", (0, 0, 1))
    figure.hide_viewport = False
    bpy.context.view_layer.update()
    move_control(figure, "hand.L", (0.3, -0.2, 1.2))
