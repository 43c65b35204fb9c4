# SPDX-License-Identifier: GPL-3.0-or-later
"""Every verb of characters, of our dots on them, and of the pose reference is one step of undo, which brings all back exactly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from character_scene import dump  # noqa: E402
from family_rigs import FAMILIES, build, empty_scene, random_turns  # noqa: E402
from pass_scene import look_from  # noqa: E402
from rig_scene import registered, undo_step  # noqa: E402, F401

OPS = bpy.ops.pose_to_anime
HAND = {"joint": "leftHand", "bone": "mixamorig:LeftHandIndex1"}
PEOPLE = {"pose_keypoints_2d": [number for index in range(18) for number in (100 + 10 * index, 200 + 12 * index, 1)]}


@pytest.fixture(name="pose_file", autouse=True)
def pose_file_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    (tmp_path / "pose.json").write_text(json.dumps({"people": [PEOPLE], "canvas_width": 512, "canvas_height": 768}))
    return str(tmp_path / "pose.json")


@pytest.fixture(autouse=True)
def scene() -> None:
    empty_scene()
    character = build(FAMILIES["mixamo"], random_turns(np.random.default_rng(12), 20.0))
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    look_from(20.0)
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj == character.armature)
    bpy.context.view_layer.objects.active = character.armature


def frozen(value: object) -> object:
    """A copy that holds nothing of Blender's, whose data are elsewhere after an undo."""
    if isinstance(value, dict):
        return {key: frozen(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [frozen(each) for each in value]
    if isinstance(value, float):
        return round(value, 5)
    return value if isinstance(value, bool | int | str) else re.sub(r"0x[0-9a-f]+", "", str(value))


def everything() -> dict[str, object]:
    """All that these verbs can change: objects with their bones, the choices for a character, and what is over the camera."""
    bpy.context.view_layer.update()
    found: dict[str, object] = {"mode": bpy.context.mode, "images": {}}
    for obj in bpy.data.objects:
        seen = frozen(dump(obj))
        for part in ("object", "data"):
            seen[part].pop("session_uid", None)
        if obj.type == "ARMATURE":
            chosen = obj.pose_to_anime.character
            seen["chosen"] = [chosen.in_pictures, chosen.map, [(each.name, each.bone) for each in chosen.bones]]
        if obj.type == "CAMERA":
            seen["over"] = [(each.image.name, each.alpha) for each in obj.data.background_images]
        found[obj.name] = seen
    for image in bpy.data.images:
        if image.type == "IMAGE":
            found["images"][image.name] = hash(np.array(image.pixels[:], np.float32).tobytes())
    return found


def use_and_pose() -> None:
    OPS.use_character()
    OPS.apply_pose(pose="running_sprint")


VERBS: dict[str, tuple[Callable[[str], object], Callable[[str], object]]] = {
    "leave out": (lambda _: None, lambda _: OPS.include_character("EXEC_DEFAULT", True)),
    "choose a map": (lambda _: None, lambda _: OPS.choose_map("EXEC_DEFAULT", True, map="vroid")),
    "set a joint": (lambda _: None, lambda _: OPS.set_joint("EXEC_DEFAULT", True, **HAND)),
    "reset": (lambda _: OPS.set_joint(**HAND), lambda _: OPS.reset_character("EXEC_DEFAULT", True)),
    "use": (lambda _: None, lambda _: OPS.use_character("EXEC_DEFAULT", True)),
    "let go": (lambda _: use_and_pose(), lambda _: OPS.let_go_of_character("EXEC_DEFAULT", True)),
    "bake": (lambda _: use_and_pose(), lambda _: OPS.bake_to_character("EXEC_DEFAULT", True)),
    "reference": (lambda _: None, lambda path: OPS.open_pose_reference("EXEC_DEFAULT", True, filepath=path)),
    "another reference": (
        lambda path: OPS.open_pose_reference(filepath=path),
        lambda path: OPS.open_pose_reference("EXEC_DEFAULT", True, filepath=path),
    ),
    "remove reference": (
        lambda path: OPS.open_pose_reference(filepath=path),
        lambda _: OPS.remove_pose_reference("EXEC_DEFAULT", True),
    ),
}


@pytest.mark.parametrize("name", VERBS)
def test_it_is_one_step(name: str, pose_file: str) -> None:
    prepare, verb = VERBS[name]
    prepare(pose_file)
    undo_step("before")
    before = everything()
    assert verb(pose_file) == {"FINISHED"}
    after = everything()
    assert name == "another reference" or after != before
    for step, expected in ((bpy.ops.ed.undo, before), (bpy.ops.ed.redo, after), (bpy.ops.ed.undo, before)):
        assert step() == {"FINISHED"}
        seen = everything()
        assert seen.keys() == expected.keys()
        for key, value in expected.items():
            assert seen[key] == value, key


def test_a_reference_without_a_camera_is_one_step_too(pose_file: str) -> None:
    bpy.data.objects.remove(bpy.context.scene.camera)
    undo_step("before")
    assert OPS.open_pose_reference("EXEC_DEFAULT", True, filepath=pose_file) == {"FINISHED"}
    assert bpy.context.scene.camera.data.background_images
    bpy.ops.ed.undo()
    assert bpy.context.scene.camera is None and not [obj for obj in bpy.data.objects if obj.type == "CAMERA"]
    assert not [image for image in bpy.data.images if image.name.startswith("Pose Reference")]


def test_what_is_refused_leaves_no_step(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    undo_step("before")
    bpy.context.scene.camera.location.x = 5.0
    undo_step("moved")
    for refused in (
        lambda: OPS.open_pose_reference("EXEC_DEFAULT", True, filepath=str(tmp_path / "bad.json")),
        lambda: OPS.set_joint("EXEC_DEFAULT", True, joint="leftHand", bone="nothing"),
    ):
        with pytest.raises(RuntimeError):
            refused()
    bpy.ops.ed.undo()
    assert bpy.context.scene.camera.location.x != 5.0, "the step before is the one that is taken back"
