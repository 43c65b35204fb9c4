# SPDX-License-Identifier: GPL-3.0-or-later
"""Control images for other programs and for looking at: what the files say of themselves, and what a preview is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from pass_scene import SIZE, look_from, passes  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.armature.worn import is_worn  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.framing.camera import scene_size  # noqa: E402
from pose_to_anime.addon.generate import models  # noqa: E402
from pose_to_anime.addon.generate.request import prepare, skeleton_rules  # noqa: E402
from pose_to_anime.addon.passes.export import write_passes  # noqa: E402
from pose_to_anime.addon.passes.geometry import can_be_ticked  # noqa: E402
from pose_to_anime.addon.passes.kinds import KINDS, file_of  # noqa: E402
from pose_to_anime.addon.passes.preview import LIVE_PIXELS, control_image  # noqa: E402
from pose_to_anime.addon.png import read_info  # noqa: E402
from pose_to_anime.generation_server.families.catalogue import Skeletons  # noqa: E402
from rig_scene import registered  # noqa: E402, F401


@pytest.fixture
def scene() -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=False)
    look_from(30.0)
    add_mannequin(bpy.context)
    return bpy.context.scene


def reference() -> bpy.types.Image | None:
    return next((image for image in bpy.data.images if image.name.startswith("Pose Reference")), None)


def saved(folder: Path, **options: object) -> tuple[object, dict]:
    rendered = passes(**options)
    write_passes(folder, rendered, lambda path, data: path.write_bytes(data) and None)
    return rendered, json.loads((folder / "passes.json").read_text("utf-8"))


def test_every_image_is_written_and_says_what_it_is_for(scene: bpy.types.Scene, tmp_path: Path) -> None:
    rendered, told = saved(tmp_path, kinds=tuple(KINDS))
    assert (told["width"], told["height"], told["skeleton_profile"]) == (*SIZE, "controlnet")
    assert {image["file"] for image in told["images"]} == {file_of(key) for key in rendered.images}
    for image in told["images"]:
        info = read_info((tmp_path / image["file"]).read_bytes())
        assert (info.width, info.height) == SIZE
    controls = {image["control"]: image["preprocessor"] for image in told["images"] if "control" in image}
    assert set(controls) == {"openpose", "depth", "normal", "lineart", "canny", "segmentation", "doll"}
    assert set(controls.values()) == {"none"}
    assert next(image["bits"] for image in told["images"] if image["kind"] == "depth_16") == 16
    assert json.loads((tmp_path / "pose.json").read_text("utf-8"))["canvas_width"] == SIZE[0]


def test_the_mask_of_each_figure_says_whose_it_is(scene: bpy.types.Scene, tmp_path: Path) -> None:
    add_mannequin(bpy.context, location=(0.6, 0.0, 0.0)).name = "Second"
    _, told = saved(tmp_path, kinds=("mask", "figure_mask"))
    of_all, *of_each = told["images"]
    assert of_all["file"] == "mask.png" and "figure" not in of_all
    assert [(image["file"], image["kind"]) for image in of_each] == [(f"figure_mask_{n}.png", "figure_mask") for n in (1, 2)]
    assert [image["figure"] for image in of_each] == told["figures"] == ["Adult woman", "Second"]
    assert all(image["use"] == KINDS["figure_mask"].use for image in of_each)


@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
def test_the_camera_is_told_so_that_points_can_be_placed_by_it(scene: bpy.types.Scene, tmp_path: Path, kind: str) -> None:
    camera = scene.camera.data
    camera.type, camera.shift_x, camera.shift_y, camera.ortho_scale = kind, 0.1, -0.07, 3.0
    rendered, told = saved(tmp_path)
    points = np.random.default_rng(0).uniform((-0.5, -0.5, 0.2), (0.5, 0.5, 1.8), (20, 3))
    seen = np.c_[points, np.ones(20)] @ np.array(told["camera"]["world_to_camera"]).T
    x, y, z = seen[:, 0], -seen[:, 1], -seen[:, 2]  # OpenCV's axes
    if kind == "PERSP":
        pixels = (np.stack((x, y, z), axis=1) @ np.array(told["camera"]["intrinsics"]).T)[:, :2] / z[:, None]
    else:
        pixels = np.stack((x, y), axis=1) * told["camera"]["pixels_per_metre"] + told["camera"]["centre"]
    expected, _depth = rendered.view.project(points)
    assert np.abs(pixels - expected).max() < 1e-3
    assert told["camera"]["type"] == ("perspective" if kind == "PERSP" else "orthographic")


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_can_be_looked_at(scene: bpy.types.Scene, kind: str) -> None:
    image = control_image(scene, bpy.context.view_layer, kind)
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.any()


def test_while_posing_it_is_smaller_and_shows_the_same(scene: bpy.types.Scene) -> None:
    whole = control_image(scene, bpy.context.view_layer, "depth")
    live = control_image(scene, bpy.context.view_layer, "depth", live=True)
    assert whole.shape[0] * whole.shape[1] > LIVE_PIXELS >= 0.97 * live.shape[0] * live.shape[1]
    assert abs((live > 0).mean() - (whole > 0).mean()) < 0.01
    pose = control_image(scene, bpy.context.view_layer, "openpose", live=True)
    assert pose.shape == whole.shape


def test_what_cannot_be_shown_is_one_sentence(scene: bpy.types.Scene) -> None:
    with pytest.raises(UserError, match="knows no control image “scribble”"):
        control_image(scene, bpy.context.view_layer, "scribble")
    scene.pose_to_anime.passes.preview_kind = "depth"
    for obj in list(scene.objects):
        if obj.type != "CAMERA":
            bpy.data.objects.remove(obj)
    with pytest.raises(UserError, match="no visible figure"):
        control_image(scene, bpy.context.view_layer, "depth")


def test_a_skeleton_of_somebody_else_is_shown_over_the_camera(scene: bpy.types.Scene, tmp_path: Path) -> None:
    scene.camera.location.x += 0.1
    bpy.ops.pose_to_anime.save_control_images(directory=str(tmp_path))
    camera = scene.camera
    for _ in range(2):  # the second takes the place of the first
        assert bpy.ops.pose_to_anime.open_pose_reference(filepath=str(tmp_path / "pose.json")) == {"FINISHED"}
    (background,) = camera.data.background_images
    assert background.display_depth == "FRONT" and camera.data.show_background_images and background.image.packed_file
    pixels = np.array(background.image.pixels).reshape(*reversed(background.image.size), 4)[::-1]
    assert tuple(background.image.size) == scene_size(scene)
    again = control_image(scene, bpy.context.view_layer, "openpose")
    shown = np.rint(pixels[..., :3] * 255.0).astype(np.uint8)
    assert again.any() and (shown == again).all(), "the file holds what is drawn, and it is shown as it was"
    assert ((pixels[..., 3] > 0) == again.any(axis=2)).all()
    copy = camera.copy()
    copy.data = camera.data.copy()
    assert bpy.ops.pose_to_anime.remove_pose_reference() == {"FINISHED"}
    assert not camera.data.background_images
    assert copy.data.background_images[0].image == reference(), "a copy of the camera keeps its own"
    scene.collection.objects.link(copy)
    scene.camera = copy
    assert bpy.ops.pose_to_anime.remove_pose_reference() == {"FINISHED"}
    assert not copy.data.background_images and reference() is None


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "This is not JSON"), ('{"people": null, "canvas_width": 64, "canvas_height": 64}', "people|nobody"),
     ('{"people": [], "canvas_width": 64, "canvas_height": 64}', "There is nobody in this JSON"),
     (json.dumps({"people": [{"pose_keypoints_2d": [None] * 54}], "canvas_width": 64, "canvas_height": 64}), "There is nobody"),
     (json.dumps({"people": [{"pose_keypoints_2d": [9, 9, 1] * 17}], "canvas_width": 64, "canvas_height": 64}), "17 points"),
     (json.dumps({"people": [{"pose_keypoints_2d": ["a"] * 54}], "canvas_width": 64, "canvas_height": 64}), "than numbers")],
)  # fmt: skip
def test_a_reference_that_cannot_be_read_is_one_sentence(scene: bpy.types.Scene, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(RuntimeError, match=says):
        bpy.ops.pose_to_anime.open_pose_reference(filepath=str(tmp_path / "bad.json"))
    assert not scene.camera.data.background_images
    with pytest.raises(RuntimeError, match="cannot be read"):
        bpy.ops.pose_to_anime.open_pose_reference(filepath=str(tmp_path / "none.json"))


def test_the_button_saves_all_of_them(scene: bpy.types.Scene, tmp_path: Path) -> None:
    scene.camera.location.x += 0.1  # the first camera of a new file gives way to the pose camera; a moved one is the user's
    assert bpy.ops.pose_to_anime.save_control_images(directory=str(tmp_path / "images")) == {"FINISHED"}
    names = {path.name for path in (tmp_path / "images").iterdir()}
    assert {"pose.png", "depth.png", "normal.png", "lineart.png", "canny.png", "pose.json", "passes.json"} <= names
    with pytest.raises(RuntimeError, match="Choose a folder"):
        bpy.ops.pose_to_anime.save_control_images(directory="")


def test_a_folder_that_cannot_be_written_is_one_sentence(scene: bpy.types.Scene, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RuntimeError, match="Nothing can be written to") as caught:
        bpy.ops.pose_to_anime.save_control_images(directory=str(tmp_path / "file" / "images"))
    assert "Traceback" not in str(caught.value)


def test_they_are_drawn_as_the_models_controlnet_knows_people(
    scene: bpy.types.Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own entry, which may differ from its family: saved and looked at, as a request holds it."""
    scene.camera.location.x += 0.1
    plain = next(model for model in models.models() if model.family == "sd15")
    other = replace(plain, name="other", skeletons=Skeletons("xinsir", hands=False, face=False))
    monkeypatch.setattr(models, "_models", (*models.models(), other))
    scene.pose_to_anime.generation.model = "other"
    rules = skeleton_rules(scene)
    assert (rules.profile.name, rules.hands, rules.face) == ("xinsir", False, False)
    prepared = prepare(scene, bpy.context.view_layer)
    bpy.ops.pose_to_anime.save_control_images(directory=str(tmp_path))
    assert json.loads((tmp_path / "passes.json").read_text("utf-8"))["skeleton_profile"] == "xinsir"
    assert (tmp_path / "pose.json").read_text("utf-8") == prepared.passes.pose_json
    looked_at = control_image(scene, bpy.context.view_layer, "openpose", rules=rules)
    assert (looked_at == prepared.passes.images["openpose"]).all()
    assert not (looked_at == control_image(scene, bpy.context.view_layer, "openpose")).all(), "the family draws thinner"


def test_only_what_a_tick_decides_can_be_ticked(scene: bpy.types.Scene) -> None:
    figures = figures_in(scene, bpy.context.view_layer)
    (figure,) = figures
    bpy.ops.pose_to_anime.wear_outfit(outfit="school")
    instance = bpy.data.objects.new("Instance", None)
    instance.instance_type, instance.instance_collection = "COLLECTION", bpy.data.collections.new("Empty")
    empty = bpy.data.objects.new("Empty", None)
    worn = next(child for child in bpy.data.objects[figure.name].children if is_worn(child))
    skin, armature, camera = bpy.data.objects[figure.meshes[0][0]], bpy.data.objects[figure.name], scene.camera
    offered = [obj.name for obj in (bpy.data.objects["Cube"], worn, instance) if can_be_ticked(obj, figures)]
    assert offered == ["Cube", worn.name, "Instance"]
    assert not any(can_be_ticked(obj, figures) for obj in (skin, armature, camera, empty))
