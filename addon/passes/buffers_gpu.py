# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry buffers through Blender's ``gpu`` module, off screen: the way that is quick enough to follow a pose."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import bpy
import gpu
import numpy as np
from mathutils import Matrix

from .buffers import Buffers
from .geometry import Surface
from .parts import Part, normals_in_camera, parts_of
from .topology import TopologyKey
from .view import View

_REMEMBERED_MESHES = 256
_REMEMBERED_SIZES = 2

_PIXELS_AT_ONCE = 2**21
"""A larger picture is drawn in bands, so that neither the card nor this process holds all its layers at once."""

_usable: bool | None = None
_shaders: dict[bool, Any] = {}
_targets: OrderedDict[tuple[int, int, bool], tuple[Any, Any, Any]] = OrderedDict()
_indices: OrderedDict[tuple[TopologyKey, int | None, bool], Any] = OrderedDict()

_VERTEX = """
void main()
{
  vec4 local = vec4(position, 1.0);
  depth = dot(depth_row, local);
  gl_Position = to_clip * local;
}
"""
_FRAGMENT = """
void main()
{
  layers = vec2(depth, figure);
}
"""
_DETAILED_VERTEX = """
void main()
{
  vec4 local = vec4(position, 1.0);
  depth = dot(depth_row, local);
  in_camera = normal;
  gl_Position = to_clip * local;
}
"""
# Shading normals need not be of length 1 between vertices, and are (0, 0, 0) where a mesh has none.
_DETAILED_FRAGMENT = """
void main()
{
  float size = length(in_camera);
  vec3 turned = (size > 0.0) ? in_camera / size : vec3(0.0, 0.0, 1.0);
  if (size > 0.0 && gl_FrontFacing != (mirrored < 0.5)) {
    turned = -turned;
  }
  layers = vec4(depth, part + ((turned.z < 0.0) ? 0.25 : 0.0), turned.xy);
}
"""
# Blender, headless, ends the whole process where it cannot make a GPU context. This asks of EGL what Blender asks (the usual
# display, else Mesa's without a screen; OpenGL 4.3), in a process of its own.
_EGL_PROBE = """
import ctypes
egl = ctypes.CDLL("libEGL.so.1")
pointer, end = ctypes.c_void_p, 0x3038
egl.eglGetDisplay.restype = egl.eglGetPlatformDisplay.restype = egl.eglCreateContext.restype = pointer
egl.eglGetDisplay.argtypes = [pointer]
egl.eglGetPlatformDisplay.argtypes = [ctypes.c_uint, pointer, pointer]
def ints(*values): return (ctypes.c_int * len(values))(*values)
display = pointer(egl.eglGetDisplay(None))
if not egl.eglInitialize(display, None, None):
    display = pointer(egl.eglGetPlatformDisplay(0x31DD, None, None))
    assert egl.eglInitialize(display, None, None)
config, count = pointer(), ctypes.c_int()
wanted = ints(0x3033, 0, 0x3040, 0x0008, end)
assert egl.eglBindAPI(0x30A2)
assert egl.eglChooseConfig(display, wanted, ctypes.byref(config), 1, ctypes.byref(count)) and count.value
assert egl.eglCreateContext(display, config, None, ints(0x3098, 4, 0x30FB, 3, 0x30FD, 1, end))
"""


def usable() -> bool:
    """Whether this Blender can draw off screen. The first call makes what is needed; the answer holds for the session."""
    global _usable
    if _usable is None:
        _usable = _has_context() or (_can_make_context() and _make_context())
    return _usable


def draw(surfaces: Sequence[Surface], view: View, detailed: bool = False) -> Buffers:
    """The surfaces as ``view`` sees them; ``detailed`` with normals and parts, which surfaces with details have.

    Call ``usable`` first. The state of the GPU is left as it was found.
    """
    buffers = Buffers.empty(view.width, view.height, detailed)
    parts = parts_of(surfaces) if detailed else None
    rows = max(1, min(view.height, _PIXELS_AT_ONCE // view.width))
    vertices = [_vertices(surface, view, detailed) for surface in surfaces]
    for top in range(0, view.height, rows):
        # The last band begins earlier: all are of one size, and need one target.
        start = min(top, view.height - rows)
        layers = _draw(surfaces, parts, vertices, view, _band(view, start, rows), rows)
        if detailed:
            buffers.put_details(start, layers)
        else:
            buffers.put(start, layers[..., 0], layers[..., 1])
    return buffers


def _band(view: View, top: int, rows: int) -> np.ndarray:
    """(4, 4): the projection of a picture's rows from ``top`` on."""
    stretch = view.height / rows
    to_band = np.eye(4)
    to_band[1, 1] = stretch
    to_band[1, 3] = (2 * top + rows - view.height) / rows
    return to_band @ view.projection


def _draw(
    surfaces: Sequence[Surface],
    parts: Sequence[Part] | None,
    vertices: Sequence[Any],
    view: View,
    projection: np.ndarray,
    rows: int,
) -> np.ndarray:
    """(rows, width, layers) float32, row 0 at the bottom; with ``parts``, which are those of all surfaces, four layers."""
    detailed = parts is not None
    texture, framebuffer, _nearest = _target(view.width, rows, detailed)
    shader = _get_shader(detailed)
    depth_test, depth_mask, blend = gpu.state.depth_test_get(), gpu.state.depth_mask_get(), gpu.state.blend_get()
    with framebuffer.bind():
        try:
            framebuffer.clear(color=(0.0, 0.0, 0.0, 0.0), depth=1.0)
            gpu.state.depth_test_set("LESS_EQUAL")
            gpu.state.depth_mask_set(True)
            gpu.state.blend_set("NONE")
            shader.bind()
            after = 0
            for surface, buffer in zip(surfaces, vertices, strict=True):
                # Multiplied here in double precision: a figure far from the origin keeps its shape.
                in_camera = view.to_camera @ surface.to_world
                shader.uniform_float("to_clip", Matrix((projection @ in_camera).tolist()))
                shader.uniform_float("depth_row", (-in_camera[2]).tolist())
                if parts is None:
                    shader.uniform_float("figure", float(surface.figure))
                    gpu.types.GPUBatch(type="TRIS", buf=buffer, elem=_index(surface, None)).draw(shader)
                    continue
                shader.uniform_float("mirrored", float(np.linalg.det(in_camera[:3, :3]) < 0.0))
                while after < len(parts) and parts[after].surface is surface:
                    shader.uniform_float("part", float(parts[after].number))
                    elements = _index(surface, parts[after])
                    gpu.types.GPUBatch(type="TRIS", buf=buffer, elem=elements).draw(shader)
                    after += 1
        finally:
            gpu.state.depth_test_set(depth_test)
            gpu.state.depth_mask_set(depth_mask)
            gpu.state.blend_set(blend)
    read = texture.read()
    read.dimensions = view.width * rows * (4 if detailed else 2)  # the shape that Blender gives is not the one of its memory
    return np.asarray(read, dtype=np.float32).reshape(rows, view.width, -1)


def forget() -> None:
    """Free all that is kept on the GPU."""
    _shaders.clear()
    _targets.clear()
    _indices.clear()


def _has_context() -> bool:
    try:
        gpu.platform.renderer_get()
    except SystemError:
        return False
    return True


def _can_make_context() -> bool:
    if not (bpy.app.background and sys.platform.startswith("linux")):
        return True
    try:
        probe = subprocess.run([sys.executable, "-I", "-c", _EGL_PROBE], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return probe.returncode == 0


def _make_context() -> bool:
    if hasattr(gpu, "init"):
        try:
            gpu.init()
        except (SystemError, RuntimeError):
            return False
        return _has_context()
    # Older Blenders make the context with the first Workbench render: a tiny one, of a scene of its own.
    from .scratch import scratch_scene

    try:
        with scratch_scene() as scene:
            scene.render.engine = "BLENDER_WORKBENCH"
            scene.render.resolution_x = scene.render.resolution_y = 16
            bpy.ops.render.render(scene=scene.name)
    except RuntimeError:
        return False
    return _has_context()


def _get_shader(detailed: bool) -> Any:
    if detailed not in _shaders:
        info = gpu.types.GPUShaderCreateInfo()
        info.push_constant("MAT4", "to_clip")
        info.push_constant("VEC4", "depth_row")
        info.push_constant("FLOAT", "part" if detailed else "figure")
        info.vertex_in(0, "VEC3", "position")
        passed = gpu.types.GPUStageInterfaceInfo("p2a_detailed" if detailed else "p2a_geometry")
        passed.smooth("FLOAT", "depth")
        if detailed:
            info.push_constant("FLOAT", "mirrored")
            info.vertex_in(1, "VEC3", "normal")
            passed.smooth("VEC3", "in_camera")
        info.vertex_out(passed)
        info.fragment_out(0, "VEC4" if detailed else "VEC2", "layers")
        info.vertex_source(_DETAILED_VERTEX if detailed else _VERTEX)
        info.fragment_source(_DETAILED_FRAGMENT if detailed else _FRAGMENT)
        _shaders[detailed] = gpu.shader.create_from_info(info)
    return _shaders[detailed]


def _target(width: int, height: int, detailed: bool) -> tuple[Any, Any, Any]:
    key = (width, height, detailed)
    if key not in _targets:
        while len(_targets) >= _REMEMBERED_SIZES:
            _targets.popitem(last=False)
        size = (width, height)
        texture = gpu.types.GPUTexture(size, format="RGBA32F" if detailed else "RG32F")
        nearest = gpu.types.GPUTexture(size, format="DEPTH_COMPONENT32F")
        # The framebuffer holds neither texture: a depth texture that only it knew would be freed, and what is behind drawn over.
        _targets[key] = texture, gpu.types.GPUFrameBuffer(depth_slot=nearest, color_slots=[texture]), nearest
    _targets.move_to_end(key)
    return _targets[key]


def _vertices(surface: Surface, view: View, detailed: bool) -> Any:
    """The vertices of a surface for the GPU; where normals differ from corner to corner, those of every triangle by itself."""
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="position", comp_type="F32", len=3, fetch_mode="FLOAT")
    places = surface.vertices
    if not detailed:
        vertices = gpu.types.GPUVertBuf(layout, len(places))
        vertices.attr_fill("position", places)
        return vertices
    layout.attr_add(id="normal", comp_type="F32", len=3, fetch_mode="FLOAT")
    normals = normals_in_camera(surface, view)
    if normals.ndim == 3:
        places, normals = places[surface.triangles].reshape(-1, 3), normals.reshape(-1, 3)
    vertices = gpu.types.GPUVertBuf(layout, len(places))
    vertices.attr_fill("position", places)
    vertices.attr_fill("normal", normals)
    return vertices


def _index(surface: Surface, part: Part | None) -> Any:
    split = part is not None and surface.normals is not None and surface.normals.ndim == 3
    key = (_materials_key(surface, part), part.material if part is not None else None, split)
    if key not in _indices:
        while len(_indices) >= _REMEMBERED_MESHES:
            _indices.popitem(last=False)
        triangles = surface.triangles
        if split:
            triangles = np.arange(triangles.size, dtype=np.int32).reshape(-1, 3)
        if part is not None and part.material is not None:
            triangles = np.ascontiguousarray(triangles[part.chosen])
        _indices[key] = gpu.types.GPUIndexBuf(type="TRIS", seq=triangles)
    _indices.move_to_end(key)
    return _indices[key]


def _materials_key(surface: Surface, part: Part | None) -> TopologyKey:
    """A key that names the triangles of a surface, with their materials where those choose among them."""
    if part is None or part.material is None or surface.materials is None:
        return surface.key
    return (*surface.key[:4], zlib.crc32(surface.materials.tobytes(), surface.key[4]))
