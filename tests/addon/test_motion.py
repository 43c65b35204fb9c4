# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion capture onto mannequins in a real Blender: a frame as a pose, a take as keyframes, and what is refused."""

import math
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from bvh_files import STYLES, bvh_text  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS  # noqa: E402
from pose_to_anime.addon.armature.matching import is_ik  # noqa: E402
from pose_to_anime.addon.armature.pose_tools import lowest_point  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, humanoid_rest_of, read_pose  # noqa: E402
from pose_to_anime.addon.armature.solving import is_animated  # noqa: E402
from pose_to_anime.addon.operators import motion  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.pose.normalised import blend  # noqa: E402
from rig_scene import figure_fixture, matrices, moved, registered, worst_dot  # noqa: E402, F401

IMPORT = bpy.ops.pose_to_anime.import_bvh


@pytest.fixture(name="take")
def take_fixture(tmp_path: Path, figure) -> Path:
    """Sixteen frames at 30 a second, from a stroll through standing to a kick."""
    ends = [load_pose(name) for name in ("walking_stroll", "standing", "fighting_high_kick")]
    poses = [blend(ends[i // 8], ends[i // 8 + 1], (i % 8) / 8) for i in range(16)]
    path = tmp_path / "take.bvh"
    path.write_text(bvh_text(STYLES["mixamo"], poses, humanoid_rest_of(figure)))
    return path


def angle(a, b, joints=("leftUpperArm", "rightLowerLeg", "upperChest", "leftHand")) -> float:
    return max(math.degrees(rot.angle_between(a.rotation(joint), b.rotation(joint))) for joint in joints)


def test_a_frame_is_a_pose_of_the_figure(figure, take) -> None:
    assert IMPORT(filepath=str(take), frame=9, face_front=False) == {"FINISHED"}
    imported = read_pose(figure)
    apply_pose(figure, load_pose("standing"))
    assert angle(imported, read_pose(figure)) < 1.0
    IMPORT(filepath=str(take), frame=1)
    assert abs(lowest_point(figure)) < 0.005
    assert worst_dot(figure) < 1e-3
    assert not is_animated(figure)


def test_a_take_becomes_keyframes_at_the_speed_of_its_recording(figure, take) -> None:
    scene = bpy.context.scene
    scene.render.fps, scene.frame_end = 60, 20
    scene.frame_set(11)
    assert IMPORT(filepath=str(take), use="ANIMATION", every=4, face_front=False) == {"FINISHED"}
    assert scene.frame_current == 11 and scene.frame_end == 11 + 28
    assert not any(is_ik(figure, limb) for limb in LIMBS)
    for frame, row in ((11, 1), (27, 9), (39, 15)):
        scene.frame_set(frame)
        seen = read_pose(figure)
        assert not any(is_ik(figure, limb) for limb in LIMBS)
        assert abs(lowest_point(figure)) < 0.006, "feet on the ground"
        assert worst_dot(figure) < 1e-3
        wanted = load_pose(f"{take}:{row}")
        assert angle(seen, wanted) < 1.0, frame
    scene.frame_set(11)
    first = matrices(figure)
    scene.frame_set(31)
    assert moved(first, matrices(figure)) > 0.1


def test_between_keys_nothing_turns_the_long_way(figure, take) -> None:
    IMPORT(filepath=str(take), use="ANIMATION", every=3)
    scene, before = bpy.context.scene, None
    for frame in range(1, 13):
        scene.frame_set(frame)
        places = np.array([bone.head[:] for bone in figure.pose.bones if bone.bone.use_deform])
        if before is not None:
            assert np.linalg.norm(places - before, axis=1).max() < 0.6, frame
        before = places


def test_a_part_of_a_take(figure, take) -> None:
    scene = bpy.context.scene
    scene.render.fps = 30
    IMPORT(filepath=str(take), use="ANIMATION", every=1, start=9, end=12)
    start, end = figure.animation_data.action.frame_range
    assert (start, end) == (1.0, 4.0)


def test_a_frame_is_saved_among_the_users_poses(figure, take, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    seen = matrices(figure)
    assert IMPORT(filepath=str(take), use="LIBRARY", frame=16) == {"FINISHED"}
    assert (tmp_path / "home" / "poses" / "take_16.json").is_file()
    assert (tmp_path / "home" / "poses" / "previews" / "take_16.png").is_file()
    assert moved(seen, matrices(figure)) < 1e-6, "the figure keeps its pose"
    assert bpy.ops.pose_to_anime.import_pose(filepath=str(take)) == {"FINISHED"}
    assert (tmp_path / "home" / "poses" / "take_1.json").is_file()
    assert bpy.ops.pose_to_anime.apply_pose(filepath=f"{take}:16") == {"FINISHED"}


@pytest.mark.parametrize("use", ["POSE", "ANIMATION", "LIBRARY"])
def test_what_cannot_be_read_changes_nothing(figure, take, use, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    apply_pose(figure, load_pose("running"))
    seen = matrices(figure)
    cut, torn = tmp_path / "cut.bvh", tmp_path / "torn.bvh"
    cut.write_text(take.read_text().rstrip().rsplit("\n", 3)[0])
    torn.write_text(take.read_text()[:-400])
    is_cut = "cut.bvh is cut off: it says 16 frames, but holds 13"
    for path, says in ((cut, is_cut), (torn, "torn.bvh.* not 16 frames of"), (tmp_path / "none.bvh", "There is no BVH file")):
        with pytest.raises(RuntimeError, match=says):
            IMPORT(filepath=str(path), use=use)
    with pytest.raises(RuntimeError, match="has no frame 99: choose one from 1 to 16"):
        IMPORT(filepath=str(take), use=use, frame=99, start=99)
    with pytest.raises(RuntimeError, match="Say which BVH file"):
        IMPORT(use=use)
    assert moved(seen, matrices(figure)) < 1e-9
    assert not is_animated(figure)
    assert not (tmp_path / "home" / "poses").exists()


def test_a_take_that_ends_before_it_begins_and_one_that_is_too_long(figure, take, monkeypatch) -> None:
    with pytest.raises(RuntimeError, match="choose a later end"):
        IMPORT(filepath=str(take), use="ANIMATION", start=5, end=3)
    monkeypatch.setattr(motion, "MOST_KEYS", 3)
    with pytest.raises(RuntimeError, match="These are 7 frames to key, more than 3"):
        IMPORT(filepath=str(take), use="ANIMATION")
    assert not is_animated(figure)


def test_files_can_be_dropped_on_the_view(figure) -> None:
    handlers = [handler for handler in bpy.types.FileHandler.__subclasses__() if "P2A" in handler.__name__]
    found = {(handler.bl_file_extensions, handler.bl_import_operator) for handler in handlers}
    assert found >= {
        (".bvh", "pose_to_anime.import_bvh"),
        (".json", "pose_to_anime.apply_pose"),
        (".json", "pose_to_anime.open_pose_reference"),
        (".png;.jpg;.jpeg;.webp", "pose_to_anime.open_backdrop"),
        (".png;.jpg;.jpeg;.webp", "pose_to_anime.find_skeleton"),
        (".png;.jpg;.jpeg;.webp", "pose_to_anime.open_own_control"),
        (".png;.jpg;.jpeg;.webp", "pose_to_anime.open_recipe"),
    }
    for _, operator in found:  # each of which takes a file
        assert "filepath" in getattr(bpy.ops.pose_to_anime, operator.partition(".")[2]).get_rna_type().properties
