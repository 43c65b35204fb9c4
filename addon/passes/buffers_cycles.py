# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry buffers through Cycles on the CPU, for machines without any OpenGL or Vulkan.

The same triangles are put into a scene of our own, with a material that shines with their depth, and one ray is cast through the
centre of every pixel; for normals, once more.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from .. import compat
from ..errors import UserError
from .buffers import Buffers
from .geometry import Surface
from .parts import Part, normals_in_camera, parts_of
from .scratch import scratch_scene
from .view import View

_NARROWEST = 0.01
"""Pixels: the least that Cycles lets a ray stray from the centre of its pixel."""
_NUMBER, _NORMAL = "number", "shown normal"
"""Attributes of the copies: what figure or part a face belongs to, and normals in the camera's axes."""


def draw(
    surfaces: Sequence[Surface], view: View, camera: bpy.types.Object, depsgraph: bpy.types.Depsgraph, detailed: bool = False
) -> Buffers:
    """The surfaces as ``view`` of ``camera`` sees them, as ``buffers_gpu.draw`` gives them.

    The user's scene is not touched. Raises UserError where Cycles is switched off or fails.
    """
    if "cycles" not in bpy.context.preferences.addons:
        raise UserError("Depth needs OpenGL or Cycles: switch the Cycles add-on on in the Preferences.")
    parts = parts_of(surfaces) if detailed else []
    with tempfile.TemporaryDirectory(prefix="pose_to_anime-") as folder, scratch_scene() as scene:
        path = Path(folder) / "layers.exr"
        _set_up(scene, view, path)
        _copy_camera(camera.evaluated_get(depsgraph), scene.camera)
        material = _material(_shine_depth)
        for surface in surfaces:
            _add(scene, surface, material, view, [part for part in parts if part.surface is surface])
        layers = _render(scene, path, view)
        turned = None
        if detailed:
            material = _material(_shine_normal)
            for copy in scene.collection.objects:
                if copy.type == "MESH":
                    copy.data.materials[0] = material
            turned = _render(scene, path, view)
    depth, drawn = np.where(layers[..., 3] > 0.5, layers[..., 0], 0.0), layers[..., 3] > 0.5
    number = np.where(drawn, layers[..., 1], 0.0)
    buffers = Buffers.empty(view.width, view.height, detailed)
    if turned is None:
        buffers.put(0, depth, number)
        return buffers
    normal = np.where(drawn[..., None], turned[..., :3] * 2.0 - 1.0, (0.0, 0.0, 1.0))
    size = np.sqrt((normal**2).sum(axis=-1, keepdims=True))
    normal = np.divide(normal, size, out=normal, where=size > 0.0)
    layers[..., 0] = depth
    layers[..., 1] = np.rint(number) + np.where(normal[..., 2] < 0.0, 0.25, 0.0)
    layers[..., 2:] = normal[..., :2]
    buffers.put_details(0, layers)
    return buffers


def _render(scene: bpy.types.Scene, path: Path, view: View) -> np.ndarray:
    """(height, width, 4) float32, row 0 at the bottom: the scene of our own, one ray a pixel."""
    try:
        bpy.ops.render.render(write_still=True, scene=scene.name)
    except RuntimeError as error:
        raise UserError(f"Cycles could not draw the depth: {str(error).strip()}.") from None
    return _read(path, view)


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


def _material(shine: Callable[[bpy.types.NodeTree], bpy.types.NodeSocket]) -> bpy.types.Material:
    material = bpy.data.materials.new(".pose_to_anime")
    compat.use_nodes(material)
    tree = material.node_tree
    tree.nodes.clear()
    light = tree.nodes.new("ShaderNodeEmission")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(shine(tree), light.inputs["Color"])
    tree.links.new(light.outputs["Emission"], output.inputs["Surface"])
    return material


def _shine_depth(tree: bpy.types.NodeTree) -> bpy.types.NodeSocket:
    """Depth and number."""
    depth = tree.nodes.new("ShaderNodeCameraData")
    number = tree.nodes.new("ShaderNodeAttribute")
    number.attribute_name = _NUMBER
    both = tree.nodes.new("ShaderNodeCombineXYZ")
    tree.links.new(depth.outputs["View Z Depth"], both.inputs["X"])
    tree.links.new(number.outputs["Fac"], both.inputs["Y"])
    return both.outputs["Vector"]


def _shine_normal(tree: bpy.types.NodeTree) -> bpy.types.NodeSocket:
    """Half the normal, turned where the back of a face is seen, and a half: light cannot be negative."""
    normal, face, turn = (tree.nodes.new(f"ShaderNode{name}") for name in ("Attribute", "NewGeometry", "Math"))
    normal.attribute_name = _NORMAL
    turn.operation, turn.inputs[1].default_value, turn.inputs[2].default_value = "MULTIPLY_ADD", -2.0, 1.0
    unit, turned, moved = (tree.nodes.new("ShaderNodeVectorMath") for _ in range(3))
    unit.operation, turned.operation, moved.operation = "NORMALIZE", "SCALE", "MULTIPLY_ADD"
    moved.inputs[1].default_value = moved.inputs[2].default_value = (0.5, 0.5, 0.5)
    tree.links.new(face.outputs["Backfacing"], turn.inputs[0])
    tree.links.new(normal.outputs["Vector"], unit.inputs[0])
    tree.links.new(unit.outputs["Vector"], turned.inputs[0])
    tree.links.new(turn.outputs["Value"], turned.inputs["Scale"])
    tree.links.new(turned.outputs["Vector"], moved.inputs[0])
    return moved.outputs["Vector"]


def _add(scene: bpy.types.Scene, surface: Surface, material: bpy.types.Material, view: View, parts: Sequence[Part]) -> None:
    mesh = bpy.data.meshes.new(".pose_to_anime")
    count = len(surface.triangles)
    mesh.vertices.add(len(surface.vertices))
    mesh.vertices.foreach_set("co", surface.vertices.reshape(-1))
    mesh.loops.add(3 * count)
    mesh.loops.foreach_set("vertex_index", surface.triangles.reshape(-1))
    mesh.polygons.add(count)
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * count, 3, dtype=np.int32))
    mesh.update(calc_edges=True)
    numbers = np.full(count, surface.figure, dtype=np.float32)
    for part in parts:
        numbers[part.chosen] = part.number
    mesh.attributes.new(_NUMBER, "FLOAT", "FACE").data.foreach_set("value", numbers)
    if surface.normals is not None:
        normals = normals_in_camera(surface, view)
        if float(np.linalg.det(surface.to_world[:3, :3])) < 0.0:
            normals = -normals  # the copy's vertices are mirrored themselves, and so the fronts of its faces are backs
        domain = "POINT" if normals.ndim == 2 else "CORNER"
        mesh.attributes.new(_NORMAL, "FLOAT_VECTOR", domain).data.foreach_set("vector", normals.reshape(-1))
    mesh.materials.append(material)
    copy = bpy.data.objects.new(".pose_to_anime", mesh)
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
