# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user is told at the click: one sentence, nothing lost, nothing left behind, and the next click works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Matrix  # noqa: E402
from pose_to_anime.addon.armature.mannequin import is_mannequin, skins_of  # noqa: E402
from refusals import blender_with, figure, refused, works  # noqa: E402
from step_server import StepServer  # noqa: E402

pytestmark = pytest.mark.requires("server")
OPS = bpy.ops.pose_to_anime


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepServer]:
    running = StepServer(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def preferences(server: StepServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    with blender_with(server) as preferences:
        yield preferences


def hide() -> Callable[[], object]:
    items = [figure(), *skins_of(figure())]
    for item in items:
        item.hide_viewport = True
    return lambda: [setattr(item, "hide_viewport", False) for item in items]


def delete() -> Callable[[], object]:
    bpy.data.objects.remove(figure())
    return OPS.add_mannequin


def turn_round() -> Callable[[], object]:
    OPS.add_camera()
    camera = bpy.context.scene.camera
    away = Matrix.Rotation(np.pi, 4, "Z") @ Matrix.Translation((0.0, 20.0, 0.0))
    camera.matrix_world = away @ camera.matrix_world
    return OPS.reset_camera


def look_aside() -> Callable[[], object]:
    OPS.add_camera()
    bpy.context.scene.camera.location.x += 100.0
    return OPS.reset_camera


def ratio(width: float, height: float) -> Callable[[], Callable[[], object]]:
    def spoil() -> Callable[[], object]:
        framing = bpy.context.scene.pose_to_anime.framing
        framing.custom_width, framing.custom_height, framing.ratio = width, height, "CUSTOM"
        return lambda: setattr(framing, "ratio", "2:3")

    return spoil


def setting(name: str, value: Any, good: Any) -> Callable[[], Callable[[], object]]:
    def spoil() -> Callable[[], object]:
        settings = bpy.context.scene.pose_to_anime.generation
        setattr(settings, name, value)
        return lambda: setattr(settings, name, good)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (hide, "no visible figure"),
        (delete, "no visible figure"),
        (turn_round, "behind the camera"),
        (look_aside, "outside the picture"),
        (ratio(0.0, 3.0), "both sides must be above zero"),
        (ratio(9.0, 1.0), "9:1 is too long"),
        (setting("prompt", "  ", "1girl"), "prompt is empty"),
        (setting("model", "no such model", "builtin"), "no model 'no such model'"),
        (setting("pose_start", 1.0, 0.0), "set its start below its end"),
    ],
    ids=["hidden", "deleted", "behind", "outside", "ratio 0", "9:1", "empty prompt", "unknown model", "control"],
)
def test_what_is_wrong_with_the_scene_is_said_at_the_click(spoil: Callable[[], Callable[[], object]], says: str) -> None:
    mend = spoil()
    refused(says)
    mend()
    works()


def test_without_a_camera_one_is_added() -> None:
    bpy.context.scene.camera = None
    bpy.data.objects.remove(bpy.data.objects["Camera"])
    works()
    assert bpy.context.scene.camera is not None


def test_there_must_be_something_to_frame() -> None:
    OPS.add_camera()
    delete()
    with pytest.raises(RuntimeError, match="no visible figure to frame"):
        OPS.frame_figures()
    OPS.add_mannequin()
    assert OPS.frame_figures() == {"FINISHED"}


@pytest.mark.parametrize(("verb", "words"), [("apply_pose", {"pose": "standing"}), ("reset_pose", {})])
def test_an_armature_that_is_gone_is_said(verb: str, words: dict[str, str]) -> None:
    other = figure().name
    OPS.add_mannequin()
    gone = next(obj for obj in bpy.context.scene.objects if is_mannequin(obj) and obj.name != other)
    name = gone.name
    bpy.data.objects.remove(gone)
    with pytest.raises(RuntimeError, match=f"There is no mannequin '{name}' in this scene"):
        getattr(OPS, verb)(armature=name, **words)
    show = hide()
    with pytest.raises(RuntimeError, match="is hidden: show it before you pose it"):
        getattr(OPS, verb)(armature=other, **words)
    show()
    assert getattr(OPS, verb)(armature=other, **words) == {"FINISHED"}
