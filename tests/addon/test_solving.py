# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's IK under a mannequin's limbs in a real Blender: begun at its solution, it is exact in whatever way a limb is bent."""

import math

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Quaternion, Vector  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control, turn_joint  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS, Limb  # noqa: E402
from pose_to_anime.addon.armature.matching import is_ik, paused  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.armature.reshape import change_body  # noqa: E402
from pose_to_anime.addon.armature.solving import is_animated  # noqa: E402
from pose_to_anime.addon.pose.normalised import Pose  # noqa: E402
from rig_scene import (  # noqa: E402, F401
    MILLIMETRE,
    Limited,
    figure_fixture,
    matrices,
    moved,
    place,
    reach,
    registered,
    worst_dot,
)

ARM, LEG = LIMBS[0], LIMBS[2]


def solved(obj: bpy.types.Object, limb: Limb, bend: float, direction: Vector) -> tuple[float, float]:
    """Metres from the solver's wrist to a dot that is placed for a bend (radians), and by how much its own bend is another."""
    upper, lower = (obj.pose.bones[limb.solve(name)] for name in (limb.upper, limb.lower))
    a, b = upper.length, lower.length
    goal = upper.head + direction.normalized() * math.sqrt(a * a + b * b + 2 * a * b * math.cos(bend))
    dot = obj.pose.bones[limb.target]
    matrix = dot.matrix.copy()
    matrix.translation = goal
    with paused():
        dot.matrix = matrix
        bpy.context.view_layer.update()
    ways = [bone.tail - bone.head for bone in (upper, lower)]
    seen = math.atan2(ways[0].cross(ways[1]).length, ways[0].dot(ways[1]))
    return (lower.tail - goal).length, abs(seen - bend)


def worst_solution(obj: bpy.types.Object) -> float:
    """In metres, of both kinds of limbs, from stretched to folded; the elbow's bend may be 0.05 degrees off, or 0.25 where the
    limb is so straight that a rounded distance says no more of it."""
    rng, worst = np.random.default_rng(31), 0.0
    for limb in (ARM, LEG):
        for degrees in (0, 0.3, 2, 20, 50, 80, 100, 115, 130, 145, 160):
            miss, difference = solved(obj, limb, math.radians(degrees), Vector(rng.normal(size=3)))
            assert math.degrees(difference) < (0.05 if degrees >= 2 else 0.25), (limb.end, degrees)
            worst = max(worst, miss)
    return worst


def test_the_solver_is_exact_in_whatever_way_a_limb_is_bent(figure) -> None:
    assert worst_solution(figure) < 0.01 * MILLIMETRE


def test_on_a_scaled_and_turned_figure_and_on_another_body_too(figure) -> None:
    figure.scale = (1.7, 1.7, 1.7)
    figure.rotation_euler = (0.3, -0.2, 2.0)
    assert worst_solution(figure) < 0.01 * MILLIMETRE
    figure.scale = (0.4, 0.4, 0.4)
    change_body(figure, "chibi")
    assert worst_solution(figure) < 0.01 * MILLIMETRE


def test_a_limb_that_was_straight_is_exact_where_it_is_folded(figure) -> None:
    """What makes up for the last hair in a stretched limb must not be carried into other poses."""
    limited = Limited(figure)
    for limb in LIMBS:
        apply_pose(figure, Pose("Straight", {}))
        joint = "LowerArm" if limb.kind == "arm" else "LowerLeg"
        ends = limited.limits.joints[("left" if limb.suffix == ".L" else "right") + joint]
        a, b = (figure.pose.bones[name].length for name in (limb.upper, limb.lower))
        folded = math.sqrt(a * a + b * b + 2 * a * b * math.cos(0.93 * max(abs(ends.low).max(), ends.high.max())))
        for way in (Vector((0.1, -1, 0.1)), Vector((0.2, -0.9, -0.6))):
            if limb.suffix == ".R":
                way.x = -way.x
            goal = place(figure, limb.upper) + way.normalized() * folded
            move_control(figure, limb.end, goal)
            assert (place(figure, limb.end) - goal).length < 0.1 * MILLIMETRE, limb.end
            assert worst_dot(figure) < 0.1 * MILLIMETRE, limb.end


def made_up(obj: bpy.types.Object, limb: Limb) -> float:
    """By how much the mechanism turns a limb's bones away from where the solver leads them, other than to twist them."""
    turns = [obj.pose.bones[limb.out(name)].rotation_quaternion for name in (limb.upper, limb.lower)]
    return max(abs(c) for turn in turns for c in (turn.x, turn.z))


def test_what_is_made_up_for_in_one_pose_is_gone_in_the_next(figure) -> None:
    """Far from the world's origin numbers are coarse, and a straight limb needs more of it."""
    figure.location = (40, 30, 0)
    figure.rotation_euler = (0.2, 0.1, 1.0)
    apply_pose(figure, Pose("Straight", {}))
    assert max(made_up(figure, limb) for limb in LIMBS) > 1e-3
    for limb in LIMBS:
        half = place(figure, limb.upper).lerp(place(figure, limb.end), 0.7)
        forward = figure.matrix_world.to_3x3() @ Vector((0, -1, 0))
        move_control(figure, limb.end, half + forward * 0.2)
        assert made_up(figure, limb) < 3e-4, limb.end
        assert worst_dot(figure) < MILLIMETRE, limb.end


def test_drivers_that_were_cleared_with_an_animation_come_back(figure) -> None:
    figure.animation_data_clear()
    figure.location.x += 0.1
    bpy.context.view_layer.update()
    assert len(figure.animation_data.drivers) == len(LIMBS)
    assert worst_solution(figure) < 0.01 * MILLIMETRE


def test_a_driver_that_was_deleted_by_hand_comes_back(figure) -> None:
    drivers = figure.animation_data.drivers
    lost = drivers[0].data_path
    drivers.remove(drivers[0])
    bpy.context.view_layer.update()
    assert drivers.find(lost, index=1) is not None and len(drivers) == len(LIMBS)
    assert worst_solution(figure) < 0.01 * MILLIMETRE


def test_a_duplicate_is_led_by_its_own_dots(figure) -> None:
    figure.select_set(True)
    bpy.ops.object.duplicate()
    copy = next(obj for obj in bpy.context.selected_objects if obj != figure)
    assert {target.id for curve in copy.animation_data.drivers for v in curve.driver.variables for target in v.targets} == {copy}
    before = matrices(figure)
    assert worst_solution(copy) < 0.01 * MILLIMETRE
    assert moved(before, matrices(figure)) == 0


def test_a_file_that_may_run_no_scripts_solves_as_well(figure, tmp_path) -> None:
    path, name = str(tmp_path / "figure.blend"), figure.name
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=path, use_scripts=False)
    assert not bpy.app.autoexec_fail, "Blender has refused no driver"
    assert worst_solution(bpy.data.objects[name]) < 0.01 * MILLIMETRE


def test_our_drivers_are_no_animation(figure) -> None:
    """In a figure that nothing animates, what is done together with a change of the frame was done by a hand."""
    assert not is_animated(figure)
    bone = figure.pose.bones[ARM.upper]
    bone.rotation_quaternion = bone.rotation_quaternion @ Quaternion((1, 0, 0), 0.3)
    bpy.context.scene.frame_set(7)
    assert not is_ik(figure, ARM)
    turn_joint(figure, ARM.lower, Quaternion())
    figure.pose.bones["head"].driver_add("location", 0)
    assert is_animated(figure)
    figure.pose.bones["head"].driver_remove("location", 0)
    assert not is_animated(figure)
    figure.pose.bones["head"].keyframe_insert("location")
    assert is_animated(figure)
