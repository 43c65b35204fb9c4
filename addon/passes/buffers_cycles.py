# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry buffers through Cycles on the CPU, for machines without any OpenGL or Vulkan.

The same triangles are put into a scene of our own, with a material that shines with their depth, and one ray is cast through the
centre of every pixel.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from .. import compat
from ..errors import UserError
from .buffers import Buffers
from .geometry import Surface
from .scratch import scratch_scene
from .view import View

_NARROWEST = 0.01
"""Pixels: the least that Cycles lets a ray stray from the centre of its pixel."""


def draw(surfaces: Sequence[Surface], view: View, camera: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Buffers:
    """The surfaces as ``view`` of ``camera`` sees them, as ``buffers_gpu.draw`` gives them.

    The user's scene is not touched. Raises UserError where Cycles is switched off or fails.
    """
    if "cycles" not in bpy.context.preferences.addons:
        raise UserError("Depth needs OpenGL or Cycles: switch the Cycles add-on on in the Preferences.")
    with tempfile.TemporaryDirectory(prefix="pose_to_anime-") as folder, scratch_scene() as scene:
        _set_up(scene, view, Path(folder) / "depth.exr")
        _copy_camera(camera.evaluated_get(depsgraph), scene.camera)
        material = _depth_material()
        for surface in surfaces:
            _add(scene, surface, material)
        try:
            bpy.ops.render.render(write_still=True, scene=scene.name)
        except RuntimeError as error:
            raise UserError(f"Cycles could not draw the depth: {str(error).strip()}.") from None
        layers = _read(Path(folder) / "depth.exr", view)
    depth, figures, drawn = layers[..., 0], layers[..., 1], layers[..., 3] > 0.5
    return Buffers.from_layers(depth, np.where(drawn, figures, 0.0), drawn)


def _set_up(scene: bpy.types.Scene, view: View, path: Path) -> None:
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 1
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 0
    scene.cycles.pixel_filter_type = "BLACKMAN_HARRIS"
    scene.cycles.filter_width = _NARROWEST
    scene.render.film_transparent = True
    scene.render.resolution_x, scene.render.resolution_y = view.width, view.height
    scene.render.resolution_percentage = 100
    scene.render.filepath = str(path)
    compat.write_single_layer_exr(scene.render.image_settings)


def _copy_camera(source: bpy.types.Object, target: bpy.types.Object) -> None:
    for name in ("type", "lens", "sensor_fit", "sensor_width", "sensor_height", "shift_x", "shift_y"):
        setattr(target.data, name, getattr(source.data, name))
    for name in ("ortho_scale", "clip_start", "clip_end"):
        setattr(target.data, name, getattr(source.data, name))
    target.matrix_world = source.matrix_world.normalized()


def _depth_material() -> bpy.types.Material:
    material = bpy.data.materials.new(".pose_to_anime")
    compat.use_nodes(material)
    tree = material.node_tree
    tree.nodes.clear()
    depth = tree.nodes.new("ShaderNodeCameraData")
    figure = tree.nodes.new("ShaderNodeObjectInfo")
    both = tree.nodes.new("ShaderNodeCombineXYZ")
    shine = tree.nodes.new("ShaderNodeEmission")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(depth.outputs["View Z Depth"], both.inputs["X"])
    tree.links.new(figure.outputs["Object Index"], both.inputs["Y"])
    tree.links.new(both.outputs["Vector"], shine.inputs["Color"])
    tree.links.new(shine.outputs["Emission"], output.inputs["Surface"])
    return material


def _add(scene: bpy.types.Scene, surface: Surface, material: bpy.types.Material) -> None:
    mesh = bpy.data.meshes.new(".pose_to_anime")
    count = len(surface.triangles)
    mesh.vertices.add(len(surface.vertices))
    mesh.vertices.foreach_set("co", surface.vertices.reshape(-1))
    mesh.loops.add(3 * count)
    mesh.loops.foreach_set("vertex_index", surface.triangles.reshape(-1))
    mesh.polygons.add(count)
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * count, 3, dtype=np.int32))
    mesh.update(calc_edges=True)
    mesh.materials.append(material)
    copy = bpy.data.objects.new(".pose_to_anime", mesh)
    copy.pass_index = surface.figure
    scene.collection.objects.link(copy)
    # Set last, and by parts: a matrix with shear cannot be an object's own, so the vertices take it.
    mesh.transform(Matrix(surface.to_world.tolist()))


def _read(path: Path, view: View) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    try:
        image.colorspace_settings.name = "Non-Color"
        pixels = np.empty(view.width * view.height * 4, dtype=np.float32)
        image.pixels.foreach_get(pixels)
    finally:
        bpy.data.images.remove(image)
    return pixels.reshape(view.height, view.width, 4)
