# SPDX-License-Identifier: GPL-3.0-or-later
"""What the passes say when they cannot be made: one sentence each, and what is said beside passes that can."""

from __future__ import annotations

import math

import pytest

bpy = pytest.importorskip("bpy")

from pass_scene import grey, look_from, only_figure, passes  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.openpose.profiles import ProfileError  # noqa: E402
from pose_to_anime.addon.passes.render import render_passes  # noqa: E402
from rig_scene import registered  # noqa: E402, F401


@pytest.fixture(autouse=True)
def factory_scene() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=False)
    look_from(0.0)


@pytest.fixture
def mannequin(factory_scene: None) -> bpy.types.Object:
    return add_mannequin(bpy.context)


@pytest.mark.parametrize("mode", ["hide the skin", "hide all", "delete", "none"])
def test_no_figure_is_said(factory_scene, mode):
    if mode != "none":
        armature = add_mannequin(bpy.context)
        skins = [bpy.data.objects[key] for key in only_figure().meshes]
        if mode == "delete":
            bpy.data.objects.remove(armature)
        else:
            for item in (*skins, *((armature,) if mode == "hide all" else ())):
                item.hide_set(True)
    with pytest.raises(UserError, match="no visible figure"):
        passes()


def test_a_figure_whose_dots_are_hidden_is_still_drawn(mannequin):
    mannequin.hide_set(True)
    assert grey(passes()).any()
    assert passes().images["openpose"].any()


def test_a_figure_deleted_since_it_was_chosen_is_said(mannequin):
    figure = only_figure()
    bpy.data.objects.remove(mannequin)
    with pytest.raises(UserError, match="not in this scene any more"):
        passes(figures=[figure])


def test_camera_errors_are_said(mannequin):
    scene = bpy.context.scene
    camera = scene.camera
    camera.rotation_euler.z += math.pi
    with pytest.raises(UserError, match=r"“Adult woman” is behind the camera “Camera”"):
        passes()
    look_from(0.0)
    camera.location.x = 30.0
    with pytest.raises(UserError, match="outside the picture"):
        passes()
    look_from(0.0)
    camera.data.type = "PANO"
    with pytest.raises(UserError, match="panoramic"):
        passes()
    camera.data.type = "PERSP"
    camera.scale = (0.0, 0.0, 0.0)
    with pytest.raises(UserError, match="scaled to nothing"):
        passes()
    scene.camera = None
    with pytest.raises(UserError, match="no camera"):
        passes()


def test_a_figure_partly_behind_the_camera_is_warned_of(mannequin):
    mannequin.rotation_euler.x = math.radians(90.0)  # lies along the view, its head behind the camera
    look_from(0.0, 0.9, at=(0.0, 0.0, 0.1))
    result = passes()
    assert any("behind the camera" in warning for warning in result.warnings)


def test_impossible_requests_are_refused(mannequin):
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    with pytest.raises(UserError, match="0 × 64"):
        render_passes(scene, view_layer, scene.camera, (0, 64))
    with pytest.raises(ProfileError, match="thick"):
        passes(profile="thick")
    with pytest.raises(ValueError, match="smell"):
        passes(kinds=("smell",))
