# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures onto seats that stand somewhere, measured on the skin as it is seen."""

import math

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Vector  # noqa: E402
from pose_to_anime.addon.armature.held import BEHIND, UNDER, hold_of, props_of  # noqa: E402
from pose_to_anime.addon.armature.limits import limits_of  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, humanoid_rest_of, read_pose  # noqa: E402
from pose_to_anime.addon.armature.props.holding import hold  # noqa: E402
from pose_to_anime.addon.armature.props.objects import add_prop_object  # noqa: E402
from pose_to_anime.addon.armature.props.prop_file import load_prop  # noqa: E402
from pose_to_anime.addon.armature.props.seating import Sitter, owned_vertices, put_behind, put_under  # noqa: E402
from pose_to_anime.addon.armature.props.sitting import sit_on  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from rig_scene import figure_fixture, registered, undo_step  # noqa: E402, F401


def seat_prop(name: str, place: tuple[float, float, float] = (2.0, 1.0, 0.0), turn: float = 0.6) -> bpy.types.Object:
    made = add_prop_object(bpy.context.scene.collection, load_prop(name))
    made.location, made.rotation_euler.z = place, turn
    bpy.context.view_layer.update()
    return made


def block(size: tuple[float, float, float], place: tuple[float, float] = (2.0, 1.0)) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add(size=1.0, location=(*place, size[2] / 2))
    made = bpy.context.object
    made.scale = size
    bpy.context.view_layer.update()
    return made


def sitter(figure: bpy.types.Object) -> Sitter:
    bpy.context.view_layer.update()
    return Sitter(figure, owned_vertices(figure))


def front(figure: bpy.types.Object) -> Vector:
    """Where the hips look, level, in the world."""
    bone = figure.pose.bones["hips"]
    turn = (figure.matrix_world @ bone.matrix @ bone.bone.matrix_local.inverted()).to_3x3().normalized()
    return ((turn @ Vector((0.0, -1.0, 0.0))) * Vector((1.0, 1.0, 0.0))).normalized()


@pytest.mark.parametrize(
    ("body", "name", "feet_reach"),
    [("adult_woman", "chair", True), ("adult_man", "stool", True), ("child", "chair", False), ("chibi", "bench", False)],
)
def test_a_figure_sits_on_a_seat_where_it_stands(registered: None, body: str, name: str, feet_reach: bool) -> None:  # noqa: F811
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context, body)
    seat = seat_prop(name)
    place = seat.matrix_world.copy()
    sit_on(figure, seat)
    sits, prop = sitter(figure), load_prop(name)
    top = prop.seat.height
    assert sits.lowest == pytest.approx(top, abs=0.005), "neither above the seat nor in it"
    for side in ("left", "right"):
        assert (abs(sits.sole(side)) < 0.002) == feet_reach and sits.sole(side) > -0.002
    assert front(figure).angle(Vector((math.sin(0.6), -math.cos(0.6), 0.0))) < math.radians(3.0)
    hips = place.inverted() @ (figure.matrix_world @ figure.pose.bones["hips"].head)
    assert abs(hips.x) < prop.seat.width / 2 and prop.seat.front < hips.y < prop.seat.back
    assert seat.matrix_world == place and seat.parent is None, "the seat has not moved"
    limits, pose = limits_of(figure, humanoid_rest_of(figure)), read_pose(figure)
    assert max(limits.excess(joint, q) for joint, q in pose.rotations.items()) < math.radians(0.5)


def test_knees_bend_for_a_low_block_and_legs_hang_from_a_high_one(figure: bpy.types.Object) -> None:
    low = block((0.6, 0.6, 0.25))
    sit_on(figure, low)
    sits = sitter(figure)
    assert sits.lowest == pytest.approx(0.25, abs=0.005)
    assert max(abs(sits.sole(side)) for side in ("left", "right")) < 0.002
    assert figure.pose.bones["shin.L"].head.z > figure.pose.bones["thigh.L"].head.z, "the knees are above the hips"
    high = block((0.4, 0.4, 0.8), (-2.0, 0.0))
    sit_on(figure, high)
    sits = sitter(figure)
    assert sits.lowest == pytest.approx(0.8, abs=0.005) and sits.sole("left") > 0.2
    sit_on(figure, seat_prop("chair", (0.0, 3.0, 0.0)))
    sits = sitter(figure)
    assert sits.lowest == pytest.approx(load_prop("chair").seat.height, abs=0.005)


def test_one_that_sits_keeps_its_pose_and_takes_the_nearest_place_of_a_bench(figure: bpy.types.Object) -> None:
    apply_pose(figure, load_pose("sitting_legs_crossed"))
    before = read_pose(figure)
    bench = seat_prop("bench", (0.0, 2.0, 0.0), 0.0)
    for x in (-5.0, 5.0):
        figure.location.x = x
        bpy.context.view_layer.update()
        sit_on(figure, bench)
        hips = figure.matrix_world @ figure.pose.bones["hips"].head
        assert hips.x * x > 0.0 and abs(hips.x) < load_prop("bench").seat.width / 2
    after = read_pose(figure)
    for joint in ("spine", "chest", "head", "leftUpperArm", "rightLowerArm"):
        assert np.allclose(before.rotation(joint), after.rotation(joint), atol=2e-3), joint


def test_what_stands_on_another_floor_and_what_is_part_of_the_floor(figure: bpy.types.Object) -> None:
    upstairs = seat_prop("chair", (1.0, 0.0, 3.0))
    sit_on(figure, upstairs)
    root = figure.matrix_world @ figure.pose.bones["root"].matrix
    assert root.translation.z == pytest.approx(3.0, abs=1e-4)
    sunk = block((1.0, 1.0, 0.5), (4.0, 0.0))
    sunk.location.z, sunk.scale.z = -1.0, 2.8  # from 2.4 m below the ground to 0.4 m above it
    figure.location = (0.0, 0.0, 0.0)
    bpy.context.view_layer.update()
    sit_on(figure, sunk)
    sits = sitter(figure)
    assert sits.lowest == pytest.approx(0.4, abs=0.005) and abs(sits.sole("left")) < 0.002


def test_what_cannot_be_sat_upon_is_said_and_changes_nothing(figure: bpy.types.Object) -> None:
    before, where = read_pose(figure), figure.matrix_world.copy()
    slab = block((1.0, 1.0, 0.05))
    empty = bpy.data.objects.new("Nothing", bpy.data.meshes.new("Nothing"))
    bpy.context.scene.collection.objects.link(empty)
    held = hold(figure, "book", "R")
    closed = read_pose(figure)
    (skin,) = (child for child in figure.children if child.type == "MESH" and child != held)
    for seat, said in (
        (slab, "too low to sit on"),
        (empty, "no faces to sit on"),
        (held, "cannot be sat upon"),
        (skin, "cannot be sat upon"),
        (figure, "cannot be sat upon"),
    ):
        with pytest.raises(UserError, match=said):
            sit_on(figure, seat)
    bpy.ops.mesh.primitive_torus_add(location=(3.0, 0.0, 0.4), major_radius=1.0, minor_radius=0.02)
    with pytest.raises(UserError, match="nothing to sit on near its front"):
        sit_on(figure, bpy.context.object)
    assert figure.matrix_world == where and np.allclose(read_pose(figure).hips_translation, before.hips_translation, atol=1e-6)
    assert all(np.allclose(q, closed.rotation(joint), atol=1e-5) for joint, q in read_pose(figure).rotations.items())
    apply_pose(figure, load_pose("sitting_upright"))
    with pytest.raises(UserError, match="already"):
        sit_on(figure, put_under(figure, "chair"))
    with pytest.raises(UserError, match="not a mannequin"):
        sit_on(slab, slab)


def test_a_figure_without_skin_keeps_the_seat_behind_it(figure: bpy.types.Object) -> None:
    chair = put_behind(figure, "chair")
    for skin in skins_of(figure):
        bpy.data.objects.remove(skin)
    with pytest.raises(UserError, match="has lost its skin"):
        sit_on(figure, chair)
    assert hold_of(chair) == BEHIND and chair.parent == figure


def test_the_verb_takes_what_is_selected_and_is_one_step_of_undo(figure: bpy.types.Object) -> None:
    name = figure.name
    chair = seat_prop("chair")
    other = add_mannequin(bpy.context, "chibi", (-2.0, 0.0, 0.0))
    bpy.ops.object.select_all(action="DESELECT")
    figure.select_set(True)
    with pytest.raises(RuntimeError, match="Select what to sit on"):
        bpy.ops.pose_to_anime.sit_on()
    bpy.ops.pose_to_anime.add_prop(prop="stool", hand="UNDER", armature=name)
    assert bpy.ops.pose_to_anime.sit_on() == {"FINISHED"}, "what stands behind it need not be selected"
    (stool,) = props_of(figure)
    assert hold_of(stool) == UNDER
    bpy.ops.pose_to_anime.remove_prop(armature=name)
    bpy.ops.pose_to_anime.reset_pose(armature=name)
    figure.location = (0.0, 0.0, 0.0)
    chair.select_set(True)
    bpy.context.view_layer.objects.active = chair
    undo_step("before")
    assert bpy.ops.pose_to_anime.sit_on() == {"FINISHED"}
    undo_step("sat")
    assert figure.location.length > 1.0 and other.location.x == -2.0
    bpy.ops.ed.undo()
    assert bpy.data.objects[name].location.length < 1e-6
    second = seat_prop("stool", (0.0, 3.0, 0.0))
    second.select_set(True)
    with pytest.raises(RuntimeError, match="the one seat that you mean"):
        bpy.ops.pose_to_anime.sit_on()
    with pytest.raises(RuntimeError, match="no object 'Sofa'"):
        bpy.ops.pose_to_anime.sit_on(seat="Sofa")
    assert bpy.ops.pose_to_anime.sit_on(seat=second.name, armature=name) == {"FINISHED"}
