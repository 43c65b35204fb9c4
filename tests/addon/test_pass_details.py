# SPDX-License-Identifier: GPL-3.0-or-later
"""Normals, parts and the images made from them, of real meshes in a real Blender: against formulas, ray casts and Cycles."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Vector  # noqa: E402
from mathutils.bvhtree import BVHTree  # noqa: E402
from mathutils.interpolate import poly_3d_calc  # noqa: E402
from pass_scene import SIZE, look_from, only_figure, passes  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.passes import buffers_gpu  # noqa: E402
from pose_to_anime.addon.passes.kinds import KINDS  # noqa: E402
from pose_to_anime.addon.passes.render import PassOptions, PassSet  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

EVERY = tuple(KINDS)


@pytest.fixture(autouse=True)
def factory_scene() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=False)
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    look_from(0.0)


@pytest.fixture
def mannequin(factory_scene: None) -> bpy.types.Object:
    return add_mannequin(bpy.context)


def ticked(make: Callable[..., object], **places: object) -> bpy.types.Object:
    make(**places)
    made = bpy.context.object
    made.pose_to_anime.in_depth = True
    return made


def ball(radius: float = 0.5, **places: object) -> bpy.types.Object:
    made = ticked(bpy.ops.mesh.primitive_ico_sphere_add, radius=radius, subdivisions=7, **places)
    made.data.polygons.foreach_set("use_smooth", [True] * len(made.data.polygons))
    return made


def angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees between unit vectors (3, n)."""
    return np.degrees(2.0 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=0) / 2.0, 0.0, 1.0)))


def seen_points(result: PassSet) -> tuple[np.ndarray, np.ndarray]:
    """World points (n, 3) that pixels show, by their depth, and which pixels those are."""
    view, depth = result.view, result.buffers.depth
    there = np.isfinite(depth)
    rows, columns = np.nonzero(there)
    z = depth[there].astype(float)
    weight = z if view.perspective else np.ones_like(z)
    shift = view.projection[:2, 2] if view.perspective else -view.projection[:2, 3]
    x = ((columns + 0.5) / view.width * 2.0 - 1.0 + shift[0]) * weight / view.projection[0, 0]
    y = (1.0 - (rows + 0.5) / view.height * 2.0 + shift[1]) * weight / view.projection[1, 1]
    return (np.linalg.inv(view.to_camera) @ np.stack((x, y, -z, np.ones_like(z))))[:3].T, there


CAMERAS: dict[str, Callable[[bpy.types.Object], None]] = {
    "front": lambda camera: None,
    "turned": lambda camera: look_from(130.0, 5.0, 25.0),
    "shifted": lambda camera: (setattr(camera.data, "shift_x", 0.15), setattr(camera.data, "shift_y", -0.1)),
    "orthographic": lambda camera: (setattr(camera.data, "type", "ORTHO"), setattr(camera.data, "ortho_scale", 2.3)),
}


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("scale", [(1.0, 1.0, 1.0), (-1.0, 1.0, 1.0), (1.5, -0.7, 0.4), (-1.2, -1.0, -0.5)])
def test_normals_of_a_ball_are_those_of_a_ball(mannequin, name, scale):
    """However it is stretched or mirrored: its normals are the gradient of its equation."""
    CAMERAS[name](bpy.context.scene.camera)
    mannequin.location.x = 1.6 if name != "orthographic" else 0.9  # only just in the picture
    shape = ball(location=(-0.05, 0.0, 0.9), rotation=(0.3, 0.2, 0.5))
    shape.scale = scale
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pose_to_anime.addon.passes.render.check_sight", lambda *_: None)
        result = passes(kinds=("normal",))
    points, there = seen_points(result)
    ours = result.buffers.figures[there] == 0
    assert ours.sum() > 2000
    inverse = np.linalg.inv(np.array(shape.matrix_world))
    local = points[ours] @ inverse[:3, :3].T + inverse[:3, 3]
    gradient = local @ inverse[:3, :3]
    expected = result.view.to_camera[:3, :3] @ (gradient / np.linalg.norm(gradient, axis=1, keepdims=True)).T
    error = angles(result.buffers.normals[:, there][:, ours], expected)
    assert np.mean(error <= 2.0) >= 0.99
    lengths = np.linalg.norm(result.buffers.normals[:, there], axis=0)
    assert np.abs(lengths - 1.0).max() < 1e-3
    assert not result.buffers.normals[:, ~there].any()


def test_normals_of_a_mannequin_agree_with_a_ray_cast(mannequin):
    """Interpolated from Blender's own vertex normals, where a ray through the pixel meets the evaluated mesh."""
    look_from(35.0, 5.0, 10.0)
    result = passes(kinds=("normal",))
    depsgraph = bpy.context.view_layer.depsgraph
    skin = bpy.data.objects[only_figure().meshes[0]].evaluated_get(depsgraph)
    mesh = skin.to_mesh()
    mesh.calc_loop_triangles()
    world = [skin.matrix_world @ vertex.co for vertex in mesh.vertices]
    triangles = [tuple(triangle.vertices) for triangle in mesh.loop_triangles]
    tree = BVHTree.FromPolygons(world, triangles)
    camera = bpy.context.scene.camera
    turn = camera.matrix_world.to_3x3().transposed()
    points, there = seen_points(result)
    measured = result.buffers.normals[:, there].T
    errors = []
    for index in range(0, len(points), 17):
        place, face_normal, face, _ = tree.ray_cast(camera.location, Vector(points[index]) - camera.location)
        if place is None:
            continue
        corners = triangles[face]
        weights = poly_3d_calc([world[corner] for corner in corners], place)
        normal = sum((mesh.vertices[c].normal * w for c, w in zip(corners, weights, strict=True)), Vector())
        normal = skin.matrix_world.to_3x3().inverted().transposed() @ normal
        if face_normal.dot(place - camera.location) > 0.0:
            normal = -normal
        errors.append((turn @ normal).normalized().angle(Vector(measured[index])))
    skin.to_mesh_clear()
    assert len(errors) > 1000
    assert np.mean(np.degrees(errors) <= 2.0) >= 0.99


def test_gpu_and_cycles_give_the_same_details(mannequin):
    add_mannequin(bpy.context, location=(0.7, 0.4, 0.0))
    cube = ticked(bpy.ops.mesh.primitive_cube_add, size=0.6, location=(-0.5, 1.0, 0.5), rotation=(0.3, 0.1, 0.4))
    cube.scale.x = -1.0
    for name in ("turned", "shifted", "orthographic"):
        look_from(0.0)
        CAMERAS[name](bpy.context.scene.camera)
        gpu, cycles = (passes(kinds=("lineart",), options=PassOptions(buffers=how)).buffers for how in ("gpu", "cycles"))
        same = gpu.parts == cycles.parts
        assert same.mean() >= 0.999 and len(np.unique(gpu.parts)) >= 4, name
        assert (gpu.figures == cycles.figures).mean() >= 0.999
        there = same & (gpu.parts > 0)
        assert np.mean(angles(gpu.normals[:, there], cycles.normals[:, there]) <= 2.0) >= 0.99, name
        bpy.context.scene.camera.data.type = "PERSP"


def test_flat_faces_stay_flat_and_their_edges_are_lines(mannequin):
    cube = ticked(bpy.ops.mesh.primitive_cube_add, size=0.7, location=(0.0, -1.0, 0.9), rotation=(0.5, 0.3, 0.4))
    result = passes(kinds=("canny",))
    seen = result.buffers.parts == 1
    assert seen.sum() > 5000
    directions, counts = np.unique(result.buffers.normals[:, seen].T.round(3), axis=0, return_counts=True)
    faces = directions[counts > 50]
    turn = (result.view.to_camera @ np.array(cube.matrix_world))[:3, :3]
    expected = np.concatenate((turn.T, -turn.T))
    assert len(faces) == 3
    for face in faces:
        assert np.linalg.norm(expected - face, axis=1).min() < 2e-3
    corner = cube.matrix_world @ Vector(max((v.co for v in cube.data.vertices), key=lambda co: -(cube.matrix_world @ co).y))
    (pixel,), _ = result.view.project(np.array([corner]))
    x, y = pixel.astype(int)
    assert result.images["canny"][y - 2 : y + 3, x - 2 : x + 3].any(), "the edges meet in the corner"


def test_the_back_of_a_face_is_turned_to_the_viewer(mannequin):
    """From inside a cube all walls face the camera, which is in it, mirrored or not."""
    cube = ticked(bpy.ops.mesh.primitive_cube_add, size=20.0)
    for scale in (1.0, -1.0):
        cube.scale.y = scale
        result = passes(kinds=("normal",))
        walls = result.buffers.figures == 0
        assert walls.sum() > 0.3 * walls.size
        assert angles(result.buffers.normals[:, walls], np.array([[0.0], [0.0], [1.0]])).max() < 1.0


def test_materials_and_objects_are_parts(mannequin):
    look_from(0.0, 1.2, at=(0.0, 0.0, 1.55))
    alone = passes(kinds=("lineart",)).buffers
    assert len(np.unique(alone.parts[alone.figures == 1])) == 2, "skin and eyes"
    assert set(np.unique(alone.parts >> 8)) == {0, 1}
    ball(radius=0.03, location=(0.0, -0.3, 1.55))
    with_ball = passes(kinds=("lineart",)).buffers
    assert set(np.unique(with_ball.parts)) - set(np.unique(alone.parts)) == {1}


def test_each_figure_has_a_mask(mannequin):
    add_mannequin(bpy.context, location=(0.25, 0.5, 0.0))
    images = passes(kinds=("mask", "figure_mask")).images
    assert set(images) == {"mask", "figure_mask_1", "figure_mask_2"}
    first, second = images["figure_mask_1"].astype(int), images["figure_mask_2"].astype(int)
    assert first.any() and second.any()
    assert (first + second == images["mask"]).all()


def test_a_fixed_range_holds_from_frame_to_frame(mannequin):
    add_mannequin(bpy.context, location=(0.5, 0.3, 0.0))
    mannequin.location.x = -0.4
    settings = bpy.context.scene.pose_to_anime.passes
    greys = {}
    for is_fixed in (False, True):
        settings.depth_is_fixed, settings.depth_near, settings.depth_far = is_fixed, 3.0, 9.0
        for place in (0.0, -1.5):
            mannequin.location.y = place
            result = passes(kinds=("depth", "depth_16"))
            still = result.buffers.figures == 2
            greys[is_fixed, place] = result.images["depth"][still].max(), result.images["depth_16"][still].max()
    assert greys[True, 0.0] == greys[True, -1.5]
    assert greys[False, 0.0] != greys[False, -1.5]
    settings.depth_far = 2.0
    with pytest.raises(UserError, match="set Near below Far"):
        passes(kinds=("depth",))


def test_a_large_picture_is_drawn_in_bands_without_seams(mannequin, monkeypatch):
    ball(location=(0.4, 0.6, 1.0))
    whole = passes(kinds=EVERY)
    monkeypatch.setattr(buffers_gpu, "_PIXELS_AT_ONCE", SIZE[0] * 90)
    in_bands = passes(kinds=EVERY)
    buffers_gpu.forget()
    assert (whole.buffers.parts == in_bands.buffers.parts).mean() > 0.9999
    for name, image in whole.images.items():
        different = (np.abs(image.astype(int) - in_bands.images[name].astype(int)) > 2).mean()
        assert different < 0.001, name
    shallow = passes(kinds=("depth",))
    assert shallow.buffers.normals is None and shallow.buffers.parts is None, "depth alone draws nothing else"
    assert (shallow.images["depth"] == in_bands.images["depth"]).mean() > 0.999


def broken_vertices(skin: bpy.types.Object) -> None:
    for index, value in enumerate((math.nan, math.inf, -math.inf)):
        skin.data.vertices[index * 40].co = (value, 0.0, 0.0)


def empty_mesh(skin: bpy.types.Object) -> None:
    lone = bpy.data.objects.new("Points", bpy.data.meshes.new("Points"))
    lone.data.vertices.add(3)
    lone.pose_to_anime.in_depth = True
    bpy.context.scene.collection.objects.link(lone)


def flattened(skin: bpy.types.Object) -> None:
    ticked(bpy.ops.mesh.primitive_cube_add, size=0.5, location=(0.6, 0.0, 1.0)).scale = (0.0, 1.0, 1.0)


def inside_the_figure(skin: bpy.types.Object) -> None:
    bpy.context.scene.camera.location = (0.0, 0.0, 1.25)


def mirrored(skin: bpy.types.Object) -> None:
    skin.parent.scale.x = -1.0


def with_a_place_that_is_no_number(skin: bpy.types.Object) -> None:
    ticked(bpy.ops.mesh.primitive_cube_add, size=0.5).scale = (math.nan, 1.0, 1.0)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    "spoil", [broken_vertices, empty_mesh, flattened, inside_the_figure, mirrored, with_a_place_that_is_no_number]
)
@pytest.mark.parametrize("how", ["gpu", "cycles"])
def test_every_image_can_be_made_of_broken_things(mannequin, spoil, how):
    whole = passes(kinds=("mask",)).images["mask"][..., 0] > 0
    spoil(bpy.data.objects[only_figure().meshes[0]])
    bpy.context.view_layer.update()
    result = passes(kinds=EVERY, options=PassOptions(buffers=how))
    assert len(result.images) == len(EVERY)
    assert np.isfinite(result.buffers.normals).all()
    assert (result.buffers.depth > 0.0).all()
    if spoil is inside_the_figure:
        return
    assert result.images["lineart"].any() and result.images["canny"].any()
    if spoil is not mirrored:  # which also poses the limbs anew
        seen = result.images["mask"][..., 0] > 0
        assert (seen & whole).sum() / (seen | whole).sum() > 0.9


def test_an_unknown_kind_is_named(mannequin):
    with pytest.raises(ValueError, match="There is no pass 'scribble'"):
        passes(kinds=("scribble",))
