# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures to pose after: behind the camera's view, whole in its frame, and their people as a skeleton in the same place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

import pose_to_anime  # noqa: E402
from pose_to_anime.addon import png  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.framing.camera import scene_size  # noqa: E402
from pose_to_anime.addon.generate.request import ensure_camera  # noqa: E402
from pose_to_anime.addon.openpose.person import Person  # noqa: E402
from pose_to_anime.addon.openpose.pose_json import PoseDocument  # noqa: E402
from pose_to_anime.addon.operators import picture_reference  # noqa: E402
from pose_to_anime.addon.passes.backdrop import backdrop_of, fitted  # noqa: E402
from pose_to_anime.addon.passes.reference import has_reference  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    pose_to_anime.register()
    yield
    pose_to_anime.unregister()


@pytest.fixture(name="scene")
def scene_fixture() -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    add_mannequin(bpy.context)
    ensure_camera(bpy.context.scene, bpy.context.view_layer)
    return bpy.context.scene


@pytest.fixture(name="picture")
def picture_fixture(tmp_path: Path) -> Path:
    path = tmp_path / "somebody.png"
    path.write_bytes(png.encode(np.full((40, 80, 3), 90, np.uint8)))
    return path


def test_a_picture_lies_behind_the_view(scene: bpy.types.Scene, picture: Path) -> None:
    assert not bpy.ops.pose_to_anime.remove_backdrop.poll()
    for _ in range(2):  # the second takes the place of the first
        assert bpy.ops.pose_to_anime.open_backdrop(filepath=str(picture)) == {"FINISHED"}
    (background,) = scene.camera.data.background_images
    assert backdrop_of(scene.camera) == background and scene.camera.data.show_background_images
    assert (background.display_depth, background.frame_method) == ("BACK", "FIT") and 0.0 < background.alpha < 1.0
    assert tuple(background.image.size) == (80, 40)
    assert bpy.ops.pose_to_anime.remove_backdrop() == {"FINISHED"}
    assert not scene.camera.data.background_images and not [image for image in bpy.data.images if image.users == 0]


def test_what_is_no_picture_is_refused(scene: bpy.types.Scene, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for path, says in ((tmp_path / "text.png", "no picture"), (tmp_path / "none.png", "Say which picture")):
        with pytest.raises(RuntimeError, match=says):
            bpy.ops.pose_to_anime.open_backdrop(filepath=str(path))
    assert not scene.camera.data.background_images and not bpy.data.images
    with pytest.raises(RuntimeError, match="Say which picture"):
        bpy.ops.pose_to_anime.find_skeleton(filepath="")


def test_people_are_where_the_picture_shows_them() -> None:
    body = np.zeros((18, 3))
    body[0], body[1] = (10.0, 20.0, 1.0), (80.0, 40.0, 1.0)
    wide = fitted(PoseDocument((Person(body),), 80, 40), (160, 240))
    assert (wide.width, wide.height) == (160, 240)
    assert np.allclose(wide.people[0].body[:3], [(20, 120, 1), (160, 160, 1), (0, 0, 0)]), "twice as large, in the middle"
    tall = fitted(PoseDocument((Person(body),), 100, 200), (100, 100))
    assert np.allclose(tall.people[0].body[0], (30, 10, 1))


def test_what_the_server_found_becomes_the_reference(scene: bpy.types.Scene) -> None:
    numbers = [0.0] * 54
    for index, (x, y) in enumerate(((40, 10), (40, 15), (35, 15), (33, 20), (33, 26), (45, 15))):
        numbers[3 * index : 3 * index + 3] = [x, y, 1.0]
    picture_reference._found({"people": [{"pose_keypoints_2d": numbers}], "canvas_width": 80, "canvas_height": 40})
    assert has_reference(scene.camera)
    (background,) = scene.camera.data.background_images
    width, height = scene_size(scene)
    pixels = np.array(background.image.pixels).reshape(height, width, 4)[::-1]
    rows, columns = np.nonzero(pixels[..., 3])
    scale = width / 80
    top = (height - 40 * scale) / 2 + 10 * scale
    assert abs(rows.min() - top) < 8 and abs(columns.min() - 33 * scale) < 8 and abs(columns.max() - 45 * scale) < 8
