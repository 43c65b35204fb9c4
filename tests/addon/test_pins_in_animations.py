# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins while an animation moves the body: in the viewport, in renders, and in files that are opened without the extension."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import pose_to_anime  # noqa: E402
from mathutils import Matrix, Quaternion, Vector  # noqa: E402
from pose_to_anime.addon.armature.animation import key_poses  # noqa: E402
from pose_to_anime.addon.armature.controls import move_control  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.armature.keypoints import body_keypoints  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS, Limb  # noqa: E402
from pose_to_anime.addon.armature.matching import is_ik  # noqa: E402
from pose_to_anime.addon.armature.pins import pin_dot, release  # noqa: E402
from pose_to_anime.addon.armature.posing import read_pose  # noqa: E402
from pose_to_anime.addon.openpose.layout import BODY_INDEX  # noqa: E402
from rig_scene import MILLIMETRE, figure_fixture, matrices, moved, place, registered, worst_dot  # noqa: E402, F401

HAND, FOOT = LIMBS[0], LIMBS[3]
FRAMES = (1, 6, 11, 16, 21)
WRIST_ALONE = 8.0
"""Degrees: constraints turn the hand as far as the wrist goes, and leave out what the forearm would do."""


def seat(obj: bpy.types.Object, limb: Limb) -> Matrix:
    """A hand or foot in the world, of a figure as it is evaluated."""
    return obj.matrix_world @ obj.pose.bones[limb.end].matrix


def assert_held(obj: bpy.types.Object, limb: Limb, expected: Matrix, degrees: float = 0.2) -> None:
    assert_same(seat(obj, limb), expected, degrees)


def assert_same(now: Matrix, expected: Matrix, degrees: float = 0.2) -> None:
    assert (now.translation - expected.translation).length < MILLIMETRE
    turn = now.to_quaternion().rotation_difference(expected.to_quaternion())
    assert math.degrees(Quaternion((abs(turn.w), turn.x, turn.y, turn.z)).angle) < degrees


def bend(obj: bpy.types.Object) -> None:
    """So that hands and feet have room to stay where they are."""
    move_control(obj, "hips", place(obj, "hips") + Vector((0, 0, -0.1)))
    move_control(obj, "hand.L", (0.25, -0.25, 1.1))


def key_the_hips(obj: bpy.types.Object) -> None:
    """The body sways, sinks and turns; limbs are not keyed."""
    hips = obj.pose.bones["hips"]
    start, turned = hips.location.copy(), hips.rotation_quaternion.copy()
    for frame, way, angle in ((1, (0, 0, 0), 0.0), (11, (0.06, -0.06, 0.03), 0.15), (21, (-0.05, 0.04, -0.04), -0.1)):
        hips.location = start + Vector(way)
        hips.rotation_quaternion = turned @ Quaternion((0, 1, 0), angle)
        hips.keyframe_insert("location", frame=frame)
        hips.keyframe_insert("rotation_quaternion", frame=frame)
    bpy.context.scene.frame_set(1)


def in_each_frame(obj: bpy.types.Object, check: Callable[[bpy.types.Object], None]) -> None:
    for frame in (*FRAMES, 8, 1):
        bpy.context.scene.frame_set(frame)
        check(obj)


def wrists(obj: bpy.types.Object, frame: int = 1) -> tuple[float, ...]:
    """The left wrist of the OpenPose figure in a frame, in the world."""
    scene = bpy.context.scene
    scene.frame_set(frame)
    (found,) = figures_in(scene, bpy.context.view_layer)
    points, present = body_keypoints(found, bpy.context.evaluated_depsgraph_get())
    wrist = BODY_INDEX["left_wrist"]
    assert present[wrist]
    return tuple(points[wrist])


def rendered(figure: str, folder: Path) -> dict[int, dict[str, Matrix]]:
    """Render a range of frames as the command line does. Frame → bone → where the renderer gets it, in the world."""
    scene, frames = bpy.context.scene, {}

    def look(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
        if depsgraph.mode == "RENDER":
            obj = bpy.data.objects[figure].evaluated_get(depsgraph)
            frames[scene.frame_current] = {
                name: obj.matrix_world @ obj.pose.bones[name].matrix for name in (HAND.end, FOOT.end, "hips")
            }

    if scene.camera is None:
        scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
        scene.collection.objects.link(scene.camera)
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x = scene.render.resolution_y = 8
    scene.frame_start, scene.frame_end, scene.frame_step = FRAMES[0], FRAMES[-1], 5
    scene.render.filepath = str(folder / "frame")
    bpy.app.handlers.frame_change_post.append(look)
    try:
        bpy.ops.render.render(animation=True)
    finally:
        bpy.app.handlers.frame_change_post.remove(look)
    assert tuple(frames) == FRAMES
    places = [matrices["hips"].translation for matrices in frames.values()]
    assert max((a - b).length for a in places for b in places) > 0.05, "the body moves"
    return frames


def test_pins_hold_in_every_frame_and_in_a_render(figure, tmp_path) -> None:
    bend(figure)
    for limb in (HAND, FOOT):
        pin_dot(figure, limb.target)
    hand, foot = seat(figure, HAND).copy(), seat(figure, FOOT).copy()
    key_the_hips(figure)

    def check(obj: bpy.types.Object) -> None:
        assert_held(obj, HAND, hand)
        assert_held(obj, FOOT, foot)

    in_each_frame(figure, check)
    assert worst_dot(figure) < MILLIMETRE
    assert wrists(figure) == pytest.approx(wrists(figure, 11), abs=MILLIMETRE), "so do the control images"
    for bones in rendered(figure.name, tmp_path).values():
        assert_same(bones[HAND.end], hand, WRIST_ALONE)
        assert_same(bones[FOOT.end], foot)


def test_a_saved_file_holds_its_pins_without_the_extension(figure, tmp_path) -> None:
    bend(figure)
    thing = bpy.data.objects.new("Thing", None)
    bpy.context.scene.collection.objects.link(thing)
    thing.location = (0.2, -0.4, 1.0)
    bpy.context.view_layer.update()
    pin_dot(figure, HAND.target, "OBJECT", thing)
    pin_dot(figure, FOOT.target)
    relation, foot = thing.matrix_world.inverted() @ seat(figure, HAND), seat(figure, FOOT).copy()
    key_the_hips(figure)
    bpy.context.scene.frame_set(21)
    name, path = figure.name, str(tmp_path / "pins.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    pose_to_anime.unregister()
    try:
        bpy.ops.wm.open_mainfile(filepath=path)

        def check(obj: bpy.types.Object) -> None:
            assert_held(obj, HAND, bpy.data.objects["Thing"].matrix_world @ relation, degrees=WRIST_ALONE)
            assert_held(obj, FOOT, foot)

        in_each_frame(bpy.data.objects[name], check)
        bpy.data.objects["Thing"].location.x += 0.03
        in_each_frame(bpy.data.objects[name], check)

        for link in (False, True):
            bpy.ops.wm.read_factory_settings(use_empty=True)
            with bpy.data.libraries.load(path, link=link) as (_, wanted):
                wanted.objects = [name]
            brought = wanted.objects[0]
            bpy.context.scene.collection.objects.link(brought)
            in_each_frame(brought, check)
    finally:
        pose_to_anime.register()


def test_an_animation_that_turns_the_joints_holds_pins_too(figure, tmp_path) -> None:
    bend(figure)
    pose = read_pose(figure)
    x, y, z = pose.hips_translation
    key_poses(figure, [replace(pose, hips_translation=(x + way, y - way, z)) for way in (0.0, 0.07, -0.04)], [1, 11, 21])
    bpy.context.scene.frame_set(1)
    before = matrices(figure)
    pin_dot(figure, HAND.target)
    hand = seat(figure, HAND).copy()
    in_each_frame(figure, lambda obj: assert_held(obj, HAND, hand))
    for bones in rendered(figure.name, tmp_path).values():
        assert_same(bones[HAND.end], hand, WRIST_ALONE)
    bpy.context.scene.frame_set(1)
    release(figure)
    assert moved(before, matrices(figure)) < MILLIMETRE
    assert not is_ik(figure, HAND), "without its pin the limb is animated as it was"


def test_a_pin_out_of_reach_in_the_frame_that_was_saved_holds_in_others(figure, tmp_path) -> None:
    bend(figure)
    pin_dot(figure, HAND.target)
    hand = seat(figure, HAND).copy()
    for frame, y in ((1, 0.0), (11, 2.0), (21, 0.0)):
        figure.location.y = y
        figure.keyframe_insert("location", frame=frame)
    bpy.context.scene.frame_set(11)
    assert (seat(figure, HAND).translation - hand.translation).length > 0.5
    assert worst_dot(figure) < MILLIMETRE
    name, path = figure.name, str(tmp_path / "away.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    pose_to_anime.unregister()
    try:
        bpy.ops.wm.open_mainfile(filepath=path)
        for frame in (1, 21):
            bpy.context.scene.frame_set(frame)
            assert_held(bpy.data.objects[name], HAND, hand, degrees=WRIST_ALONE)
    finally:
        pose_to_anime.register()
