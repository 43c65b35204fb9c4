# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose camera in a real Blender: every ratio, several poses, what stays untouched, and what bad input gets."""

import math
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
import pose_to_anime  # noqa: E402
from bpy_extras.object_utils import world_to_camera_view  # noqa: E402
from framing_scene import TURNS, add_mannequin, camera, figures, framing  # noqa: E402
from mathutils import Euler, Matrix, Vector  # noqa: E402
from pose_to_anime.addon.framing.camera import LENS, MARGIN, chosen_camera, picture_camera, pose_camera, scene_size  # noqa: E402
from pose_to_anime.addon.framing.sizes import PRESETS, SizeError, parse_ratio, picture_size  # noqa: E402
from pose_to_anime.generation_server.families.catalogue import families  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

VIEWS = {
    "front": (90.0, 0.0, 0.0),
    "from above": (40.0, 0.0, 25.0),
    "from below, rolled": (110.0, 20.0, -60.0),
    "from behind": (85.0, 0.0, 180.0),
}


@pytest.fixture(autouse=True)
def factory_scene() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=False)


@pytest.fixture
def mannequin(factory_scene: None) -> bpy.types.Object:
    return add_mannequin()


def edges() -> tuple[float, float, float, float]:
    """Left, right, bottom and top gaps in pixels between all visible figures and the picture's edges, measured with Blender's own
    projection of each vertex."""
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    view_layer.update()
    depsgraph = view_layer.depsgraph
    seen, ours = [], camera()
    for figure in figures():
        for key in figure.meshes:
            evaluated = bpy.data.objects[key].evaluated_get(depsgraph)
            mesh, matrix = evaluated.to_mesh(), evaluated.matrix_world
            chosen = extremes(mesh).union(range(0, len(mesh.vertices), 10))
            seen += [world_to_camera_view(scene, ours, matrix @ mesh.vertices[index].co) for index in chosen]
            evaluated.to_mesh_clear()
    places = np.array(seen)
    assert (places[:, 2] > 0.0).all(), "a part of a figure is behind the camera"
    width, height = scene.render.resolution_x, scene.render.resolution_y
    low, high = places.min(axis=0), places.max(axis=0)
    return low[0] * width, (1.0 - high[0]) * width, low[1] * height, (1.0 - high[1]) * height


def extremes(mesh: bpy.types.Mesh) -> set[int]:
    """The vertices that reach farthest in many directions: among them or their neighbours are those that touch the edges."""
    local = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", local)
    directions = np.random.default_rng(0).normal(size=(3, 2000))
    return {int(index) for index in (local.reshape(-1, 3) @ directions).argmax(axis=0)}


def check_framed(head_room: float = 0.06) -> None:
    width, height = scene_size(bpy.context.scene)
    left, right, bottom, top = edges()
    margin = MARGIN * min(width, height)
    assert left == pytest.approx(right, abs=1.0)
    assert min(left, right) >= margin - 1.0
    assert bottom >= margin - 1.0
    assert top >= head_room * height - 1.0
    # What is left over below is left over above as well.
    assert top - head_room * height == pytest.approx(bottom - margin, abs=2.0)
    # It cannot be larger: one pair of edges is reached.
    assert min(left - margin, bottom - margin) <= 1.0


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("ratio", PRESETS)
def test_every_preset_frames_every_pose(mannequin: bpy.types.Object, ratio: str, turn: str) -> None:
    mannequin.location = (3.0, -1.0, 0.4)
    mannequin.rotation_euler = TURNS[turn]
    framing().ratio = ratio
    assert bpy.ops.pose_to_anime.frame_figures() == {"FINISHED"}
    check_framed()
    render = bpy.context.scene.render
    assert (render.resolution_x, render.resolution_y) == picture_size(parse_ratio(ratio), families()["sd15"].size)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
def test_the_direction_stays(mannequin: bpy.types.Object, kind: str, view: str) -> None:
    bpy.ops.pose_to_anime.add_camera()
    turned = Euler([math.radians(angle) for angle in VIEWS[view]])
    # Far off and with the figure behind it.
    camera().matrix_world = Matrix.LocRotScale(Vector((40.0, 30.0, -20.0)), turned, None)
    camera().data.type = kind
    camera().data.shift_x, camera().data.shift_y = 0.12, -0.07
    bpy.ops.pose_to_anime.frame_figures()
    check_framed()
    after = camera().matrix_world.to_3x3()
    assert np.allclose(np.array(after, np.float64), np.array(turned.to_matrix(), np.float64), atol=1e-6)


def test_short_lenses_and_large_head_room(mannequin: bpy.types.Object) -> None:
    bpy.ops.pose_to_anime.add_camera()
    camera().data.lens = 15.0
    framing().head_room = 0.3
    bpy.ops.pose_to_anime.frame_figures()
    check_framed(head_room=0.3)


def test_several_figures_are_all_in_the_picture_and_one_can_be_chosen(mannequin: bpy.types.Object) -> None:
    first = mannequin.name
    bpy.ops.pose_to_anime.add_mannequin()
    second = next(figure.name for figure in figures() if figure.name != first)
    bpy.context.scene.objects[second].location = (4.0, 3.0, 1.0)
    framing().ratio = "2:1"
    bpy.ops.pose_to_anime.frame_figures()
    check_framed()
    both = camera().matrix_world.translation.copy()
    bpy.ops.pose_to_anime.frame_figures(figure=second)
    assert (camera().matrix_world.translation - both).length > 1.0
    with pytest.raises(RuntimeError, match="no visible figure called Nobody"):
        bpy.ops.pose_to_anime.frame_figures(figure="Nobody")


def test_the_evaluated_pose_counts(mannequin: bpy.types.Object) -> None:
    framing().ratio = "1:1"
    bpy.ops.pose_to_anime.frame_figures()
    before = camera().matrix_world.translation.copy()
    # Bend the whole body over at the hips, in the pose and not in the object.
    hips = mannequin.pose.bones[figures()[0].joint_map["hips"]]
    root = hips.parent_recursive[-1] if hips.parent_recursive else hips
    root.rotation_mode = "XYZ"
    root.rotation_euler = (math.pi / 2.0, 0.0, 0.0)
    bpy.ops.pose_to_anime.frame_figures()
    check_framed()
    assert (camera().matrix_world.translation - before).length > 0.1


def test_the_users_cameras_stay(mannequin: bpy.types.Object) -> None:
    scene = bpy.context.scene
    own = scene.camera
    place, lens = own.matrix_world.copy(), own.data.lens
    for verb in ("frame_figures", "add_camera", "reset_camera"):
        scene.camera = own
        getattr(bpy.ops.pose_to_anime, verb)()
        assert scene.camera == camera() != own
    assert own.matrix_world == place
    assert own.data.lens == lens
    assert sum(obj.type == "CAMERA" for obj in scene.objects) == 2
    scene.camera = own
    assert picture_camera(scene) == own
    scene.camera = None
    assert picture_camera(scene) == camera()


def test_the_pose_camera_is_known_after_renaming_and_gone_after_deleting(mannequin: bpy.types.Object) -> None:
    bpy.ops.pose_to_anime.add_camera()
    ours = camera()
    assert ours.data.lens == LENS
    ours.name = "Renamed"
    decoy = bpy.data.objects.new("Pose Camera", bpy.data.cameras.new("Pose Camera"))
    bpy.context.scene.collection.objects.link(decoy)
    assert camera() == ours
    bpy.context.scene.collection.objects.unlink(ours)
    assert pose_camera(bpy.context.scene) is None
    bpy.ops.pose_to_anime.add_camera()
    assert camera() not in (ours, decoy)


def test_a_copied_scene_has_a_camera_of_its_own(mannequin: bpy.types.Object) -> None:
    bpy.ops.pose_to_anime.add_camera()
    first = camera().name
    bpy.ops.scene.new(type="FULL_COPY")
    assert camera().name != first
    bpy.ops.scene.new(type="EMPTY")
    assert pose_camera(bpy.context.scene) is None


def test_saved_and_loaded(mannequin: bpy.types.Object, tmp_path: Path) -> None:
    framing().ratio = "16:9"
    bpy.ops.pose_to_anime.frame_figures()
    camera().name = "Renamed"
    path = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_factory_settings()
    bpy.ops.wm.open_mainfile(filepath=path)
    assert camera().name == "Renamed"
    assert scene_size(bpy.context.scene) == (832, 448)
    check_framed()


def test_reset(mannequin: bpy.types.Object) -> None:
    bpy.ops.pose_to_anime.add_camera()
    ours = camera()
    ours.matrix_world = Matrix.LocRotScale(Vector((9.0, 9.0, 9.0)), Euler((1.0, 2.0, 3.0)), None)
    ours.data.type = "PANO"
    ours.data.lens, ours.data.shift_x, ours.data.sensor_fit = 20.0, 0.4, "VERTICAL"
    with pytest.raises(RuntimeError, match="panoramic"):
        bpy.ops.pose_to_anime.frame_figures()
    assert bpy.ops.pose_to_anime.reset_camera() == {"FINISHED"}
    assert (ours.data.type, ours.data.lens, ours.data.shift_x, ours.data.sensor_fit) == ("PERSP", LENS, 0.0, "AUTO")
    ahead = ours.matrix_world.to_3x3() @ Vector((0.0, 0.0, -1.0))
    assert (ahead - Vector((0.0, 1.0, 0.0))).length < 1e-5, "figures face -y, so the camera looks along +y"
    assert ours.matrix_world.translation.y < -2.0
    check_framed()


def test_reset_without_a_figure_looks_where_one_would_stand() -> None:
    assert bpy.ops.pose_to_anime.reset_camera() == {"FINISHED"}
    place = camera().matrix_world.translation
    assert place.x == pytest.approx(0.0, abs=1e-6)
    assert -8.0 < place.y < -4.0
    assert 0.5 < place.z < 1.2


def test_one_undo_takes_a_verb_back(mannequin: bpy.types.Object) -> None:
    bpy.ops.pose_to_anime.add_camera()
    camera().location = (0.0, -20.0, 1.0)
    bpy.context.view_layer.update()
    bpy.ops.ed.undo_push(message="Before")
    bpy.ops.pose_to_anime.set_ratio("EXEC_DEFAULT", True, ratio="2:1")
    assert camera().location.y > -19.0
    bpy.ops.ed.undo()
    assert framing().ratio == "2:3"
    assert camera().location.y == pytest.approx(-20.0)
    assert bpy.context.scene.render.resolution_x == 512
    bpy.ops.ed.redo()
    assert framing().ratio == "2:1"
    assert bpy.context.scene.render.resolution_x == 896


def test_one_undo_takes_a_new_camera_back(mannequin: bpy.types.Object) -> None:
    own = bpy.context.scene.camera.name
    bpy.ops.ed.undo_push(message="Before")
    bpy.ops.pose_to_anime.frame_figures("EXEC_DEFAULT", True)
    assert bpy.context.scene.camera == camera()
    bpy.ops.ed.undo()
    assert pose_camera(bpy.context.scene) is None
    assert bpy.context.scene.camera.name == own
    assert [obj.name for obj in bpy.context.scene.objects if obj.type == "CAMERA"] == [own]


def test_the_resolution_follows_every_setting(mannequin: bpy.types.Object) -> None:
    render = bpy.context.scene.render
    render.resolution_percentage, render.pixel_aspect_x = 50, 2.0
    for ratio in PRESETS:
        framing().ratio = ratio
        assert (render.resolution_x, render.resolution_y) == scene_size(bpy.context.scene)
    assert (render.resolution_percentage, render.pixel_aspect_x, render.pixel_aspect_y) == (100, 1.0, 1.0)
    framing().ratio = "CUSTOM"
    framing().custom_width, framing().custom_height = 4.0, 1.0
    assert (render.resolution_x, render.resolution_y) == (1024, 256)
    bpy.context.scene.pose_to_anime.generation.family = "builtin"
    framing().ratio = "2:3"
    assert (render.resolution_x, render.resolution_y) == (256, 384)


def test_a_ratio_that_is_none_is_refused_in_one_sentence_and_changes_nothing(mannequin: bpy.types.Object) -> None:
    bpy.ops.pose_to_anime.frame_figures()
    place = camera().matrix_world.copy()
    with pytest.raises(RuntimeError, match="ratio 0:3 is no picture"):
        bpy.ops.pose_to_anime.set_ratio(ratio="CUSTOM", custom_width=0.0, custom_height=3.0)
    with pytest.raises(RuntimeError, match="6:1 is too long for this model"):
        bpy.ops.pose_to_anime.set_ratio(ratio="CUSTOM", custom_width=6.0, custom_height=1.0)
    assert framing().ratio == "2:3"
    assert camera().matrix_world == place
    # Typed into the fields, the last good size stays and every verb says what is wrong.
    framing().custom_width = 0.0
    framing().ratio = "CUSTOM"
    with pytest.raises(SizeError, match="above zero"):
        scene_size(bpy.context.scene)
    for verb in ("frame_figures", "add_camera", "reset_camera"):
        with pytest.raises(RuntimeError, match="above zero"):
            getattr(bpy.ops.pose_to_anime, verb)()
    assert (bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y) == (512, 768)
    assert bpy.ops.pose_to_anime.set_ratio(ratio="1:1") == {"FINISHED"}


def test_a_wrong_ratio_leaves_no_camera_behind(mannequin: bpy.types.Object) -> None:
    framing().custom_width = 0.0
    framing().ratio = "CUSTOM"
    with pytest.raises(RuntimeError, match="above zero"):
        bpy.ops.pose_to_anime.frame_figures()
    assert pose_camera(bpy.context.scene) is None


def test_nothing_to_frame() -> None:
    own = bpy.context.scene.camera
    with pytest.raises(RuntimeError, match="no visible figure"):
        bpy.ops.pose_to_anime.frame_figures()
    assert bpy.context.scene.camera == own
    assert pose_camera(bpy.context.scene) is None


def test_a_hidden_figure_is_not_framed(mannequin: bpy.types.Object) -> None:
    for child in mannequin.children:
        child.hide_set(True)
    mannequin.hide_set(True)
    with pytest.raises(RuntimeError, match="show a hidden one"):
        bpy.ops.pose_to_anime.frame_figures()


def test_a_new_ratio_frames_a_whole_figure_anew_and_leaves_a_close_up(mannequin: bpy.types.Object) -> None:
    bpy.ops.pose_to_anime.frame_figures()
    bpy.ops.pose_to_anime.set_ratio(ratio="3:2")
    check_framed()
    camera().location.y += 3.5
    bpy.context.view_layer.update()
    close = camera().location.copy()
    bpy.ops.pose_to_anime.set_ratio(ratio="2:3")
    assert camera().location == close


def test_advice_is_given_and_taken(mannequin: bpy.types.Object) -> None:
    framing().ratio = "1:2"
    bpy.ops.pose_to_anime.frame_figures()
    with pytest.raises(RuntimeError, match="nothing to advise"):
        bpy.ops.pose_to_anime.take_advice()
    mannequin.rotation_euler = TURNS["lying"]
    bpy.ops.pose_to_anime.frame_figures()
    assert bpy.ops.pose_to_anime.take_advice() == {"FINISHED"}
    assert framing().ratio == "2:1"
    check_framed()
    with pytest.raises(RuntimeError, match="'7:5' is no preset"):
        bpy.ops.pose_to_anime.take_advice(ratio="7:5")


def test_the_menu_offers_the_presets_of_the_size_function() -> None:
    items = [item.identifier for item in framing().bl_rna.properties["ratio"].enum_items]
    assert items == [*PRESETS, "CUSTOM"]


def test_unregistering_leaves_no_handler() -> None:
    def ours() -> list[object]:
        lists = [getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)]
        return [handler for found in lists if isinstance(found, list) for handler in found if "framing" in handler.__module__]

    assert len(ours()) == 3
    pose_to_anime.unregister()
    try:
        assert ours() == []
    finally:
        pose_to_anime.register()


def test_blenders_first_camera_is_nobodys_choice_until_it_is_moved() -> None:
    scene = bpy.context.scene
    assert picture_camera(scene) == scene.camera and chosen_camera(scene) is None
    scene.camera.location.x += 0.5
    bpy.context.view_layer.update()
    assert chosen_camera(scene) == scene.camera
