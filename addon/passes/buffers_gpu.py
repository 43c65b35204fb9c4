# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry buffers through Blender's ``gpu`` module, off screen: the way that is quick enough to follow a pose."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import bpy
import gpu
import numpy as np
from mathutils import Matrix

from .buffers import Buffers
from .geometry import Surface, TopologyKey
from .view import View

_REMEMBERED_MESHES = 64
_REMEMBERED_SIZES = 2

_usable: bool | None = None
_shader: Any = None
_targets: OrderedDict[tuple[int, int], tuple[Any, Any, Any]] = OrderedDict()
_indices: OrderedDict[TopologyKey, Any] = OrderedDict()

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


def draw(surfaces: Sequence[Surface], view: View) -> Buffers:
    """The surfaces as ``view`` sees them. Call ``usable`` first. The state of the GPU is left as it was found."""
    texture, framebuffer, _nearest = _target(view.width, view.height)
    shader = _get_shader()
    depth_test, depth_mask, blend = gpu.state.depth_test_get(), gpu.state.depth_mask_get(), gpu.state.blend_get()
    with framebuffer.bind():
        try:
            framebuffer.clear(color=(0.0, 0.0, 0.0, 0.0), depth=1.0)
            gpu.state.depth_test_set("LESS_EQUAL")
            gpu.state.depth_mask_set(True)
            gpu.state.blend_set("NONE")
            shader.bind()
            for surface in surfaces:
                # Multiplied here in double precision: a figure far from the origin keeps its shape.
                in_camera = view.to_camera @ surface.to_world
                shader.uniform_float("to_clip", Matrix((view.projection @ in_camera).tolist()))
                shader.uniform_float("depth_row", (-in_camera[2]).tolist())
                shader.uniform_float("figure", float(surface.figure))
                _batch(surface).draw(shader)
        finally:
            gpu.state.depth_test_set(depth_test)
            gpu.state.depth_mask_set(depth_mask)
            gpu.state.blend_set(blend)
    read = texture.read()
    read.dimensions = view.width * view.height * 2  # the shape that Blender gives is not the one of its memory
    layers = np.asarray(read, dtype=np.float32).reshape(view.height, view.width, 2)
    depth, figures = layers[..., 0], layers[..., 1]
    return Buffers.from_layers(depth, figures, depth > 0.0)


def forget() -> None:
    """Free all that is kept on the GPU."""
    global _shader
    _shader = None
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


def _get_shader() -> Any:
    global _shader
    if _shader is None:
        info = gpu.types.GPUShaderCreateInfo()
        info.push_constant("MAT4", "to_clip")
        info.push_constant("VEC4", "depth_row")
        info.push_constant("FLOAT", "figure")
        info.vertex_in(0, "VEC3", "position")
        passed = gpu.types.GPUStageInterfaceInfo("p2a_geometry")
        passed.smooth("FLOAT", "depth")
        info.vertex_out(passed)
        info.fragment_out(0, "VEC2", "layers")
        info.vertex_source(_VERTEX)
        info.fragment_source(_FRAGMENT)
        _shader = gpu.shader.create_from_info(info)
    return _shader


def _target(width: int, height: int) -> tuple[Any, Any, Any]:
    key = (width, height)
    if key not in _targets:
        while len(_targets) >= _REMEMBERED_SIZES:
            _targets.popitem(last=False)
        texture = gpu.types.GPUTexture(key, format="RG32F")
        nearest = gpu.types.GPUTexture(key, format="DEPTH_COMPONENT32F")
        # The framebuffer holds neither texture: a depth texture that only it knew would be freed, and what is behind drawn over.
        _targets[key] = texture, gpu.types.GPUFrameBuffer(depth_slot=nearest, color_slots=[texture]), nearest
    _targets.move_to_end(key)
    return _targets[key]


def _batch(surface: Surface) -> Any:
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="position", comp_type="F32", len=3, fetch_mode="FLOAT")
    vertices = gpu.types.GPUVertBuf(layout, len(surface.vertices))
    vertices.attr_fill("position", surface.vertices)
    if surface.key not in _indices:
        while len(_indices) >= _REMEMBERED_MESHES:
            _indices.popitem(last=False)
        _indices[surface.key] = gpu.types.GPUIndexBuf(type="TRIS", seq=surface.triangles)
    _indices.move_to_end(surface.key)
    return gpu.types.GPUBatch(type="TRIS", buf=vertices, elem=_indices[surface.key])
