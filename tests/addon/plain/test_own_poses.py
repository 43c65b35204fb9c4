# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose library on disk: what it lists and finds, the user's own poses, and what bad files and folders get."""

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from pose_to_anime.addon import png
from pose_to_anime.addon.pose import own_poses
from pose_to_anime.addon.pose.collection import ALL, FAVOURITES, OWN, filtered, read_collection
from pose_to_anime.addon.pose.library import load_pose, pose_names
from pose_to_anime.addon.pose.normalised import GROUPS, VERSION, Contact, Pose, PoseError, dumps, to_json

PICTURE = png.encode(np.zeros((2, 2, 3), np.uint8))
WAVE = Pose("Big Wave", {"leftUpperArm": (0.8, 0.0, 0.6, 0.0)}, (0.0, 0.1, 0.0), (Contact("leftFoot"),), ("hello",), "gestures")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_shipped_pose_is_listed_with_a_group_and_a_thumbnail() -> None:
    found = read_collection()
    assert not found.problems
    assert {entry.key for entry in found.entries} == set(pose_names())
    assert found.groups == [group for group in GROUPS if group in found.groups], "in the library's order"
    assert [entry.key for entry in found.entries if not entry.group] == []
    for entry in found.entries:
        assert entry.preview_path.exists(), f"{entry.key}: make it with python -m pose_to_anime.addon.pose_previews"
        info = png.read_info(entry.preview_path.read_bytes())
        assert (info.width, info.height) == (128, 128), entry.key


def test_groups_words_favourites_and_own_poses_are_found() -> None:
    own_poses.save_pose(WAVE)
    own_poses.set_favourite("running", True)
    entries = read_collection().entries
    keys = {entry.key for entry in filtered(entries, "running")}
    assert "running" in keys and "big_wave" not in keys
    assert [entry.key for entry in filtered(entries, ALL, "wave BIG")] == ["big_wave"]
    assert [entry.key for entry in filtered(entries, ALL, "hello")] == ["big_wave"], "by its tag"
    assert filtered(entries, ALL, "wave nonsense") == []
    assert [entry.key for entry in filtered(entries, FAVOURITES, favourites=own_poses.favourites())] == ["running"]
    assert [entry.key for entry in filtered(entries, OWN)] == ["big_wave"]
    assert len(filtered(entries)) == len(entries)


def test_a_saved_pose_comes_back_as_it_was_with_its_thumbnail() -> None:
    key = own_poses.save_pose(WAVE, PICTURE)
    assert load_pose(key) == WAVE
    entry = read_collection().entry(key)
    assert entry is not None and entry.own and entry.title == "Big Wave" and entry.group == "gestures"
    assert entry.preview_path.read_bytes() == PICTURE


def test_a_name_that_is_taken_is_refused_and_replaced_only_when_asked(home) -> None:
    own_poses.save_pose(WAVE, PICTURE)
    before = files(home)
    with pytest.raises(PoseError, match="already a pose 'big wave'"):
        own_poses.save_pose(Pose("big wave", {}))
    with pytest.raises(PoseError, match="already a pose 'Running'"):
        own_poses.save_pose(Pose("Running", {}), replace_own=True)
    assert files(home) == before
    own_poses.save_pose(Pose("big wave", {}), replace_own=True)
    assert load_pose("big_wave").rotations == {}


@pytest.mark.parametrize("name", ["", "  ", "///", "…", "x" * 61])
def test_a_name_without_letters_or_without_end_is_refused(name, home) -> None:
    with pytest.raises(PoseError):
        own_poses.save_pose(Pose(name, {}))
    assert not home.exists()


@pytest.mark.parametrize(
    ("name", "key"), [("../../etc", "etc"), ("Häuptling 2!", "häuptling_2"), ("立つ", "立つ"), ("CON", "con_pose")]
)
def test_a_name_never_leaves_the_folder_and_suits_every_system(name, key, home) -> None:
    assert own_poses.save_pose(Pose(name, {})) == key
    assert list(files(home)) == [f"poses/{key}.json"]


def test_renaming_takes_thumbnail_and_mark_along(home) -> None:
    own_poses.save_pose(WAVE, PICTURE)
    own_poses.set_favourite("big_wave", True)
    assert own_poses.rename_pose("big_wave", "Farewell") == "farewell"
    assert load_pose("farewell").name == "Farewell"
    assert own_poses.favourites() == ["farewell"]
    assert sorted(files(home)) == ["favourite_poses.json", "poses/farewell.json", "poses/previews/farewell.png"]
    with pytest.raises(PoseError, match="already a pose 'Running'"):
        own_poses.rename_pose("farewell", "Running")
    assert own_poses.rename_pose("farewell", "FAREWELL") == "farewell"
    assert load_pose("farewell").name == "FAREWELL"


def test_deleting_leaves_nothing_and_shipped_poses_stay(home) -> None:
    own_poses.save_pose(WAVE, PICTURE)
    own_poses.set_favourite("big_wave", True)
    own_poses.delete_pose("big_wave")
    assert own_poses.favourites() == [] and list(files(home)) == ["favourite_poses.json"]
    for action in (own_poses.delete_pose, lambda key: own_poses.rename_pose(key, "Mine")):
        with pytest.raises(PoseError, match="came with Pose to Anime"):
            action("running")
        with pytest.raises(PoseError, match="no pose 'flying'"):
            action("flying")
    assert "running" in pose_names()


def test_export_and_import_keep_a_pose_and_number_a_taken_name(tmp_path) -> None:
    own_poses.save_pose(WAVE)
    path = own_poses.export_pose("big_wave", tmp_path / "wave")
    assert path.name == "wave.json"
    assert own_poses.import_pose(path) == "big_wave_2"
    again = load_pose("big_wave_2")
    assert (again.rotations, again.contacts, again.group) == (WAVE.rotations, WAVE.contacts, WAVE.group)


def bad_files() -> dict[str, str]:
    good = to_json(WAVE)
    nan = json.dumps(good | {"rotations": {"head": [1, 0, float("nan"), 0]}})
    return {
        "not JSON": "pose!",
        "another kind": "[]",
        "unknown joint": json.dumps(good | {"rotations": {"tail": [1, 0, 0, 0]}}),
        "not a number": nan,
        "huge": json.dumps(good | {"hips_translation": [0, 0, 1e300]}),
        "newer": json.dumps(good | {"version": VERSION + 1}),
    }


@pytest.mark.parametrize("kind", bad_files())
def test_a_bad_file_is_refused_in_a_sentence_and_hides_no_other(kind, home, tmp_path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(bad_files()[kind])
    with pytest.raises(PoseError) as caught:
        own_poses.import_pose(path)
    assert "bad.json" in str(caught.value) and str(caught.value).endswith(".")
    assert not home.exists()
    own_poses.save_pose(WAVE)
    (home / "poses" / "bad.json").write_text(bad_files()[kind])
    found = read_collection()
    assert [problem for problem in found.problems if "bad.json" in problem] == list(found.problems) != []
    assert found.entry("big_wave") is not None and found.entry("bad") is None


def test_a_folder_that_cannot_be_written_gets_a_sentence_and_keeps_what_it_had(home) -> None:
    home.mkdir()
    (home / "poses").write_text("a file where the folder should be")
    with pytest.raises(PoseError, match="cannot be written"):
        own_poses.save_pose(WAVE, PICTURE)
    assert files(home) == {"poses": b"a file where the folder should be"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_changes_nothing(home) -> None:
    own_poses.save_pose(WAVE, PICTURE)
    before = files(home)
    (home / "poses").chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(PoseError, match="cannot be written"):
            own_poses.save_pose(Pose("Other", {}))
    finally:
        (home / "poses").chmod(stat.S_IRWXU)
    assert files(home) == before


def test_a_pose_that_fails_to_be_written_leaves_the_old_one_and_its_thumbnail(home, monkeypatch) -> None:
    own_poses.save_pose(WAVE, PICTURE)
    before = files(home)
    whole = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name.startswith("big_wave.json"):
            whole(path, data[:10])
            raise OSError(28, "No space left on device")
        return whole(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(PoseError, match="The disk is full"):
        own_poses.save_pose(WAVE, PICTURE + b"new", replace_own=True)
    monkeypatch.undo()
    assert files(home) == before


def test_a_damaged_list_of_favourites_counts_as_empty(home) -> None:
    home.mkdir()
    for text in ("{", '{"a": 1}', "[1, null]"):
        (home / "favourite_poses.json").write_text(text)
        assert own_poses.favourites() == []
    own_poses.set_favourite("running", True)
    assert own_poses.favourites() == ["running"]
    with pytest.raises(PoseError, match="no pose 'flying'"):
        own_poses.set_favourite("flying", True)


def test_the_text_of_a_pose_holds_its_group() -> None:
    assert json.loads(dumps(WAVE))["group"] == "gestures"
