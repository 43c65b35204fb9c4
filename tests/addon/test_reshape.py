# SPDX-License-Identifier: GPL-3.0-or-later
"""A figure in the scene gets another body: the pose, the ground under its feet, modes, selection and neighbours stay."""

import math

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Quaternion, Vector  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS  # noqa: E402
from pose_to_anime.addon.armature.mannequin import (  # noqa: E402
    add_mannequin,
    is_child,
    landmarks,
    mannequin_name,
    skins_of,
    slider_values,
)
from pose_to_anime.addon.armature.matching import is_ik  # noqa: E402
from pose_to_anime.addon.armature.pins import has_pins, pin_dot  # noqa: E402
from pose_to_anime.addon.armature.pose_tools import lowest_point  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, read_pose  # noqa: E402
from pose_to_anime.addon.armature.reshape import change_body, reshape  # noqa: E402
from pose_to_anime.addon.armature.skin.sliders import SLIDERS  # noqa: E402
from pose_to_anime.addon.compat import is_pose_bone_selected, select_pose_bone  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.humanoid import JOINTS  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.pose.normalised import Pose  # noqa: E402
from rig_scene import MILLIMETRE, figure_fixture, matrices, moved, place, registered, worst_dot  # noqa: E402, F401

EXTREME = {"height": 1.2, "upper_arms": 0.8, "lower_legs": 1.3, "hips": 1.2, "muscle": 1.0, "hands": 1.3, "feet": 1.3}


def angle(a: Pose, b: Pose) -> float:
    """The worst of all joints, in degrees."""
    return max(math.degrees(rot.angle_between(a.rotation(joint), b.rotation(joint))) for joint in JOINTS)


def vertices(obj: bpy.types.Object) -> np.ndarray:
    (skin,) = skins_of(obj)
    found = np.empty(3 * len(skin.data.vertices), dtype=np.float32)
    skin.data.vertices.foreach_get("co", found)
    return found.reshape(-1, 3)


def rest(obj: bpy.types.Object) -> dict[str, np.ndarray]:
    """Every bone's place at rest, the mechanism's too."""
    return {bone.name: np.array(bone.matrix_local) for bone in obj.data.bones}


def twin(context: bpy.types.Context, values: dict[str, float], name: str = "adult_woman") -> bpy.types.Object:
    """A new figure that has never been anything else."""
    obj = add_mannequin(context, name, (2.0, 0.0, 0.0))
    if values:
        reshape(obj, values)
    return obj


@pytest.mark.parametrize("pose", ["standing", "running", "sitting", "lying"])
@pytest.mark.parametrize("mode", ["OBJECT", "POSE"])
def test_the_pose_and_the_ground_stay(figure, pose, mode) -> None:
    apply_pose(figure, load_pose(pose))
    before, low = read_pose(figure), lowest_point(figure)
    bpy.ops.object.mode_set(mode=mode)
    reshape(figure, EXTREME)
    assert bpy.context.mode == mode
    assert angle(read_pose(figure), before) < 0.01
    assert abs(lowest_point(figure) - low) < 5 * MILLIMETRE
    assert worst_dot(figure) < MILLIMETRE
    reshape(figure, {name: SLIDERS[name].neutral for name in EXTREME})
    assert slider_values(figure) == {}
    assert angle(read_pose(figure), before) < 0.01


def test_a_moved_slider_is_as_a_figure_that_was_made_so(figure) -> None:
    reshape(figure, {"height": 1.1})
    reshape(figure, {"upper_legs": 1.2})
    reshape(figure, {"height": 0.9})
    other = twin(bpy.context, {"height": 0.9, "upper_legs": 1.2})
    np.testing.assert_array_equal(vertices(figure), vertices(other))
    assert landmarks(figure) == landmarks(other)
    ours, theirs = rest(figure), rest(other)
    assert ours.keys() == theirs.keys()
    assert max(np.abs(ours[bone] - theirs[bone]).max() for bone in ours) < 1e-5
    assert angle(read_pose(figure), read_pose(other)) < 0.01


def test_every_bone_moves_along_as_when_the_body_is_added(figure) -> None:
    change_body(figure, "heroic")
    other = twin(bpy.context, {}, "heroic")
    ours, theirs = rest(figure), rest(other)
    assert ours.keys() == theirs.keys()
    assert max(np.abs(ours[bone] - theirs[bone]).max() for bone in ours) < 1e-5
    for bone in figure.pose.bones:
        assert (bone.custom_shape_translation - other.pose.bones[bone.name].custom_shape_translation).length < 1e-6


def test_limbs_keep_their_modes_and_go_on_working(figure) -> None:
    move_control(figure, "hand.L", place(figure, "upper_arm.L") + Vector((0.2, -0.3, 0.1)))
    turn_joint(figure, "thigh.R", Quaternion((1, 0, 0), 0.5))
    modes = [is_ik(figure, limb) for limb in LIMBS]
    before = read_pose(figure)
    reshape(figure, EXTREME)
    assert [is_ik(figure, limb) for limb in LIMBS] == modes
    assert angle(read_pose(figure), before) < 0.02
    still = matrices(figure)
    bpy.context.view_layer.update()
    assert moved(still, matrices(figure)) == 0.0, "the watcher found something to settle"
    assert worst_dot(figure) < MILLIMETRE
    goal = place(figure, "upper_arm.L") + Vector((0.1, -0.2, 0.2))
    move_control(figure, "hand.L", goal)
    assert (place(figure, "hand.L") - goal).length < MILLIMETRE


@pytest.mark.parametrize("values", [{"height": 0.9}, {"upper_arms": 1.2}, {"lower_legs": 1.2}])
def test_what_is_pinned_stays_where_it_is(figure, values) -> None:
    move_control(figure, "hand.L", place(figure, "upper_arm.L") + Vector((0.15, -0.3, 0.05)))
    for dot in ("hand_ik.L", "foot_ik.R"):
        pin_dot(figure, dot)
    hand, foot = place(figure, "hand.L"), place(figure, "foot.R")
    reshape(figure, values)
    assert (place(figure, "hand.L") - hand).length < MILLIMETRE and (place(figure, "foot.R") - foot).length < MILLIMETRE
    assert worst_dot(figure) < MILLIMETRE and has_pins(figure)
    still = matrices(figure)
    bpy.context.view_layer.update()
    assert moved(still, matrices(figure)) < 1e-4, "the watcher had to bring it there"


def test_many_steps_do_not_wear_the_pose(figure) -> None:
    apply_pose(figure, load_pose("running"))
    before = read_pose(figure)
    for step in range(30):
        reshape(figure, {"height": 1.0 + 0.2 * math.sin(step), "upper_arms": 1.0 + 0.2 * math.cos(step)})
    assert angle(read_pose(figure), before) < 0.05


def test_another_body_keeps_pose_name_and_place(figure) -> None:
    apply_pose(figure, load_pose("running"))
    before = read_pose(figure)
    figure.name = "Aiko"
    figure.location = (1.0, 2.0, 0.0)
    reshape(figure, {"head": 1.2})
    (skin,) = skins_of(figure)
    own_group = skin.vertex_groups.new(name="Mine")
    own_group.add([0], 1.0, "REPLACE")
    change_body(figure, "child")
    assert (figure.name, tuple(figure.location), mannequin_name(figure)) == ("Aiko", (1.0, 2.0, 0.0), "child")
    assert is_child(figure) and slider_values(figure) == {}
    assert angle(read_pose(figure), before) < 0.02
    other = twin(bpy.context, {}, "child")
    np.testing.assert_array_equal(vertices(figure), vertices(other))
    assert weights(skin) == weights(skins_of(other)[0])
    assert skin.vertex_groups["Mine"].weight(0) == 1.0


def weights(skin: bpy.types.Object) -> list[dict[str, float]]:
    names = [group.name for group in skin.vertex_groups]
    return [
        {names[entry.group]: round(entry.weight, 6) for entry in vertex.groups if names[entry.group] != "Mine"}
        for vertex in skin.data.vertices
    ]


def test_selection_modes_and_neighbours_stay(figure) -> None:
    second = add_mannequin(bpy.context, "adult_man", (1.0, 0.0, 0.0))
    third = add_mannequin(bpy.context, "child", (2.0, 0.0, 0.0))
    for obj in (figure, second):
        obj.select_set(True)
    third.select_set(False)
    bpy.context.view_layer.objects.active = second
    bpy.ops.object.mode_set(mode="POSE")
    for bone in second.pose.bones:
        select_pose_bone(bone, bone.name in {"hand_ik.L", "head"})
    second.data.bones.active = second.data.bones["head"]
    still = matrices(second)
    for obj in (figure, third):
        reshape(obj, {"height": 1.1})
    assert bpy.context.mode == "POSE" and {obj.name for obj in bpy.context.objects_in_mode} == {figure.name, second.name}
    assert bpy.context.view_layer.objects.active == second
    assert {obj.name for obj in bpy.context.selected_objects} == {figure.name, second.name}
    assert {bone.name for bone in second.pose.bones if is_pose_bone_selected(bone)} == {"hand_ik.L", "head"}
    assert second.data.bones.active.name == "head"
    assert moved(still, matrices(second)) == 0.0


def test_a_hidden_skin_or_hidden_dots_are_no_hindrance(figure) -> None:
    before = read_pose(figure)
    (skin,) = skins_of(figure)
    skin.hide_set(True)
    reshape(figure, {"height": 1.1})
    skin.hide_set(False)
    figure.hide_set(True)
    reshape(figure, {"head": 1.1})
    assert figure.hide_get() and not skin.hide_get()
    figure.hide_set(False)
    figure.hide_viewport = True
    reshape(figure, {"hands": 1.1, "feet": 1.1})
    assert figure.hide_viewport
    skin.hide_viewport = True
    reshape(figure, {"feet": 1.1})
    figure.hide_viewport = skin.hide_viewport = False
    assert angle(read_pose(figure), before) < 0.02
    assert slider_values(figure) == pytest.approx({"height": 1.1, "head": 1.1, "hands": 1.1, "feet": 1.1})


def test_a_linked_duplicate_keeps_its_own_body(figure) -> None:
    (skin,) = skins_of(figure)
    skin.hide_select = False
    skin.select_set(True)
    bpy.ops.object.duplicate(linked=True)
    copy = bpy.context.view_layer.objects.active
    (copied_skin,) = skins_of(copy)
    assert copy.data == figure.data and copied_skin.data == skin.data
    before, still = vertices(figure), matrices(figure)
    reshape(copy, {"height": 1.2})
    assert copy.data != figure.data and copied_skin.data != skin.data
    np.testing.assert_array_equal(vertices(figure), before)
    assert moved(still, matrices(figure)) == 0.0
    assert slider_values(figure) == {} and slider_values(copy) == pytest.approx({"height": 1.2})
    assert landmarks(copy)["head_top"].z > 1.15 * landmarks(figure)["head_top"].z


def test_undo_and_redo_bring_back_mesh_bones_and_pose(figure) -> None:
    name = figure.name
    apply_pose(figure, load_pose("running"))
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.ed.undo_push(message="start")
    before = (vertices(figure), rest(figure), matrices(figure))
    reshape(figure, EXTREME)
    bpy.ops.ed.undo_push(message="slider")
    after = (vertices(figure), rest(figure), matrices(figure))
    for step, (skin, bones, pose), sliders in (("undo", before, {}), ("redo", after, EXTREME)):
        getattr(bpy.ops.ed, step)()
        figure = bpy.data.objects[name]
        np.testing.assert_array_equal(vertices(figure), skin)
        assert all((matrix == rest(figure)[bone]).all() for bone, matrix in bones.items())
        assert moved(pose, matrices(figure)) < 1e-6
        assert slider_values(figure) == pytest.approx(sliders)


def edit_skin(obj: bpy.types.Object) -> None:
    (skin,) = skins_of(obj)
    skin.data.clear_geometry()


def lose_skin(obj: bpy.types.Object) -> None:
    bpy.data.objects.remove(skins_of(obj)[0])


def edit_bones(obj: bpy.types.Object) -> None:
    bpy.ops.object.mode_set(mode="EDIT")


def forget_body(obj: bpy.types.Object) -> None:
    obj.data["pose_to_anime_mannequin"] = "a_body_that_was_deleted"


def unlink(obj: bpy.types.Object) -> None:
    bpy.context.scene.collection.objects.unlink(obj)


@pytest.mark.parametrize(
    ("damage", "values", "sentence"),
    [
        (None, {"tail": 1.0}, "There is no body slider 'tail'"),
        (None, {"head": 9.0}, "goes from 0.75 to 1.35, not to 9"),
        (None, {"head": float("nan")}, "goes from 0.75 to 1.35"),
        (edit_skin, {"head": 1.1}, "was edited by hand"),
        (lose_skin, {"head": 1.1}, "has lost its skin"),
        (edit_bones, {"head": 1.1}, "Go to Object Mode or Pose Mode"),
        (forget_body, {"head": 1.1}, "There is no mannequin 'a_body_that_was_deleted'"),
        (unlink, {"head": 1.1}, "is in another scene"),
    ],
)
def test_what_cannot_be_says_so_and_changes_nothing(figure, damage, values, sentence) -> None:
    if damage:
        damage(figure)
    bones = rest(figure)
    with pytest.raises(UserError, match=sentence):
        reshape(figure, values)
    assert all((matrix == rest(figure)[bone]).all() for bone, matrix in bones.items())
    assert slider_values(figure) == {}


def test_no_other_object_gets_a_body(figure) -> None:
    (skin,) = skins_of(figure)
    with pytest.raises(UserError, match="is not a mannequin"):
        reshape(skin, {"head": 1.1})
    with pytest.raises(UserError, match="There is no mannequin 'nobody'"):
        change_body(figure, "nobody")
