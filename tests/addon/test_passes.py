# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeleton and depth in a real Blender: aligned with its render to the pixel, and the same in Cycles."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from bpy_extras.object_utils import world_to_camera_view  # noqa: E402
from mathutils import Euler, Vector  # noqa: E402
from mathutils.bvhtree import BVHTree  # noqa: E402
from pass_scene import SIZE, grey, look_from, only_figure, passes, workbench_mask  # noqa: E402
from pose_to_anime.addon.armature.keypoints import body_keypoints  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.openpose.layout import BODY_COLOURS, BODY_INDEX, FACE_POINT_COLOUR, HAND_POINT_COLOUR  # noqa: E402
from pose_to_anime.addon.passes import buffers_gpu, geometry  # noqa: E402
from pose_to_anime.addon.passes.buffers import Buffers  # noqa: E402
from pose_to_anime.addon.passes.depth import depth_image  # noqa: E402
from pose_to_anime.addon.passes.render import PassOptions  # noqa: E402
from rig_scene import registered  # noqa: E402, F401


@pytest.fixture(autouse=True)
def factory_scene() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=False)
    look_from(0.0)


@pytest.fixture
def mannequin(factory_scene: None) -> bpy.types.Object:
    return add_mannequin(bpy.context)


def factory_cube() -> bpy.types.Object:
    return bpy.data.objects["Cube"]


def hide_cube() -> None:
    bpy.data.objects.remove(factory_cube())


CAMERAS: dict[str, Callable[[bpy.types.Object], None]] = {
    "front": lambda camera: None,
    "turned": lambda camera: look_from(130.0, 5.0, 25.0),
    "near, wide lens": lambda camera: (look_from(20.0, 1.6), setattr(camera.data, "lens", 18.0)),
    "shifted": lambda camera: (setattr(camera.data, "shift_x", 0.15), setattr(camera.data, "shift_y", -0.1)),
    "vertical sensor": lambda camera: (setattr(camera.data, "sensor_fit", "VERTICAL"), setattr(camera.data, "lens", 50.0)),
    "orthographic": lambda camera: (setattr(camera.data, "type", "ORTHO"), setattr(camera.data, "ortho_scale", 2.3)),
    "scaled": lambda camera: setattr(camera, "scale", (2.0, 0.5, 3.0)),
}


@pytest.mark.parametrize("name", CAMERAS)
def test_depth_covers_exactly_what_blender_renders(mannequin, tmp_path, name):
    hide_cube()
    CAMERAS[name](bpy.context.scene.camera)
    mine, theirs = grey(passes()) > 0, workbench_mask(tmp_path)
    assert theirs.any()
    assert (mine & theirs).sum() / (mine | theirs).sum() >= 0.999


@pytest.mark.parametrize("name", CAMERAS)
def test_skeleton_lies_where_blender_projects_the_joints(mannequin, name):
    scene = bpy.context.scene
    CAMERAS[name](scene.camera)
    bone = mannequin.pose.bones[only_figure().joint_map["spine"]]
    bone.rotation_mode = "XYZ"
    bone.rotation_euler = Euler((0.3, 0.4, 0.1))
    result = passes(kinds=("openpose",), options=PassOptions(keep_outside=True))
    scene.render.resolution_x, scene.render.resolution_y = SIZE  # which Blender's own projection reads
    scene.camera.scale = (1.0, 1.0, 1.0)  # and it does not leave out the camera's scale, as a render does
    bpy.context.view_layer.update()
    positions, present = body_keypoints(only_figure(), bpy.context.view_layer.depsgraph)
    (person,) = result.people
    checked = 0
    for index in np.flatnonzero(person.body[:, 2]):
        if present[index]:
            where = world_to_camera_view(scene, scene.camera, Vector(positions[index]))
            expected = (where.x * SIZE[0], (1.0 - where.y) * SIZE[1])
            assert person.body[index, :2] == pytest.approx(expected, abs=0.05)
            checked += 1
    assert checked >= 12
    shoulders = person.body[[BODY_INDEX["right_shoulder"], BODY_INDEX["left_shoulder"]], :2]
    assert person.body[BODY_INDEX["neck"], :2] == pytest.approx(shoulders.mean(axis=0), abs=1e-3)  # they are written so exactly


def test_gpu_and_cycles_give_the_same_depth(mannequin):
    factory_cube().pose_to_anime.in_depth = True
    factory_cube().location = (0.6, 1.5, 0.3)
    add_mannequin(bpy.context, location=(0.7, 0.4, 0.0))
    for name in ("front", "turned", "shifted", "orthographic"):
        look_from(0.0)
        CAMERAS[name](bpy.context.scene.camera)
        with_gpu = grey(passes(options=PassOptions(buffers="gpu"))).astype(int)
        with_cycles = grey(passes(options=PassOptions(buffers="cycles"))).astype(int)
        drawn = (with_gpu > 0) | (with_cycles > 0)
        close = np.abs(with_gpu - with_cycles)[drawn] <= 1
        assert drawn.mean() > 0.1
        assert close.mean() >= 0.99, name
        bpy.context.scene.camera.data.type = "PERSP"


def test_nothing_of_the_users_is_touched(mannequin):
    def everything() -> dict[str, list[str]]:
        kinds = ("scenes", "objects", "meshes", "cameras", "materials", "images", "worlds", "node_groups", "collections")
        return {kind: sorted(item.name for item in getattr(bpy.data, kind)) for kind in kinds}

    def settings() -> list[object]:
        scene = bpy.context.scene
        return [
            *(getattr(scene.render, key) for key in ("engine", "resolution_x", "resolution_y", "filepath", "film_transparent")),
            scene.camera.data.lens,
            tuple(scene.camera.location),
            scene.render.image_settings.file_format,
            bpy.context.view_layer.objects.active.name,
            bpy.context.scene.name,
        ]

    before = everything(), settings()
    for how in ("gpu", "cycles"):
        passes(options=PassOptions(buffers=how))
        assert (everything(), settings()) == before


def test_other_objects_join_by_a_tick(mannequin):
    cube = factory_cube()
    cube.location = (0.0, 3.0, 0.9)
    alone = grey(passes())
    cube.pose_to_anime.in_depth = True
    joined = grey(passes())
    assert (joined > 0).sum() > (alone > 0).sum() * 1.5
    figure = alone > 0
    assert (joined[figure] == alone[figure]).all(), "the fit is to the figures, whatever joins them"
    cube_alone = (joined > 0) & ~figure
    assert 1 <= joined[cube_alone].max() < 40, "farther than the figure is darker than its floor"
    cube.hide_set(True)
    assert ((grey(passes()) > 0) == figure).all()
    cube.hide_set(False)
    cube.location.y = -3.0
    bpy.context.view_layer.update()
    assert grey(passes()).max() == 255, "nearer than the figure ends at white"


def test_instances_and_curves_join_too(mannequin):
    part = bpy.data.collections.new("Part")
    hide_cube()
    bpy.ops.mesh.primitive_cube_add(size=0.2)
    block = bpy.context.object
    for owner in tuple(block.users_collection):
        owner.objects.unlink(block)
    part.objects.link(block)
    instance = bpy.data.objects.new("Instance", None)
    instance.instance_type = "COLLECTION"
    instance.instance_collection = part
    instance.location = (0.5, 0.0, 1.9)
    bpy.context.scene.collection.objects.link(instance)
    before = (grey(passes()) > 0).sum()
    instance.pose_to_anime.in_depth = True
    with_block = (grey(passes()) > 0).sum()
    assert with_block > before + 200
    bpy.ops.object.text_add(location=(-0.9, 0.0, 1.8), rotation=(math.pi / 2, 0.0, 0.0))
    bpy.context.object.scale = (0.3, 0.3, 0.3)
    bpy.context.object.pose_to_anime.in_depth = True
    assert (grey(passes()) > 0).sum() > with_block + 200


def test_depth_range(mannequin):
    look_from(35.0, 4.5, 20.0)
    image = grey(passes())
    assert image.max() == 255
    assert image[image > 0].min() == 40
    high = grey(passes(options=PassOptions(depth_floor=90)))
    assert high[high > 0].min() == 90
    dark = grey(passes(options=PassOptions(depth_gamma=2.0)))
    middle = (image > 120) & (image < 200)
    assert dark.max() == 255
    assert (dark[middle] < image[middle]).all()


def test_scene_settings_reach_the_depth(mannequin):
    bpy.context.scene.pose_to_anime.passes.depth_floor = 77
    image = grey(passes())
    assert image[image > 0].min() == 77


def test_depth_is_disparity():
    depth = np.full((4, 4), np.inf, dtype=np.float32)
    depth[1] = (2.0, 3.0, 4.0, 6.0)
    figures = (depth < np.inf).astype(np.uint8)
    image = depth_image(Buffers(depth, figures), floor=0)[1, :, 0]
    assert image[0] == 255
    assert image[1] == pytest.approx(255 * (1 / 3 - 1 / 6) / (1 / 2 - 1 / 6), abs=0.51)
    assert image[2] == pytest.approx(255 * (1 / 4 - 1 / 6) / (1 / 2 - 1 / 6), abs=0.51)
    flat = np.where(figures, np.float32(3.0), depth)
    assert (depth_image(Buffers(flat, figures))[1] == 255).all()
    assert not depth_image(Buffers(np.full((4, 4), np.inf, np.float32), np.zeros((4, 4), np.uint8))).any()


def seen_face_points(yaw: float, pitch: float = 0.0) -> str:
    look_from(yaw, 4.0, pitch, (0.0, 0.0, 1.5))
    (person,) = passes(kinds=("openpose",)).people
    names = {"N": "nose", "r": "right_eye", "l": "left_eye", "R": "right_ear", "L": "left_ear"}
    return "".join(letter for letter, name in names.items() if person.body[BODY_INDEX[name], 2])


@pytest.mark.parametrize(
    ("yaw", "pitch", "seen"),
    [
        (0.0, 0.0, "NrlRL"),
        (0.0, 25.0, "NrlRL"),
        (90.0, 0.0, "NlL"),
        (-90.0, 0.0, "NrR"),
        (180.0, 0.0, "RL"),
        (180.0, -30.0, "RL"),
        (140.0, 0.0, "L"),
    ],
)
def test_the_head_hides_its_own_face(mannequin, yaw, pitch, seen):
    assert seen_face_points(yaw, pitch) == seen


def test_visibility_agrees_with_a_ray_cast(mannequin):
    """Nose and eyes from all around against Blender's own BVH; what is within a few degrees of the edge may differ."""
    figure = only_figure()
    view_layer = bpy.context.view_layer
    equal = total = 0
    for yaw in range(0, 360, 9):
        for pitch in (-20.0, 0.0, 30.0):
            seen = seen_face_points(float(yaw), pitch)
            depsgraph = view_layer.depsgraph
            (skin,) = geometry.figure_surfaces(bpy.context.scene, view_layer, depsgraph, [figure])
            positions, _ = body_keypoints(figure, depsgraph)
            high = skin.world[:, 2] > 1.38  # head and neck of a figure that stands
            tree = BVHTree.FromPolygons(skin.world.tolist(), skin.triangles[high[skin.triangles].all(axis=1)].tolist())
            for letter, name in {"N": "nose", "r": "right_eye", "l": "left_eye"}.items():
                point = Vector(positions[BODY_INDEX[name]])
                ray = (bpy.context.scene.camera.location - point).normalized()
                blocked = tree.ray_cast(point + ray * 0.0156, ray)[0] is not None
                equal += (letter in seen) != blocked
                total += 1
    assert equal / total >= 0.97


def test_limbs_are_kept_behind_the_body_and_other_objects(mannequin):
    cube = factory_cube()
    cube.location = (2.0, 0.0, 0.7)  # between the camera and the figure, larger than it
    cube.pose_to_anime.in_depth = True
    look_from(90.0)
    result = passes()
    assert not (result.buffers.figures[300:] > 0).any(), "the cube hides the legs"
    (person,) = result.people
    assert person.body[2:14, 2].all()


def test_points_outside_the_picture(mannequin):
    look_from(0.0, 2.2, at=(0.0, 0.0, 1.4))
    (dropped,) = passes(kinds=("openpose",)).people
    assert not dropped.body[BODY_INDEX["left_ankle"], 2]
    assert dropped.body[BODY_INDEX["nose"], 2]
    bpy.context.scene.pose_to_anime.passes.keep_outside = True
    (kept,) = passes(kinds=("openpose",)).people
    assert kept.body[BODY_INDEX["left_ankle"], 1] > SIZE[1]


def test_pose_json_is_of_the_same_picture(mannequin):
    result = passes()
    document = json.loads(result.pose_json)
    assert (document["canvas_width"], document["canvas_height"]) == SIZE == (result.width, result.height)
    numbers = np.array(document["people"][0]["pose_keypoints_2d"]).reshape(18, 3)
    assert set(numbers[:, 2]) <= {0.0, 1.0}
    x, y = numbers[BODY_INDEX["neck"], :2].astype(int)
    assert tuple(result.images["openpose"][y, x]) == BODY_COLOURS[1]
    hand = np.array(document["people"][0]["hand_left_keypoints_2d"]).reshape(21, 3)
    face = np.array(document["people"][0]["face_keypoints_2d"]).reshape(70, 3)
    for points, colour in ((hand, HAND_POINT_COLOUR), (face, FACE_POINT_COLOUR)):
        for x, y, present in points.astype(int):
            assert not present or tuple(result.images["openpose"][y, x]) == colour


def test_two_figures_have_two_skeletons(mannequin):
    add_mannequin(bpy.context, location=(0.6, 0.0, 0.0))
    result = passes()
    assert len(result.people) == len(result.figures) == 2
    assert not np.array_equal(result.people[0].body, result.people[1].body)


def test_a_pose_that_changes_changes_the_passes(mannequin):
    hide_cube()
    first = passes()
    mannequin.location.x = 0.2
    second = passes()
    assert not np.array_equal(first.images["depth"], second.images["depth"])
    assert second.people[0].body[BODY_INDEX["neck"], 0] > first.people[0].body[BODY_INDEX["neck"], 0] + 20
    buffers_gpu.forget()
    assert np.array_equal(passes().images["depth"], second.images["depth"])


def test_a_mesh_that_changes_is_not_taken_from_memory(mannequin):
    hide_cube()
    passes()
    (skin,) = (bpy.data.objects[key] for key in only_figure().meshes)
    skin.modifiers.new("Subdivision", "SUBSURF").levels = 1
    (surface,) = geometry.figure_surfaces(
        bpy.context.scene, bpy.context.view_layer, bpy.context.evaluated_depsgraph_get(), [only_figure()]
    )
    assert len(surface.vertices) > 3 * len(skin.data.vertices)
    assert surface.triangles.max() == len(surface.vertices) - 1
    assert grey(passes()).any()


def test_vertices_thrown_to_infinity_are_left_out(mannequin):
    hide_cube()
    whole = grey(passes()) > 0
    (skin,) = (bpy.data.objects[key] for key in only_figure().meshes)
    skin.data.vertices[0].co = (math.nan, 0.0, 0.0)
    skin.data.vertices[1].co = (math.inf, 0.0, 0.0)
    broken = grey(passes()) > 0
    assert (broken & whole).sum() / whole.sum() > 0.95
