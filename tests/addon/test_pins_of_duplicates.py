# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins of duplicated figures, and poses that go from figure to figure where there are pins."""

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Vector  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control  # noqa: E402
from pose_to_anime.addon.armature.duplicate import duplicate_mannequin  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS, Limb  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.armature.pins import pin_dot  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from rig_scene import MILLIMETRE, figure_fixture, matrices, moved, place, registered, undo_step, worst_dot  # noqa: E402, F401

HAND, OTHER, FOOT = LIMBS[0], LIMBS[1], LIMBS[3]


def seat(obj: bpy.types.Object, limb: Limb) -> Vector:
    """Where a hand or foot is in the world."""
    bpy.context.view_layer.update()
    return (obj.matrix_world @ obj.pose.bones[limb.end].matrix).translation.copy()


def sink(obj: bpy.types.Object) -> None:
    move_control(obj, "hips", place(obj, "hips") + Vector((0.03, 0, -0.06)))


@pytest.fixture(name="pinned")
def pinned_fixture(figure: bpy.types.Object) -> bpy.types.Object:
    """With a hand pinned to the world, a foot too, and the other hand to the own body."""
    move_control(figure, "hand.L", (0.25, -0.25, 1.15))
    move_control(figure, "hand.R", place(figure, "thigh.R") + Vector((-0.09, 0, 0.06)))
    for limb in (HAND, FOOT):
        pin_dot(figure, limb.target)
    pin_dot(figure, OTHER.target, "BODY", bone="hips")
    return figure


def natively(figure: bpy.types.Object) -> bpy.types.Object:
    """Blender's own Duplicate of a figure with its skin."""
    bpy.ops.object.select_all(action="DESELECT")
    for obj in (figure, *figure.children):
        obj.hide_select = False
        obj.select_set(True)
    bpy.context.view_layer.objects.active = figure
    bpy.ops.object.duplicate()
    return bpy.context.view_layer.objects.active


@pytest.mark.parametrize("way", [duplicate_mannequin, natively])
def test_a_duplicate_carries_its_pins_to_where_it_is_put(pinned, way) -> None:
    before = matrices(pinned)
    copy = way(pinned)
    hangs_on = {getattr(constraint, "space_object", None) for bone in copy.pose.bones for constraint in bone.constraints}
    assert hangs_on == {copy, None}
    for step in (Vector((0.9, 0.2, 0)), Vector((-0.1, 0.5, 0.3))):  # put somewhere, then somewhere else
        copy.location += step
        bpy.context.view_layer.update()
        motion = copy.matrix_world @ pinned.matrix_world.inverted()
        expected = {name: np.array(motion) @ matrix for name, matrix in before.items()}
        assert moved(expected, matrices(copy)) < MILLIMETRE, "it is in the same pose"
        assert worst_dot(copy) < MILLIMETRE
    copy.rotation_euler.z = 0.7
    bpy.context.view_layer.update()
    places = {limb: copy.matrix_world @ pinned.matrix_world.inverted() @ seat(pinned, limb) for limb in (HAND, FOOT)}
    sink(copy)  # from now on they hold in the world
    copy.location.z += 0.02
    for limb, expected in places.items():
        assert (seat(copy, limb) - expected).length < MILLIMETRE
    assert moved(before, matrices(pinned)) == 0.0
    hand, foot = seat(pinned, HAND), seat(pinned, FOOT)
    pinned.location.x += 0.02
    sink(pinned)
    assert (seat(pinned, HAND) - hand).length < MILLIMETRE and (seat(pinned, FOOT) - foot).length < MILLIMETRE
    assert worst_dot(copy) < MILLIMETRE and worst_dot(pinned) < MILLIMETRE


def test_a_duplicate_that_was_pinned_itself_stays_with_its_pins(pinned) -> None:
    copy = duplicate_mannequin(pinned)
    pin_dot(copy, "foot_ik.L")
    hand, foot = seat(copy, HAND), seat(copy, LIMBS[2])
    copy.location += Vector((0.02, 0, -0.03))
    assert (seat(copy, HAND) - hand).length < MILLIMETRE and (seat(copy, LIMBS[2]) - foot).length < MILLIMETRE


def test_pins_of_a_duplicate_to_an_object_stay_with_it(figure) -> None:
    move_control(figure, "hand.L", (0.25, -0.25, 1.15))
    thing = bpy.data.objects.new("Thing", None)
    bpy.context.scene.collection.objects.link(thing)
    thing.location = (0.3, -0.3, 1.1)
    bpy.context.view_layer.update()
    pin_dot(figure, HAND.target, "OBJECT", thing)
    hand = seat(figure, HAND)
    copy = natively(figure)
    copy.location += Vector((0.05, 0.03, 0))
    assert (seat(copy, HAND) - hand).length < MILLIMETRE
    copy.location.x += 3
    bpy.context.view_layer.update()
    thing.location.x += 3
    assert (seat(copy, HAND) - hand - Vector((3, 0, 0))).length < MILLIMETRE, "it takes hold again within reach"


def test_a_figure_that_gets_another_name_keeps_its_pins_in_the_world(pinned) -> None:
    hand = seat(pinned, HAND)
    pinned.name = "Somebody"
    bpy.context.view_layer.update()
    pinned.location.x += 0.03
    assert (seat(pinned, HAND) - hand).length < MILLIMETRE


def test_an_animated_duplicate_walks_away_from_its_pins_as_the_first_does(pinned) -> None:
    pinned.keyframe_insert("location", frame=1)
    pinned.location.x += 0.04
    pinned.keyframe_insert("location", frame=11)
    bpy.context.scene.frame_set(1)
    hand = seat(pinned, HAND)
    copy = natively(pinned)
    for frame in (6, 11, 1):
        bpy.context.scene.frame_set(frame)
        for obj in (pinned, copy):
            assert (seat(obj, HAND) - hand).length < MILLIMETRE


def test_duplicating_and_moving_is_undone_exactly(pinned) -> None:
    undo_step("start")
    name = pinned.name
    before = matrices(pinned)
    bpy.ops.pose_to_anime.duplicate_mannequin("EXEC_DEFAULT", True)
    copy = bpy.context.view_layer.objects.active.name
    put = matrices(bpy.data.objects[copy])
    bpy.ops.transform.translate("EXEC_DEFAULT", True, value=(0.4, 0, 0))
    assert moved(put, matrices(bpy.data.objects[copy])) == pytest.approx(0.4, abs=MILLIMETRE)
    bpy.ops.ed.undo()
    assert moved(put, matrices(bpy.data.objects[copy])) < 1e-4
    bpy.ops.ed.undo()
    assert copy not in bpy.data.objects and moved(before, matrices(bpy.data.objects[name])) < 1e-4
    bpy.ops.ed.redo()
    bpy.ops.ed.redo()
    assert moved(put, matrices(bpy.data.objects[copy])) == pytest.approx(0.4, abs=MILLIMETRE)


def test_poses_that_come_from_another_figure_and_mirrored_ones_leave_pins_where_they_are(pinned) -> None:
    other = add_mannequin(bpy.context, location=(1.5, 0, 0))
    apply_pose(other, load_pose("standing_heroic"))
    hand, foot = seat(pinned, HAND), seat(pinned, FOOT)
    away = matrices(other)
    verbs = (
        lambda: bpy.ops.pose_to_anime.copy_pose_to(armature=other.name, target=pinned.name),
        lambda: bpy.ops.pose_to_anime.mirror_pose(armature=pinned.name),
    )
    for verb in verbs:
        before = matrices(pinned)
        assert verb() == {"FINISHED"}
        assert moved(before, matrices(pinned)) > 0.05
        assert (seat(pinned, HAND) - hand).length < MILLIMETRE and (seat(pinned, FOOT) - foot).length < MILLIMETRE
        assert worst_dot(pinned) < MILLIMETRE
    assert moved(away, matrices(other)) == 0.0
    assert bpy.ops.pose_to_anime.copy_pose_to(armature=pinned.name, target=other.name) == {"FINISHED"}
    assert not other.pose_to_anime.pins, "a pose has no pins"
    assert len(pinned.pose_to_anime.pins) == 3
