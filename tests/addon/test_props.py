# SPDX-License-Identifier: GPL-3.0-or-later
"""Props in hands and under figures, measured on the skin as it is seen."""

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Vector  # noqa: E402
from mathutils.bvhtree import BVHTree  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.armature.held import BEHIND, BOTH, LEFT, RIGHT, UNDER, hold_of, props_of  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.pose_tools import skin_points  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, reset_pose  # noqa: E402
from pose_to_anime.addon.armature.props.holding import hold, refit, swap_hands  # noqa: E402
from pose_to_anime.addon.armature.props.objects import add_prop_object, prop_of, remove_props, scale_of  # noqa: E402
from pose_to_anime.addon.armature.props.prop_file import load_prop, prop_files  # noqa: E402
from pose_to_anime.addon.armature.props.seating import put_behind, put_under  # noqa: E402
from pose_to_anime.addon.armature.props.sitting import sit_on  # noqa: E402
from pose_to_anime.addon.armature.props.two_hands import hold_with_both  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.prop_previews import FOLDER, write_previews  # noqa: E402
from rig_scene import figure_fixture, registered, undo_step  # noqa: E402, F401

IN_A_HAND = ("sword", "staff", "cup", "phone", "book", "umbrella", "ball", "guitar")
WITH_BOTH = ("book", "ball", "guitar", "box")


@pytest.fixture(name="woman")
def woman_fixture(registered: None) -> bpy.types.Object:  # noqa: F811
    """A figure with empty hands, which one test after another may use."""
    found = bpy.data.objects.get("Props' woman")
    if found is None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        found = add_mannequin(bpy.context)
        found.name = "Props' woman"
    remove_props(props_of(found))
    reset_pose(found)
    return found


def distances(figure: bpy.types.Object, held: bpy.types.Object, bones: tuple[str, ...]) -> np.ndarray:
    """Metres by which the skin of some bones, vertex by vertex, is outside a prop; negative within."""
    bpy.context.view_layer.update()
    depsgraph = bpy.context.evaluated_depsgraph_get()
    (skin,) = skins_of(figure)
    groups = {group.index for group in skin.vertex_groups if group.name in bones}
    owned = [
        vertex.index
        for vertex in skin.data.vertices
        if vertex.groups and max(vertex.groups, key=lambda share: share.weight).group in groups
    ]
    mesh = skin.evaluated_get(depsgraph).to_mesh()
    to_prop = held.matrix_world.inverted() @ skin.matrix_world
    found = []
    for index in owned:
        point = to_prop @ mesh.vertices[index].co
        _, place, normal, _ = held.closest_point_on_mesh(point)
        distance = (point - place).length
        if abs((point - place).dot(normal)) < 0.7 * distance:
            distance = abs(distance)  # beside an edge: outside
        elif (point - place).dot(normal) < 0.0:
            distance = -distance
        found.append(distance)
    skin.evaluated_get(depsgraph).to_mesh_clear()
    return np.array(found)


def hand_bones(side: str) -> tuple[str, ...]:
    fingers = ("thumb", "index", "middle", "ring", "little")
    return (f"hand.{side}", *(f"{finger}_{number}.{side}" for finger in fingers for number in (1, 2, 3)))


@pytest.mark.parametrize(("name", "side"), zip(IN_A_HAND, 4 * [LEFT, RIGHT], strict=True))
def test_the_hand_closes_on_a_prop_and_does_not_pierce_it(woman: bpy.types.Object, name: str, side: str) -> None:
    held = hold(woman, name, side)
    away = distances(woman, held, hand_bones(side))
    assert away.min() > -0.005, "a few millimetres are flesh that gives way"
    assert (away < 0.003).sum() > 8, "it lies in the hand"
    touching = [
        finger
        for finger in ("thumb", "index", "middle", "ring", "little")
        if distances(woman, held, tuple(f"{finger}_{number}.{side}" for number in (1, 2, 3))).min() < 0.004
    ]
    assert len(touching) >= 3, touching
    assert (hold_of(held), scale_of(held)) == (side, 1.0), "a grown-up holds things of real size"


@pytest.mark.parametrize("body", ["child", "chibi", "adult_man"])
def test_a_sword_fits_every_hand(registered: None, body: str) -> None:  # noqa: F811
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context, body)
    held = hold(figure, "sword", RIGHT)
    away = distances(figure, held, hand_bones("R"))
    assert away.min() > -0.005
    for finger in ("index", "middle", "ring"):
        assert distances(figure, held, tuple(f"{finger}_{n}.R" for n in (1, 2, 3))).min() < 0.004
    assert (scale_of(held) < 0.8) == (body != "adult_man")


def test_a_prop_goes_with_the_hand_and_the_fingers_stay_closed_on_it(woman: bpy.types.Object) -> None:
    held = hold(woman, "sword", RIGHT)
    bpy.context.view_layer.update()
    hand, finger = woman.pose.bones["hand.R"], woman.pose.bones["middle_2.R"]
    before = np.array(hand.matrix.inverted() @ woman.matrix_world.inverted() @ held.matrix_world)
    closed = finger.rotation_quaternion.copy()
    apply_pose(woman, load_pose("gesture_wave"))
    after = np.array(hand.matrix.inverted() @ woman.matrix_world.inverted() @ held.matrix_world)
    assert np.abs(after - before).max() < 1e-5
    assert finger.rotation_quaternion == closed and woman.pose.bones["middle_2.L"].rotation_quaternion.angle < 1.0
    reset_pose(woman)
    assert finger.rotation_quaternion == closed


def test_a_hand_has_one_prop_and_the_other_hand_another(woman: bpy.types.Object) -> None:
    hold(woman, "sword", RIGHT)
    hold(woman, "cup", RIGHT)
    hold(woman, "phone", LEFT)
    assert {hold_of(held): prop_of(held).name for held in props_of(woman)} == {RIGHT: "cup", LEFT: "phone"}
    swap_hands(woman)
    assert {hold_of(held): prop_of(held).name for held in props_of(woman)} == {LEFT: "cup", RIGHT: "phone"}
    hold_with_both(woman, "ball")
    assert [hold_of(held) for held in props_of(woman)] == [BOTH], "both hands are full"
    with pytest.raises(UserError, match="holds nothing in one hand"):
        swap_hands(woman)


@pytest.mark.parametrize("name", WITH_BOTH)
def test_both_hands_are_brought_to_a_prop(woman: bpy.types.Object, name: str) -> None:
    apply_pose(woman, load_pose("standing"))
    held = hold_with_both(woman, name)
    for side in (LEFT, RIGHT):
        away = distances(woman, held, hand_bones(side))
        assert away.min() > -0.008 and (away < 0.004).sum() > 4, (name, side)
    torso = distances(woman, held, ("hips", "spine", "chest", "upper_chest"))
    assert torso.min() > 0.0, "it is before the body"


def test_fingers_take_hold_again(woman: bpy.types.Object) -> None:
    hold(woman, "staff", RIGHT)
    finger = woman.pose.bones["middle_2.R"]
    closed = finger.rotation_quaternion.copy()
    finger.rotation_quaternion = (1.0, 0.0, 0.0, 0.0)
    refit(woman)
    assert finger.rotation_quaternion.rotation_difference(closed).angle < 1e-3


@pytest.mark.parametrize(
    ("body", "pose", "name"),
    [
        ("adult_woman", "sitting_upright", "chair"),
        ("adult_woman", "sitting_slouch", "bench"),
        ("adult_man", "sitting_leaning_forward", "stool"),
        ("child", "sitting_edge", "box"),
        ("chibi", "sitting_upright", "chair"),
    ],
)
def test_a_seat_comes_under_the_figure(registered: None, body: str, pose: str, name: str) -> None:  # noqa: F811
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context, body, (1.0, 2.0, 0.0))
    apply_pose(figure, load_pose(pose))
    seat = put_under(figure, name)
    bpy.context.view_layer.update()
    corners = np.array([seat.matrix_world @ vertex.co for vertex in seat.data.vertices])
    assert abs(corners[:, 2].min()) < 0.006, "it stands on the ground"
    torso = distances(figure, seat, ("hips", "spine", "chest", "upper_chest", "thigh.L", "thigh.R"))
    assert abs(torso.min()) < 0.005, "sat on, and not gone into"
    calves = distances(figure, seat, ("shin.L", "shin.R"))
    assert calves.min() > -0.015
    assert hold_of(seat) == UNDER
    put_under(figure, "stool")
    assert [prop_of(held).name for held in props_of(figure)] == ["stool"], "one sits on one thing"


@pytest.mark.parametrize(
    ("body", "pose", "name"),
    [("adult_man", "standing", "chair"), ("chibi", "walking_brisk", "bench"), ("child", "standing", "box")],
)
def test_a_seat_stands_behind_one_that_does_not_sit(registered: None, body: str, pose: str, name: str) -> None:  # noqa: F811
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context, body, (1.0, 2.0, 0.0))
    figure.rotation_euler.z = 0.7
    apply_pose(figure, load_pose(pose))
    seat = put_behind(figure, name)
    bpy.context.view_layer.update()
    corners = np.array([seat.matrix_world @ vertex.co for vertex in seat.data.vertices])
    assert abs(corners[:, 2].min()) < 0.006, "it stands on the ground"
    tree = BVHTree.FromPolygons(corners.tolist(), [polygon.vertices for polygon in seat.data.polygons])
    nearest = min(tree.find_nearest(Vector(point))[3] for point in skin_points(figure))
    assert 0.01 < nearest < 0.2, "right behind it, and clear of it"
    looks = figure.matrix_world.inverted() @ seat.matrix_world
    assert looks.translation.y > 0.0 and looks.to_euler().z == pytest.approx(0.0, abs=0.3), "facing as the figure"
    place = seat.matrix_world.copy()
    sit_on(figure, seat)
    bpy.context.view_layer.update()
    assert hold_of(seat) == UNDER and (seat.matrix_world.translation - place.translation).length < 1e-4, "the figure went to it"
    torso = distances(figure, seat, ("hips", "spine", "chest", "upper_chest", "thigh.L", "thigh.R"))
    assert abs(torso.min()) < 0.006, "sat on, and not gone into"
    apply_pose(figure, load_pose("standing"))
    put_behind(figure, "stool")
    assert [prop_of(held).name for held in props_of(figure)] == ["stool"], "one has one seat"


def test_what_cannot_be_held_or_sat_on_is_said(woman: bpy.types.Object) -> None:
    count = len(bpy.data.objects)
    for wrong, said in (
        (lambda: hold(woman, "chair", LEFT), "not held in a hand"),
        (lambda: hold(woman, "box", LEFT), "not held in a hand"),
        (lambda: hold(woman, "spoon", LEFT), "no prop 'spoon'"),
        (lambda: hold(woman, "cup", "MIDDLE"), "L or R"),
        (lambda: hold_with_both(woman, "sword"), "held in one hand"),
        (lambda: put_under(woman, "chair"), "does not sit"),
        (lambda: put_under(woman, "cup"), "no seat"),
        (lambda: put_behind(woman, "cup"), "no seat"),
        (lambda: hold(bpy.data.objects.new("Empty", None), "cup", LEFT), "not a mannequin"),
        (lambda: prop_of(woman), "not a prop"),
    ):
        with pytest.raises(UserError, match=said):
            wrong()
    apply_pose(woman, load_pose("sitting_cross_legged"))
    with pytest.raises(UserError, match="sits on the ground"):
        put_under(woman, "chair")
    assert len(bpy.data.objects) == count + 1, "nothing but the empty was added"


def test_props_are_in_the_depth_image_and_no_part_of_the_figure(figure: bpy.types.Object) -> None:
    held = hold(figure, "sword", RIGHT)
    assert held.pose_to_anime.in_depth
    (found,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    assert found.meshes == tuple((skin.name, None) for skin in skins_of(figure))
    assert held.select_get() is False and bpy.context.view_layer.objects.active == figure


def test_the_verbs_each_are_one_step_of_undo(figure: bpy.types.Object) -> None:
    undo_step("before")
    assert bpy.ops.pose_to_anime.add_prop(prop="umbrella", hand="L") == {"FINISHED"}
    undo_step("prop")
    assert [prop_of(held).name for held in props_of(figure)] == ["umbrella"]
    bpy.ops.ed.undo()
    (figure,) = (obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    assert not props_of(figure) and not any(obj.get("pose_to_anime_prop") for obj in bpy.data.objects)


def test_the_verbs_give_mirror_release_and_remove(figure: bpy.types.Object) -> None:
    ops = bpy.ops.pose_to_anime
    ops.add_prop(prop="sword", hand="R")
    ops.mirror_pose()
    (held,) = props_of(figure)
    assert hold_of(held) == LEFT, "what a hand holds goes to the other side of the mirror"
    bpy.context.view_layer.update()
    place = held.matrix_world.copy()
    ops.release_prop()
    bpy.context.view_layer.update()
    assert held.parent is None and not props_of(figure)
    assert (held.matrix_world.translation - place.translation).length < 1e-5
    with pytest.raises(RuntimeError, match="has no prop"):
        ops.remove_prop()
    ops.add_prop(prop="cup", hand="R")
    ops.remove_prop(prop=props_of(figure)[0].name)
    assert not props_of(figure)
    ops.add_prop(prop="chair")
    (chair,) = props_of(figure)
    assert hold_of(chair) == BEHIND, "it does not sit: the chair stands behind it"
    ops.release_prop()
    ops.apply_pose(pose="sitting_upright")
    ops.add_prop(prop="stool", hand="UNDER")
    assert [hold_of(held) for held in props_of(figure)] == [UNDER]
    with pytest.raises(RuntimeError, match="held in one hand"):
        ops.add_prop(prop="sword", hand="BOTH")
    ops.remove_mannequin()
    assert {obj.get("pose_to_anime_prop") for obj in bpy.data.objects} >= {"sword", "chair"}
    assert not any(obj.get("pose_to_anime_prop") == "stool" for obj in bpy.data.objects), "it goes with its figure"


def test_every_prop_has_a_small_picture_that_can_be_drawn_again(registered: None, tmp_path: Path) -> None:  # noqa: F811
    for name in prop_files():
        assert 500 < (FOLDER / f"{name}.png").stat().st_size <= 6144, name
    (drawn,) = write_previews(["cup"], tmp_path, told=lambda _line: None)
    assert drawn.stat().st_size > 500
    with pytest.raises(UserError, match="No prop 'spoon'"):
        write_previews(["spoon"], tmp_path)


def test_a_prop_is_smooth_where_it_is_round_and_sharp_at_its_edges(registered: None) -> None:  # noqa: F811
    bpy.ops.wm.read_factory_settings(use_empty=True)
    box = add_prop_object(bpy.context.scene.collection, load_prop("box")).data
    cup = add_prop_object(bpy.context.scene.collection, load_prop("cup")).data
    assert all(polygon.use_smooth for polygon in (*box.polygons, *cup.polygons))
    sharp = [sum(edge.use_edge_sharp for edge in mesh.edges) / len(mesh.edges) for mesh in (box, cup)]
    assert sharp[0] > 0.3 and sharp[1] < 0.2


def test_what_a_figure_of_two_scenes_is_given_is_seen_in_the_present_one(registered: None) -> None:  # noqa: F811
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure, second = add_mannequin(bpy.context), bpy.data.scenes.new("Second")
    for part in (figure, *skins_of(figure)):
        second.collection.objects.link(part)
    for scene in (second, bpy.data.scenes["Scene"]):
        bpy.context.window.scene = scene
        for given in (put_behind(figure, "chair"), hold(figure, "cup", RIGHT)):
            assert scene.objects.get(given.name) == given
