# SPDX-License-Identifier: GPL-3.0-or-later
"""Pinned hands, feet and gazes in a real Blender: they stay with their target, whatever moves."""

import math

import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Matrix, Quaternion, Vector  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.follow import follow  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS, Limb  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.armature.matching import paused  # noqa: E402
from pose_to_anime.addon.armature.pin_constraints import FOLLOW, PLACE, TURN  # noqa: E402
from pose_to_anime.addon.armature.pins import TARGET_IS_GONE, pin_dot, release  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, reset_pose  # noqa: E402
from pose_to_anime.addon.compat import select_pose_bone  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from rig_scene import (  # noqa: E402, F401
    MILLIMETRE,
    figure_fixture,
    first_figure,
    matrices,
    moved,
    place,
    registered,
    undo_step,
    worst_dot,
)

HAND, FOOT = LIMBS[0], LIMBS[3]


def seat(obj: bpy.types.Object, limb: Limb) -> Matrix:
    """A hand or foot in the world."""
    bpy.context.view_layer.update()
    return obj.matrix_world @ obj.pose.bones[limb.end].matrix


def apart(a: Matrix, b: Matrix) -> tuple[float, float]:
    """Metres and radians between two places."""
    return (a.translation - b.translation).length, a.to_quaternion().rotation_difference(b.to_quaternion()).angle


def assert_held(obj: bpy.types.Object, limb: Limb, expected: Matrix) -> None:
    metres, radians = apart(seat(obj, limb), expected)
    assert metres < MILLIMETRE and (radians < 2e-3 or radians > 2 * math.pi - 2e-3), (metres, radians)
    assert worst_dot(obj) < MILLIMETRE


def shift(obj: bpy.types.Object, dot: str, *way: float) -> None:
    move_control(obj, dot, place(obj, dot) + Vector(way))


def bend_elbows(obj: bpy.types.Object) -> None:
    """So that hands have room to stay where they are."""
    for side, x in ((".L", 0.25), (".R", -0.25)):
        move_control(obj, f"hand{side}", (x, -0.25, 1.15))


def empty(*location: float) -> bpy.types.Object:
    obj = bpy.data.objects.new("Thing", None)
    bpy.context.scene.collection.objects.link(obj)
    obj.location = location
    bpy.context.view_layer.update()
    return obj


def test_a_pinned_hand_and_foot_stay_in_the_world_whatever_the_body_does(figure) -> None:
    bend_elbows(figure)
    for limb in (HAND, FOOT):
        pin_dot(figure, limb.target)
    hand, foot = seat(figure, HAND), seat(figure, FOOT)
    shift(figure, "hips", 0.04, 0.05, -0.08)
    assert_held(figure, HAND, hand)
    assert_held(figure, FOOT, foot)
    shift(figure, "chest_ik", 0.05, -0.06, 0)
    turn_joint(figure, "hips", Quaternion((0, 0, 1), 0.15))
    assert_held(figure, HAND, hand)
    shift(figure, "root", 0.0, -0.02, 0)
    figure.location = (0.03, 0.02, 0)
    bpy.context.view_layer.update()
    for limb, expected in ((HAND, hand), (FOOT, foot)):
        assert_held(figure, limb, expected)


def test_out_of_reach_the_limb_is_stretched_and_the_pin_takes_hold_again(figure) -> None:
    bend_elbows(figure)
    pin_dot(figure, HAND.target)
    hand = seat(figure, HAND)
    for _ in range(2):
        figure.location = (0, 3, 0)
        bpy.context.view_layer.update()
        away = seat(figure, HAND)
        shoulder = figure.matrix_world @ figure.pose.bones[HAND.upper].head
        assert (away.translation - shoulder).angle(hand.translation - shoulder) < 0.03, "it reaches toward its pin"
        assert worst_dot(figure) < MILLIMETRE
        bpy.context.view_layer.update()
        assert apart(away, seat(figure, HAND))[0] < 1e-4, "it does not creep"
        shift(figure, "hips", 0, 0, -0.05)
        shift(figure, "hips", 0, 0, 0.05)
        figure.location = (0, 0, 0)
        bpy.context.view_layer.update()
        assert_held(figure, HAND, hand)


def test_a_hand_pinned_to_the_own_body_goes_along_with_it(figure) -> None:
    move_control(figure, "hand.L", place(figure, "thigh.L") + Vector((0.09, 0, 0.06)))
    pin_dot(figure, HAND.target, "BODY")
    (pin,) = figure.pose_to_anime.pins
    assert pin.bone in ("hips", "thigh.L")
    pin_dot(figure, HAND.target, "BODY", bone="hips")
    (pin,) = figure.pose_to_anime.pins
    hips = figure.pose.bones["hips"]
    relation = hips.matrix.inverted() @ figure.pose.bones["hand.L"].matrix
    for action in (
        lambda: shift(figure, "hips", 0.06, 0, -0.1),
        lambda: turn_joint(figure, "hips", Quaternion((0, 1, 0), 0.2)),
        lambda: turn_joint(figure, "chest", Quaternion((1, 0, 0), 0.2)),
    ):
        action()
        assert_held(figure, HAND, figure.matrix_world @ hips.matrix @ relation)


def test_a_hand_pinned_to_an_object_or_another_figure_goes_along(figure) -> None:
    bend_elbows(figure)
    thing = empty(0.25, -0.3, 1.1)
    thing.scale = (2, 2, 2)
    bpy.context.view_layer.update()
    pin_dot(figure, HAND.target, "OBJECT", thing)
    relation = Matrix.LocRotScale(thing.location, thing.rotation_euler, None).inverted() @ seat(figure, HAND)
    for location, angle in (((0.2, -0.25, 1.2), 0.0), ((0.22, -0.3, 1.05), 0.4)):
        thing.location, thing.rotation_euler = location, (0, 0, angle)
        bpy.context.view_layer.update()
        assert_held(figure, HAND, Matrix.LocRotScale(thing.location, thing.rotation_euler, None) @ relation)
    thing.name = "Renamed"
    thing.location.z += 0.05
    bpy.context.view_layer.update()
    assert_held(figure, HAND, Matrix.LocRotScale(thing.location, thing.rotation_euler, None) @ relation)

    other = add_mannequin(bpy.context, location=(0.1, -0.6, 0))
    other.rotation_euler.z = math.pi
    bpy.context.view_layer.update()
    move_control(figure, "hand.R", other.matrix_world @ other.pose.bones["hand.L"].head + Vector((0.02, 0.06, 0)))
    pin_dot(figure, "hand_ik.R", "OBJECT", other)
    pin = figure.pose_to_anime.pins[1]
    assert pin.bone in ("hand.L", "forearm.L")
    carrier = other.pose.bones[pin.bone]
    relation = (other.matrix_world @ carrier.matrix).inverted() @ seat(figure, LIMBS[1])
    shift(other, "hand_ik.L", 0.01, 0.02, -0.02)
    assert_held(figure, LIMBS[1], other.matrix_world @ carrier.matrix @ relation)
    other.location.x += 0.05
    bpy.context.view_layer.update()
    assert_held(figure, LIMBS[1], other.matrix_world @ carrier.matrix @ relation)


def test_dragging_a_pinned_dot_or_turning_its_joints_moves_the_pin(figure) -> None:
    bend_elbows(figure)
    pin_dot(figure, HAND.target)
    for move in (
        lambda: shift(figure, HAND.target, 0.05, 0.03, 0.1),
        lambda: turn_joint(figure, HAND.lower, Quaternion((1, 0, 0), 0.2)),
        lambda: turn_joint(figure, HAND.end, Quaternion((0, 0, 1), 0.3)),
        lambda: turn_joint(figure, HAND.target, Quaternion((0, 1, 0), 0.3)),
        lambda: shift(figure, HAND.target, 3, 0, 0),
    ):
        before = seat(figure, HAND)
        move()
        after = seat(figure, HAND)
        assert max(apart(before, after)) > 0.02
        shift(figure, "hips", 0, -0.02, -0.03)
        shift(figure, "hips", 0, 0.02, 0.03)
        assert_held(figure, HAND, after)


def test_pins_hold_at_each_motion_of_a_drag_and_after_it_is_given_up(figure) -> None:
    bend_elbows(figure)
    pin_dot(figure, HAND.target)
    pin_dot(figure, FOOT.target)
    hand, before = seat(figure, HAND), matrices(figure)
    hips = figure.pose.bones["hips"]
    with paused():
        for way in ((0.02, 0, 0), (0.05, -0.03, 0.05), (0, 0, 5), (0.03, 0.02, 0.04), (0, 0, 0)):
            hips.location = way
            bpy.context.view_layer.update()
            follow(figure)
            if max(way) < 1:
                assert apart(seat(figure, HAND), hand)[0] < MILLIMETRE, way
    bpy.context.view_layer.update()
    assert moved(before, matrices(figure)) < MILLIMETRE
    assert_held(figure, HAND, hand)


def test_poses_and_mirroring_keep_pins_and_reset_takes_them_off(figure) -> None:
    bend_elbows(figure)
    pin_dot(figure, HAND.target)
    hand = seat(figure, HAND)
    apply_pose(figure, load_pose("standing"))
    assert_held(figure, HAND, hand)
    bpy.ops.pose_to_anime.mirror_pose()
    assert_held(figure, HAND, hand)
    reset_pose(figure)
    assert not figure.pose_to_anime.pins
    assert apart(seat(figure, HAND), hand)[0] > 0.1


def test_a_pin_whose_target_was_deleted_stays_in_the_world_and_says_so(figure) -> None:
    bend_elbows(figure)
    thing = empty(0.3, -0.3, 1.0)
    pin_dot(figure, HAND.target, "OBJECT", thing)
    thing.location.z += 0.05
    bpy.context.view_layer.update()
    hand = seat(figure, HAND)
    bpy.ops.object.select_all(action="DESELECT")
    thing.select_set(True)
    bpy.ops.object.delete()
    shift(figure, "hips", 0.02, 0, -0.05)
    assert_held(figure, HAND, hand)
    (pin,) = figure.pose_to_anime.pins
    assert (pin.kind, pin.note) == ("WORLD", TARGET_IS_GONE)


def test_a_dot_is_not_pinned_to_what_it_carries_itself(figure) -> None:
    bend_elbows(figure)
    held = empty(0.3, -0.3, 1.0)
    held.parent, held.parent_type, held.parent_bone = figure, "BONE", "hand.L"
    pin_dot(figure, "hand_ik.R", "OBJECT", held)
    before, pins = matrices(figure), len(figure.pose_to_anime.pins)
    for kind, target, bone in (("BODY", None, "hand.L"), ("BODY", None, "hand.R"), ("OBJECT", held, "")):
        with pytest.raises(UserError, match="goes along with this dot itself: choose something else to pin it to"):
            pin_dot(figure, HAND.target, kind, target, bone)
    pin_dot(figure, FOOT.target, "BODY", bone="hand.L")
    assert len(figure.pose_to_anime.pins) == pins + 1
    assert moved(before, matrices(figure)) < MILLIMETRE


def test_a_pin_is_taken_off_though_bones_of_its_limb_were_deleted(figure) -> None:
    bend_elbows(figure)
    pin_dot(figure, HAND.target)
    bpy.ops.object.mode_set(mode="EDIT")
    for name in (HAND.target, HAND.end):
        figure.data.edit_bones.remove(figure.data.edit_bones[name])
    bpy.ops.object.mode_set(mode="OBJECT")
    assert release(figure) == 1
    names = {constraint.name for bone in figure.pose.bones for constraint in bone.constraints}
    assert not names & {PLACE, TURN, FOLLOW}


def test_copies_and_saved_files_carry_pins(figure, tmp_path) -> None:
    bend_elbows(figure)
    thing = empty(0.3, -0.3, 1.0)
    pin_dot(figure, HAND.target, "OBJECT", thing)
    pin_dot(figure, "hand_ik.R", "BODY", bone="hips")
    name = figure.name
    bpy.ops.object.select_all(action="DESELECT")
    figure.select_set(True)
    bpy.ops.object.duplicate()
    copy = bpy.context.view_layer.objects.active
    if copy == figure:
        copy = next(obj for obj in bpy.context.selected_objects if obj != figure)
    copied = copy.pose_to_anime.pins
    assert [(pin.control, pin.kind, pin.target) for pin in copied] == [
        (HAND.target, "OBJECT", thing),
        ("hand_ik.R", "BODY", None),
    ]
    relation = copy.pose.bones["hips"].matrix.inverted() @ copy.pose.bones["hand.R"].matrix
    shift(copy, "hips", 0, 0, -0.05)
    assert_held(copy, LIMBS[1], copy.matrix_world @ copy.pose.bones["hips"].matrix @ relation)

    path = str(tmp_path / "pins.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=path)
    again, thing = bpy.data.objects[name], bpy.data.objects["Thing"]
    hand = seat(again, HAND)
    thing.location += Vector((-0.03, 0.02, 0.04))
    bpy.context.view_layer.update()
    assert_held(again, HAND, Matrix.Translation((-0.03, 0.02, 0.04)) @ hand)


def test_pinning_moving_and_unpinning_are_undone_exactly(figure) -> None:
    bend_elbows(figure)
    thing = empty(0.3, -0.3, 1.0)
    undo_step("start")
    states = [(matrices(figure), 0)]

    def hips() -> None:
        bpy.ops.pose_to_anime.move_control("EXEC_DEFAULT", True, control="hips", location=(0.05, 0.02, 0.85))

    def move_thing() -> None:
        bpy.data.objects["Thing"].location.z += 0.07
        bpy.context.view_layer.update()
        undo_step("thing")

    actions = (
        lambda: bpy.ops.pose_to_anime.pin("EXEC_DEFAULT", True, control="hand.L", to="OBJECT", target=thing.name),
        move_thing,
        hips,
        lambda: bpy.ops.pose_to_anime.unpin("EXEC_DEFAULT", True, control="hand.L"),
        lambda: bpy.ops.pose_to_anime.move_control("EXEC_DEFAULT", True, control="hips", location=(0, 0, 0.9)),
    )
    for action in actions:
        action()
        states.append((matrices(first_figure()), len(first_figure().pose_to_anime.pins)))
    assert [count for _, count in states] == [0, 1, 1, 1, 0, 0]
    for expected, count in reversed(states[:-1]):
        assert bpy.ops.ed.undo() == {"FINISHED"}
        assert len(first_figure().pose_to_anime.pins) == count
        assert moved(expected, matrices(first_figure())) < 1e-4
        assert worst_dot(first_figure()) < MILLIMETRE
    for expected, count in states[1:]:
        assert bpy.ops.ed.redo() == {"FINISHED"}
        assert len(first_figure().pose_to_anime.pins) == count
        assert moved(expected, matrices(first_figure())) < 1e-4


def test_the_operators_act_on_what_is_selected_and_say_what_is_wrong(figure) -> None:
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="DESELECT")
    with pytest.raises(RuntimeError, match="Select the dots"):
        bpy.ops.pose_to_anime.pin()
    for name in ("hand.L", "foot_ik.R", "elbow.L"):
        select_pose_bone(figure.pose.bones[name], True)
    assert bpy.ops.pose_to_anime.pin() == {"FINISHED"}
    assert [pin.control for pin in figure.pose_to_anime.pins] == ["hand_ik.L", "foot_ik.R"]
    assert figure.pose.bones["hand_ik.L"].custom_shape.name.endswith("pin")
    assert bpy.ops.pose_to_anime.unpin(control="foot.R") == {"FINISHED"}
    assert bpy.ops.pose_to_anime.unpin() == {"FINISHED"}
    assert figure.pose.bones["hand_ik.L"].custom_shape.name.endswith("dot")
    for words, says in (
        ({"control": "elbow.L"}, "cannot be pinned"),
        ({"control": "hand.L", "to": "OBJECT"}, "Choose the object"),
        ({"control": "hand.L", "to": "OBJECT", "target": "Nothing"}, "no object 'Nothing'"),
        ({"control": "hand.L", "to": "BODY", "bone": "tail"}, "no bone 'tail'"),
    ):
        with pytest.raises(RuntimeError, match=says):
            bpy.ops.pose_to_anime.pin(**words)
    with pytest.raises(RuntimeError, match="No selected dot is pinned"):
        bpy.ops.pose_to_anime.unpin()
    with pytest.raises(RuntimeError, match="no such pin"):
        bpy.ops.pose_to_anime.unpin(control="hand.L")
    assert not figure.pose_to_anime.pins
    figure.hide_viewport = True
    for child in figure.children:
        child.hide_viewport = True
    with pytest.raises(UserError, match="hidden"):
        pin_dot(figure, HAND.target)
    assert release(figure) == 0
