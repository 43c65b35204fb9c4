# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose library's operators in a real Blender: applying whole, in part, blended and mirrored; saving with a thumbnail."""

import json
import math
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import pose_to_anime  # noqa: E402
from pose_to_anime.addon import png  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, read_pose, reset_pose  # noqa: E402
from pose_to_anime.addon.compat import select_pose_bone  # noqa: E402
from pose_to_anime.addon.generate import pose_shelf, shelf  # noqa: E402
from pose_to_anime.addon.pose import own_poses  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.humanoid import FINGER_JOINTS, JOINTS  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.pose.normalised import Pose, blend, mirror  # noqa: E402
from rig_scene import figure_fixture, first_figure, matrices, moved, registered  # noqa: E402, F401

LEFT_ARM = {"leftUpperArm", "leftLowerArm", "leftHand"} | {joint for joint in FINGER_JOINTS if joint.startswith("left")}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    pose_shelf.refresh()
    return tmp_path / "home"


def angle(a: Pose, b: Pose, joints=JOINTS) -> float:
    """The worst in degrees."""
    return max(math.degrees(rot.angle_between(a.rotation(joint), b.rotation(joint))) for joint in joints)


def select(obj: bpy.types.Object, *names: str) -> None:
    for bone in obj.pose.bones:
        select_pose_bone(bone, bone.name in names)


def test_a_pose_is_applied_by_name_and_mirrored(figure) -> None:
    pose = load_pose("running")
    assert bpy.ops.pose_to_anime.apply_pose(pose="running") == {"FINISHED"}
    assert angle(read_pose(figure), pose) < 0.01
    assert bpy.ops.pose_to_anime.apply_pose(pose="running", mirrored=True) == {"FINISHED"}
    assert angle(read_pose(figure), mirror(pose)) < 0.01
    assert bpy.context.window_manager.pose_to_anime.library.chosen == "running"


def test_blend_goes_from_where_the_figure_is_to_the_pose(figure) -> None:
    start, pose = load_pose("standing"), load_pose("running")
    apply_pose(figure, start)
    before = matrices(figure)
    bpy.ops.pose_to_anime.apply_pose(pose="running", factor=0.0)
    assert moved(before, matrices(figure)) < 1e-4
    bpy.ops.pose_to_anime.apply_pose(pose="running", factor=0.5)
    assert angle(read_pose(figure), blend(start, pose, 0.5)) < 0.01
    apply_pose(figure, start)
    bpy.ops.pose_to_anime.apply_pose(pose="running", factor=1.0)
    whole = matrices(figure)
    apply_pose(figure, pose)
    assert moved(whole, matrices(figure)) < 1e-4


def test_a_blend_of_two_poses_on_the_ground_stays_on_it(figure) -> None:
    from pose_to_anime.addon.armature.pose_tools import lowest_point

    apply_pose(figure, load_pose("standing"))
    for _ in range(3):
        bpy.ops.pose_to_anime.apply_pose(pose="lying", factor=0.4)
        assert abs(lowest_point(figure)) < 5e-3


def test_only_selected_bones_take_the_pose(figure) -> None:
    apply_pose(figure, load_pose("standing"))
    before, pose = read_pose(figure), load_pose("running")
    select(figure, "hand_ik.L")
    assert bpy.ops.pose_to_anime.apply_pose(pose="running", selected_only=True) == {"FINISHED"}
    after = read_pose(figure)
    assert angle(after, pose, LEFT_ARM) < 0.01
    others = [joint for joint in JOINTS if joint not in LEFT_ARM]
    assert angle(after, before, others) < 0.01
    assert after.hips_translation == pytest.approx(before.hips_translation, abs=1e-4)
    select(figure)
    with pytest.raises(RuntimeError, match="No joint or dot is selected"):
        bpy.ops.pose_to_anime.apply_pose(pose="lying", selected_only=True)
    assert angle(read_pose(figure), after) < 0.01


def test_the_current_pose_is_saved_with_its_thumbnail_and_ground(figure, home) -> None:
    apply_pose(figure, load_pose("running"))
    objects, cameras = set(bpy.data.objects.keys()), set(bpy.data.cameras.keys())
    assert bpy.ops.pose_to_anime.save_pose(name="My Run", group="running") == {"FINISHED"}
    assert (set(bpy.data.objects.keys()), set(bpy.data.cameras.keys())) == (objects, cameras)
    saved = load_pose("my_run")
    assert saved.group == "running" and {c.surface for c in saved.contacts} == {"ground"}
    assert {c.joint for c in saved.contacts} <= {"leftFoot", "leftToes", "rightFoot", "rightToes"}
    entry = pose_shelf.collection().entry("my_run")
    assert entry is not None and entry.own
    assert png.read_info(entry.preview_path.read_bytes()).width == 128
    before = matrices(figure)
    reset_pose(figure)
    assert bpy.ops.pose_to_anime.apply_pose(pose="my_run") == {"FINISHED"}
    assert moved(before, matrices(figure)) < 5e-3
    with pytest.raises(RuntimeError, match="already a pose 'My Run'"):
        bpy.ops.pose_to_anime.save_pose(name="My Run")
    assert bpy.ops.pose_to_anime.save_pose(name="My Run", replace=True) == {"FINISHED"}


def test_own_poses_are_marked_renamed_exported_imported_and_deleted(figure, home, tmp_path) -> None:
    bpy.ops.pose_to_anime.save_pose(name="Mine")
    bpy.ops.pose_to_anime.mark_pose(pose="mine")
    assert pose_shelf.marked() == ("mine",)
    bpy.ops.pose_to_anime.rename_pose(pose="mine", name="Ours")
    assert pose_shelf.marked() == ("ours",) and pose_shelf.collection().entry("mine") is None
    bpy.ops.pose_to_anime.export_pose(pose="ours", filepath=str(tmp_path / "ours.json"))
    apply_pose(figure, load_pose("running"))
    before = matrices(figure)
    assert bpy.ops.pose_to_anime.import_pose(filepath=str(tmp_path / "ours.json")) == {"FINISHED"}
    assert moved(before, matrices(figure)) == 0.0, "the figure only lent its body to the thumbnail"
    assert pose_shelf.collection().entry("ours_2").preview_path.exists()
    bpy.ops.pose_to_anime.delete_pose(pose="ours")
    assert pose_shelf.collection().entry("ours") is None and pose_shelf.marked() == ()
    with pytest.raises(RuntimeError, match="came with Pose to Anime"):
        bpy.ops.pose_to_anime.delete_pose(pose="running")
    with pytest.raises(RuntimeError, match="no pose 'ours'"):
        bpy.ops.pose_to_anime.export_pose(pose="ours", filepath=str(tmp_path / "again.json"))
    assert not (tmp_path / "again.json").exists()


_GOOD = {"format": "pose_to_anime.pose", "version": 1, "name": "Good", "rotations": {"head": [1, 0, 0, 0]}}
BAD = {
    "not JSON": (
        "pose!",
        "bad.json is not JSON (Expecting value: line 1 column 1 (char 0)); choose a pose file that was saved by Pose to Anime.",
    ),
    "another kind": (
        json.dumps([1]),
        'bad.json is not a pose file: it should be a JSON object with "format": "pose_to_anime.pose".',
    ),
    "unknown joint": (
        json.dumps(_GOOD | {"rotations": {"tail": [1, 0, 0, 0]}}),
        "bad.json names the unknown joint 'tail'; joints have the names of the VRM humanoid.",
    ),
    "no number": (
        json.dumps(_GOOD | {"rotations": {"head": [1, 0, math.nan, 0]}}),
        "bad.json: the rotation of head holds a number that is not finite or far too large.",
    ),
    "huge number": (
        json.dumps(_GOOD | {"hips_translation": [0, 0, 1e300]}),
        "bad.json: the hips' translation holds a number that is not finite or far too large.",
    ),
    "newer version": (
        json.dumps(_GOOD | {"version": 99}),
        "bad.json has version 99, but this program reads up to 1: update Pose to Anime to use it.",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_gets_its_sentence_and_changes_nothing(figure, home, tmp_path, kind) -> None:
    before = matrices(figure)
    bad, (text, says) = tmp_path / "bad.json", BAD[kind]
    bad.write_text(text)
    for verb in ("apply_pose", "import_pose"):
        with pytest.raises(RuntimeError) as caught:
            getattr(bpy.ops.pose_to_anime, verb)(filepath=str(bad))
        assert str(caught.value).strip() == f"Error: {says}"
    assert moved(before, matrices(figure)) == 0.0 and not home.exists()


def test_a_folder_that_cannot_be_written_changes_nothing(figure, home) -> None:
    before = matrices(figure)
    home.write_text("no folder")
    with pytest.raises(RuntimeError, match="cannot be written"):
        bpy.ops.pose_to_anime.save_pose(name="Mine")
    with pytest.raises(RuntimeError, match="cannot be written"):
        bpy.ops.pose_to_anime.mark_pose(pose="running")
    assert moved(before, matrices(figure)) == 0.0 and home.read_text() == "no folder"


def test_files_added_outside_are_seen(figure, home, monkeypatch) -> None:
    own_poses.save_pose(Pose("From outside", {}))
    monkeypatch.setattr(shelf, "LOOK_AGAIN", 0.0)
    assert bpy.ops.pose_to_anime.apply_pose(pose="from_outside") == {"FINISHED"}


def test_numbers_of_poses_stay_when_others_come(figure) -> None:
    """Blender repeats an operator by its numbers: a new pose must not shift them."""
    from pose_to_anime.addon.operators.library import pose_items

    before = {item[0]: item[3] for item in pose_items(None, None)}
    own_poses.save_pose(Pose("A first one", {}))
    pose_shelf.refresh()
    after = {item[0]: item[3] for item in pose_items(None, None)}
    assert before.items() <= after.items() and len(after) == len(before) + 1
    assert len(set(after.values())) == len(after)


def test_nothing_is_left_after_unregistering() -> None:
    pose_to_anime.unregister()
    try:
        assert not pose_shelf._icons.is_open and pose_shelf._shelf._content is None
        assert not bpy.app.timers.is_registered(pose_shelf._shelf.read_soon)
        assert not hasattr(bpy.types, "P2A_PT_poses") and not hasattr(bpy.types, "P2A_PG_library")
    finally:
        pose_to_anime.register()
    assert bpy.app.timers.is_registered(pose_shelf._shelf.read_soon)


def test_the_default_figure_can_be_saved_from_pose_mode(home) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    add_mannequin(bpy.context)
    bpy.ops.object.mode_set(mode="POSE")
    assert bpy.ops.pose_to_anime.save_pose(name="In pose mode") == {"FINISHED"}
    assert bpy.context.mode == "POSE" and first_figure().mode == "POSE"
