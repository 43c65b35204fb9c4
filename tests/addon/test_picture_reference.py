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
from pose_to_anime.addon.generate import restore, session  # noqa: E402
from pose_to_anime.addon.generate.own_controls import fitted as fitted_picture  # noqa: E402
from pose_to_anime.addon.generate.request import ensure_camera, prepare  # noqa: E402
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


def somebody() -> dict[str, object]:
    """What the server finds in a picture of 80 × 40 pixels."""
    numbers = [0.0] * 54
    for index, (x, y) in enumerate(((40, 10), (40, 15), (35, 15), (33, 20), (33, 26), (45, 15))):
        numbers[3 * index : 3 * index + 3] = [x, y, 1.0]
    return {"people": [{"pose_keypoints_2d": numbers}], "canvas_width": 80, "canvas_height": 40}


def test_what_was_found_is_for_the_scene_that_asked(scene: bpy.types.Scene) -> None:
    asked = scene.session_uid
    shown = bpy.data.scenes.new("another")
    bpy.context.window.scene = shown
    picture_reference._found(asked, somebody())
    assert has_reference(scene.camera) and shown.camera is None
    scene.pose_to_anime.framing.custom_width = 0.0
    scene.pose_to_anime.framing.ratio = "CUSTOM"
    picture_reference._found(asked, somebody())
    assert "above zero" in session.session.error
    session.session.error = ""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    picture_reference._found(asked, somebody())
    assert "not open any more" in session.session.notice and not session.session.error
    assert bpy.context.scene.camera is None and not bpy.data.images
    session.session.notice = ""


def test_what_the_server_found_becomes_the_reference(scene: bpy.types.Scene) -> None:
    picture_reference._found(scene.session_uid, somebody())
    assert has_reference(scene.camera)
    (background,) = scene.camera.data.background_images
    width, height = scene_size(scene)
    pixels = np.array(background.image.pixels).reshape(height, width, 4)[::-1]
    rows, columns = np.nonzero(pixels[..., 3])
    scale = width / 80
    top = (height - 40 * scale) / 2 + 10 * scale
    assert abs(rows.min() - top) < 8 and abs(columns.min() - 33 * scale) < 8 and abs(columns.max() - 45 * scale) < 8


def test_a_picture_of_ones_own_is_followed_in_the_place_of_the_scene(scene: bpy.types.Scene, tmp_path: Path) -> None:
    scene.pose_to_anime.generation.model = "meinamix_v11"
    made = prepare(scene, bpy.context.view_layer)
    width, height = made.request.width, made.request.height
    mine = np.zeros((height // 2, width, 3), np.uint8)  # broader than the frame: its sides are cut
    mine[:, : width // 4] = (255, 0, 0)
    mine[:, width // 2 :] = (0, 0, 255)
    mine[: height // 4, width // 2 :] = (0, 255, 0)
    path = tmp_path / "mine.png"
    path.write_bytes(png.encode(mine))
    scene.pose_to_anime.generation.use_pose = False
    assert bpy.ops.pose_to_anime.open_own_control(filepath=str(path), kind="openpose") == {"FINISHED"}
    assert scene.pose_to_anime.generation.use_pose, "who gives a picture wants it to be followed"
    asked = prepare(scene, bpy.context.view_layer)
    before, after = ({control.kind: control.image for control in one.request.controls} for one in (made, asked))
    assert after["openpose"] != before["openpose"] and after["depth"] == before["depth"]
    (tmp_path / "sent.png").write_bytes(asked.images[after["openpose"]])
    sent = bpy.data.images.load(str(tmp_path / "sent.png"))
    pixels = np.rint(np.array(sent.pixels).reshape(height, width, 4)[::-1, :, :3] * 255).astype(int)
    assert tuple(pixels[height // 4, width * 3 // 4]) == (0, 255, 0) and tuple(pixels[height * 3 // 4, width * 3 // 4]) == (
        0,
        0,
        255,
    )
    assert tuple(pixels[height // 2, width // 4]) == (0, 0, 0), "the red quarter on the left is beyond the edge"
    assert any("“mine.png” is followed" in sentence for sentence in asked.passes.warnings)
    with pytest.raises(RuntimeError, match="no control image 'scribbles'"):
        bpy.ops.pose_to_anime.open_own_control(filepath=str(path), kind="scribbles")
    own = scene.pose_to_anime.own_controls
    image, own.openpose = own.openpose, None
    assert restore.restore_settings(scene, asked.request, asked.scene) == [] and own.openpose == image
    bpy.data.images.remove(image)
    (sentence,) = restore.restore_settings(scene, asked.request, asked.scene)
    assert "“mine.png” that was followed is not in this file" in sentence and own.openpose is None
    restore.restore_settings(scene, made.request, made.scene)
    assert prepare(scene, bpy.context.view_layer).request.controls == made.request.controls


def test_a_picture_is_made_as_large_as_the_frame() -> None:
    ramp = np.repeat(np.linspace(0, 250, 11).astype(np.uint8)[None, :, None], 11, axis=0).repeat(3, axis=2)
    larger = fitted_picture(ramp, (110, 55), sharp=False)
    assert larger.shape == (55, 110, 3) and (np.diff(larger[20, :, 0].astype(int)) >= 0).all()
    assert len(np.unique(fitted_picture(ramp, (110, 55), sharp=True))) == 11 < len(np.unique(larger))
    assert np.array_equal(fitted_picture(ramp, (11, 11), sharp=False), ramp)
