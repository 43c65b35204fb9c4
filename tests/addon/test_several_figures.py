# SPDX-License-Identifier: GPL-3.0-or-later
"""Several figures in one scene: names, duplicates, colours, hiding, choosing, removing."""

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Quaternion, Vector  # noqa: E402
from pass_scene import look_from, passes  # noqa: E402
from pose_to_anime.addon.armature.colour import figure_colour, set_figure_colour  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.duplicate import duplicate_mannequin  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, is_mannequin, mannequin_name, skins_of, slider_values  # noqa: E402
from pose_to_anime.addon.armature.matching import is_ik  # noqa: E402
from pose_to_anime.addon.armature.pose_tools import skin_points  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.armature.reshape import reshape  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from rig_scene import MILLIMETRE, figure_fixture, matrices, moved, place, registered, worst_dot  # noqa: E402, F401

RED = (0.8, 0.1, 0.05)


def mannequins() -> list[str]:
    return sorted(obj.name for obj in bpy.context.scene.objects if is_mannequin(obj))


def in_picture() -> list[str]:
    bpy.context.view_layer.update()
    return [found.name for found in figures_in(bpy.context.scene, bpy.context.view_layer)]


def beside(before: dict[str, np.ndarray], shift: Vector) -> dict[str, np.ndarray]:
    moved_along = {name: matrix.copy() for name, matrix in before.items()}
    for matrix in moved_along.values():
        matrix[:3, 3] += shift
    return moved_along


def test_figures_have_the_names_of_their_bodies(figure) -> None:
    add_mannequin(bpy.context)
    add_mannequin(bpy.context, "heroic")
    assert mannequins() == ["Adult woman", "Adult woman.001", "Heroic man"]


@pytest.mark.parametrize("mode", ["OBJECT", "POSE"])
def test_a_duplicate_is_like_the_first_and_stands_beside_it(figure, mode) -> None:
    apply_pose(figure, load_pose("running"))
    turn_joint(figure, "thigh.R", Quaternion((1, 0, 0), 0.3))
    reshape(figure, {"height": 1.1})
    set_figure_colour(figure, RED)
    before = matrices(figure)
    bpy.ops.object.mode_set(mode=mode)
    assert bpy.ops.pose_to_anime.duplicate_mannequin() == {"FINISHED"}
    copy = bpy.context.view_layer.objects.active
    assert copy != figure and bpy.context.mode == mode and (copy.mode, figure.mode) == (mode, "OBJECT")
    assert (mannequin_name(copy), slider_values(copy)) == (mannequin_name(figure), slider_values(figure))
    assert figure_colour(copy) == pytest.approx(RED)
    assert [is_ik(copy, limb) for limb in LIMBS] == [is_ik(figure, limb) for limb in LIMBS]
    shift = copy.matrix_world.translation - figure.matrix_world.translation
    assert shift.x > 0.5 and abs(shift.y) + abs(shift.z) < 1e-6
    assert moved(beside(before, shift), matrices(copy)) < 1e-5
    assert moved(before, matrices(figure)) == 0.0
    assert all(skin.hide_select for obj in (figure, copy) for skin in skins_of(obj))


def test_a_duplicate_lives_by_itself(figure) -> None:
    copy = duplicate_mannequin(figure)
    (skin,), (copied,) = skins_of(figure), skins_of(copy)
    assert copy.data != figure.data and copied.data != skin.data
    for obj in (figure, copy):
        for bone in obj.pose.bones:
            for constraint in bone.constraints:
                assert getattr(constraint, "target", obj) in (obj, None), f"{bone.name} of {obj.name} hangs on the other figure"
    still = matrices(figure)
    goal = place(copy, "upper_arm.L") + Vector((0.2, -0.3, 0.1))
    move_control(copy, "hand.L", goal)
    assert (place(copy, "hand.L") - goal).length < MILLIMETRE and worst_dot(copy) < MILLIMETRE
    reshape(copy, {"height": 1.2})
    set_figure_colour(copy, RED)
    assert moved(still, matrices(figure)) == 0.0
    assert slider_values(figure) == {} and figure_colour(figure) != pytest.approx(RED)


def test_each_duplicate_finds_a_free_place(figure) -> None:
    places = [duplicate_mannequin(figure).location.x for _ in range(3)]
    assert 0.5 < places[0] < places[1] - 0.5 < places[2] - 1.0
    assert len(in_picture()) == 4


def test_a_figure_whose_dots_are_hidden_is_duplicated(figure) -> None:
    figure.hide_set(True)
    copy = duplicate_mannequin(figure)
    assert figure.hide_get() and not copy.hide_get()
    assert copy.select_get() and not figure.select_get()


def test_undo_takes_a_duplicate_back(figure) -> None:
    bpy.ops.ed.undo_push(message="start")
    bpy.ops.pose_to_anime.duplicate_mannequin("EXEC_DEFAULT", True)
    assert len(mannequins()) == 2
    bpy.ops.ed.undo()
    assert len(mannequins()) == 1
    (left,) = (obj for obj in bpy.context.scene.objects if is_mannequin(obj))
    assert len(skins_of(left)) == 1 and len(bpy.data.armatures) == 1


def test_without_a_skin_there_is_no_duplicate(figure) -> None:
    bpy.data.objects.remove(skins_of(figure)[0])
    with pytest.raises(RuntimeError, match="has lost its skin"):
        bpy.ops.pose_to_anime.duplicate_mannequin()
    with pytest.raises(UserError, match="is not a mannequin"):
        duplicate_mannequin(bpy.data.objects.new("Empty", None))
    assert mannequins() == [figure.name]


def test_blenders_own_duplicate_is_given_a_skin(figure) -> None:
    reshape(figure, {"height": 1.1})
    apply_pose(figure, load_pose("running"))
    bpy.ops.object.duplicate()
    copy = bpy.context.view_layer.objects.active
    assert copy != figure and skins_of(copy) == [], "Blender copies what is selected, and a skin cannot be"
    assert bpy.ops.pose_to_anime.give_skin() == {"FINISHED"}
    bpy.context.view_layer.update()
    np.testing.assert_allclose(skin_points(copy), skin_points(figure), atol=1e-5)
    assert sorted(in_picture()) == sorted([figure.name, copy.name])
    reshape(copy, {"height": 0.9})
    with pytest.raises(RuntimeError, match="has a skin already"):
        bpy.ops.pose_to_anime.give_skin()


def test_a_colour_is_the_figures_own_and_in_no_control_image(figure) -> None:
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    look_from(20.0)
    second = add_mannequin(bpy.context, location=(1.0, 0.0, 0.0))
    before = passes().images
    grey = figure_colour(second)
    second.pose_to_anime_figure.colour = RED
    assert tuple(second.pose_to_anime_figure.colour) == pytest.approx(RED)
    assert tuple(figure.pose_to_anime_figure.colour) == pytest.approx(grey)
    after = passes().images
    assert before.keys() == after.keys() and before
    for kind, image in before.items():
        np.testing.assert_array_equal(image, after[kind])
    materials = len(bpy.data.materials)
    second.pose_to_anime_figure.colour = (0.1, 0.2, 0.3)
    assert len(bpy.data.materials) == materials, "each change of the colour left a material behind"
    bpy.ops.pose_to_anime.remove_mannequin(armature=second.name)
    assert len(bpy.data.materials) == materials - 1


def test_linked_duplicates_have_colours_of_their_own(figure) -> None:
    (skin,) = skins_of(figure)
    skin.hide_select = False
    skin.select_set(True)
    bpy.ops.object.duplicate(linked=True)
    copy = bpy.context.view_layer.objects.active
    grey = figure_colour(figure)
    set_figure_colour(copy, RED)
    assert skins_of(copy)[0].data == skin.data
    assert figure_colour(copy) == pytest.approx(RED) and figure_colour(figure) == pytest.approx(grey)


def test_a_hidden_figure_is_in_no_picture(figure) -> None:
    second = add_mannequin(bpy.context, location=(1.0, 0.0, 0.0))
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose_to_anime.show_figure(armature=figure.name)
    assert in_picture() == [second.name] and not figure.visible_get()
    assert bpy.context.mode == "POSE" and second.mode == "POSE", "the other one goes on being posed"
    bpy.ops.pose_to_anime.show_figure(armature=figure.name)
    assert in_picture() == [figure.name, second.name] and figure.visible_get()
    cupboard = bpy.data.collections.new("Cupboard")
    bpy.context.scene.collection.children.link(cupboard)
    for part in (figure, *skins_of(figure)):
        cupboard.objects.link(part)
        bpy.context.scene.collection.objects.unlink(part)
    bpy.context.view_layer.layer_collection.children["Cupboard"].hide_viewport = True
    bpy.context.view_layer.update()
    with pytest.raises(RuntimeError, match="is in a hidden collection"):
        bpy.ops.pose_to_anime.show_figure(armature=figure.name)


def test_choosing_a_figure_poses_it_next(figure) -> None:
    second = add_mannequin(bpy.context, location=(1.0, 0.0, 0.0))
    bpy.ops.pose_to_anime.choose_figure(armature=figure.name)
    assert bpy.context.view_layer.objects.active == figure
    assert [obj.name for obj in bpy.context.selected_objects] == [figure.name]
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose_to_anime.choose_figure(armature=second.name)
    assert bpy.context.view_layer.objects.active == second
    assert (figure.mode, second.mode) == ("OBJECT", "POSE")


@pytest.mark.parametrize("removed", ["the posed one", "the other one"])
def test_a_figure_is_removed_while_one_is_posed(figure, removed) -> None:
    second = add_mannequin(bpy.context, location=(1.0, 0.0, 0.0))
    bpy.ops.object.mode_set(mode="POSE")
    gone, left = (second, figure) if removed == "the posed one" else (figure, second)
    gone_name, left_name = gone.name, left.name
    assert bpy.ops.pose_to_anime.remove_mannequin(armature=gone_name) == {"FINISHED"}
    assert mannequins() == [left_name] and len(bpy.data.armatures) == 1
    left = bpy.data.objects[left_name]
    assert bpy.context.view_layer.objects.active == left, "the next one is at hand"
    assert bpy.context.mode == ("OBJECT" if removed == "the posed one" else "POSE")
    reshape(left, {"height": 1.1})


def test_painting_a_figure_leaves_its_eyes_dark(figure) -> None:
    figure.pose_to_anime_figure.colour = RED
    (skin,) = skins_of(figure)
    dark = np.empty(len(skin.data.polygons), dtype=np.int32)
    skin.data.polygons.foreach_get("material_index", dark)
    assert 0 < dark.sum() < 100 and set(dark) == {0, 1}
    assert tuple(skin.material_slots[0].material.diffuse_color)[:3] == pytest.approx(RED)
    assert max(skin.material_slots[1].material.diffuse_color[:3]) < 0.1
