# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the picture's frame is drawn, and orbiting that takes the camera along and gives the view back."""

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
import pose_to_anime  # noqa: E402
from bpy_extras.object_utils import world_to_camera_view  # noqa: E402
from framing_scene import TURNS, add_mannequin, camera, figures, framing  # noqa: E402
from mathutils import Vector  # noqa: E402
from pose_to_anime.addon.framing.camera import scene_size  # noqa: E402
from pose_to_anime.addon.framing.subject import scene_advice, subject_distance  # noqa: E402
from pose_to_anime.addon.framing.viewport import frame_corners, view_areas  # noqa: E402
from rig_scene import registered  # noqa: E402, F401


@pytest.fixture
def mannequin() -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=False)
    return add_mannequin()


@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
@pytest.mark.parametrize("distance", [0.5, 7.0])
def test_the_drawn_corners_are_the_pictures_corners(mannequin: bpy.types.Object, kind: str, distance: float) -> None:
    bpy.ops.pose_to_anime.add_camera()
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    camera().data.type = kind
    camera().data.shift_x = 0.2
    camera().rotation_euler.z = 0.4
    camera().scale = (2.0, 3.0, 0.5)
    view_layer.update()
    corners = frame_corners(camera(), view_layer.depsgraph, scene_size(scene), distance)
    seen = [world_to_camera_view(scene, camera(), Vector(corner)) for corner in corners.tolist()]
    expected = [(0.0, 0.0, distance), (1.0, 0.0, distance), (1.0, 1.0, distance), (0.0, 1.0, distance)]
    # An object's scale does not change what its camera sees, but Blender's helper divides the depth by it.
    assert np.array(seen)[:, :2] == pytest.approx(np.array(expected)[:, :2], abs=1e-4)
    ahead = camera().matrix_world.to_3x3().normalized() @ Vector((0.0, 0.0, -1.0))
    for corner in corners.tolist():
        assert (Vector(corner) - camera().matrix_world.translation).dot(ahead) == pytest.approx(distance, abs=1e-4)


def test_the_frame_stands_where_the_figure_stands(mannequin: bpy.types.Object) -> None:
    bpy.ops.pose_to_anime.add_camera()
    mannequin.location.y = 2.0
    bpy.context.view_layer.update()
    distance = subject_distance(bpy.context.view_layer, camera(), bpy.context.view_layer.depsgraph)
    assert distance == pytest.approx(2.0 - camera().location.y, abs=0.3)


def test_the_advice_says_lying(mannequin: bpy.types.Object) -> None:
    bpy.ops.pose_to_anime.add_camera()
    mannequin.rotation_euler = TURNS["lying"]
    scene = bpy.context.scene
    advice = scene_advice(scene, bpy.context.evaluated_depsgraph_get(), figures(), camera(), (1.0, 2.0))
    assert advice is not None
    assert advice.posture == "lying"
    mannequin.rotation_euler = TURNS["standing"]
    assert scene_advice(scene, bpy.context.evaluated_depsgraph_get(), figures(), camera(), (1.0, 2.0)) is None


def first_view() -> bpy.types.SpaceView3D:
    if not bpy.context.window_manager.windows:
        pytest.skip("this Blender has no window in the background")
    return view_areas(bpy.context.window_manager.windows[0])[0].spaces.active


def test_orbiting_takes_the_camera_along_and_gives_the_view_back(mannequin: bpy.types.Object) -> None:
    view = first_view()
    view.region_3d.view_perspective = "ORTHO"
    view.region_3d.view_distance = 7.5
    view.region_3d.view_location = (1.0, 2.0, 3.0)
    own = bpy.context.scene.camera
    place = own.matrix_world.copy()
    bpy.ops.pose_to_anime.orbit_camera()
    assert framing().orbit_camera
    assert view.lock_camera
    assert view.region_3d.view_perspective == "CAMERA"
    assert view.camera == camera() != own
    bpy.ops.pose_to_anime.orbit_camera()
    assert not view.lock_camera
    assert view.region_3d.view_perspective == "ORTHO"
    assert view.region_3d.view_distance == pytest.approx(7.5)
    assert tuple(view.region_3d.view_location) == pytest.approx((1.0, 2.0, 3.0))
    assert own.matrix_world == place


def test_a_lock_of_the_users_own_survives_orbiting(mannequin: bpy.types.Object) -> None:
    view = first_view()
    view.lock_camera = True
    framing().orbit_camera = True
    framing().orbit_camera = False
    assert view.lock_camera


def test_undo_takes_the_orbiting_view_back_as_well(mannequin: bpy.types.Object) -> None:
    view = first_view()
    bpy.ops.ed.undo_push(message="Before")
    bpy.ops.pose_to_anime.orbit_camera("EXEC_DEFAULT", True)
    assert view.lock_camera
    bpy.ops.ed.undo()
    assert not framing().orbit_camera
    assert not first_view().lock_camera
    bpy.ops.ed.redo()
    assert framing().orbit_camera
    assert first_view().lock_camera


def test_orbiting_that_was_saved_can_be_switched_off_after_loading(mannequin: bpy.types.Object, tmp_path: Path) -> None:
    first_view()
    framing().orbit_camera = True
    path = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_factory_settings()
    bpy.ops.wm.open_mainfile(filepath=path)
    assert framing().orbit_camera
    framing().orbit_camera = False
    assert not first_view().lock_camera


def test_unregistering_while_orbiting_gives_the_view_back(mannequin: bpy.types.Object) -> None:
    view = first_view()
    framing().orbit_camera = True
    pose_to_anime.unregister()
    try:
        assert not view.lock_camera
    finally:
        pose_to_anime.register()
