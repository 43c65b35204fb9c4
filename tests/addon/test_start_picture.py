# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene as the picture to begin with: what the camera sees, in each look, with nothing of the scene changed."""

from __future__ import annotations

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from pass_scene import SIZE, look_from, passes  # noqa: E402
from pose_to_anime.addon import png  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.dressing import toon  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.generate import restore  # noqa: E402
from pose_to_anime.addon.generate.request import ensure_camera, prepare  # noqa: E402
from pose_to_anime.addon.passes.start_picture import start_picture  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

KINDS = ("VIEWPORT", "TOON", "RENDER")


@pytest.fixture
def scene() -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=False)
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    look_from(30.0)
    add_mannequin(bpy.context)
    bpy.ops.pose_to_anime.wear_outfit(outfit="school")
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"  # for RENDER: the quickest
    scene.render.resolution_x, scene.render.resolution_percentage = 320, 50
    scene.render.filepath = "//somewhere"
    return scene


def state(scene: bpy.types.Scene) -> dict[str, object]:
    """What a render could change."""
    render = {name: getattr(scene.render, name) for name in ("engine", "resolution_x", "resolution_y", "resolution_percentage",
                                                            "filepath", "film_transparent", "use_border")}  # fmt: skip
    return {
        **render, "format": scene.render.image_settings.file_format, "view": scene.view_settings.view_transform,
        "scenes": len(bpy.data.scenes), "objects": len(bpy.data.objects), "materials": len(bpy.data.materials),
        "meshes": len(bpy.data.meshes), "light": scene.display.shading.light, "toon": toon.is_on(scene),
        "camera": scene.camera.name,
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_it_shows_the_figure_where_the_control_images_have_it(scene: bpy.types.Scene, kind: str) -> None:
    before = state(scene)
    image = start_picture(scene, scene.camera, SIZE, kind)
    assert image.shape == (SIZE[1], SIZE[0], 3) and image.dtype == np.uint8
    assert state(scene) == before
    background = np.median(np.concatenate((image[:8].reshape(-1, 3), image[-8:].reshape(-1, 3))), axis=0)
    seen = np.abs(image.astype(int) - background).max(axis=2) > 12
    figure = passes(kinds=("mask",)).images["mask"][..., 0] > 0
    assert (seen & figure).sum() / (seen | figure).sum() > 0.9


@pytest.mark.parametrize("setting", [("pixel_aspect_x", 2.0), ("use_multiview", True)], ids=lambda setting: setting[0])
def test_settings_of_the_users_own_renders_do_not_move_it(scene: bpy.types.Scene, setting: tuple[str, object]) -> None:
    """Control images have square pixels and are seen with one eye, and so has what is painted over."""
    plain = start_picture(scene, scene.camera, SIZE, "VIEWPORT")
    setattr(scene.render, *setting)
    assert (start_picture(scene, scene.camera, SIZE, "VIEWPORT") == plain).mean() > 0.999
    assert getattr(scene.render, setting[0]) == setting[1]


def test_the_toon_look_has_the_colours_of_what_is_worn_and_is_off_again(scene: bpy.types.Scene) -> None:
    viewport, looked = (start_picture(scene, scene.camera, SIZE, kind) for kind in ("VIEWPORT", "TOON"))
    figure = passes(kinds=("mask",)).images["mask"][..., 0] > 0

    def share_of_few(image: np.ndarray) -> float:
        counts = np.unique(image[figure] // 8, axis=0, return_counts=True)[1]
        return float(np.sort(counts)[-12:].sum() / figure.sum())

    assert share_of_few(looked) > 0.85 > share_of_few(viewport) + 0.2, "few tones instead of smooth light"
    toon.switch(scene, True)
    assert (start_picture(scene, scene.camera, SIZE, "TOON") == looked).mean() > 0.99 and toon.is_on(scene)


def test_without_a_camera_it_is_one_sentence(scene: bpy.types.Scene) -> None:
    with pytest.raises(UserError, match="no camera"):
        start_picture(scene, None, SIZE, "VIEWPORT")
    assert len(bpy.data.scenes) == 1


def test_a_request_begins_with_it_and_restores_it(scene: bpy.types.Scene) -> None:
    scene.camera.location.x += 0.1
    ensure_camera(scene, bpy.context.view_layer)
    settings = scene.pose_to_anime.generation
    plain = prepare(scene, bpy.context.view_layer)
    assert not plain.request.init_image and plain.request.denoising_strength == 1.0
    settings.start_from, settings.denoising_strength = "VIEWPORT", 0.55
    begun = prepare(scene, bpy.context.view_layer)
    assert begun.request.denoising_strength == 0.55
    info = png.read_info(begun.images[begun.request.init_image])
    assert (info.width, info.height) == (begun.request.width, begun.request.height)
    assert begun.scene["start_from"] == "VIEWPORT" and "start_from" not in plain.scene
    settings.start_from, settings.denoising_strength = "NONE", 1.0
    restore.restore_settings(scene, begun.request, begun.scene)
    assert settings.start_from == "VIEWPORT" and settings.denoising_strength == pytest.approx(0.55)
    restore.restore_settings(scene, plain.request)
    assert settings.start_from == "NONE"
