# SPDX-License-Identifier: GPL-3.0-or-later
"""With Auto Keying on, what a verb does to a pose is still there after the frame has changed and come back."""

from __future__ import annotations

from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.compat import action_curves, select_pose_bone  # noqa: E402
from rig_scene import figure_fixture, matrices, moved, registered  # noqa: E402, F401

OPS = bpy.ops.pose_to_anime
MILLIMETRE = 1e-3


@pytest.fixture(autouse=True)
def key_all(figure: bpy.types.Object) -> None:
    """The preferences that hold keys back have other defaults in other versions of Blender."""
    preferences = bpy.context.preferences.edit
    preferences.use_auto_keyframe_insert_needed = preferences.use_keyframe_insert_available = False


@pytest.fixture(name="animated")
def animated_fixture(figure: bpy.types.Object) -> bpy.types.Object:
    """A figure with its stance keyed at frame 1, at frame 20, with Auto Keying on."""
    scene = bpy.context.scene
    for bone in figure.pose.bones:
        turned = "rotation_quaternion" if bone.rotation_mode == "QUATERNION" else "rotation_euler"
        for path in ("location", turned):
            bone.keyframe_insert(path, frame=1)
    scene.frame_set(20)
    scene.tool_settings.use_keyframe_insert_auto = True
    return figure


def there_and_back() -> None:
    bpy.context.scene.frame_set(1)
    bpy.context.scene.frame_set(20)


VERBS: list[tuple[str, dict[str, Any]]] = [
    ("apply_pose", {"pose": "running"}),
    ("apply_pose", {"pose": "sitting_upright", "factor": 0.5}),
    ("exaggerate", {"factor": 0.8}),
    ("move_control", {"control": "hips", "location": (0.0, 0.1, 1.3)}),
    ("put_on_ground", {}),
    ("apply_hand", {"shape": "fist", "side": "BOTH"}),
    ("adjust_hand", {"spread": 0.7}),
    ("move_control", {"control": "hand.L", "location": (0.4, -0.3, 1.4)}),
    ("turn_joint", {"joint": "chest", "rotation": (0.97, 0.2, 0.1, 0.0)}),
    ("roll_foot", {"side": "L", "angle": 0.6}),
    ("add_prop", {"prop": "sword", "hand": "R"}),
]


def test_what_a_verb_poses_stays_at_its_frame(animated: bpy.types.Object) -> None:
    for verb, words in VERBS:
        before = matrices(animated)
        assert getattr(OPS, verb)(**words) == {"FINISHED"}
        posed = matrices(animated)
        assert moved(before, posed) > 5 * MILLIMETRE, verb
        there_and_back()
        assert moved(posed, matrices(animated)) < MILLIMETRE, verb


def test_one_that_sits_down_on_a_seat_still_sits_there(animated: bpy.types.Object) -> None:
    bpy.ops.mesh.primitive_cube_add(size=0.45, location=(2.0, 0.0, 0.225))
    assert OPS.sit_on(seat=bpy.context.object.name, armature=animated.name) == {"FINISHED"}
    posed = matrices(animated)
    there_and_back()
    assert moved(posed, matrices(animated)) < MILLIMETRE


def test_the_verbs_of_reset_mirror_and_the_slider_are_keyed_too(animated: bpy.types.Object) -> None:
    OPS.apply_pose(pose="running")
    for act in (
        lambda: OPS.mirror_pose(),
        lambda: OPS.flip_pose(),
        lambda: setattr(animated, "pose_to_anime_dynamic", 0.6),
        lambda: OPS.reset_pose(),
    ):
        before = matrices(animated)
        act()
        posed = matrices(animated)
        assert moved(before, posed) > 5 * MILLIMETRE
        there_and_back()
        assert moved(posed, matrices(animated)) < MILLIMETRE


def test_a_pose_that_is_copied_is_keyed_on_the_other_figure(animated: bpy.types.Object) -> None:
    other = add_mannequin(bpy.context)
    other.pose.bones["upper_arm.L"].keyframe_insert("rotation_quaternion", frame=1)
    OPS.apply_pose(pose="running", armature=animated.name)
    assert OPS.copy_pose_to(armature=animated.name, target=other.name) == {"FINISHED"}
    posed = matrices(other)
    there_and_back()
    assert moved(posed, matrices(other)) < MILLIMETRE


def test_nothing_is_keyed_that_did_not_change_or_with_auto_keying_off(figure: bpy.types.Object) -> None:
    OPS.apply_pose(pose="running")
    assert not any(len(curves) for curves in action_curves(figure))
    bpy.context.scene.tool_settings.use_keyframe_insert_auto = True
    OPS.apply_hand(shape="fist", side="L")
    paths = {curve.data_path for curves in action_curves(figure) for curve in curves}
    assert paths
    assert all(path.startswith('pose.bones["') and '.L"]' in path and path.endswith("rotation_quaternion") for path in paths)


def test_what_drivers_bend_is_not_keyed(figure: bpy.types.Object) -> None:
    bpy.context.scene.tool_settings.use_keyframe_insert_auto = True
    OPS.apply_pose(pose="sitting")
    keyed = {curve.data_path for curves in action_curves(figure) for curve in curves}
    assert any("forearm.L" in path for path in keyed)
    assert not keyed & {curve.data_path for curve in figure.animation_data.drivers}


def test_a_thumbnail_leaves_no_keys(figure: bpy.types.Object, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    OPS.export_pose(pose="running", filepath=str(tmp_path / "mine.json"))
    bpy.context.scene.tool_settings.use_keyframe_insert_auto = True
    assert OPS.import_pose(filepath=str(tmp_path / "mine.json")) == {"FINISHED"}
    assert not any(len(curves) for curves in action_curves(figure))


def test_a_selected_joint_that_is_reset_alone_is_keyed_alone(figure: bpy.types.Object) -> None:
    OPS.apply_pose(pose="running")
    bpy.context.scene.tool_settings.use_keyframe_insert_auto = True
    select_pose_bone(figure.pose.bones["head"], True)
    assert OPS.reset_selected() == {"FINISHED"}
    keyed = {curve.data_path.split('"')[1] for curves in action_curves(figure) for curve in curves}
    assert "head" in keyed and not any("thigh" in name or "finger" in name for name in keyed)
