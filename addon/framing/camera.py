# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose camera, the size of its picture, and framing figures with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..errors import UserError
from ..keys import key_of, object_in
from ..settings import framing as settings
from .family import size_rule
from .sizes import CUSTOM, SizeError, parse_ratio, picture_size
from .solve import Array, Region, bounds, fit_orthographic, fit_perspective, project
from .startup import is_startup_camera
from .subject import Framed, figure_points

LENS = 85.0
"""Millimetres on a 36 mm sensor: the portrait lens. Shorter ones enlarge what is near, which diffusion models follow badly."""

MARGIN = 0.04
"""Of the picture's shorter side, kept free at the left, the right and below when figures are framed."""

FRONT = Matrix.Rotation(math.radians(90.0), 4, "X")
"""How a camera is turned that looks level along +y: figures face −y."""

_NOBODY = np.array([(x, y, z) for x in (-0.3, 0.3) for y in (-0.15, 0.15) for z in (0.0, 1.7)])  # where a figure would stand


def picture_ratio(scene: bpy.types.Scene) -> tuple[float, float]:
    """Width and height of the chosen ratio.

    Raises:
        SizeError: a custom ratio that is none.
    """
    framing = scene.pose_to_anime.framing
    if framing.ratio == CUSTOM:
        # Blender stores floats of 32 bits: 0.1 would read 0.10000000149.
        return round(framing.custom_width, 6), round(framing.custom_height, 6)
    return parse_ratio(framing.ratio)


def scene_size(scene: bpy.types.Scene) -> tuple[int, int]:
    """Width and height in pixels of the scene's picture, from the chosen ratio and the chosen model's family.

    Raises:
        SizeError: a custom ratio that is none, or too long for the model.
    """
    return picture_size(picture_ratio(scene), size_rule(scene))


def sync_render_size(scene: bpy.types.Scene) -> tuple[int, int]:
    """Give the scene's render settings the size of the picture, so that Blender's camera view shows exactly it.

    Raises:
        SizeError: as ``scene_size``; the render settings then stay.
    """
    size = scene_size(scene)
    wanted = {
        "resolution_x": size[0],
        "resolution_y": size[1],
        "resolution_percentage": 100,
        "pixel_aspect_x": 1.0,
        "pixel_aspect_y": 1.0,
    }
    for name, value in wanted.items():
        if getattr(scene.render, name) != value:  # an assignment alone would have Blender evaluate the scene again
            setattr(scene.render, name, value)
    return size


def pose_camera(scene: bpy.types.Scene, create: bool = False) -> bpy.types.Object | None:
    """The camera of this scene that belongs to us, whatever it is called now; None where it was never made or is deleted.

    With ``create``, a missing one is made in front of the scene's origin and becomes the scene's camera. Other cameras stay.
    """
    camera = scene.pose_to_anime.framing.camera
    # A deleted object lives on in our pointer, and after a full copy of a scene the pointer may lead into the first one.
    if camera is not None and camera.type == "CAMERA" and object_in(scene, key_of(camera)) == camera:
        return camera
    return _new_camera(scene) if create else None


def picture_camera(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The camera that the picture is taken with: the scene's, so that users can choose their own, else the pose camera."""
    if scene.camera is not None and scene.camera.type == "CAMERA":
        return scene.camera
    return pose_camera(scene)


def chosen_camera(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The same, but None as long as it is only the one of Blender's start-up file: the pose camera takes its place."""
    camera = picture_camera(scene)
    return None if camera is None or is_startup_camera(scene, camera) else camera


def use_pose_camera(scene: bpy.types.Scene) -> bpy.types.Object:
    """The pose camera, made if need be, as the scene's camera, with the render size in step."""
    camera = pose_camera(scene, create=True)
    if scene.camera != camera:
        scene.camera = camera
    sync_render_size(scene)
    return camera


def reset_camera(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    camera: bpy.types.Object,
    figures: Sequence[Framed],
    head_room: float | None = None,
) -> None:
    """Give the camera its first lens back and let it look level at the figures' front, framed; without figures, at the place
    where one would stand.

    Raises:
        SizeError: as ``scene_size``.
    """
    scene_size(scene)  # before anything is changed
    first_lens(camera.data)
    camera.matrix_world = Matrix.LocRotScale(camera.matrix_world.to_translation(), FRONT.to_3x3(), None)
    view_layer.update()
    points = figure_points(scene, view_layer.depsgraph, figures)
    frame_points(scene, view_layer, camera, points if len(points) else _NOBODY, head_room)


def frame_figures(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    camera: bpy.types.Object,
    figures: Sequence[Framed],
    head_room: float | None = None,
) -> None:
    """Move the camera, without turning it, so that all vertices of the figures' evaluated meshes fill the picture.

    They are centred from left to right, with ``MARGIN`` free around them and ``head_room`` (a fraction of the picture's height;
    by default the scene's setting) above. What height a wide pose leaves over is shared between above and below.

    Raises:
        UserError: there is nothing to frame, or the camera is panoramic.
        SizeError: as ``scene_size``.
    """
    view_layer.update()
    points = figure_points(scene, view_layer.depsgraph, figures)
    if not len(points):
        raise UserError("There is no visible figure to frame: add one with Add ▸ Mannequin, or show a hidden one.")
    frame_points(scene, view_layer, camera, points, head_room)


def figures_inside(
    scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, camera: bpy.types.Object, figures: Sequence[Framed]
) -> bool:
    """Whether the picture shows the figures from head to foot (and there are any).

    Raises:
        SizeError: as ``scene_size``.
    """
    view_layer.update()
    points = figure_points(scene, view_layer.depsgraph, figures)
    if not len(points):
        return False
    view = camera_matrix(camera, view_layer.depsgraph)
    positions, depths = project(_seen_from(view, points), projection(camera, view_layer.depsgraph, scene_size(scene)))
    return bool((depths > 0.0).all() and (np.abs(positions) <= 1.0).all())


def camera_matrix(camera: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Array:
    """(4, 4) from the camera's axes to the world, without the object's scale, which cameras ignore.

    Newer Blenders hand matrices to numpy as float32: all here is asked for in float64.
    """
    matrix = camera.evaluated_get(depsgraph).matrix_world
    return np.array(Matrix.Translation(matrix.translation) @ matrix.to_3x3().normalized().to_4x4(), np.float64)


def projection(camera: bpy.types.Object, depsgraph: bpy.types.Depsgraph, size: tuple[int, int]) -> Array:
    """(4, 4) from the camera's axes to the clip space of a picture of ``size`` pixels: lens, sensor, shift and all."""
    return np.array(camera.calc_matrix_camera(depsgraph, x=size[0], y=size[1]), np.float64)


def frame_points(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    camera: bpy.types.Object,
    points: Array,
    head_room: float | None = None,
    runs_out_below: bool = False,
) -> None:
    """Move the camera, without turning it, so that world positions (N, 3) fill the picture.

    With ``runs_out_below`` they are part of something that goes on at the lower edge: nothing is kept free there, and what height
    is left over shows more of it.

    Raises:
        UserError: the camera is panoramic.
        SizeError: as ``scene_size``.
    """
    if camera.data.type not in ("PERSP", "ORTHO"):
        raise UserError("The pose camera is panoramic: set its lens to Perspective or Orthographic, or press Reset Camera.")
    size = sync_render_size(scene)
    view_layer.update()
    depsgraph = view_layer.depsgraph
    view = camera_matrix(camera, depsgraph)
    seen = _seen_from(view, points)
    matrix = projection(camera, depsgraph, size)
    room = scene.pose_to_anime.framing.head_room if head_room is None else head_room
    region = Region.within(*size, MARGIN, room)
    if runs_out_below:
        region = replace(region, bottom=-1.0)
    # A hair before the clipping plane, or what touches it would be cut.
    nearest = camera.data.clip_start * 1.01
    fit = fit_orthographic if camera.data.type == "ORTHO" else _fit_perspective
    move, scale = fit(seen, matrix, region, nearest)
    if runs_out_below:
        filled = bounds(project(seen - move, matrix)[0] / scale)
        raised = replace(region, bottom=region.top - min(filled.top - filled.bottom, region.top - region.bottom))
        move, scale = fit(seen, matrix, raised, nearest)
    if camera.data.type == "ORTHO":
        camera.data.ortho_scale *= scale
    farthest = float((move[2] - seen[:, 2]).max())
    camera.data.clip_end = max(camera.data.clip_end, farthest * 2.0)
    world = camera.matrix_world.copy()
    world.translation = Vector(view[:3, 3] + view[:3, :3] @ move)
    camera.matrix_world = world
    view_layer.update()


def _fit_perspective(points: Array, matrix: Array, region: Region, nearest: float) -> tuple[Array, float]:
    return fit_perspective(points, matrix, region, nearest), 1.0


def _seen_from(view: Array, points: Array) -> Array:
    return (points - view[:3, 3]) @ view[:3, :3]


def _new_camera(scene: bpy.types.Scene) -> bpy.types.Object:
    data = bpy.data.cameras.new("Pose Camera")
    first_lens(data)
    # The picture frame darkens what is outside; both together would be too dark.
    data.show_passepartout = False
    camera = bpy.data.objects.new("Pose Camera", data)
    scene.collection.objects.link(camera)
    # Level with the middle of a standing adult, and as far off as the lens needs to show one; framing is more exact.
    camera.matrix_world = Matrix.Translation((0.0, -5.0, 0.85)) @ FRONT
    scene.pose_to_anime.framing.camera = camera
    scene.camera = camera
    _keep_size(scene)
    return camera


def first_lens(data: bpy.types.Camera) -> None:
    data.type = "PERSP"
    data.lens_unit = "MILLIMETERS"
    data.sensor_fit = "AUTO"
    data.sensor_width = 36.0
    data.sensor_height = 24.0
    data.lens = LENS
    data.shift_x = data.shift_y = 0.0
    data.clip_start = 0.1


def _keep_size(scene: bpy.types.Scene) -> None:
    """Runs while a property is being changed, where an error could not reach the user: the panel says what is wrong with a
    ratio, and the last good size stays."""
    try:
        sync_render_size(scene)
    except SizeError:
        return


CLASSES: tuple[type, ...] = ()


def register() -> None:
    settings.size_listeners.append(_keep_size)


def unregister() -> None:
    settings.size_listeners.remove(_keep_size)
